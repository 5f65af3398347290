package matrix

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	mt "github.com/causeway-chat/causeway/bridgekit/matrixtest"
)

// virtual runs a test in a bubble: all requests are in process.
func virtual(t *testing.T, o mt.Options, f func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, o)
		defer w.hs.Close()
		f(w)
	})
}

func TestSendRequests(t *testing.T) {
	w := newWorld(t, mt.Options{})
	room := w.room()
	w.counts()
	at := time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC)
	e := w.message(room, "k", "hello")
	e.At = at
	eventID, err := w.h.Send(w.Context(), e)
	w.must(err)
	c := w.counts()
	if total(c) != 4 || c[mt.RouteRegister] != 1 || c[mt.RouteInvite] != 1 || c[mt.RouteJoinRoom] != 1 || c[mt.RouteSend] != 1 {
		t.Errorf("first message took %v", c)
	}
	got := w.hs.Event(string(eventID))
	if got == nil || got.Sender != string(w.ghost) || !got.Time().Equal(at) {
		t.Fatalf("event is %+v", got)
	}
	if _, err := w.h.Send(w.Context(), w.message(room, "k2", "again")); err != nil {
		t.Fatal(err)
	}
	if c := w.counts(); total(c) != 1 {
		t.Errorf("second message took %v", c)
	}
	w.h = w.restart()
	if _, err := w.h.Send(w.Context(), w.message(room, "k3", "after restart")); err != nil {
		t.Fatal(err)
	}
	if c := w.counts(); total(c) != 1 {
		t.Errorf("message after a restart took %v", c)
	}
	w.wantBodies(room, "hello", "again", "after restart")
}

// The answer is lost in every way there is; the message is in the room once.
func TestSendOnce(t *testing.T) {
	for name, f := range map[string]mt.Fault{
		"response lost":       {LoseResponse: true},
		"request lost":        {LoseRequest: true},
		"response cut":        {CutAfter: 5},
		"504 after it":        {Status: http.StatusGatewayTimeout, Perform: true},
		"504 before it":       {Status: http.StatusGatewayTimeout},
		"502 after it":        {Status: http.StatusBadGateway, Perform: true},
		"503 before it":       {Status: http.StatusServiceUnavailable},
		"hangs after it":      {Hang: true, Perform: true},
		"hangs before it":     {Hang: true},
		"finishes too late":   {Latency: 30*time.Second + 500*time.Millisecond},
		"timeout just missed": {Latency: 29 * time.Second},
	} {
		for i := range 4 {
			restarted, flavor := i%2 == 1, mt.Flavor(i/2)
			t.Run(fmt.Sprintf("%s/restart=%v/flavor=%d", name, restarted, flavor), func(t *testing.T) {
				virtual(t, mt.Options{Flavor: flavor}, func(w *world) {
					room := w.room()
					var once sync.Once
					w.hs.Faults.Set(func(c mt.Call) (out mt.Fault) {
						if c.Route == mt.RouteSend {
							once.Do(func() { out = f })
						}
						if restarted && c.Route == mt.RouteVersions {
							w.hs.Restart() // and it forgot our transaction ID
						}
						return out
					})
					eventID, err := w.h.Send(w.Context(), w.message(room, "k", "hello"))
					w.must(err)
					time.Sleep(time.Minute) // virtual: what still runs finishes
					w.wantBodies(room, "hello")
					if w.hs.Room(string(room)).Event(string(eventID)) == nil {
						t.Errorf("%s is not in the room", eventID)
					}
					if !w.h.Up() {
						t.Error("the circuit opened")
					}
				})
			})
		}
	}
}

