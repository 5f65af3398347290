package matrix

import (
	"testing"
	"time"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	mt "github.com/causeway-chat/causeway/bridgekit/matrixtest"
)

func TestPuppet(t *testing.T) {
	virtual(t, mt.Options{}, func(w *world) {
		ok, err := w.h.Puppet(w.Context(), w.aliceID())
		if !ok || err != nil {
			t.Fatalf("Puppet = %v, %v", ok, err)
		}
		w.counts()
		if ok, _ := w.restart().Puppet(w.Context(), w.aliceID()); !ok || total(w.counts()) != 0 {
			t.Error("a yes was not remembered")
		}
		for _, u := range []id.UserID{"@bob:elsewhere", w.ghost, w.h.BotID()} {
			if ok, err := w.h.Puppet(w.Context(), u); ok || err != nil {
				t.Errorf("Puppet(%s) = %v, %v", u, ok, err)
			}
		}
		// A no is asked again after a minute, an outage at once.
		if ok, err := w.h.Puppet(w.Context(), "@later:test"); ok || err != nil {
			t.Errorf("unregistered: %v, %v", ok, err)
		}
		w.hs.CreateUser("later", "pw")
		if ok, _ := w.h.Puppet(w.Context(), "@later:test"); ok {
			t.Error("asked again at once")
		}
		time.Sleep(puppetRetry)
		if ok, _ := w.h.Puppet(w.Context(), "@later:test"); !ok {
			t.Error("never asked again")
		}
		w.must(w.h.ForgetPuppet(w.Context(), "@later:test"))
		w.failOnce(mt.RouteWhoami, mt.Fault{Status: 500})
		if _, err := w.h.Puppet(w.Context(), "@later:test"); err == nil {
			t.Error("a failing server means no")
		}
		if ok, _ := w.h.Puppet(w.Context(), "@later:test"); !ok {
			t.Error("an outage was remembered as no")
		}
	})
}

func TestAccount(t *testing.T) {
	w := newWorld(t, mt.Options{})
	room := w.room()
	eventID := id.EventID(w.alice.SendText(string(room), "hi"))
	ctx := w.Context()
	w.must(w.h.EnsureJoined(ctx, room, w.ghost))
	w.must(w.h.Typing(ctx, room, w.ghost, time.Minute))
	if got := w.hs.Room(string(room)).Typing; len(got) != 1 {
		t.Errorf("typing: %v", got)
	}
	w.must(w.h.Typing(ctx, room, w.ghost, 0))
	w.must(w.h.Receipt(ctx, room, w.ghost, eventID, false))
	w.must(w.h.Receipt(ctx, room, w.aliceID(), eventID, true))
	r := w.hs.Room(string(room))
	if r.Receipt(string(w.ghost), "m.read", "") != string(eventID) || r.Receipt(w.alice.ID, "m.read.private", "") != string(eventID) || len(r.Typing) != 0 {
		t.Error("receipts or typing are wrong")
	}
	w.must(w.h.Presence(ctx, w.ghost, event.PresenceOnline, "here"))
	if _, status := w.hs.Presence(string(w.ghost)); status != "here" {
		t.Errorf("status is %q", status)
	}
	var direct map[string][]id.RoomID
	w.wantKind(w.h.AccountData(ctx, w.aliceID(), "m.direct", &direct), NotFound)
	w.must(w.h.SetAccountData(ctx, w.aliceID(), "m.direct", map[string]any{string(w.ghost): []id.RoomID{room}}))
	w.must(w.h.AccountData(ctx, w.aliceID(), "m.direct", &direct))
	if len(direct[string(w.ghost)]) != 1 {
		t.Errorf("m.direct is %v", direct)
	}
	w.must(w.h.SetRoomAccountData(ctx, room, w.aliceID(), "x", map[string]int{"y": 1}))
	w.must(w.h.SetTag(ctx, room, w.aliceID(), "m.favourite"))
	w.must(w.h.DeleteTag(ctx, room, w.aliceID(), "m.favourite"))
	rooms, err := w.h.JoinedRooms(ctx, w.ghost)
	if err != nil || len(rooms) != 1 {
		t.Errorf("rooms %v, %v", rooms, err)
	}
	members, err := w.h.Members(ctx, room)
	if err != nil || members[w.ghost] != event.MembershipJoin || len(members) != 3 {
		t.Errorf("members %v, %v", members, err)
	}
	w.must(w.h.Leave(ctx, room, w.ghost, "bye"))
	w.must(w.h.Leave(ctx, room, w.ghost, "bye"))
	w.must(w.h.Ban(ctx, room, w.h.BotID(), w.ghost, ""))
	w.wantKind(w.h.EnsureJoined(ctx, room, w.ghost), Banned)
	w.must(w.h.Unban(ctx, room, w.h.BotID(), w.ghost, ""))
	w.must(w.h.EnsureJoined(ctx, room, w.ghost))
	w.must(w.h.Kick(ctx, room, w.h.BotID(), w.ghost, ""))
	if m := w.hs.Room(string(room)).Membership(string(w.ghost)); m != "leave" {
		t.Errorf("membership is %s", m)
	}
}
