package main

import (
	"context"
	"errors"

	"github.com/causeway-chat/causeway/bridgekit/step"
	"github.com/causeway-chat/causeway/testbed/trap"
)

// dieAt has a child end itself at a step, helps it to get there, and starts it
// again.
func (w *world) dieAt(ctx context.Context, r round) error {
	a := trap.Arm{Step: r.Step, Nth: r.Nth, Term: r.Term}
	within, n := stepWithin, w.victim(ctx, r)
	var heal func()
	switch r.Step {
	case step.Migrating:
		return nil // it was the first start's
	case step.StartOpened, step.StartLoaded, step.StartReady:
		a.Nth, within = 0, startWithin
		if r.Step != step.StartOpened { // whoever serves next gets there
			n = w.serving(ctx)
			w.tellOthers(n, a)
		}
		if err := errors.Join(n.kill(), w.hit(ctx)); err != nil {
			return err
		}
		if err := n.start(a); err != nil {
			return err
		}
	case step.StopBegun, step.StopQuiet:
		a.Nth, a.Term, within, n = 0, false, startWithin, w.serving(ctx)
		if err := n.order(order{Arm: &a}); err != nil {
			return err
		}
		if err := n.stop(ctx); err != nil {
			return err
		}
		n.fallen()
	default:
		w.tellOthers(nil, a)
		var err error
		if heal, err = w.provoke(ctx, r.Step, r.Nth+1); err != nil {
			return err
		}
	}
	err := until(ctx, "it ends at its step", within, func() (bool, error) { return w.anyGone(), nil })
	if heal != nil {
		heal()
	}
	if err != nil {
		w.missed++
		n = w.victim(ctx, r)
		w.tellOthers(n, trap.Arm{})
		return w.again(ctx, n, n.kill(), r.Lasts/4)
	}
	w.tellOthers(nil, trap.Arm{})
	if err := w.hit(ctx); err != nil {
		return err
	}
	pause(ctx, r.Lasts/4)
	return w.revive()
}

// provoke does what leads to a step that ordinary traffic seldom reaches. The
// returned function, which may be nil, ends it.
func (w *world) provoke(ctx context.Context, s step.Name, n int) (heal func(), err error) {
	c := w.chats[0]
	switch s {
	case step.RoomMaking, step.RoomMade, step.RoomStored, step.RoomFurnished:
		for range n {
			if _, err := w.newChat(); err != nil {
				return nil, err
			}
		}
	case step.Rerouted:
		// The answer to the making of the room is late; people are in it meanwhile.
		heal = w.home.loseRooms()
		for range n {
			made, err := w.newChat()
			if err != nil {
				return heal, err
			}
			err = until(ctx, "a new room is entered", stepWithin, func() (bool, error) {
				made.mu.Lock()
				defer made.mu.Unlock()
				if made.room == "" || w.home.room(made.room).Membership("@alice:test") != "join" {
					return false, nil
				}
				return true, local{w, made, "@alice:test"}.say(nil)
			})
			if err != nil {
				return heal, nil // a step that is missed
			}
		}
	case step.Withdrawing:
		heal = w.home.away()
		for range n + 1 {
			if err := w.remote(c, onNetwork, c.remote[0], deedBurst); err != nil {
				return heal, err
			}
		}
	case step.InBetween:
		err = w.remote(c, onNetwork, c.remote[0], deedMany)
	case step.InEdited, step.InRedacted, step.InReacted:
		for range 2 * n {
			if err := w.remote(c, onNetwork, c.remote[0], map[step.Name]deed{step.InEdited: deedEdit, step.InRedacted: deedRemove, step.InReacted: deedReact}[s]); err != nil {
				return nil, err
			}
		}
	case step.OutChanged:
		l := local{w, c, "@alice:test"}
		for range 2 * n {
			c.mu.Lock()
			err = l.do(deedEdit, n)
			c.mu.Unlock()
		}
	}
	return heal, err
}
