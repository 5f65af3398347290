package slack

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridges/slack/convert"
)

// An incoming is one event as a socket brought it.
type incoming struct {
	happening
	raw json.RawMessage
	ack func() // acknowledges it, once it is stored; nil if that is not asked for
}

// A happening is what all events say about themselves.
type happening struct {
	Type    string     `json:"type"`
	Subtype string     `json:"subtype"`
	EventTS convert.TS `json:"event_ts"`
	TS      convert.TS `json:"ts"`
	ID      string     `json:"-"` // event_id; empty if there is none
	Chat    string     `json:"-"`
}

// A lane is one chat's events, in order; the lane "" has those of no chat. Jobs read
// it, the loop changes it, never both at once: busy says whose turn it is.
type lane struct {
	chat  string
	queue []incoming // what a job has not taken yet
	busy  bool       // a job works on it
	epoch int        // the connection since which nothing was missed
	known bool       // place was read
	place place
	swept bool // what was missed there is read though nothing happens in it
	quiet bool // the job that reads it counts among the sweepers
}

// A place is how far a chat was delivered.
type place struct {
	Seen convert.TS `json:"seen"`
	From convert.TS `json:"from"` // since when we are there; nothing before it is missed
}

// done is what a job has made of a lane: something to store. last: it is finished.
type done struct {
	lane  *lane
	batch network.Batch
	acks  []func()
	place place
	epoch int
	last  bool
	err   error
}

// A session is one Run: all connections that the library makes for it. The loop
// owns it; in, found and connected are how others talk to the loop.
type session struct {
	*Client
	acc  *account
	sink network.Sink

	in        chan incoming
	found     chan done
	connected chan struct{} // a socket is open
	mine      chan []string // the chats that this login is in
	lost      chan error    // a socket was lost, and another is being opened
	changed   chan struct{} // what report says is another; nil: it stays

	online   bool // a socket is open
	epoch    int
	gap      time.Duration // how long nobody was connected before this epoch
	since    convert.TS    // when somebody was, before this epoch; empty: never
	lanes    map[string]*lane
	sweep    []*lane // to be read, though nothing happened in them; the first ones first
	sweeping int
	listing  bool // the chats of this login are being listed
	held     int  // how many events are in queues
	jobs     sync.WaitGroup
}

// maxHeld is how many events are held in memory. More wait in the socket.
const maxHeld = 5000

func newSession(c *Client, acc *account, sink network.Sink) *session {
	s := &session{
		Client: c, acc: acc, sink: sink, in: make(chan incoming), found: make(chan done),
		connected: make(chan struct{}), mine: make(chan []string), lost: make(chan error), lanes: map[string]*lane{},
	}
	if acc.threads != nil {
		s.changed = acc.threads.changed
	}
	return s
}

// loop takes events and stores what becomes of them, until something fails.
func (s *session) loop(ctx context.Context) error {
	tick := time.NewTicker(s.tune.alive)
	defer tick.Stop()
	for {
		in := s.in
		if s.held >= maxHeld {
			in = nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case ev := <-in:
			s.take(ctx, ev)
		case d := <-s.found:
			if err := s.finish(ctx, d); err != nil {
				return err
			}
		case <-s.connected:
			if err := s.begin(ctx); err != nil {
				return err
			}
		case chats := <-s.mine:
			s.listing = false
			if err := s.sweepAlso(ctx, chats); err != nil {
				return err
			}
		case <-s.changed:
			if s.online {
				s.report()
			}
		case err := <-s.lost:
			s.online = false
			s.setLive(nil) // what is sent now would mostly be lost in a dead connection, and nobody could tell
			s.sink.State(network.LoginState{Status: network.Connecting, Words: network.UserText(err)})
		case <-tick.C:
			if err := s.keepAlive(ctx); err != nil {
				return err
			}
		}
	}
}

// begin is that a socket is open: everything from before is to be looked after.
func (s *session) begin(ctx context.Context) error {
	data, err := s.host.KV.Get(ctx, "alive")
	if err != nil {
		return fmt.Errorf("read when the connection worked: %w", err)
	}
	s.epoch++
	s.since, s.gap = convert.TS(data), 0
	if s.since.Valid() {
		s.gap = time.Since(s.since.Time())
	}
	s.setLive(s.acc)
	s.online = true
	s.report()
	if s.acc.watch != nil {
		s.jobs.Go(func() { s.watchPartners(ctx) })
	}
	if err := s.planSweep(ctx); err != nil {
		return err
	}
	return s.keepAlive(ctx)
}

// report says how the login fares while it is connected.
func (s *session) report() {
	state := network.LoginState{Status: network.Online, User: network.UserID(s.acc.UserID)}
	var lacks []string
	if missing := lacking(s.acc.Scopes, wanted(s.cred.Kind)); len(missing) > 0 {
		lacks = append(lacks, missingWords(missing))
	}
	if t := s.acc.threads; t != nil && t.none.Load() {
		lacks = append(lacks, noThreads)
	}
	if len(lacks) > 0 {
		state.Status, state.Words = network.Limited, strings.Join(lacks, "; ")
	}
	s.sink.State(state)
}

// keepAlive notes that the connection works, and so that what happened before is
// delivered or will be delivered again.
func (s *session) keepAlive(ctx context.Context) error {
	if s.epoch == 0 || s.listing {
		return nil
	}
	for _, l := range s.lanes {
		if s.stale(l) { // what was missed there counts from the old note
			return nil
		}
	}
	err := s.host.KV.Set(ctx, "alive", []byte(convert.At(time.Now().Add(-5*time.Second))))
	if err != nil {
		return fmt.Errorf("note that the connection works: %w", err)
	}
	return nil
}