// A process dies between the send and its record; the next one looks first.
func TestSendLookup(t *testing.T) {
	virtual(t, mt.Options{}, func(w *world) {
		room := w.room()
		first, err := w.h.Send(w.Context(), w.message(room, "k", "hello"))
		w.must(err)
		for i := range 250 { // others' events do not push it out of reach
			w.alice.SendText(string(room), fmt.Sprint(i))
		}
		w.hs.Restart()
		w.h = w.restart()
		e := w.message(room, "k", "hello")
		e.Lookup = true
		again, err := w.h.Send(w.Context(), e)
		w.must(err)
		if again != first || len(w.bodies(room)) != 251 {
			t.Errorf("sent again: %s and %s", first, again)
		}
		e = w.message(room, "new", "second")
		e.Lookup = true
		if _, err := w.h.Send(w.Context(), e); err != nil {
			t.Fatal(err)
		}
		if got := w.bodies(room); got[len(got)-1] != "second" {
			t.Error("what was not there was not sent")
		}
		// When nobody can say, nothing is sent.
		w.failAll(mt.RouteMessages, mt.Fault{Status: http.StatusInternalServerError})
		e = w.message(room, "third", "third")
		e.Lookup = true
		_, err = w.h.Send(w.Context(), e)
		w.wantKind(err, Server)
		if !MaybeDone(err) {
			t.Error("a failed lookup lost the doubt")
		}
	})
}

// A process dies during the send; the server goes on with it, and shows the event
// when the next process has looked.
func TestSendLookupTooEarly(t *testing.T) {
	virtual(t, mt.Options{Flavor: mt.Dendrite}, func(w *world) {
		room := w.room()
		w.failAll(mt.RouteSend, mt.Fault{Latency: 700 * time.Millisecond})
		ctx, cancel := context.WithTimeout(w.Context(), 100*time.Millisecond)
		defer cancel()
		if _, err := w.h.Send(ctx, w.message(room, "k", "hello")); !MaybeDone(err) {
			t.Fatalf("the first process knows what became of it: %v", err)
		}
		w.hs.Faults.Set(nil)
		w.h = w.restart()
		e := w.message(room, "k", "hello")
		e.Lookup = true
		_, err := w.h.Send(w.Context(), e)
		w.must(err)
		time.Sleep(time.Minute) // virtual
		w.wantBodies(room, "hello")
	})
}

// What was removed has lost its mark: then it is not known whether it was there.
func TestFindRemoved(t *testing.T) {
	w := newWorld(t, mt.Options{})
	room := w.room()
	first, err := w.h.Send(w.Context(), w.message(room, "k", "hello"))
	w.must(err)
	mark, before := w.h.Mark([]byte("k"), "0", room), time.Now()
	if found, ok, doubt, err := w.h.FindSince(w.Context(), room, mark, before); err != nil || !ok || doubt || found != first {
		t.Errorf("FindSince = %s, %v, %v, %v; want %s", found, ok, doubt, err, first)
	}
	if _, ok, doubt, err := w.h.FindSince(w.Context(), room, "other", time.Time{}); err != nil || ok || doubt {
		t.Errorf("of no time, FindSince = %v, %v, %v", ok, doubt, err)
	}
	if _, ok, doubt, err := w.h.FindSince(w.Context(), room, "other", before); err != nil || ok || doubt {
		t.Errorf("without any redaction: %v, %v, %v", ok, doubt, err)
	}
	_, err = w.h.Redact(w.Context(), room, w.h.BotID(), first, "", []byte("r"), "0")
	w.must(err)
	if _, ok, doubt, err := w.h.FindSince(w.Context(), room, mark, before); err != nil || ok || !doubt {
		t.Errorf("after its redaction: %v, %v, %v", ok, doubt, err)
	}
	if _, ok, doubt, err := w.h.FindSince(w.Context(), room, mark, time.Time{}); err != nil || ok || !doubt {
		t.Errorf("of no time, removed since, FindSince = %v, %v, %v", ok, doubt, err)
	}
	if _, _, doubt, err := w.h.FindSince(w.Context(), room, mark, before.Add(time.Hour)); err != nil || doubt {
		t.Errorf("a redaction of long ago leaves a doubt: %v, %v", doubt, err)
	}
}

