package matrix

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	mt "github.com/causeway-chat/causeway/bridgekit/matrixtest"
)

func TestCreateRoom(t *testing.T) {
	for _, version := range []string{"10", "11", "12"} {
		w := newWorld(t, mt.Options{RoomVersion: version})
		_, err := w.h.Probe(t.Context())
		w.must(err)
		w.must(w.h.EnsureGhost(t.Context(), w.ghost))
		w.counts()
		bridge := &event.Event{Type: event.NewEventType("m.bridge"), StateKey: new("key"), Content: event.Content{Raw: map[string]any{"protocol": map[string]any{"id": "net"}}}}
		r := Room{
			Alias: w.h.Alias("net", "chat"), Name: "Name", Topic: "Topic", Avatar: id.ContentURI{Homeserver: "test", FileID: "a"},
			Invite: []id.UserID{w.aliceID(), w.ghost}, Levels: map[id.UserID]int{w.aliceID(): 50},
			Power: &event.PowerLevelsEventContent{EventsDefault: 10}, History: "invited", State: []*event.Event{bridge},
		}
		room, err := w.h.CreateRoom(t.Context(), r)
		w.must(err)
		if c := w.counts(); total(c) != 1 {
			t.Errorf("version %s: took %v", version, c)
		}
		got := w.hs.Room(string(room))
		bot := string(w.h.BotID())
		if got.Name != "Name" || got.Topic != "Topic" || got.Avatar != "mxc://test/a" || got.JoinRule != "invite" || got.Creator != bot ||
			got.Membership(w.alice.ID) != "invite" || got.State("m.bridge", "key") == nil || got.Power.EventsDefault != 10 || got.Power.Users[w.alice.ID] != 50 {
			t.Errorf("version %s: room is %+v", version, got)
		}
		if _, listed := got.Power.Users[bot]; listed != (version != "12") {
			t.Errorf("version %s: users are %v", version, got.Power.Users)
		}
		if s := got.State("m.room.canonical_alias", ""); s == nil || string(s.Content) != "{}" {
			t.Errorf("canonical alias is %v", s)
		}
		// An invited ghost only joins.
		w.must(w.h.EnsureJoined(t.Context(), room, w.ghost))
		if c := w.counts(); total(c) != 1 {
			t.Errorf("joining took %v", c)
		}
		w.must(w.h.DeleteAlias(t.Context(), r.Alias))
		w.must(w.h.DeleteAlias(t.Context(), r.Alias))
		_, err = w.h.ResolveAlias(t.Context(), r.Alias)
		w.wantKind(err, NotFound)
	}
}

// A process dies between the creation and its record, or the answer is lost:
// there is one room, and it is whole.
func TestCreateRoomOnce(t *testing.T) {
	for name, f := range map[string]mt.Fault{
		"crash": {}, "response lost": {LoseResponse: true}, "504": {Status: http.StatusGatewayTimeout, Perform: true}, "request lost": {LoseRequest: true},
	} {
		t.Run(name, func(t *testing.T) {
			virtual(t, mt.Options{}, func(w *world) {
				w.must(w.h.EnsureGhost(w.Context(), w.h.BotID()))
				r := Room{Alias: w.h.Alias("chat"), Invite: []id.UserID{w.aliceID()}}
				w.failOnce(mt.RouteCreateRoom, f)
				first, err := w.h.CreateRoom(w.Context(), r)
				w.must(err)
				w.h = w.restart()
				r.Invite = append(r.Invite, w.ghost)
				again, err := w.h.CreateRoom(w.Context(), r)
				w.must(err)
				if first != again || len(w.hs.Rooms()) != 1 {
					w.Errorf("rooms %v", w.hs.Rooms())
				}
				got := w.hs.Room(string(first))
				if got.Membership(w.alice.ID) != "invite" || got.Membership(string(w.ghost)) != "invite" {
					w.Error("the invites are not complete")
				}
			})
		})
	}
}

