package bridgekit

import (
	"context"
	"fmt"
	"sync"
	"time"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/health"
	"github.com/causeway-chat/causeway/bridgekit/login"
	"github.com/causeway-chat/causeway/bridgekit/matrix"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/portal"
	"github.com/causeway-chat/causeway/bridgekit/store"
)

// vitals is what watches the accounts and the homeserver, and whom it tells.
type vitals struct {
	b      *Bridge
	facts  *store.Facts
	watch  *health.Watch
	canary *health.Canary  // nil: none
	hook   *health.Webhook // nil: none

	mu          sync.Mutex // guards what follows
	mark, nonce string     // of the canary's event that is on its way
}

func newVitals(b *Bridge, facts *store.Facts) *vitals {
	v := &vitals{b: b, facts: facts}
	c := b.opts.Config.Health
	var post func(health.Notice)
	if c.Webhook != "" {
		v.hook = health.NewWebhook(c.Webhook, nil, b.opts.Log)
		post = v.hook.Post
	}
	v.watch = health.NewWatch(health.WatchOptions{Log: b.opts.Log, Facts: facts, Tell: v.tellOwner, Post: post})
	if c.Canary > 0 {
		v.canary = health.NewCanary(health.CanaryOptions{
			Log: b.opts.Log, Every: c.Canary, Up: b.hs.Up, Send: v.send, Diagnose: v.diagnose, Post: post,
			Tell: func(ctx context.Context, key, words string) error { return b.portals.TellAdmins(ctx, key, words) },
		})
	}
	return v
}

// run watches until ctx is done.
func (v *vitals) run(ctx context.Context) error {
	parts := []func(context.Context) error{v.watch.Run}
	if v.canary != nil {
		parts = append(parts, v.canary.Run)
	}
	if v.hook != nil {
		parts = append(parts, v.hook.Run)
	}
	var all []*running
	for _, part := range parts {
		all = append(all, stage(ctx, part))
	}
	<-ctx.Done()
	for _, r := range all {
		r.stop()
	}
	return ctx.Err()
}

// changed is the logins' hook.
func (v *vitals) changed(s *login.Session, st network.LoginState) {
	v.watch.Changed(health.Login{Network: s.Network, ID: s.ID, Name: s.Name, Owner: s.Owner}, st)
}

// heard is called for each transaction of the homeserver.
func (v *vitals) heard() {
	if v.canary != nil {
		v.canary.Heard()
	}
}

// tellOwner says how a login fares to whom it belongs.
func (v *vitals) tellOwner(ctx context.Context, l health.Login, key, words string) error {
	if l.Owner == "" {
		return v.b.portals.TellAdmins(ctx, fmt.Sprint("login ", l.Network, " ", l.ID, " ", key), l.Name+" "+words)
	}
	s := v.b.logins.Get(l.Network, l.ID)
	if s == nil {
		return nil
	}
	ev := &network.ServiceNotice{Content: network.Text(words)}
	ev.Key = "state " + key
	return v.b.portals.Deliver(ctx, s, network.Batch{Events: []network.Event{ev}})
}

// canaryFact is where the room is kept in which the bot talks to itself.
const canaryFact = "canary room"

// send sends an event of the canary; the room is made when there is none.
func (v *vitals) send(ctx context.Context, nonce string) error {
	hs := v.b.hs
	room, err := v.facts.Fact(ctx, canaryFact)
	if err != nil {
		return err
	}
	if room == "" {
		if room, err = v.makeRoom(ctx); err != nil {
			return err
		}
	}
	v.expect(hs.Mark([]byte(nonce), canaryStep, id.RoomID(room)), nonce)
	_, err = hs.Send(ctx, matrix.Event{
		Room: id.RoomID(room), As: hs.BotID(), Type: event.Type{Type: matrix.CanaryType, Class: event.MessageEventType},
		Content: map[string]any{"nonce": nonce}, Key: []byte(nonce), Step: canaryStep,
	})
	if k := matrix.KindOf(err); k == matrix.RoomGone || k == matrix.NotJoined || k == matrix.NotFound {
		return v.facts.SetFact(ctx, canaryFact, "") // the next one gets another room
	}
	return err
}

func (v *vitals) makeRoom(ctx context.Context) (string, error) {
	hs := v.b.hs
	alias := hs.Alias("canary", string(hs.BotID()))
	room, err := hs.CreateRoom(ctx, matrix.Room{Alias: alias, Name: "Is the homeserver sending?", Topic: "Here the bot writes to itself when it has heard nothing for a while."})
	if err != nil {
		return "", fmt.Errorf("make room: %w", err)
	}
	if err := v.facts.SetFact(ctx, canaryFact, string(room)); err != nil {
		return "", err
	}
	return string(room), hs.DeleteAlias(ctx, alias)
}

const canaryStep = "canary"

// expect notes by which mark the event with a nonce is known.
func (v *vitals) expect(mark, nonce string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.mark, v.nonce = mark, nonce
}

// came is called with the mark of something that the bot sent.
func (v *vitals) came(mark string) {
	v.mu.Lock()
	nonce := v.nonce
	known := mark == v.mark
	v.mu.Unlock()
	if v.canary != nil && known {
		v.canary.Came(nonce)
	}
}

// diagnose asks the homeserver to reach us, and says in words what is wrong.
func (v *vitals) diagnose(ctx context.Context) string {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	_, err := v.b.hs.Probe(ctx)
	for _, p := range matrix.Problems(err) {
		if p.Remedy != "" {
			return "The cause: " + p.Remedy + "."
		}
	}
	return "It does reach me when I ask it to. After an outage some homeservers wait longer and longer before they try again, and some never do: if nothing comes within ten minutes, restart the homeserver. Nothing is lost by that."
}

// limits is what the configuration wants of portals and people.
func (b *Bridge) limits(o *portal.Options, facts *store.Facts) {
	c := b.opts.Config
	o.NewSenders, o.MaxPortals = c.Limits.NewSenders, c.Limits.Portals
	o.Presence = c.Limits.Presence
	o.Filters, o.Logout, o.Facts = c.Filters, c.Logout, facts
	for n, policy := range c.BridgeAll {
		o.Policies = append(o.Policies, portal.BulkWish{Network: n, Patterns: policy.Patterns(), Guest: id.UserID(policy.Guest)})
	}
	o.Canary = func(mark string) { b.vitals.came(mark) }
	o.Heard = func() { b.vitals.heard() }
}

// changed is told every change of a login's state.
func (b *Bridge) changed(s *login.Session, st network.LoginState) {
	b.portals.LoginChanged(s, st)
	b.vitals.changed(s, st)
}