// A mark that somebody copied is not ours.
func TestFindForged(t *testing.T) {
	w := newWorld(t, mt.Options{})
	room := w.room()
	first, err := w.h.Send(w.Context(), w.message(room, "k", "hello"))
	w.must(err)
	mark := w.h.Mark([]byte("k"), "0", room)
	w.alice.Send(string(room), "m.room.message", map[string]any{"msgtype": "m.text", "body": "copy", MarkField: mark})
	w.alice.Send(string(room), "m.room.message", map[string]any{"msgtype": "m.text", "body": "odd", MarkField: map[string]any{"x": 1}})
	found, ok, err := w.h.Find(w.Context(), room, mark)
	if err != nil || !ok || found != first {
		t.Errorf("Find = %s, %v, %v; want %s", found, ok, err, first)
	}
	if _, ok, err := w.h.Find(w.Context(), room, "other"); ok || err != nil {
		t.Errorf("Find of nothing = %v, %v", ok, err)
	}
}

func TestTwoGhostsOneKey(t *testing.T) {
	for _, flavor := range []mt.Flavor{mt.Synapse, mt.Dendrite} {
		w := newWorld(t, mt.Options{Flavor: flavor})
		room := w.room()
		a, err := w.h.Send(w.Context(), w.message(room, "k", "one"))
		w.must(err)
		w.ghost = w.h.GhostID("net", "carol")
		b, err := w.h.Send(w.Context(), w.message(room, "k", "two"))
		w.must(err)
		if a == b {
			t.Error("the second ghost's message was swallowed")
		}
		w.wantBodies(room, "one", "two")
	}
}

func TestSendRefusals(t *testing.T) {
	w := newWorld(t, mt.Options{})
	room := w.room()
	_, err := w.h.Send(w.Context(), w.message(room, "k", "hello"))
	w.must(err)

	w.failOnce(mt.RouteSend, mt.Fault{Status: http.StatusTooManyRequests, RetryAfter: 7 * time.Second})
	_, err = w.h.Send(w.Context(), w.message(room, "limited", "x"))
	w.wantKind(err, RateLimited)
	if WaitOf(err) != 7*time.Second || MaybeDone(err) {
		t.Errorf("429: wait %v, maybe %v", WaitOf(err), MaybeDone(err))
	}

	w.failOnce(mt.RouteSend, mt.Fault{Status: http.StatusInternalServerError})
	_, err = w.h.Send(w.Context(), w.message(room, "broken", "x"))
	w.wantKind(err, Server)

	w.hs.ResetRequests()
	_, err = w.h.Send(w.Context(), w.message(room, "big", strings.Repeat("<", 64<<10)))
	w.wantKind(err, TooLarge)
	if n := total(w.counts()); n != 0 {
		t.Errorf("%d requests for what can never work", n)
	}
	if _, err := w.h.Send(w.Context(), w.message(room, "fits", strings.Repeat("<", 61<<10))); err != nil {
		t.Errorf("61 KB: %v", err)
	}
	e := w.message(room, "odd", "")
	e.Content = 5
	_, err = w.h.Send(w.Context(), e)
	w.wantKind(err, Unknown)

	e = w.message(room, "stranger", "x")
	e.As = "@mallory:elsewhere"
	_, err = w.h.Send(w.Context(), e)
	w.wantKind(err, Auth)

	w.opts.ASToken = "wrong"
	_, err = w.restart().Send(w.Context(), w.message(room, "token", "x"))
	w.wantKind(err, Auth)

	w.state.fail = errTest
	_, err = w.h.Send(w.Context(), w.message(room, "storage", "x"))
	if !errors.Is(err, errTest) {
		t.Errorf("storage failure: %v", err)
	}
}