// planSweep lists the chats that have rooms, to read what was missed there.
func (s *session) planSweep(ctx context.Context) error {
	if !s.since.Valid() {
		return nil
	}
	chats, err := s.host.Chats(ctx)
	if err != nil {
		return fmt.Errorf("list chats: %w", err)
	}
	var ids []string
	for _, k := range chats {
		ids = append(ids, string(k.ID))
	}
	if s.listing = s.deep(); s.listing { // somebody may have begun to write to us
		s.jobs.Go(func() { s.listMine(ctx) })
	}
	return s.sweepAlso(ctx, ids)
}

// deep reports whether Slack delivers nothing of what was missed: not after a longer
// absence, and never again what RTM has swallowed.
func (s *session) deep() bool { return s.gap >= s.tune.deep || s.cred.Kind == kindPerson }

// listMine lists the chats that the login is in: none needs a room to be missed in.
func (s *session) listMine(ctx context.Context) {
	for pause := time.Second; ; pause = min(2*pause, time.Minute) {
		all, err := s.acc.chats(patient(ctx, catchWait))
		switch network.KindOf(err) {
		case network.Gone, network.Rejected, network.LoggedOut:
			s.host.Log.Info("what was missed in chats without a room is not looked for", "err", err)
			err = nil
		}
		if err == nil {
			_ = tell(ctx, s.mine, all) // unless it is over
			return
		}
		s.host.Log.Info("what was missed in chats without a room is looked for later", "err", err)
		if sleep(ctx, pause) != nil {
			return
		}
	}
}

// sweepAlso has chats read in which nothing may happen any more.
func (s *session) sweepAlso(ctx context.Context, chats []string) error {
	for _, id := range chats {
		l, err := s.lane(ctx, id)
		if err != nil {
			return err
		}
		l.swept = true
	}
	s.sweep = s.sweep[:0]
	for _, l := range s.lanes {
		if s.stale(l) {
			s.sweep = append(s.sweep, l)
		}
	}
	slices.SortStableFunc(s.sweep, func(a, b *lane) int { return b.place.Seen.Compare(a.place.Seen) })
	s.next(ctx)
	return nil
}

// lane is the lane of a chat.
func (s *session) lane(ctx context.Context, chat string) (*lane, error) {
	l := s.lanes[chat]
	if l == nil {
		l = &lane{chat: chat}
		s.lanes[chat] = l
	}
	if l.known {
		return l, nil
	}
	if chat != "" {
		data, err := s.host.Cursor(ctx, seenCursor(chat))
		if err != nil {
			return nil, fmt.Errorf("read how far %s was delivered: %w", chat, err)
		}
		if len(data) > 0 {
			if err := json.Unmarshal(data, &l.place); err != nil {
				return nil, fmt.Errorf("how far %s was delivered: %w", chat, err)
			}
		}
	}
	l.known = true
	return l, nil
}

// seenCursor is the name of the cursor of a chat.
func seenCursor(chat string) string { return "seen/" + chat }

// take puts an event into its lane.
func (s *session) take(ctx context.Context, ev incoming) {
	l, err := s.lane(ctx, ev.Chat)
	if err != nil {
		s.host.Log.Error("an event has to wait until Slack delivers it again", "err", err)
		return
	}
	l.queue = append(l.queue, ev)
	s.held++
	s.start(ctx, l)
}

// start begins a job on a lane that needs one.
func (s *session) start(ctx context.Context, l *lane) {
	stale := s.stale(l)
	if l.busy || len(l.queue) == 0 && !stale {
		return
	}
	l.busy = true
	take := l.queue[:min(len(l.queue), 50)]
	l.queue = slices.Clone(l.queue[len(take):])
	j := &job{session: s, lane: l, events: take, epoch: s.epoch, place: l.place, stale: stale, since: s.since, deep: s.deep()}
	s.jobs.Go(func() { j.run(ctx) })
}

// stale reports whether something may have been missed in a lane. Where nothing was ever
// delivered that is looked at when something is about to be: it may not be the first.
func (s *session) stale(l *lane) bool {
	return l.chat != "" && l.epoch != s.epoch && s.since.Valid() && (l.place.Seen != "" || l.swept || len(l.queue) > 0)
}

// next begins to read the next chats of the sweep.
func (s *session) next(ctx context.Context) {
	for len(s.sweep) > 0 && s.sweeping < s.tune.sweepers {
		l := s.sweep[0]
		s.sweep = s.sweep[1:]
		if l.busy || !s.stale(l) {
			continue // it is being read, or was
		}
		s.sweeping++
		l.quiet = true
		s.start(ctx, l)
	}
}

// finish stores what a job has made, and acknowledges it.
func (s *session) finish(ctx context.Context, d done) error {
	if d.err != nil {
		return d.err
	}
	if len(d.batch.Events) > 0 {
		if err := s.sink.Deliver(ctx, d.batch); err != nil {
			return fmt.Errorf("deliver: %w", err)
		}
	}
	d.lane.place = d.place
	for _, ack := range d.acks {
		if ack != nil {
			ack()
		}
		s.held--
	}
	if !d.last {
		return nil
	}
	if d.lane.quiet {
		d.lane.quiet = false
		s.sweeping--
	}
	d.lane.busy, d.lane.epoch = false, d.epoch
	s.start(ctx, d.lane)
	s.next(ctx)
	return nil
}
