package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/testbed/trap"
)

// settleWithin is how long everything may take to arrive after the last fault.
const settleWithin = 5 * time.Minute

// run plays a plan and compares both sides at its end. An error is about the run
// itself, or says that Causeway did not come to an end.
func (w *world) run(ctx context.Context) (*result, error) {
	ctx, cancel := context.WithCancel(ctx)
	if err := w.open(ctx); err != nil {
		cancel()
		return nil, err
	}
	watching := make(chan error, 1)
	go func() { defer cancel(); watching <- w.watch(ctx) }()
	err := w.play(ctx)
	if err != nil && ctx.Err() == nil {
		w.trace()
	}
	cancel()
	if werr := <-watching; !errors.Is(werr, context.Canceled) {
		err = errors.Join(werr, err)
	}
	if err != nil {
		return nil, err
	}
	return w.judge(context.WithoutCancel(ctx))
}

// open starts Causeway for the first time.
func (w *world) open(ctx context.Context) error {
	if r, ok := w.plan.opening(); ok {
		first := w.nodes[0]
		if err := first.start(trap.Arm{Step: r.Step, Nth: r.Nth % 2}); err != nil {
			return err
		}
		err := until(ctx, "it ends in a migration", startWithin, func() (bool, error) { return first.gone(), nil })
		if err == nil {
			first.died()
		} else if err := first.kill(); err != nil {
			return err
		}
	}
	return w.startAll()
}

// play goes through the rounds and heals everything.
func (w *world) play(ctx context.Context) error {
	speakers := w.speakers()
	if s, ok := w.home.(*sealed); ok {
		if err := until(ctx, "Causeway has a device", time.Minute, func() (bool, error) { return s.ready(), w.revive() }); err != nil {
			return err
		}
	}
	if err := w.far.begin(ctx, w); err != nil {
		return err
	}
	if err := until(ctx, "all rooms are there", 3*time.Minute, func() (bool, error) { return w.allOpen(), w.revive() }); err != nil {
		return err
	}
	for i, r := range w.plan.Rounds {
		g, gctx := errgroup.WithContext(ctx)
		for _, s := range speakers {
			g.Go(func() error { return s.speak(gctx, w.plan.Each) })
		}
		g.Go(func() error { return w.mishap(gctx, r) })
		if err := g.Wait(); err != nil {
			return fmt.Errorf("round %d, %s %s: %w", i, r.Fault, r.Step, err)
		}
	}
	if err := w.settled(ctx, settleWithin); err != nil {
		return err
	}
	// What is delivered again by a start would be a double.
	if err := w.stopAll(ctx); err != nil {
		return err
	}
	if err := w.startAll(); err != nil {
		return err
	}
	for _, c := range w.chats {
		if err := w.last(ctx, c); err != nil {
			return err
		}
	}
	return w.settled(ctx, settleWithin)
}

// last says one more thing each way, behind all else.
func (w *world) last(ctx context.Context, c *chat) error {
	if err := until(ctx, "somebody can speak on the network", 3*time.Minute, func() (bool, error) { return w.far.ready(ctx, c), w.revive() }); err != nil {
		return err
	}
	for _, s := range c.sides() {
		if s != onMatrix {
			if err := w.remote(c, s, c.speakers(s)[0], deedSay); err != nil {
				return err
			}
		}
	}
	if err := w.home.open(ctx); err != nil {
		return err
	}
	if err := until(ctx, "the room is there", 3*time.Minute, func() (bool, error) { return w.entered(c), w.revive() }); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return local{w, c, c.local[0]}.say(nil)
}

// first says something on the network.
func (w *world) first(c *chat) error { return w.remote(c, onNetwork, c.remote[0], deedSay) }

// remote has somebody on the network do something.
func (w *world) remote(c *chat, s side, who network.UserID, d deed) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return w.far.net(s).do(w, c, s, who, d, 1)
}

func (w *world) speakers() []*speaker {
	var all []*speaker
	for i, c := range w.chats {
		for _, s := range c.sides() {
			all = append(all, &speaker{w: w, c: c, side: s, random: rand.New(rand.NewPCG(w.plan.Seed, uint64(10+2*i+int(s))))})
		}
	}
	return all
}

// allOpen reports whether every chat has a room with all who speak there.
func (w *world) allOpen() bool {
	for _, c := range w.chats {
		if !w.entered(c) {
			return false
		}
	}
	return true
}

// entered reports whether a chat has a room with all who speak there.
func (w *world) entered(c *chat) bool {
	c.mu.Lock()
	room := c.room
	c.mu.Unlock()
	if room == "" {
		return false
	}
	for _, who := range c.local {
		if w.home.room(room).Membership(who) != "join" {
			return false
		}
	}
	return true
}

// watch finds the rooms of chats and has people enter them, as long as ctx lasts.
func (w *world) watch(ctx context.Context) error {
	known := map[string]bool{}
	for {
		for _, id := range w.home.rooms() {
			if known[id] {
				continue
			}
			done, err := w.enter(id)
			if err != nil {
				return err
			}
			known[id] = done
		}
		pause(ctx, tick)
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// enter has people enter a room of a chat; true if all are in it.
func (w *world) enter(room string) (done bool, err error) {
	snap := w.home.room(room)
	c := w.chatOf(room)
	if c == nil {
		return false, nil
	}
	done = true
	for _, who := range c.local {
		switch snap.Membership(who) {
		case "join":
			continue
		case "invite":
			err = w.home.do(who, "POST", "join/"+url.PathEscape(room), object{}, nil)
		default:
			if done = false; who == "@eve:test" && snap.Membership(c.owner) == "join" && !w.asked[room] {
				w.asked[room] = true // it may take a moment to be seen
				err = w.home.do(botID, "POST", "rooms/"+url.PathEscape(room)+"/invite", object{"user_id": who}, nil)
			}
		}
		if err != nil {
			return false, fmt.Errorf("%s enters %s: %w", who, c.id, err)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.room == "" && snap.Membership(c.owner) != "" {
		c.room = room
	}
	return done, nil
}

// chatOf is the chat that a room was made for; nil if there is none.
func (w *world) chatOf(room string) *chat {
	snap := w.home.room(room)
	w.adding.RLock()
	defer w.adding.RUnlock()
	for _, c := range w.chats {
		for _, s := range c.sides() {
			if s != onMatrix && snap.State("m.bridge", "chat.causeway."+string(w.far.net(s).id())+"/"+string(c.id)) != nil {
				return c
			}
		}
	}
	return nil
}

// judge stops Causeway and compares.
func (w *world) judge(ctx context.Context) (*result, error) {
	if err := w.stopAll(ctx); err != nil {
		return nil, err
	}
	if err := w.readHistory(ctx); err != nil {
		return nil, err
	}
	r := w.compare()
	for _, c := range w.chats {
		n := 0
		for _, room := range w.home.rooms() {
			if w.chatOf(room) == c {
				n++
			}
		}
		if n != 1 {
			r.Doubled = append(r.Doubled, fmt.Sprintf("%s has %d rooms", c.id, n))
		}
	}
	return r, w.deadLetters(ctx, r)
}

// newChat makes another chat while the run goes on, and its first messages.
func (w *world) newChat() (*chat, error) {
	w.adding.Lock()
	c, err := w.far.another(len(w.chats))
	if err != nil {
		w.adding.Unlock()
		return nil, err
	}
	w.chats = append(w.chats, c)
	w.adding.Unlock()
	w.far.ready(context.Background(), c) // if nobody can speak now, its room is made in the end
	for range 2 {
		if err := w.first(c); err != nil {
			return nil, err
		}
	}
	return c, nil
}