func TestSendMembership(t *testing.T) {
	w := newWorld(t, mt.Options{})
	room := w.room()
	send := func(key string) error {
		w.Helper()
		_, err := w.h.Send(w.Context(), w.message(room, key, key))
		return err
	}
	w.must(send("1"))
	bot := w.hs.User(string(w.h.BotID()))

	bot.Kick(string(room), string(w.ghost))
	w.must(send("kicked")) // comes back

	bot.Kick(string(room), string(w.ghost))
	w.must(w.h.Observe(w.Context(), room, w.ghost, event.MembershipLeave))
	w.counts()
	w.must(send("observed"))
	if c := w.counts(); c[mt.RouteSend] != 1 || total(c) != 3 {
		t.Errorf("a known kick took %v", c)
	}

	// Muted: allowed in, not to speak.
	power := map[string]any{"users": map[string]int{string(w.h.BotID()): 100, string(w.ghost): -1}}
	bot.SetState(string(room), "m.room.power_levels", "", power)
	w.counts()
	w.wantKind(send("muted"), NotAllowed)
	if c := w.counts(); total(c) != 3 || c[mt.RouteGetState] != 2 {
		t.Errorf("finding out about a mute took %v", c)
	}
	bot.SetState(string(room), "m.room.power_levels", "", map[string]any{"users": map[string]int{string(w.h.BotID()): 100}})

	bot.Ban(string(room), string(w.ghost))
	w.wantKind(send("banned"), Banned)
	w.wantKind(send("banned again"), Banned)
	bot.Unban(string(room), string(w.ghost))
	w.must(send("unbanned"))

	// The server lost the ghost's account.
	w.state.facts["reg "+string(w.h.GhostID("net", "lost"))] = "1"
	w.state.facts["join "+string(room)+" "+string(w.h.GhostID("net", "lost"))] = "join"
	w.ghost = w.h.GhostID("net", "lost")
	w.must(send("lost account"))

	bot.Leave(string(room))
	w.must(send("still in"))
	w.ghost = w.h.GhostID("net", "new")
	w.wantKind(send("bot is out"), RoomGone)
	w.wantBodies(room, "1", "kicked", "observed", "unbanned", "lost account", "still in")
}

func TestSendAsPerson(t *testing.T) {
	w := newWorld(t, mt.Options{})
	room := w.room()
	e := w.message(room, "k", "from my phone")
	e.As = w.aliceID()
	eventID, err := w.h.Send(w.Context(), e)
	w.must(err)
	got := w.hs.Event(string(eventID))
	if got.Sender != w.alice.ID || !w.h.Ours(room, w.aliceID(), got.Content) {
		t.Errorf("event %s by %s is not recognised", got.Content, got.Sender)
	}
	own := w.alice.SendText(string(room), "typed")
	if w.h.Ours(room, w.aliceID(), w.hs.Event(own).Content) {
		t.Error("what alice typed counts as ours")
	}
	w.alice.Leave(string(room))
	_, err = w.h.Send(w.Context(), e)
	if err == nil { // the same transaction: the server may answer from its cache
		e.Key = []byte("k2")
		_, err = w.h.Send(w.Context(), e)
	}
	w.wantKind(err, NotJoined)
	if m := w.hs.Room(string(room)).Membership(w.alice.ID); m != "leave" {
		t.Errorf("alice was dragged back: %s", m)
	}
}

func TestReactionTwice(t *testing.T) {
	w := newWorld(t, mt.Options{})
	room := w.room()
	target := w.alice.SendText(string(room), "hi")
	e := w.message(room, "k", "")
	e.Type = event.EventReaction
	e.Content = map[string]any{"m.relates_to": map[string]any{"rel_type": "m.annotation", "event_id": target, "key": "👍"}}
	first, err := w.h.Send(w.Context(), e)
	w.must(err)
	e.Key = []byte("other")
	second, err := w.h.Send(w.Context(), e)
	if err != nil || second != first {
		t.Errorf("second reaction: %s, %v; want %s", second, err, first)
	}
}

