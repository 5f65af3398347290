package slack

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/network"
)

// A feed is what brings the events of one app: its socket, or the requests with which
// Slack pushes them. One feed serves all logins of the app, because Slack sends each
// event once, however many of them may see it.
type feed struct {
	conn *Connector
	app  string // the app-level token; "": there is no socket

	mu      sync.Mutex
	members map[*member]bool
	run     *feedRun // the socket; nil: none
	open    bool     // events come
	// settles is until when a login may be missing that will be here in a moment: since
	// the start, or since one has left. Zero: nobody was here yet.
	settles time.Time
}

// A feedRun is one run of a feed's socket, from the first member to the last.
type feedRun struct {
	feed   *feed
	cancel context.CancelFunc
	ended  chan struct{}
}

// A member is a session that gets its events from a feed.
type member struct {
	*session
	reach *reach
	ready chan struct{} // closed when its session knows that events come
	once  sync.Once     // closes ready
	gone  chan struct{} // closed when it has left
	fail  chan error    // why there are no events any more; holds one
}

// Refusals of events.
var (
	errNobody  = errors.New("no login is connected")
	errForeign = errors.New("an event of another workspace: each needs an app of its own")
)

// feedOf is the feed of the app with a token for sockets.
func (c *Connector) feedOf(app string) *feed {
	c.mu.Lock()
	defer c.mu.Unlock()
	f := c.feeds[app]
	if f == nil {
		f = &feed{conn: c, app: app, members: map[*member]bool{}}
		c.feeds[app] = f
	}
	return f
}

// attach gives a session its events until ctx is done or there are none any more.
func (f *feed) attach(ctx context.Context, s *session) error {
	m := &member{session: s, reach: newReach(s.acc), ready: make(chan struct{}), gone: make(chan struct{}), fail: make(chan error, 1)}
	if f.shared() {
		if err := m.reach.load(ctx); err != nil {
			return err
		}
	}
	if f.join(ctx, m) {
		if err := m.opened(ctx); err != nil {
			f.leave(m)
			return err
		}
	}
	defer f.leave(m)
	select {
	case <-ctx.Done():
		return ctx.Err()
	case err := <-m.fail:
		return err
	}
}

// shared reports whether people may have signed in through the app, besides its bot.
func (f *feed) shared() bool { return f.conn.set.ClientID != "" && f.app == f.conn.set.AppToken }

// settling reports whether what concerns nobody who is here may concern somebody who
// comes in a moment.
func (f *feed) settling() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return time.Now().Before(f.settles)
}

// join adds a member, and reports whether events come already.
func (f *feed) join(ctx context.Context, m *member) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.members[m] = true
	if f.settles.IsZero() {
		f.settles = time.Now().Add(f.conn.tune.settle)
	}
	if f.app == "" {
		return true
	}
	if f.run == nil {
		ctx, cancel := context.WithCancel(context.WithoutCancel(ctx)) // it outlives this member
		r := &feedRun{feed: f, cancel: cancel, ended: make(chan struct{})}
		f.run = r
		go r.keep(ctx)
	}
	return f.open
}

// leave removes a member; the last one ends the socket and waits for its end.
func (f *feed) leave(m *member) {
	f.mu.Lock()
	delete(f.members, m)
	f.settles = time.Now().Add(f.conn.tune.settle)
	var r *feedRun
	if len(f.members) == 0 {
		r, f.run, f.open = f.run, nil, false
	}
	f.mu.Unlock()
	close(m.gone)
	if r != nil {
		r.cancel()
		<-r.ended
	}
}

// keep keeps the socket, and tells all members why it cannot any more.
func (r *feedRun) keep(ctx context.Context) {
	defer close(r.ended)
	defer r.cancel()
	f := r.feed
	a := f.conn.newAPI(credentials{Kind: kindApp, Token: f.app, App: f.app})
	defer a.close()
	err := runSocket(ctx, a.web, f.conn, r)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.run != r {
		return // nobody is there
	}
	f.run, f.open = nil, false
	for m := range f.members {
		if network.KindOf(err) == network.LoggedOut && m.cred.Kind == kindUser { // the app is, not this login
			m.end(network.Errorf(network.Unavailable, "the app that brings the events does not work: "+network.UserText(err), "feed: %w", err))
			continue
		}
		m.end(err)
	}
}

// end ends a member's session.
func (m *member) end(err error) {
	select {
	case m.fail <- err:
	default: // it ends already
	}
}

// all are the members now.
func (f *feed) all() []*member {
	f.mu.Lock()
	defer f.mu.Unlock()
	var list []*member
	for m := range f.members {
		list = append(list, m)
	}
	return list
}

// opened implements receiver: a socket is open.
func (r *feedRun) opened(ctx context.Context) error {
	f := r.feed
	f.mu.Lock()
	if f.run == r {
		f.open = true
	}
	f.mu.Unlock()
	for _, m := range f.all() {
		if err := m.opened(ctx); err != nil {
			return err
		}
	}
	return nil
}

