package conversation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/causeway-chat/causeway/bridgekit/journal"
	"github.com/causeway-chat/causeway/bridgekit/step"
	"github.com/causeway-chat/causeway/testbed/trap"
)

// A Kill says when Causeway is killed, in each phase one time.
type Kill struct {
	Step step.Name // at which step of its core; "" is at any instant
	Nth  int       // how often the step passes before
}

// killAfter is how many acts of a phase are done when its kill comes.
const killAfter = 20

// progress counts what was done.
type progress struct {
	mu    sync.Mutex // guards the rest
	done  map[int]bool
	grown chan struct{} // closed when something is done; nil if nobody waits
}

func (p *progress) note(a Act) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done[a.N] = true
	if p.grown != nil {
		close(p.grown)
		p.grown = nil
	}
}

// wait waits until n acts of a phase are done, or over is closed.
func (p *progress) wait(ctx context.Context, s *Script, phase, n int, over <-chan struct{}) error {
	for {
		p.mu.Lock()
		count := 0
		for done := range p.done {
			if s.Acts[done].Phase == phase {
				count++
			}
		}
		if p.grown == nil {
			p.grown = make(chan struct{})
		}
		grown := p.grown
		p.mu.Unlock()
		if count >= n {
			return nil
		}
		select {
		case <-grown:
		case <-over:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Play holds the conversation and waits until everything has come to its end.
func (s *Stage) Play(ctx context.Context) error {
	ctx, stop := s.watch(ctx)
	defer stop()
	for phase := range phases() {
		if err := s.phase(ctx, phase); err != nil {
			return fmt.Errorf("phase %d: %w", phase, err)
		}
	}
	return s.settle(ctx)
}

// watch ends the context, with the cause, if Causeway ends by itself.
func (s *Stage) watch(ctx context.Context) (_ context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	go func() {
		select {
		case err := <-s.died:
			cancel(err)
		case <-ctx.Done():
		}
	}()
	return ctx, func() { cancel(nil) }
}

// phase has all sides act while Causeway is killed and, in one, a network is cut off.
func (s *Stage) phase(ctx context.Context, n int) error {
	began, away := time.Now(), Side("")
	var mend func(context.Context) error
	if n == cutPhase {
		away = s.script.Cut
		var err error
		if mend, err = s.cut(ctx, away); err != nil {
			return err
		}
	}
	all, ctx := errgroup.WithContext(ctx)
	var others sync.WaitGroup // whom nothing is cut off from
	for _, side := range Sides() {
		if side != away {
			others.Add(1)
		}
		all.Go(func() error {
			if side != away {
				defer others.Done()
			}
			return s.acts(ctx, s.script.By(side, n))
		})
	}
	over := make(chan struct{})
	go func() { defer close(over); others.Wait() }()
	all.Go(func() error {
		err := s.progress.wait(ctx, s.script, n, killAfter, over)
		if err == nil && n < len(s.opts.Kills) {
			err = s.kill(ctx, s.opts.Kills[n], away)
		}
		if err != nil || mend == nil {
			return err
		}
		<-over
		select {
		case <-time.After(time.Until(began.Add(s.opts.Cut))):
		case <-ctx.Done():
			return ctx.Err()
		}
		s.opts.Say("%s was cut off for %s", away, time.Since(began).Round(time.Second))
		return mend(ctx)
	})
	err := all.Wait()
	s.opts.Say("phase %d took %s", n, time.Since(began).Round(time.Second))
	return err
}

// acts does one thing after another. Who does something about a message sees it.
func (s *Stage) acts(ctx context.Context, all []Act) error {
	for _, a := range all {
		what := fmt.Sprintf("act %d: %s on %s does %s about %d", a.N, a.Who, a.Side, a.Kind, a.Of)
		if a.Of >= 0 {
			if err := s.until(ctx, what, func() error { return s.sees(a) }); err != nil {
				return err
			}
		}
		ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
		err := s.do(ctx, a)
		cancel()
		if err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		s.progress.note(a)
	}
	return nil
}

// sees reports whether a person sees what they want to act on.
func (s *Stage) sees(a Act) error {
	on := a.Of
	if a.Kind == Unreact {
		on = s.script.Acts[a.Of].Of
	}
	v, err := s.View(a.Side)
	if err != nil {
		return err
	}
	if v.find(on) == nil || a.Kind == Unreact && a.Side == Matrix && v.Marks[on][Mark{a.Who, a.Emoji}] == 0 {
		return errNotYet
	}
	return nil
}

// kill kills Causeway and starts it again. Who has to be heard waits meanwhile.
func (s *Stage) kill(ctx context.Context, k Kill, away Side) error {
	marks := map[*ircSide]int{}
	for _, side := range []Side{Insp, Fake} {
		if n := s.irc[side]; side != away {
			n.life.Lock()
			defer n.life.Unlock()
			marks[n] = n.crowd[observer].Mark()
		}
	}
	at, err := s.causeway.kill(ctx, trap.Arm{Step: k.Step, Nth: k.Nth})
	if err != nil {
		return err
	}
	s.killed = append(s.killed, at)
	s.opts.Say("killed at %s", at)
	flying, err := s.flying()
	if err != nil {
		return err
	}
	for n, mark := range marks {
		if err := n.gone(ctx, mark); err != nil {
			return err
		}
		marks[n] = n.crowd[observer].Mark()
	}
	if err := s.causeway.start(); err != nil {
		return err
	}
	for n, mark := range marks {
		if err := n.back(ctx, mark); err != nil {
			return err
		}
	}
	if away == Insp {
		return nil
	}
	// What was sent again is the copy that Causeway knows; people answer that one.
	return s.until(ctx, "what was on its way has arrived", func() error {
		open, err := s.entries("< 4")
		if slices.ContainsFunc(flying, func(id int64) bool { return slices.Contains(open, id) }) {
			err = errNotYet
		}
		return err
	})
}

// cut cuts Causeway off from a network. mend ends that, and returns when Causeway is
// there again.
func (s *Stage) cut(ctx context.Context, side Side) (mend func(context.Context) error, err error) {
	if side == Mem {
		s.mem.gate.Shut()
		return func(context.Context) error { return s.mem.gate.Open() }, nil
	}
	n := s.irc[side]
	n.life.Lock()
	mark := n.crowd[observer].Mark()
	n.gate.Shut()
	if err := n.gone(ctx, mark); err != nil {
		n.life.Unlock()
		return nil, err
	}
	mark = n.crowd[observer].Mark()
	return func(ctx context.Context) error {
		defer n.life.Unlock()
		if err := n.gate.Open(); err != nil {
			return err
		}
		return n.back(ctx, mark)
	}, nil
}

// settle waits until everything has come to its end: what was said last has come
// everywhere, behind all else, and the journal is empty.
func (s *Stage) settle(ctx context.Context) error {
	const last = 999
	for _, side := range Sides() {
		if err := s.speak(ctx, side, fmt.Sprintf("warm %d on %s", last, side)); err != nil {
			return err
		}
	}
	err := s.until(ctx, "everything has arrived", func() error {
		if n, err := s.entries("< 4"); err != nil || len(n) > 0 {
			return errors.Join(err, fmt.Errorf("%d entries wait", len(n)), s.heard(last))
		}
		return s.heard(last)
	})
	if err != nil {
		return err
	}
	return s.byHand(ctx)
}

// flying are the entries that InspIRCd may have got, of which nobody knows.
func (s *Stage) flying() ([]int64, error) {
	db, err := s.database()
	if err != nil {
		return nil, err
	}
	defer db.Close()
	var portal int64
	if err := db.QueryRow("SELECT id FROM portal WHERE network = $1", string(Insp)).Scan(&portal); err != nil {
		return nil, fmt.Errorf("look for the portal: %w", err)
	}
	return s.entries(fmt.Sprintf("= %d AND lane = %d", int(journal.Running), journal.LaneOf(portal, journal.Out)))
}

// entries are those of the journal for which a condition that begins with their state
// holds.
func (s *Stage) entries(states string) (ids []int64, err error) {
	db, err := s.database()
	if err != nil {
		return nil, err
	}
	defer db.Close()
	rows, err := db.Query("SELECT id FROM entry WHERE state " + states)
	if err != nil {
		return nil, fmt.Errorf("look into the journal: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids, rows.Err()
}
