package main

import (
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/matrixtest"
	"github.com/causeway-chat/causeway/bridgekit/memnet"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/step"
)

// A plan is all that a seed decides.
type plan struct {
	Seed     uint64
	Home     string // homeserver, see openHome
	Far      string // network, see openFar
	Postgres bool
	Workers  int    // processes on one database
	Kind     string // of network, see kinds
	Net      memnet.Options
	Hub      []memnet.Options // the networks, if they are several that meet in rooms
	Flavor   matrixtest.Flavor
	// Encrypted: so are all rooms that Causeway makes, and those of hubs.
	Encrypted bool
	Puppets   bool
	Each      int // what a speaker does in a round
	Rounds    []round
}

// A round is one fault, with traffic around it.
type round struct {
	Fault fault
	Step  step.Name // for those that end the child there
	Nth   int       // how often the step is reached before
	Term  bool      // with SIGTERM, not SIGKILL
	Lasts time.Duration
	Pick  uint64 // for what is left to choose
}

// A fault is a kind of mishap.
type fault string

const (
	faultStep       fault = "die at a step"
	faultKill       fault = "kill"
	faultStop       fault = "stop"
	faultErrors     fault = "homeserver errors"
	faultDown       fault = "homeserver away"
	faultRefusing   fault = "homeserver refuses"
	faultHang       fault = "homeserver hangs, then a kill"
	faultSlow       fault = "homeserver slow"
	faultForget     fault = "homeserver restarts"
	faultCut        fault = "network cuts"
	faultNetDown    fault = "network away"
	faultNetSlow    fault = "network slow"
	faultLimited    fault = "network asks for less"
	faultNoAnswer   fault = "network's answers are lost"
	faultChatHangs  fault = "a chat hangs"
	faultSignedOut  fault = "signed out and in"
	faultFast       fault = "database restarts"
	faultImmediate  fault = "database crashes"
	faultPause      fault = "paused longer than the lease"
	faultDisk       fault = "disk full"
	faultClock      fault = "clock jumps"
	faultNewChat    fault = "new chat"
	faultStopInStep fault = "stop at a step"
)

// A database is what the processes of a run share.
type database struct {
	postgres bool
	workers  int // how many share it
}

// A place is what Causeway runs between, and on.
type place struct {
	database
	home, far string // as in plan
	hub       bool
	encrypted bool
	only      fault // beside the steps; "" for all
}

// others are the faults beside the steps that a run on a database has.
func others(db database) []fault {
	all := []fault{
		faultKill, faultStop, faultErrors, faultErrors, faultDown, faultRefusing, faultHang, faultSlow, faultForget,
		faultCut, faultNetDown, faultNetSlow, faultLimited, faultNoAnswer, faultChatHangs, faultNewChat, faultSignedOut, faultClock, faultClock,
	}
	if db.workers > 1 {
		all = append(all, faultPause, faultPause, faultPause, faultKill, faultStop)
	}
	if db.postgres {
		return append(all, faultFast, faultImmediate)
	}
	return append(all, faultDisk, faultDisk)
}

// A kind is a network of some strength.
type kind struct {
	name string
	net  memnet.Options
}

// kinds are the networks that are played. Once decides what a crash in the middle
// of a send may lead to, see docs/guarantees.md.
func kinds() []kind {
	with := func(f func(*memnet.Options, *network.Features)) memnet.Options {
		features := memnet.DefaultFeatures()
		o := memnet.Options{Features: &features, Relay: relayUser}
		f(&o, &features)
		return o
	}
	return []kind{
		{"always", with(func(*memnet.Options, *network.Features) {})},
		{"find", with(func(_ *memnet.Options, f *network.Features) { f.Once = network.OnceFind })},
		{"always, echo by ID", with(func(o *memnet.Options, _ *network.Features) { o.Echo = memnet.EchoID })},
		{"always, cursors", with(func(o *memnet.Options, _ *network.Features) { o.Cursors = true })},
		{"never", with(func(_ *memnet.Options, f *network.Features) { f.Once = network.OnceNever })},
		{"find, cursors, echo by ID", with(func(o *memnet.Options, f *network.Features) {
			f.Once, o.Cursors, o.Echo = network.OnceFind, true, memnet.EchoID
		})},
		{"find, IDs per login", with(func(_ *memnet.Options, f *network.Features) { f.Once, f.IDs = network.OnceFind, network.IDsPerLogin })},
		{"never, no echo", with(func(o *memnet.Options, f *network.Features) { f.Once, o.Echo = network.OnceNever, memnet.EchoNone })},
	}
}