func TestRedactOnce(t *testing.T) {
	for _, f := range []mt.Fault{{LoseResponse: true}, {LoseRequest: true}, {Status: 504, Perform: true}} {
		virtual(t, mt.Options{}, func(w *world) {
			room := w.room()
			target, err := w.h.Send(w.Context(), w.message(room, "k", "hello"))
			w.must(err)
			w.failOnce(mt.RouteRedact, f)
			by, err := w.h.Redact(w.Context(), room, w.ghost, target, "because", []byte("r"), "0")
			w.must(err)
			w.wantBodies(room)
			n := 0
			for _, e := range w.hs.Room(string(room)).Timeline {
				if e.Type == "m.room.redaction" {
					n++
					if e.ID != string(by) {
						t.Errorf("redaction is %s, told %s", e.ID, by)
					}
				}
			}
			if n != 1 {
				t.Errorf("%d redactions", n)
			}
		})
	}
}

func TestSendStateOnce(t *testing.T) {
	virtual(t, mt.Options{}, func(w *world) {
		room := w.room()
		w.failOnce(mt.RouteState, mt.Fault{LoseResponse: true})
		_, err := w.h.SendState(w.Context(), room, w.h.BotID(), event.StateTopic, "", map[string]any{"topic": "new"}, time.Time{})
		w.must(err)
		if n := len(w.hs.Room(string(room)).OfType("m.room.topic")); n != 1 {
			t.Errorf("%d topics set", n)
		}
		var got struct{ Topic string }
		w.must(w.h.State(w.Context(), room, event.StateTopic, "", &got))
		if got.Topic != "new" {
			t.Errorf("topic is %q", got.Topic)
		}
		w.wantKind(w.h.State(w.Context(), room, event.StateRoomAvatar, "", &got), NotFound)
	})
}

func TestSendCancelled(t *testing.T) {
	virtual(t, mt.Options{}, func(w *world) {
		room := w.room()
		w.must(w.h.EnsureJoined(w.Context(), room, w.ghost))
		w.failAll(mt.RouteSend, mt.Fault{Hang: true})
		ctx, cancel := context.WithTimeout(w.Context(), time.Second)
		defer cancel()
		_, err := w.h.Send(ctx, w.message(room, "k", "x"))
		w.wantKind(err, Unsure)
		if !errors.Is(err, context.DeadlineExceeded) || !MaybeDone(err) || !w.h.Up() {
			t.Errorf("%v, maybe %v, up %v", err, MaybeDone(err), w.h.Up())
		}
	})
}

func TestGetEvent(t *testing.T) {
	w := newWorld(t, mt.Options{})
	room := w.room()
	eventID := w.alice.SendText(string(room), "hi")
	evt, err := w.h.GetEvent(w.Context(), room, id.EventID(eventID))
	w.must(err)
	if evt.Content.AsMessage().Body != "hi" || evt.RoomID != room {
		t.Errorf("event is %+v", evt)
	}
	_, err = w.h.GetEvent(w.Context(), room, "$nothing")
	w.wantKind(err, NotFound)
}

func TestErrorTexts(t *testing.T) {
	for k := Unknown; k <= Server; k++ {
		if strings.HasPrefix(k.String(), "kind") || k != Unknown && userTexts()[k] == "" {
			t.Errorf("kind %d has no words", k)
		}
	}
	secret := &Error{Kind: Server, Err: errors.New("secret cause")}
	if strings.Contains(UserText(fmt.Errorf("wrap: %w", secret)), "secret") || UserText(errTest) == "" {
		t.Error("a cause is shown to people")
	}
	if Kind(99).String() != "kind 99" {
		t.Error("unknown kind")
	}
	if !sameJSON(json.RawMessage(`{"a":1,"b":[2]}`), json.RawMessage(`{ "b":[2], "a":1.0 }`)) || sameJSON([]byte(`{}`), []byte(`{"a":1}`)) {
		t.Error("sameJSON")
	}
}
