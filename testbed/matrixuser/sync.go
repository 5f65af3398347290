package matrixuser

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/testbed/record"
)

// Section is the part of a /sync answer an event was in.
type Section string

// The sections that are kept (Client-Server API, GET /sync).
const (
	State     Section = "state"     // as it was before the timeline
	Timeline  Section = "timeline"  // what happened, state included
	Invite    Section = "invite"    // stripped state of a room one is asked into
	Ephemeral Section = "ephemeral" // typing and receipts
)

// Event is what the user was shown. Its RoomID is set and its content parsed,
// where its type is known to mautrix.
type Event struct {
	*event.Event
	Section Section
}

// String says who did what where, without content.
func (e Event) String() string {
	return fmt.Sprintf("%s %s by %s in %s", e.Section, e.Type.Type, e.Sender, e.RoomID)
}

// Said returns a match for a message in room with exactly this body. An edit's
// body begins with "* ".
func Said(room id.RoomID, body string) func(Event) bool {
	return func(e Event) bool {
		return e.Section == Timeline && e.RoomID == room && e.Type == event.EventMessage &&
			e.Content.AsMessage().Body == body
	}
}

// Invited returns a match for an invite of who, into any room.
func Invited(who id.UserID) func(Event) bool {
	return func(e Event) bool {
		return e.Section == Invite && e.Type == event.StateMember && e.GetStateKey() == who.String() &&
			e.Content.AsMember().Membership == event.MembershipInvite
	}
}

// filter asks for more of a timeline than the usual 20 events.
const filter = `{"room":{"timeline":{"limit":500}}}`

// retryAfter is the pause after a sync that failed.
const retryAfter = 50 * time.Millisecond

// syncer turns /sync answers into entries of a log.
type syncer struct {
	client *mautrix.Client
	log    *record.Log[Event]
	since  string
	seen   map[id.EventID]bool // timeline events in the log
	known  map[id.RoomID]bool  // rooms with a timeline in the log
}

// run syncs until ctx is done or the token is refused. A homeserver that is down
// is asked again until it is back.
func (s *syncer) run(ctx context.Context) error {
	again := time.NewTicker(retryAfter)
	defer again.Stop()
	for {
		err := s.once(ctx)
		var status mautrix.HTTPError
		switch {
		case ctx.Err() != nil:
			return fmt.Errorf("sync: %w", ctx.Err())
		case err == nil:
			continue
		case errors.As(err, &status) && status.IsStatus(http.StatusUnauthorized):
			return fmt.Errorf("sync: %w", err)
		}
		select {
		case <-again.C:
		case <-ctx.Done():
		}
	}
}

// once does one sync. If it fails the log and the place in the stream are as
// before.
func (s *syncer) once(ctx context.Context) error {
	req := mautrix.ReqSync{Since: s.since, FilterID: filter, Timeout: 30_000}
	if s.since == "" {
		req.Timeout = 0
	}
	resp, err := s.client.FullSyncRequest(ctx, req)
	if err != nil {
		return err
	}
	var fresh []Event
	for room, r := range resp.Rooms.Invite {
		fresh = s.add(fresh, room, Invite, r.State.Events)
	}
	for room, r := range resp.Rooms.Join {
		timeline, err := s.timeline(ctx, room, r.Timeline)
		if err != nil {
			return err
		}
		fresh = s.add(fresh, room, State, r.State.Events)
		fresh = s.add(fresh, room, Timeline, timeline)
		fresh = s.add(fresh, room, Ephemeral, r.Ephemeral.Events)
	}
	for room, r := range resp.Rooms.Leave {
		timeline, err := s.timeline(ctx, room, r.Timeline)
		if err != nil {
			return err
		}
		fresh = s.add(fresh, room, Timeline, timeline)
	}
	for _, e := range fresh {
		if e.Section == Timeline {
			s.seen[e.ID] = true
			s.known[e.RoomID] = true
		}
	}
	s.since = resp.NextBatch
	s.log.Append(fresh...)
	return nil
}

// timeline returns the events of t, preceded by those that the server left out
// between the last sync and this one.
func (s *syncer) timeline(ctx context.Context, room id.RoomID, t mautrix.SyncTimeline) ([]*event.Event, error) {
	if !t.Limited || !s.known[room] {
		return t.Events, nil
	}
	var missed []*event.Event
	from := t.PrevBatch
	for {
		page, err := s.client.Messages(ctx, room, from, "", mautrix.DirectionBackward, nil, 500)
		if err != nil {
			return nil, fmt.Errorf("fill gap in %s: %w", room, err)
		}
		for _, e := range page.Chunk {
			if s.seen[e.ID] {
				page.End = ""
				break
			}
			missed = append(missed, e)
		}
		if page.End == "" || page.End == from || len(page.Chunk) == 0 {
			break
		}
		from = page.End
	}
	slices.Reverse(missed)
	return append(missed, t.Events...), nil
}

// add appends events of one room and section to list, each timeline event once.
func (s *syncer) add(list []Event, room id.RoomID, section Section, events []*event.Event) []Event {
	for _, e := range events {
		if section == Timeline && s.seen[e.ID] {
			continue
		}
		parse(room, e)
		list = append(list, Event{e, section})
	}
	return list
}

// parse sets the room of e and parses its content. What cannot be parsed is kept
// raw: a test may be about just that.
func parse(room id.RoomID, e *event.Event) {
	e.RoomID = room
	if e.StateKey != nil {
		e.Type.Class = event.StateEventType
	}
	_ = e.Content.ParseRaw(e.Type)
}
