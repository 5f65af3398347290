package bridgekit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"runtime/debug"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/causeway-chat/causeway/bridgekit/command"
	"github.com/causeway-chat/causeway/bridgekit/config"
	"github.com/causeway-chat/causeway/bridgekit/journal"
	"github.com/causeway-chat/causeway/bridgekit/login"
	"github.com/causeway-chat/causeway/bridgekit/matrix"
	"github.com/causeway-chat/causeway/bridgekit/matrix/crypt"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/portal"
	"github.com/causeway-chat/causeway/bridgekit/step"
	"github.com/causeway-chat/causeway/bridgekit/store"
	"github.com/causeway-chat/causeway/registration"
)

// Options are what a Bridge is made of. Config, Registration and Log are required.
type Options struct {
	Config       *config.Config
	Registration registration.Registration
	// DoublePuppet is the second registration; nil if it was declined.
	DoublePuppet *registration.Registration
	Networks     []network.Connector
	Log          *slog.Logger
	// Transport replaces the connections to the homeserver; nil: the default.
	Transport http.RoundTripper
	// Control is the path of the socket for the program's own commands; "":
	// none.
	Control string
	// Steps is told which steps are reached, for tests of crashes; nil in
	// production.
	Steps step.Hook
	// Version is shown to people.
	Version string
	// Lease is how long a database that several processes share stays with one
	// of them after it died; default 5 s. All have to agree.
	Lease time.Duration
}

// A Bridge is one running Causeway.
type Bridge struct {
	opts      Options
	db        *store.DB
	hs        *matrix.Homeserver
	journal   *journal.Journal
	logins    *login.Manager
	portals   *portal.Service
	commander *command.Commander
	missed    *missed
	keys      *crypt.DB    // nil: nothing is encrypted
	crypt     *crypt.Crypt // nil: nothing is encrypted
	vitals    *vitals
	networks  []network.Info
	leading   chan struct{} // closed when this process serves the database
	listening chan struct{} // closed when serve listens on everything
	ready     chan struct{}
	closeOnce sync.Once
}