// share is how many seeds in a row have all steps once between them.
const share = 4

// newPlan makes the plan of a seed. messages is how many things are done in all,
// about.
func newPlan(seed uint64, at place, messages int) plan {
	random := rand.New(rand.NewPCG(seed, 1))
	all := kinds()
	k := all[int(seed)%len(all)]
	p := plan{Seed: seed, Home: at.home, Far: at.far, Postgres: at.postgres, Workers: max(1, at.workers), Kind: k.name, Net: k.net, Encrypted: at.encrypted, Puppets: random.IntN(2) == 0}
	if random.IntN(3) == 0 {
		p.Flavor = matrixtest.Dendrite
	}
	if at.hub {
		p.Kind, p.Hub = hubKinds(seed)
	}
	for _, s := range stepsOf(seed, at.hub) {
		if s == step.Begun && !at.hub && at.far == memNetwork && k.net.Features.Once == network.OnceAlways {
			s = step.OutCalling // nothing begins where the network recognises it
		}
		p.Rounds = append(p.Rounds, round{Fault: faultStep, Step: s, Nth: random.IntN(4), Term: random.IntN(5) == 0})
	}
	rest := others(at.database)
	random.Shuffle(len(rest), func(i, j int) { rest[i], rest[j] = rest[j], rest[i] })
	for _, f := range rest[:9] {
		if at.only != "" {
			f = at.only
		}
		p.Rounds = append(p.Rounds, round{Fault: f})
	}
	for i := range p.Rounds {
		r := &p.Rounds[i]
		r.Lasts = time.Duration(50+random.IntN(500)) * time.Millisecond
		r.Pick = random.Uint64()
	}
	random.Shuffle(len(p.Rounds), func(i, j int) { p.Rounds[i], p.Rounds[j] = p.Rounds[j], p.Rounds[i] })
	p.Each = max(1, messages/(len(p.Rounds)*2*len(chatPlans())))
	p.settle()
	return p
}

// settle has the plan be about the servers that there are, whatever the seed said.
func (p *plan) settle() {
	switch p.Far {
	case ircNetwork:
		p.Kind = ircNetwork
	case slackNetwork:
		p.Kind = slackKinds()[p.Seed%uint64(len(slackKinds()))]
		for i := range p.Rounds {
			if r := &p.Rounds[i]; r.Fault == faultClock && strings.HasPrefix(p.Kind, slackPushes) {
				r.Fault = faultKill // what Slack pushes counts by a clock that is right
			}
		}
	}
	switch p.Home {
	case dendriteHome:
		p.Flavor = matrixtest.Dendrite
	case synapseHome:
		p.Flavor = matrixtest.Synapse
	}
}

// stepsOf are a seed's steps: each block of seeds shuffles all of them anew and
// deals them out.
func stepsOf(seed uint64, hub bool) []step.Name {
	all := step.All()
	if hub {
		all = append(all, step.Hub()...)
	}
	random := rand.New(rand.NewPCG(seed/share, 2))
	random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	var mine []step.Name
	for i, s := range all {
		if uint64(i)%share == seed%share {
			mine = append(mine, s)
		}
	}
	return mine
}

// opening is the step of the first start that a plan dies at, if it has one: only
// then are there migrations.
func (p plan) opening() (round, bool) {
	i := slices.IndexFunc(p.Rounds, func(r round) bool { return r.Step == step.Migrating })
	if i < 0 {
		return round{}, false
	}
	return p.Rounds[i], true
}
