package bridgekit_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/causeway-chat/causeway/bridgekit/config"
	"github.com/causeway-chat/causeway/bridgekit/matrixtest"
	"github.com/causeway-chat/causeway/bridgekit/memnet"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/store"
)

// virtual runs f with a rig in a bubble of its own time.
func virtual(t *testing.T, o rigOptions, f func(r *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, o)
		r.patience = 4 * time.Hour
		f(r)
		if r.stop != nil {
			r.stop()
		}
		r.hs.Close()
	})
}

// withLogin stores logins as the bot would have, and starts the bridge. Each of
// people is "owner account".
func (r *rig) withLogins(people ...string) {
	r.t.Helper()
	c := r.opts.Config
	source := c.Database.Source
	if c.Database.Dialect == config.SQLite {
		source = "sqlite:" + source
	}
	db, err := store.Open(r.t.Context(), source, c.Key.For(config.KeySeal))
	if err != nil {
		r.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(r.t.Context()))
	done := make(chan struct{})
	go func() { defer close(done); _ = db.Run(ctx) }() // it returns the end of ctx
	for _, p := range people {
		owner, account, _ := strings.Cut(p, " ")
		if _, err := db.SaveLogin(ctx, store.Login{Network: netID, Owner: owner, Login: r.net.Account(network.UserID(account))}); err != nil {
			r.t.Fatal(err)
		}
	}
	cancel()
	<-done
	if err := db.Close(); err != nil {
		r.t.Fatal(err)
	}
	r.start()
	for _, p := range people {
		_, account, _ := strings.Cut(p, " ")
		r.connected(account)
	}
}

// solo is a bridge with alice signed in.
func (r *rig) solo() *rig {
	r.t.Helper()
	r.withLogins("@alice:test alice")
	return r
}

func (r *rig) connected(account string) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), r.patience)
	defer cancel()
	if err := r.net.Connected(ctx, network.UserID(account)); err != nil {
		r.t.Fatalf("%s is not connected: %v", account, err)
	}
}

// say has somebody speak on the network.
func (r *rig) say(who, chat, text string) network.MessageID {
	r.t.Helper()
	id, err := r.net.User(network.UserID(who)).Say(network.ChatID(chat), text)
	if err != nil {
		r.t.Fatal(err)
	}
	return id
}

// portal makes a group with alice and carol and its room, and has alice enter.
func (r *rig) portal(name string) (room string) {
	r.t.Helper()
	r.net.Group(network.ChatID(name), "alice", "carol")
	r.say("carol", name, "begin "+name)
	room = r.room(name)
	r.sees(room, "begin "+name)
	membership := func() string { return r.hs.Room(room).Membership(r.alice.ID) }
	// Another's login may have heard it first: then she is invited when hers does.
	r.wait("alice is invited", func() bool { return membership() != "" })
	if membership() != "join" { // her double puppet may come by itself
		r.alice.Join(room)
	}
	return room
}

// sees waits for a text in a room.
func (r *rig) sees(room, text string) {
	r.t.Helper()
	r.wait(fmt.Sprintf("%q in the room", text), func() bool { return slices.Contains(r.bodies(room), text) })
}

// hears waits for a text of somebody on the network.
func (r *rig) hears(chat, who, text string) {
	r.t.Helper()
	r.waitNet(fmt.Sprintf("%q on the network", text), func() bool {
		return slices.Contains(r.net.Texts(network.ChatID(chat), network.UserID(who)), text)
	})
}

// ghost is the ghost of an account.
func ghost(account string) string { return "@_cw_" + string(netID) + "_" + account + ":test" }

// event finds the newest message with a body in a room.
func (r *rig) event(room, body string) *matrixtest.Event {
	r.t.Helper()
	all := r.hs.Room(room).OfType("m.room.message")
	for _, e := range slices.Backward(all) {
		if text(e) == body {
			return e
		}
	}
	r.t.Fatalf("no message %q in the room\n%s", body, r.dump())
	return nil
}

// message finds the newest message with a text on the network.
func (r *rig) message(chat, text string) memnet.Message {
	r.t.Helper()
	for _, m := range slices.Backward(r.net.Messages(network.ChatID(chat))) {
		if m.Text == text {
			return m
		}
	}
	r.t.Fatalf("no message %q in %s: %v", text, chat, r.net.Messages(network.ChatID(chat)))
	return memnet.Message{}
}

// equal compares.
func (r *rig) equal(what string, want, got any) {
	r.t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		r.t.Errorf("%s: %s", what, d)
		r.t.Log(r.dump())
	}
}

// settle lets everything that is on its way arrive: a last message each way in a
// chat's room, behind all others.
func (r *rig) settle(chat, room string) {
	r.t.Helper()
	r.say("carol", chat, "settled in")
	r.sees(room, "settled in")
	r.alice.SendText(room, "settled out")
	r.hears(chat, "alice", "settled out")
	r.say("carol", chat, "settled echo")
	r.sees(room, "settled echo")
}

// unsettled are texts without those of settle and portal.
func unsettled(texts []string) []string {
	return slices.DeleteFunc(texts, func(s string) bool { return strings.HasPrefix(s, "settled") || strings.HasPrefix(s, "begin ") })
}

// relation is an event's m.relates_to.
func relation(e *matrixtest.Event) (rel struct {
	Type  string `json:"rel_type"`
	Event string `json:"event_id"`
	Key   string `json:"key"`
	Reply struct {
		Event string `json:"event_id"`
	} `json:"m.in_reply_to"`
}) {
	var c struct {
		Relates json.RawMessage `json:"m.relates_to"`
	}
	if json.Unmarshal(e.Content, &c) == nil {
		_ = json.Unmarshal(c.Relates, &rel) // without one it is zero
	}
	return rel
}

// notices are what the bot said in a room.
func (r *rig) notices(room string) (out []string) {
	for _, e := range r.hs.Room(room).OfType("m.room.message") {
		if e.Sender == bot {
			out = append(out, text(e))
		}
	}
	return out
}

// notice waits for a notice of the bot that holds some words.
func (r *rig) notice(room, words string) *matrixtest.Event {
	r.t.Helper()
	var found *matrixtest.Event
	r.wait(fmt.Sprintf("a notice with %q", words), func() bool {
		for _, e := range r.hs.Room(room).OfType("m.room.message") {
			if e.Sender == bot && strings.Contains(text(e), words) {
				found = e
				return true
			}
		}
		return false
	})
	return found
}

// management makes a management room for somebody.
func (r *rig) management(u *matrixtest.User) string {
	r.t.Helper()
	room := u.CreateRoom(map[string]any{"is_direct": true, "invite": []string{bot}, "preset": "trusted_private_chat"})
	r.notice(room, "Hello")
	return room
}

// ask gives the bot a command and waits for an answer with some words.
func (r *rig) ask(u *matrixtest.User, room, command, words string) *matrixtest.Event {
	r.t.Helper()
	before := r.hs.RoomLen(room)
	u.SendText(room, command)
	var found *matrixtest.Event
	r.wait(fmt.Sprintf("an answer to %q with %q", command, words), func() bool {
		for _, e := range r.hs.Room(room).Timeline[before:] {
			if e.Sender == bot && strings.Contains(text(e), words) {
				found = e
				return true
			}
		}
		return false
	})
	return found
}