// New opens the database and wires the parts together. It makes no network
// traffic but to the database. Call Close if Run is not called.
func New(ctx context.Context, o Options) (*Bridge, error) {
	if o.Lease == 0 {
		o.Lease = leaseTime
	}
	b := &Bridge{opts: o, leading: make(chan struct{}), listening: make(chan struct{}), ready: make(chan struct{})}
	db, err := store.Open(ctx, source(o.Config.Database), o.Config.Key.For(config.KeySeal), store.WithSteps(o.Steps), store.Patient(o.Log))
	if err != nil {
		return nil, err
	}
	b.db = db
	o.Steps.At(step.StartOpened)
	if err := b.openKeys(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	if err := b.wire(); err != nil {
		return nil, errors.Join(err, b.Close())
	}
	return b, nil
}

// source is what store.Open takes for a configured database.
func source(d config.Database) string {
	if d.Dialect == config.SQLite {
		return "sqlite:" + d.Source
	}
	return d.Source
}

func (b *Bridge) wire() error {
	o, c := b.opts, b.opts.Config
	facts := store.NewFacts(b.db)
	mo := matrix.Options{
		URL: c.Homeserver.URL, Domain: c.Homeserver.Domain, ID: o.Registration.ID,
		ASToken: o.Registration.ASToken, HSToken: o.Registration.HSToken,
		Bot: c.Bot.Name, Prefix: c.Appservice.Prefix, Secret: c.Key.For(config.KeyMarks),
		State: facts, Log: o.Log, Transport: o.Transport,
		SpoolDir: filepath.Join(c.Dir(), "spool"), SpoolMax: int64(c.Limits.Spool),
	}
	if o.DoublePuppet != nil && c.People.DoublePuppets {
		mo.DoublePuppetToken = o.DoublePuppet.ASToken
	}
	hs, err := matrix.New(mo)
	if err != nil {
		return err
	}
	b.hs = hs
	connectors := map[network.NetworkID]network.Connector{}
	for _, n := range o.Networks {
		connectors[n.Info().ID] = n
		b.networks = append(b.networks, n.Info())
	}
	b.commander = command.New(command.Options{Backend: backend{b}, Log: o.Log, Bot: hs.BotID(), Name: c.Bot.DisplayName, Own: hs.IsGhost})
	po := portal.Options{
		DB: b.db, Homeserver: hs, Log: o.Log, Permissions: c.Permissions, Eager: c.Limits.Members, Remake: c.Rooms.Remake, Hub: hubOptions(c, b.networks), Steps: o.Steps,
		Spaces:    c.People.Spaces,
		Delivery:  portal.Delivery{Receipts: c.Delivery.Receipts, Events: c.Delivery.Events, Quiet: !c.Delivery.Notices},
		History:   portal.History{Messages: c.History.Messages, Wait: c.History.Wait, CatchUp: c.History.CatchUp},
		Addressed: func(m portal.Command) bool { return b.commander.Addressed(asIncoming(m)) },
		Command:   func(ctx context.Context, m portal.Command) error { return b.commander.Handle(ctx, asIncoming(m)) },
		Secret:    b.secret,
	}
	if err := b.wireEncryption(mo.State, &po); err != nil {
		return err
	}
	b.limits(&po, facts)
	publish := b.publisher(&po)
	b.portals = portal.New(po)
	b.vitals = newVitals(b, facts)
	b.journal = journal.New(journal.Options{DB: b.db, Log: o.Log, Steps: o.Steps, Attempts: 5, Grace: grace, Failed: b.portals.Failed}, b.portals.Handle)
	b.logins = login.New(login.Options{DB: b.db, Log: o.Log, Connectors: connectors, Deliver: b.portals.Deliver, Changed: b.changed, Publish: publish, Probe: c.Health.Probe})
	b.portals.Connect(b.journal, b.logins)
	b.missed = newMissed(hs, b.portals, mo.State, o.Log)
	hs.OnUp(b.portals.WakeHomeserver)
	hs.OnUp(b.missed.suspect)
	return nil
}

// grace is how long deliveries on their way may take when the bridge stops, of the
// ten seconds that its end may take in all.
const grace = 6 * time.Second

// lastWrites is how long a stop may wait for the database in all: a second after the
// grace, and some for what is written then.
const lastWrites = grace + 2*time.Second

// giveUp has a stop, which begins when ctx ends, wait no longer than that; done says
// that it is over.
func giveUp(ctx context.Context, db *store.DB) (done func()) {
	over := make(chan struct{})
	go func() {
		select {
		case <-ctx.Done():
		case <-over:
			return
		}
		select {
		case <-time.After(lastWrites):
			db.GiveUp()
		case <-over:
		}
	}()
	return func() { close(over) }
}

// secret hands an answer that must not be stored to the conversation that asked
// for it.
func (b *Bridge) secret(ctx context.Context, m portal.Command) bool {
	if !b.commander.WantsSecret(m.Room, m.Sender, m.Event) {
		return false
	}
	if err := b.commander.Secret(ctx, m.Room, m.Sender, m.Event, m.Body); err != nil {
		b.opts.Log.Error("take secret answer", "err", err)
	}
	return true
}

func asIncoming(m portal.Command) command.Incoming {
	return command.Incoming{Room: m.Room, Event: m.Event, Sender: m.Sender, Body: m.Body, Type: m.Type, Mentioned: m.Mentioned, Management: m.Management, Portal: m.Portal, Key: m.Key}
}

// Ready is closed when Run has reached the homeserver and takes events.
func (b *Bridge) Ready() <-chan struct{} { return b.ready }

// Run runs until ctx is done; then it takes nothing new, gives what is on its way
// up to ten seconds and leaves the rest in the journal. It returns an error that
// wraps ctx.Err() then, store.ErrFenced if another process has taken the database
// over (a new Bridge stands by), and any other error for what keeps it from running, such as a refused token.
func (b *Bridge) Run(ctx context.Context) (err error) {
	defer giveUp(ctx, b.db)() // also while it closes
	defer func() { err = errors.Join(err, b.Close()) }()
	// The database outlives everything that writes to it.
	db := stage(ctx, b.db.Run)
	defer db.stop()
	g, ctx := errgroup.WithContext(ctx)
	for _, run := range []func(context.Context) error{b.serve, b.lead} {
		g.Go(func() error { return run(ctx) })
	}
	g.Go(func() error { return watch(ctx, db) })
	return g.Wait()
}

// bridge connects the logins and delivers until ctx is done.
func (b *Bridge) bridge(ctx context.Context) error {
	if err := b.db.Patiently(ctx, "load logins", b.logins.Load); err != nil { // before anything asks who is signed in
		return err
	}
	if err := b.db.Patiently(ctx, "load portals", b.portals.Load); err != nil {
		return err
	}
	close(b.leading)
	b.opts.Steps.At(step.StartLoaded)
	hs := stage(ctx, b.hs.Run)
	defer hs.stop()
	if err := b.db.Patiently(ctx, "look for a restore", b.portals.CatchUp); err != nil {
		return err
	}
	// A send that is under way needs its connection until it is known to have
	// arrived. What the networks deliver after the journal stopped is stored.
	logins := stage(ctx, b.logins.Run)
	defer logins.stop()
	j := stage(ctx, b.journal.Run)
	defer func() {
		j.stop()
		b.opts.Steps.At(step.StopQuiet)
	}()
	g, ctx := errgroup.WithContext(ctx)
	for _, run := range []func(context.Context) error{b.commander.Run, b.portals.Run, b.start, b.missed.run, b.expire, b.runEncryption, b.vitals.run} {
		g.Go(func() error { return run(ctx) })
	}
	g.Go(func() error { return watch(ctx, j, logins) })
	err := g.Wait()
	b.opts.Steps.At(step.StopBegun)
	return err
}

// A running is a part that stops after those that use it.
type running struct {
	cancel context.CancelFunc
	done   chan struct{}
	err    error // valid when done is closed
}

// stage starts a part whose life ends with stop, not with ctx.
func stage(ctx context.Context, run func(context.Context) error) *running {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	r := &running{cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(r.done)
		r.err = run(ctx)
	}()
	return r
}

func (r *running) stop() {
	r.cancel()
	<-r.done
}

// watch ends the bridge if a part that must run has ended.
func watch(ctx context.Context, parts ...*running) error {
	done := make(chan *running, len(parts))
	for _, p := range parts {
		go func() {
			select {
			case <-p.done:
				done <- p
			case <-ctx.Done():
			}
		}()
	}
	select {
	case p := <-done:
		return p.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// start checks that the homeserver knows us and then lets people know.
func (b *Bridge) start(ctx context.Context) error {
	// When both are closed: the journal is loaded, and the homeserver's ping will be answered.
	for _, c := range []<-chan struct{}{b.journal.Started(), b.listening} {
		select {
		case <-c:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	for wait := time.Second; ; wait = min(2*wait, time.Minute) {
		caps, err := b.hs.Probe(ctx)
		if err == nil {
			if err = b.hs.EnsureGhost(ctx, b.hs.BotID()); err != nil {
				err = fmt.Errorf("register the bot: %w", err)
			}
		}
		if err == nil {
			b.opts.Log.Info("homeserver is ready", "server", caps.Server)
			break
		}
		if fatal := refusal(err); fatal != nil {
			return fatal
		}
		b.opts.Log.Warn("homeserver is not ready yet", "err", err, "again_in", wait)
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if err := b.hs.SetProfile(ctx, b.hs.BotID(), matrix.Profile{Name: b.opts.Config.Bot.DisplayName}); err != nil {
		b.opts.Log.Warn("set the bot's name", "err", err)
	}
	b.opts.Steps.At(step.StartReady)
	if err := b.db.Patiently(ctx, "look for unfinished rooms", b.portals.Resume); err != nil {
		return err
	}
	b.missed.suspect()
	debug.FreeOSMemory() // a start takes three times what a bridge at rest needs
	close(b.ready)
	return nil
}

// refusal is the part of a probe's error that waiting does not mend.
func refusal(err error) error {
	for _, p := range matrix.Problems(err) {
		if p.Kind == matrix.Auth {
			return fmt.Errorf("%w\n  %s", p, p.Remedy)
		}
	}
	return nil
}

// expire removes published pages whose time is over, every hour.
func (b *Bridge) expire(ctx context.Context) error {
	tick := time.NewTicker(time.Hour)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if err := b.db.Expire(ctx); err != nil {
				b.opts.Log.Error("expire pages", "err", err)
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Close closes the database. Run does it too.
func (b *Bridge) Close() (err error) {
	b.closeOnce.Do(func() {
		if b.keys != nil {
			err = b.keys.Close()
		}
		err = errors.Join(err, b.db.Close())
	})
	return err
}