// Two lanes make the same room.
func TestCreateRoomConcurrently(t *testing.T) {
	w := newWorld(t, mt.Options{})
	var g sync.WaitGroup
	ids := make([]id.RoomID, 8)
	for i := range ids {
		g.Go(func() {
			h := w.h
			if i%2 == 1 {
				h = w.restart() // another process
			}
			var err error
			if ids[i], err = h.CreateRoom(t.Context(), Room{Alias: h.Alias("chat")}); err != nil {
				t.Error(err)
			}
		})
	}
	g.Wait()
	for _, room := range ids {
		if room != ids[0] {
			t.Errorf("rooms %v", ids)
		}
	}
}

// The alias leads to a room that is not ours.
func TestCreateRoomHijacked(t *testing.T) {
	for name, make := range map[string]func(w *world, alias string) string{
		"foreign": func(w *world, alias string) string {
			return w.foreign(alias)
		},
		"ours without mark": func(w *world, alias string) string {
			var room struct {
				ID string `json:"room_id"`
			}
			w.as("POST", path("v3", "createRoom"), map[string]any{"room_alias_name": alias}, &room)
			return room.ID
		},
		"bot left": func(w *world, alias string) string {
			room, err := w.h.CreateRoom(w.Context(), Room{Alias: alias})
			w.must(err)
			w.hs.User(string(w.h.BotID())).Leave(string(room))
			return string(room)
		},
	} {
		t.Run(name, func(t *testing.T) {
			virtual(t, mt.Options{}, func(w *world) {
				w.must(w.h.EnsureGhost(w.Context(), w.h.BotID()))
				alias := w.h.Alias("chat")
				foreign := make(w, alias)
				room, err := w.h.CreateRoom(w.Context(), Room{Alias: alias, Name: "real"})
				w.must(err)
				if string(room) == foreign || w.hs.Room(string(room)).Name != "real" {
					w.Error("took the foreign room")
				}
				if got := w.hs.Alias("#" + alias + ":test"); got != string(room) {
					w.Errorf("the alias leads to %s", got)
				}
			})
		})
	}
}

// foreign is a room of alice's that copies everything of ours and holds an
// alias of our namespace, as a misconfigured server would allow it.
func (w *world) foreign(alias string) string {
	bot := w.h.BotID()
	room := w.alice.CreateRoom(map[string]any{"initial_state": []any{
		map[string]any{"type": PortalType, "state_key": "", "content": map[string]any{MarkField: w.h.portalMark(alias)}},
	}, "invite": []string{string(bot)}})
	w.hs.User(string(bot)).Join(room)
	w.as("PUT", path("v3", "directory", "room", w.h.RoomAlias(alias)), map[string]string{"room_id": room}, nil)
	return room
}

func TestPublicAlias(t *testing.T) {
	w := newWorld(t, mt.Options{})
	r := Room{Alias: w.h.Alias("chat"), PublicAlias: "_cw_net_chat", Preset: "public_chat", Listed: true}
	room, err := w.h.CreateRoom(t.Context(), r)
	w.must(err)
	again, err := w.h.CreateRoom(t.Context(), r)
	w.must(err)
	got := w.hs.Room(string(room))
	if again != room || !got.Published || got.JoinRule != "public" || got.State("m.room.canonical_alias", "").Text("alias") != "#_cw_net_chat:test" {
		t.Errorf("room is %+v", got)
	}
	r.Alias = w.h.Alias("other")
	_, err = w.h.CreateRoom(t.Context(), r)
	w.wantKind(err, NotAllowed)
}

func TestCreateRoomErrors(t *testing.T) {
	virtual(t, mt.Options{}, func(w *world) {
		_, err := w.h.CreateRoom(w.Context(), Room{})
		w.wantKind(err, Unknown)
		w.must(w.h.EnsureGhost(w.Context(), w.h.BotID()))
		w.failAll(mt.RouteCreateRoom, mt.Fault{Status: http.StatusTooManyRequests, RetryAfter: time.Hour})
		_, err = w.h.CreateRoom(w.Context(), Room{Alias: w.h.Alias("a")})
		w.wantKind(err, RateLimited)
		w.failOnce(mt.RouteCreateRoom, mt.Fault{Status: http.StatusTooManyRequests, RetryAfter: 3 * time.Second})
		_, err = w.h.CreateRoom(w.Context(), Room{Alias: w.h.Alias("a")})
		w.must(err)
		w.failAll(mt.RouteCreateRoom, mt.Fault{Hang: true})
		_, err = w.h.CreateRoom(w.Context(), Room{Alias: w.h.Alias("b")})
		w.wantKind(err, Unsure)
	})
}

