package slack

import (
	"context"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridges/slack/convert"
)

// lateName is after what time a message may have been shown without its author's name.
const lateName = 2 * time.Second

// farAhead is how far a message's time may be ahead of our clock, which may be wrong.
const farAhead = 366 * 24 * time.Hour

// introduced is the type of our own event that somebody's name, its ID, is known now.
const introduced = "causeway introduced"

// A job works on one lane: it reads what was missed, if that may be, and translates
// events. It has the lane's state as it was when it began.
type job struct {
	*session
	lane   *lane
	events []incoming
	epoch  int
	place  place
	stale  bool
	since  convert.TS
	deep   bool // older threads are looked at too
	words  *translator
}

// run does the job and gives what comes of it to the loop.
func (j *job) run(ctx context.Context) {
	j.words = &translator{Client: j.Client, acc: j.acc}
	if j.stale {
		if err := j.catchUp(ctx); err != nil {
			j.give(ctx, done{err: err, last: true})
			return
		}
	}
	var d done
	for _, ev := range j.events {
		d.acks = append(d.acks, ev.ack)
		d.batch.Events = append(d.batch.Events, j.words.event(ctx, ev)...)
	}
	if ctx.Err() != nil {
		return // what was looked up may have been cut short
	}
	j.introduce(ctx, d.batch.Events)
	j.advance(&d)
	d.last = true
	j.give(ctx, d)
}

// introduce begins to ask for those who speak and are not known: they come before
// the members of rooms, who are asked for once there are rooms, and may be many.
func (j *job) introduce(ctx context.Context, all []network.Event) {
	for _, ev := range all {
		m, ok := ev.(*network.Message)
		if !ok || m.Persona != nil || j.conn.dir.knows(string(m.Sender)) {
			continue
		}
		j.jobs.Go(func() { j.introduceOne(ctx, string(m.Sender)) })
	}
}

// introduceOne asks for somebody until Slack has said who they are. If that was too
// late for their first message, the core is told to ask again.
func (j *job) introduceOne(ctx context.Context, user string) {
	began := time.Now()
	for {
		_, err := j.conn.dir.person(ctx, j.acc, user)
		if err == nil {
			break
		}
		if network.KindOf(err) == network.Rejected || sleep(ctx, time.Second) != nil {
			return
		}
	}
	if time.Since(began) < lateName {
		return
	}
	ev := incoming{happening: happening{Type: introduced, ID: user, EventTS: convert.At(time.Now())}}
	_ = tell(ctx, j.in, ev) // unless it is over
}

// advance moves the lane's place beyond the messages of d.
func (j *job) advance(d *done) {
	moved := false
	for _, ev := range d.batch.Events {
		m, ok := ev.(*network.Message)
		if !ok {
			continue
		}
		ts := convert.TS(m.ID)
		if ts.Time().After(time.Now().Add(farAhead)) {
			continue // behind it nothing would be looked for any more
		}
		if j.place.From == "" || ts.Compare(j.place.From) < 0 && j.place.Seen == "" {
			j.place.From = ts
		}
		if ts.Compare(j.place.Seen) > 0 {
			j.place.Seen = ts
		}
		moved = true
	}
	if moved {
		d.keep(seenCursor(j.lane.chat), j.place)
	}
	for _, ev := range d.batch.Events {
		if m, ok := ev.(*network.ChatMoved); ok {
			d.keep(seenCursor(string(m.To.ID)), j.place)
		}
	}
}

// keep has a place stored as a cursor.
func (d *done) keep(cursor string, p place) {
	if d.batch.Cursor == nil {
		d.batch.Cursor = map[string][]byte{}
	}
	d.batch.Cursor[cursor] = p.marshal()
}

// give gives d to the loop.
func (j *job) give(ctx context.Context, d done) {
	d.lane, d.epoch, d.place = j.lane, j.epoch, j.place
	select {
	case j.found <- d:
	case <-ctx.Done():
	}
}