// dropped implements receiver: a socket was lost.
func (r *feedRun) dropped(ctx context.Context, err error) error {
	for _, m := range r.feed.all() {
		select {
		case m.lost <- err:
		case <-m.gone:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// envelope implements receiver. What is refused is not acknowledged, so Slack sends
// it again.
func (r *feedRun) envelope(ctx context.Context, payload json.RawMessage, ack func()) error {
	err := r.feed.dispatch(ctx, payload, ack)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if all := r.feed.all(); err != nil && len(all) > 0 {
		all[0].host.Log.Warn("an event has to wait until Slack sends it again", "err", err)
	}
	return nil
}

// opened tells the session that events come from now on.
func (m *member) opened(ctx context.Context) error {
	select {
	case m.connected <- struct{}{}:
		m.once.Do(func() { close(m.ready) })
		return nil
	case <-m.gone:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// take gives the session an event, once it knows that events come.
func (m *member) take(ctx context.Context, ev incoming) error {
	select {
	case <-m.ready:
	case <-m.gone:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case m.in <- ev:
	case <-m.gone:
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}

// An authorization is one installation of the app that may see an event: the bot's or
// a person's. Slack names one of them.
type authorization struct {
	TeamID       string `json:"team_id"`
	EnterpriseID string `json:"enterprise_id"`
	UserID       string `json:"user_id"`
	IsBot        bool   `json:"is_bot"`
}

// A callback is what is around an event.
type callback struct {
	Type           string          `json:"type"`
	ID             string          `json:"event_id"`
	TeamID         string          `json:"team_id"`
	ContextTeamID  string          `json:"context_team_id"`
	EnterpriseID   string          `json:"enterprise_id"`
	ContextOrgID   string          `json:"context_enterprise_id"`
	Authorizations []authorization `json:"authorizations"`
	Event          json.RawMessage `json:"event"`
}

// of reports whether the event is one of a login's workspace, or of its organisation if
// it is in all of that.
func (c *callback) of(who *identity) bool {
	wide := who.wide()
	for _, a := range c.Authorizations {
		if a.TeamID == who.TeamID || wide && a.EnterpriseID == who.EnterpriseID {
			return true
		}
	}
	return c.TeamID == who.TeamID || c.ContextTeamID == who.TeamID || wide && (c.EnterpriseID == who.EnterpriseID || c.ContextOrgID == who.EnterpriseID)
}

// names reports whether a login is the one whose event this is said to be.
func (c *callback) names(user string) bool {
	for _, a := range c.Authorizations {
		if a.UserID == user {
			return true
		}
	}
	return false
}

// dispatch gives an event to all members whom it concerns. It is acknowledged when
// each of them has stored it. What cannot be read is acknowledged at once.
func (f *feed) dispatch(ctx context.Context, payload json.RawMessage, ack func()) error {
	var c callback
	if json.Unmarshal(payload, &c) != nil || len(c.Event) == 0 {
		ack() // nothing that is shown
		return nil
	}
	members := f.all()
	if len(members) == 0 {
		return errNobody
	}
	if !slices.ContainsFunc(members, func(m *member) bool { return c.of(&m.acc.identity) }) {
		return errForeign
	}
	ev, err := parseEvent(c.Event, c.ID)
	if err != nil {
		members[0].host.Log.Warn("an event of Slack's cannot be read", "err", err)
		ack()
		return nil
	}
	switch ev.Type {
	case "app_uninstalled", "tokens_revoked":
		ack()
		revoked(ctx, members)
		return nil
	}
	to := members
	if f.shared() {
		if to, err = audience(ctx, members, &c, ev); err != nil {
			return err
		}
	}
	if len(to) == 0 {
		if f.settling() {
			return errNobody
		}
		ack()
		return nil
	}
	var left atomic.Int64
	left.Store(int64(len(to)))
	ev.ack = func() {
		if left.Add(-1) == 0 {
			ack()
		}
	}
	for _, m := range to {
		if err := m.take(ctx, ev); err != nil {
			return err
		}
	}
	return nil
}

// revoked ends the members whose login was taken away.
func revoked(ctx context.Context, members []*member) {
	for _, m := range members {
		if _, err := m.acc.whoami(ctx); network.KindOf(err) == network.LoggedOut {
			m.end(err)
		}
	}
}

// audience are the members who may see an event. One that is of no chat goes to one.
func audience(ctx context.Context, members []*member, c *callback, ev incoming) ([]*member, error) {
	var to []*member
	for _, m := range members {
		sees, err := m.reach.sees(ctx, c, ev)
		if network.KindOf(err) == network.LoggedOut {
			m.end(err)
			continue
		}
		if err != nil {
			return nil, err
		}
		if sees {
			to = append(to, m)
		}
	}
	if len(to) == 0 && ev.Chat == "" {
		to = members[:1]
	}
	return to, nil
}