func TestCreateDM(t *testing.T) {
	w := newWorld(t, mt.Options{})
	room, err := w.h.CreateDM(t.Context(), w.h.BotID(), w.aliceID())
	w.must(err)
	w.alice.Join(string(room))
	w.alice.Leave(string(room))
	again, err := w.h.CreateDM(t.Context(), w.h.BotID(), w.aliceID())
	w.must(err)
	if again != room || w.hs.Room(string(room)).Membership(w.alice.ID) != "invite" {
		t.Errorf("%s and %s, alice: %s", room, again, w.hs.Room(string(room)).Membership(w.alice.ID))
	}
}

// What a room was made for is read back, only from a room that the bot made; its
// history is read to the end, with marks and what was redacted.
func TestPastOfRoom(t *testing.T) {
	w := newWorld(t, mt.Options{})
	ctx := t.Context()
	room, err := w.h.CreateRoom(ctx, Room{Alias: w.h.Alias("net", "chat"), Origin: "sealed", Invite: []id.UserID{w.aliceID()}})
	w.must(err)
	if origin, err := w.h.RoomOrigin(ctx, room); err != nil || origin != "sealed" {
		t.Errorf("origin %q, %v", origin, err)
	}
	// Somebody copies it into a room of their own.
	theirs := w.alice.CreateRoom(map[string]any{"invite": []string{string(w.h.BotID())}})
	w.must(w.h.EnsureGhost(ctx, w.h.BotID()))
	w.must(w.h.EnsureJoined(ctx, id.RoomID(theirs), w.h.BotID()))
	w.alice.SetState(theirs, PortalType, "", map[string]any{OriginField: "sealed"})
	if origin, err := w.h.RoomOrigin(ctx, id.RoomID(theirs)); err != nil || origin != "" {
		t.Errorf("origin of somebody else's room: %q, %v", origin, err)
	}

	w.alice.Join(string(room))
	const sent = 250
	at := time.UnixMilli(1_700_000_000_000)
	var last id.EventID
	for i := range sent {
		last, err = w.h.Send(ctx, Event{Room: room, As: w.ghost, Type: event.EventMessage, Content: map[string]any{"msgtype": "m.text", "body": "x"}, Key: []byte{byte(i)}, At: at})
		w.must(err)
	}
	w.alice.SendText(string(room), "hers")
	_, err = w.h.Redact(ctx, room, w.ghost, last, "", []byte("r"), "r")
	w.must(err)
	marks, gone, hers, pages := map[string]bool{}, 0, 0, 0
	w.must(w.h.History(ctx, room, func(page []Past) (bool, error) {
		pages++
		for _, p := range page {
			switch {
			case p.Redacted:
				gone++
				if p.Sender != w.ghost || !p.At.Equal(at) || p.Mark != "" {
					t.Errorf("redacted: %+v", p)
				}
			case p.Mark != "":
				marks[p.Mark] = true
			case !p.Ours && p.Type == event.EventMessage.Type:
				hers++
			}
		}
		return true, nil
	}))
	if len(marks) != sent-1+1 || // and that of the room
		!marks[w.h.Mark([]byte{7}, "", room)] || gone != 1 || hers != 1 || pages < 3 {
		t.Errorf("%d marks, %d redacted, %d of alice, %d pages", len(marks), gone, hers, pages)
	}
	is, err := w.h.Redacted(ctx, room, last)
	if err != nil || !is {
		t.Errorf("redacted: %v, %v", is, err)
	}
	pages = 0
	w.must(w.h.History(ctx, room, func([]Past) (bool, error) { pages++; return false, nil }))
	if pages != 1 {
		t.Errorf("%d pages after the first was enough", pages)
	}
}
