package conversation

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	_ "modernc.org/sqlite" // the child's database is looked into

	"github.com/causeway-chat/causeway/testbed/bridge"
	"github.com/causeway-chat/causeway/testbed/child"
	"github.com/causeway-chat/causeway/testbed/homeserver"
	"github.com/causeway-chat/causeway/testbed/matrixuser"
	"github.com/causeway-chat/causeway/testbed/nio"
)

// Options say where a conversation is held.
type Options struct {
	Dir       string // an empty folder
	Launch    homeserver.Launcher
	Encrypted bool
	Cut       time.Duration // how long a network is cut off at least
	Kills     []Kill
	// PushesLate: the homeserver pushes what was not acknowledged at first behind newer events,
	// as Dendrite does, so the order is that in which events came.
	PushesLate bool
	Log        io.Writer                        // of Causeway and the homeserver
	Say        func(format string, args ...any) // what happens, for people
}

// password is everybody's.
const password = "secret"

// A Stage is where a conversation is held.
type Stage struct {
	opts     Options
	script   *Script
	folder   *bridge.Folder
	hs       *homeserver.Server
	irc      map[Side]*ircSide
	mem      *memSide
	matrix   *matrixSide
	causeway *causeway
	progress progress
	killed   []string     // where Causeway was killed
	unnamed  map[int]bool // see View.Nameless; of InspIRCd, which keeps nothing
	died     chan error   // has room for all that can die
}

// NewStage starts everything, has the three networks meet in one room, and waits until
// everybody hears everybody. The caller closes it, also if there is an error.
func NewStage(ctx context.Context, script *Script, o Options) (*Stage, error) {
	s := &Stage{opts: o, script: script, irc: map[Side]*ircSide{}, unnamed: map[int]bool{}, progress: progress{done: map[int]bool{}}, died: make(chan error, len(phases())+1)}
	var err error
	for side, start := range map[Side]func(context.Context) (*ircSide, error){Insp: startInsp, Fake: startFake} {
		one, err := start(ctx)
		if err != nil {
			return s, err
		}
		one.script, one.shown, one.stored = script, s.shown, s.stored
		s.irc[side] = one
	}
	if s.mem, err = startMem(); err != nil {
		return s, err
	}
	s.mem.script = script
	if err := s.home(ctx); err != nil {
		return s, err
	}
	if s.causeway, err = newCauseway(spec{s.folder, s.mem.gate.Addr()}, o.Log, func(err error) { s.died <- err }); err != nil {
		return s, err
	}
	if err := s.causeway.start(); err != nil {
		return s, err
	}
	ctx, stop := s.watch(ctx)
	defer stop()
	return s, s.meet(ctx)
}

// home starts the homeserver and signs its people in.
func (s *Stage) home(ctx context.Context) error {
	addr, err := child.FreeAddr()
	if err != nil {
		return err
	}
	o := bridge.Options{Dir: filepath.Join(s.opts.Dir, "causeway"), Homeserver: "http://" + addr, Domain: "localhost", Admin: "@you:localhost"}
	if s.opts.Encrypted {
		o.Encryption = "allow"
	}
	for side, other := range map[Side]Side{Insp: Fake, Fake: Insp} {
		o.Networks = append(o.Networks, bridge.Network{ID: string(side), Section: fmt.Sprintf(
			`{name: %q, server: %q, nick: %s, username: %s, tls: false, flood: {lines: 200, burst: 50}, hub_with: [%s]}`, side, s.irc[side].gate.Addr(), relay, ircUser, other)})
	}
	if s.folder, err = bridge.Write(o); err != nil {
		return err
	}
	h := homeserver.Options{
		Dir: filepath.Join(s.opts.Dir, "homeserver"), Addr: addr, Name: o.Domain, Registrations: s.folder.Registrations, Launch: s.opts.Launch, Stderr: s.opts.Log,
	}
	for _, name := range people(Matrix) {
		h.Users = append(h.Users, homeserver.User{Name: name, Password: password})
	}
	if s.hs, err = homeserver.Start(ctx, h); err != nil {
		return err
	}
	s.matrix = newMatrixSide(s.script, s.folder.Bot)
	for _, name := range people(Matrix) {
		p := &person{}
		if p.user, err = matrixuser.Login(ctx, s.hs.URL(), name, password); err != nil {
			return err
		}
		s.matrix.crowd[name] = p
		if s.opts.Encrypted {
			if p.nio, err = nio.Login(ctx, filepath.Join(s.opts.Dir, name), s.hs.URL(), name, password, "", s.opts.Log); err != nil {
				return err
			}
		}
	}
	return nil
}

// Close ends everything.
func (s *Stage) Close() error {
	var err error
	if s.causeway != nil {
		err = s.causeway.close()
	}
	if s.matrix != nil {
		err = errors.Join(err, s.matrix.close())
	}
	if s.hs != nil {
		err = errors.Join(err, s.hs.Kill())
	}
	for _, one := range s.irc {
		err = errors.Join(err, one.close())
	}
	if s.mem != nil {
		err = errors.Join(err, s.mem.close())
	}
	return err
}

// do carries out an act.
func (s *Stage) do(ctx context.Context, a Act) error {
	switch a.Side {
	case Matrix:
		return s.matrix.do(ctx, a)
	case Mem:
		return s.mem.do(ctx, a)
	}
	return s.irc[a.Side].do(ctx, a)
}

// View is what a side saw.
func (s *Stage) View(side Side) (*View, error) {
	v, err := s.see(side)
	if err == nil {
		v.Nameless = s.unnamed
	}
	return v, err
}

func (s *Stage) see(side Side) (*View, error) {
	switch side {
	case Matrix:
		v, err := s.matrix.view()
		return v.View, err
	case Mem:
		return s.mem.view()
	}
	return s.irc[side].view()
}

// tick is how often it is looked whether something has come.
const tick = 100 * time.Millisecond

// until waits for something on any side, as long as Causeway may take for it. The error
// of what is not so yet is told if it never is.
func (s *Stage) until(ctx context.Context, what string, met func() error) error {
	again := time.NewTicker(tick)
	defer again.Stop()
	for {
		err := met()
		if err == nil {
			return nil
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return fmt.Errorf("%s: %w: %w", what, context.Cause(ctx), err)
		}
	}
}

// errNotYet: what is waited for is not there.
var errNotYet = errors.New("not yet")

// shown waits until the room shows what somebody on IRC did.
func (s *Stage) shown(ctx context.Context, a Act) error {
	return s.until(ctx, fmt.Sprintf("the room shows act %d", a.N), func() error {
		v, err := s.matrix.view()
		if err != nil {
			return err
		}
		m := Mark{a.Who, a.Emoji}
		switch a.Kind {
		case React:
			if v.Marks[a.Of][m] > 0 {
				return nil
			}
		case Unreact:
			if on := s.script.Acts[a.Of].Of; v.Marks[on][m] == 0 {
				return nil
			}
		default:
			if v.find(a.Of) == nil {
				return nil
			}
		}
		return errNotYet
	})
}

// database opens the child's database to look into it.
func (s *Stage) database() (*sql.DB, error) {
	return sql.Open("sqlite", "file:"+filepath.Join(s.folder.Dir, "causeway.db")+"?mode=ro&_pragma=busy_timeout(5000)")
}
