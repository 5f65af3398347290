//go:build goolm

package crypt

import (
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
	"maunium.net/go/mautrix/crypto"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/matrix"
	"github.com/causeway-chat/causeway/bridgekit/matrixtest"
)

// hold lets no /sync of the bot through until it is called off.
func (w *world) hold() (release func()) {
	var held atomic.Bool
	held.Store(true)
	w.hs.Faults.Set(func(c matrixtest.Call) matrixtest.Fault {
		if c.Route == matrixtest.RouteSync && c.User == string(bot) && held.Load() {
			return matrixtest.Fault{Status: 500}
		}
		return matrixtest.Fault{}
	})
	return func() { held.Store(false) }
}

// TestKeyAfterMessage: an event that comes before its key waits for it, and is told
// when it is there.
func TestKeyAfterMessage(t *testing.T) {
	w := newWorld(t, matrixtest.Options{}, true)
	w.start()
	alice := w.person("alice")
	room := w.ghostRoom(nil, alice)
	release := w.hold()
	w.hs.Restart() // ends the poll that waits
	w.until("a poll is refused", func() bool { return w.Status(w.ctx).Problem != "" })
	raw := alice.text(room, "early")
	nk := w.noKey(raw)
	if nk.Room != room || nk.Session != sessionOf(raw) || nk.Sender != id.UserID(alice.ID) || nk.Device != alice.client.DeviceID || nk.Withheld != "" || nk.UserText() == "" {
		t.Errorf("no key: %+v", nk)
	}
	if has, err := w.HasKey(w.ctx, nk.Room, nk.Session); err != nil || has {
		t.Errorf("has key: %v, %v", has, err)
	}
	release()
	w.told(raw)
	if got := w.body(raw); got != "early" {
		t.Errorf("read %q", got)
	}
	w.until("the problem is over", func() bool { return w.Status(w.ctx).Problem == "" })
}

// TestKilled: between the homeserver's answer and its storing, between the key and
// its event, and before the homeserver is asked again.
func TestKilled(t *testing.T) {
	w := newWorld(t, matrixtest.Options{}, true)
	w.start()
	alice := w.person("alice")
	room := w.ghostRoom(nil, alice)

	before, give := w.ownWhilePolling() // what comes cannot be stored
	raw := alice.text(room, "first")
	w.until("the answer came", func() bool { return w.polls.Load() > before })
	w.stopNow(give)
	w.start()
	w.key(raw)

	w.stop() // the key is there, its event has not come
	w.start()
	if got := w.body(raw); got != "first" {
		t.Errorf("read %q", got)
	}

	// While it is down.
	w.stop()
	alice.state.SetMembership(w.ctx, room, "@nobody:test", event.MembershipJoin)
	w.check(alice.mach.CryptoStore.RemoveOutboundGroupSession(w.ctx, room))
	alice.sync()
	alice.share(room)
	w.start()
	raw = alice.postShared(room, event.EventMessage, text("second"))
	w.key(raw)
	if got := w.body(raw); got != "second" {
		t.Errorf("read %q", got)
	}
	// The homeserver gives everything again, as if the position had been lost.
	since, err := w.state(w.ctx, stateSince)
	w.check(err)
	if since == "" {
		t.Error("no position is stored")
	}
}

// ownWhilePolling takes the token of olm while a /sync is under way, which is the last
// until give; it is answered when there are more polls than before. An answer that was
// there already would wait for the token, and no other be asked for.
func (w *world) ownWhilePolling() (before int64, give func()) {
	w.Helper()
	w.until("a poll is under way", func() bool {
		var err error
		give, err = w.own(w.ctx)
		w.check(err)
		if before = w.polls.Load(); w.asked.Load() > before {
			return true
		}
		give()
		return false
	})
	return before, give
}

// stopNow stops a bridge that waits for the token of olm.
func (w *world) stopNow(give func()) {
	w.cancel()
	<-w.ended
	give()
	w.check(w.bridge.o.DB.Close())
	w.bridge = nil
}

// TestStoreFails: what cannot be stored is not counted as received, and what was
// in memory of it is gone.
func TestStoreFails(t *testing.T) {
	for _, table := range []string{"crypto_megolm_inbound_session", "crypto_olm_session", "crypto_olm_message_hash", "state"} {
		t.Run(table, func(t *testing.T) {
			w := newWorld(t, matrixtest.Options{}, true)
			w.start()
			alice := w.person("alice")
			room := w.ghostRoom(nil, alice)
			w.key(alice.text(room, "a session between the devices is there"))
			for _, when := range []string{"INSERT", "UPDATE"} {
				_, err := w.o.DB.sql.Exec(`CREATE TRIGGER full_` + when + ` BEFORE ` + when + ` ON ` + table + ` BEGIN SELECT RAISE(FAIL, 'disk is full'); END`)
				w.check(err)
			}
			w.check(alice.mach.CryptoStore.RemoveOutboundGroupSession(w.ctx, room))
			raw := alice.text(room, "not lost")
			w.until("storing fails", func() bool { return w.Status(w.ctx).Problem != "" })
			w.noKey(raw)
			for _, when := range []string{"INSERT", "UPDATE"} {
				_, err := w.o.DB.sql.Exec(`DROP TRIGGER full_` + when)
				w.check(err)
			}
			w.key(raw)
			if got := w.body(raw); got != "not lost" {
				t.Errorf("read %q", got)
			}
		})
	}
}

// TestHomeserverDown: while keys are sent, in each of the requests.
func TestHomeserverDown(t *testing.T) {
	for _, route := range []string{matrixtest.RouteMembers, matrixtest.RouteQueryKeys, matrixtest.RouteClaimKeys, matrixtest.RouteSendToDevice} {
		for name, fault := range map[string]matrixtest.Fault{"lost request": {LoseRequest: true}, "lost answer": {LoseResponse: true}, "error": {Status: 500}} {
			t.Run(route+" "+name, func(t *testing.T) {
				w := newWorld(t, matrixtest.Options{}, true)
				w.start()
				alice := w.person("alice")
				room := w.ghostRoom(nil, alice)
				var hit atomic.Int32
				w.hs.Faults.Set(func(c matrixtest.Call) matrixtest.Fault {
					if c.Route == route && c.User == string(bot) && hit.Add(1) == 1 {
						return fault
					}
					return matrixtest.Fault{}
				})
				if enc, err := w.Encrypt(w.ctx, room, event.EventMessage, text("x")); err == nil {
					t.Errorf("encrypted, though nobody has the key: %s", enc)
				} else if matrix.KindOf(err) == matrix.Unknown {
					t.Errorf("the error has no kind: %v", err)
				}
				alice.reads(w.say(room, text("after it")), "after it")
			})
		}
	}
	t.Run("all", func(t *testing.T) {
		w := newWorld(t, matrixtest.Options{}, true)
		w.start()
		alice := w.person("alice")
		room := w.ghostRoom(nil, alice)
		w.hs.Faults.Down(matrixtest.Refusing)
		_, err := w.Encrypt(w.ctx, room, event.EventMessage, text("x"))
		if matrix.KindOf(err) != matrix.Down {
			t.Errorf("encrypt while the homeserver is away: %v", err)
		}
		w.hs.Faults.Down(matrixtest.Running)
		w.check(w.h.Wait(w.ctx))
		alice.reads(w.say(room, text("after it")), "after it")
		raw := alice.text(room, "and back")
		w.key(raw)
	})
}

// TestStartsWithoutHomeserver: it is set up as soon as it is there.
func TestStartsWithoutHomeserver(t *testing.T) {
	w := newWorld(t, matrixtest.Options{}, true)
	w.hs.Faults.Down(matrixtest.Unavailable)
	w.run()
	w.until("it is seen to be away", func() bool { return !w.h.Up() })
	if s := w.Status(w.ctx); s.Ready {
		t.Errorf("status: %+v", s)
	}
	w.hs.Faults.Down(matrixtest.Running)
	w.until("the device is ready", func() bool { s := w.Status(w.ctx); return s.Ready && s.Signed && s.Problem == "" })
}

// TestLostStore: a new device with the same identity; the old one is gone.
func TestLostStore(t *testing.T) {
	w := newWorld(t, matrixtest.Options{}, true)
	w.start()
	alice := w.person("alice")
	room := w.ghostRoom(nil, alice)
	talk(w, alice, room)
	old, master := w.Status(w.ctx).Device, string(w.dev.identity.MasterKey)
	w.stop()
	w.source += "2"
	w.start()
	if s := w.Status(w.ctx); s.Device == old || !s.Signed || string(w.dev.identity.MasterKey) != master {
		t.Errorf("after the loss: %+v; identity kept: %v", s, string(w.dev.identity.MasterKey) == master)
	}
	alice.sync()
	if devices := alice.mach.LoadDevices(w.ctx, bot); devices[old] != nil || len(devices) != 1 {
		t.Errorf("devices of the bot: %v", devices)
	}
	w.check(alice.mach.CryptoStore.RemoveOutboundGroupSession(w.ctx, room))
	talk(w, alice, room)

	// The other way round: the secrets are gone, so nobody can open the database.
	w.stop()
	w.memory.set("secret "+secretSeal, "")
	old = ""
	w.start()
	w.check(alice.mach.CryptoStore.RemoveOutboundGroupSession(w.ctx, room))
	alice.sync()
	talk(w, alice, room)
}

// TestSignedOut: somebody removes the bot's device.
func TestSignedOut(t *testing.T) {
	for _, msc4190 := range []bool{true, false} {
		w := newWorld(t, matrixtest.Options{}, msc4190)
		w.start()
		alice := w.person("alice")
		room := w.ghostRoom(nil, alice)
		talk(w, alice, room)
		device := w.Status(w.ctx).Device
		w.hs.RemoveDevice(string(bot), string(device))
		w.until("the device is there again", func() bool {
			return alice.mach.LoadDevices(w.ctx, bot)[device] != nil
		})
		w.check(alice.mach.CryptoStore.RemoveOutboundGroupSession(w.ctx, room))
		talk(w, alice, room)
		w.stop()
	}
}

// TestTakenOver: of two processes on one database the later one is in charge.
func TestTakenOver(t *testing.T) { each(t, takenOver) }

func takenOver(t *testing.T, w *world) {
	alice := w.person("alice")
	room := w.ghostRoom(nil, alice)
	w.say(room, text("mine"))
	first := w.bridge
	w.start()
	second := w.bridge
	if _, err := first.Encrypt(w.ctx, room, event.EventMessage, text("x")); !errors.Is(err, ErrTakenOver) {
		t.Errorf("encrypt after another has taken over: %v", err)
	}
	alice.text(room, "wakes it")
	<-first.done
	if !errors.Is(first.err, ErrTakenOver) {
		t.Errorf("run ended with %v", first.err)
	}
	w.bridge = second
	alice.reads(w.say(room, text("now mine")), "now mine")
	first.cancel()
	<-first.ended
	w.check(first.o.DB.Close())
}

// TestUnreadable: what is damaged or repeated will never be readable, and says so.
func TestUnreadable(t *testing.T) {
	w := newWorld(t, matrixtest.Options{}, true)
	w.start()
	alice := w.person("alice")
	room := w.ghostRoom(nil, alice)
	raw := alice.text(room, "good")
	w.key(raw)
	w.body(raw)
	change := func(f func(evt, content map[string]any)) json.RawMessage {
		var evt map[string]any
		w.check(json.Unmarshal(raw, &evt))
		f(evt, evt["content"].(map[string]any))
		out, err := json.Marshal(evt)
		w.check(err)
		return out
	}
	for name, bad := range map[string]json.RawMessage{
		"repetition": change(func(evt, _ map[string]any) { evt["event_id"] = "$other" }),
		"damage": change(func(_, c map[string]any) {
			b := []byte(c["ciphertext"].(string))
			b[len(b)-40] ^= 2
			c["ciphertext"] = string(b)
		}),
		"short":     change(func(_, c map[string]any) { c["ciphertext"] = "AwgA" }),
		"redacted":  change(func(evt, _ map[string]any) { evt["content"] = map[string]any{} }),
		"algorithm": change(func(_, c map[string]any) { c["algorithm"] = "m.olm.v1.curve25519-aes-sha2" }),
		"state":     change(func(evt, _ map[string]any) { evt["state_key"] = "" }),
		"clear":     change(func(evt, _ map[string]any) { evt["type"] = "m.room.message" }),
		"no event":  json.RawMessage(`[]`),
	} {
		_, err := w.Decrypt(w.ctx, bad)
		var u *Unreadable
		if !errors.As(err, &u) || u.UserText() == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
	// An event of this session in another room has no key there.
	if nk := w.noKey(change(func(evt, _ map[string]any) { evt["room_id"] = "!other:test" })); nk.Room != "!other:test" {
		t.Errorf("in another room: %+v", nk)
	}
	// What the database does not give now, it may give later.
	w.check(w.o.DB.Close())
	_, err := w.Decrypt(w.ctx, raw)
	var u *Unreadable
	var nk *NoKey
	if err == nil || errors.As(err, &u) || errors.As(err, &nk) {
		t.Errorf("without a database: %v", err)
	}
}

// TestManyAtOnce: rooms do not wait for each other for ever, and no number of a
// session is used twice.
func TestManyAtOnce(t *testing.T) { each(t, manyAtOnce) }

func manyAtOnce(t *testing.T, w *world) {
	alice := w.person("alice")
	const rooms, each = 4, 12
	var at []id.RoomID
	for range rooms {
		at = append(at, w.ghostRoom(map[string]any{"rotation_period_msgs": 5}, alice))
	}
	var mu sync.Mutex
	var sent []json.RawMessage
	var group sync.WaitGroup
	for i := range rooms * each {
		group.Go(func() {
			enc, err := w.Encrypt(w.ctx, at[i%rooms], event.EventMessage, text("x"))
			if err != nil {
				t.Error(err)
				return
			}
			if i%7 == 0 {
				if err := w.Changed(w.ctx, at[i%rooms]); err != nil {
					t.Error(err)
				}
			}
			raw, err := json.Marshal(map[string]any{
				"type": "m.room.encrypted", "sender": ghost, "event_id": "$" + time.Now().String(), "room_id": at[i%rooms],
				"origin_server_ts": i, "content": enc,
			})
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			sent = append(sent, raw)
		})
	}
	group.Wait()
	for _, raw := range sent {
		alice.reads(raw, "x")
	}
}

// TestWedged: the session between two devices is lost on one side. It begins a new
// one, and from then on keys arrive; what else came in the same answer is not held up.
func TestWedged(t *testing.T) {
	w := newWorld(t, matrixtest.Options{}, true)
	w.start()
	alice, bob := w.person("alice"), w.person("bob")
	room := w.ghostRoom(nil, alice, bob)
	talk(w, alice, room) // both ways, so that the session is established
	w.stop()
	_, err := mustOpen(w).sql.Exec("DELETE FROM crypto_olm_session WHERE sender_key = ?", string(alice.mach.OwnIdentity().IdentityKey))
	w.check(err)
	w.check(alice.mach.CryptoStore.RemoveOutboundGroupSession(w.ctx, room))
	lost := alice.text(room, "nobody can read the key of this")
	other := bob.text(room, "but of this")
	w.start()
	w.key(other)
	if got := w.body(other); got != "but of this" {
		t.Errorf("read %q", got)
	}
	w.noKey(lost)
	botKey := w.megolm.OwnIdentity().IdentityKey
	var sessions crypto.OlmSessionList
	w.until("they have a new session", func() bool {
		alice.sync()
		var err error
		sessions, err = alice.mach.CryptoStore.GetSessions(w.ctx, botKey)
		w.check(err)
		return len(sessions) == 2
	})
	// Clients write to the newest; that of the test takes any.
	old := slices.MinFunc(sessions, func(a, b *crypto.OlmSession) int { return a.CreationTime.Compare(b.CreationTime) })
	w.check(alice.mach.CryptoStore.DeleteSession(w.ctx, botKey, old))
	w.check(alice.mach.CryptoStore.RemoveOutboundGroupSession(w.ctx, room))
	raw := alice.text(room, "again")
	w.key(raw)
	if got := w.body(raw); got != "again" {
		t.Errorf("read %q", got)
	}
}

// mustOpen opens the database of a bridge that is stopped.
func mustOpen(w *world) *DB {
	w.Helper()
	db, err := OpenDB(w.ctx, w.source)
	w.check(err)
	w.Cleanup(func() { w.check(db.Close()) })
	return db
}

// TestLeavesNothing: when Run has returned, nothing runs on.
func TestLeavesNothing(t *testing.T) {
	before := goleak.IgnoreCurrent()
	t.Run("", func(t *testing.T) {
		w := newWorld(t, matrixtest.Options{}, true)
		w.start()
		alice := w.person("alice")
		talk(w, alice, w.ghostRoom(nil, alice))
		w.stop()
		w.run()
		w.stop() // in the middle of its start
	})
	goleak.VerifyNone(t, before)
}

// TestPositionUnknown: the homeserver does not know the position in /sync, as after
// its own restore. Rooms and devices are asked for again.
func TestPositionUnknown(t *testing.T) {
	w := newWorld(t, matrixtest.Options{}, true)
	w.start()
	alice := w.person("alice")
	room := w.ghostRoom(nil, alice)
	first := w.say(room, text("before"))
	w.stop()
	_, err := mustOpen(w).sql.Exec("UPDATE state SET value = 'nonsense' WHERE name = 'since'")
	w.check(err)
	w.start()
	w.until("there is a new position", func() bool {
		since, err := w.state(w.ctx, stateSince)
		w.check(err)
		return since != "nonsense" && since != ""
	})
	second := w.say(room, text("after"))
	alice.reads(second, "after")
	if sessionOf(first) == sessionOf(second) {
		t.Error("a session is used on, though nobody knows who came meanwhile")
	}
	talk(w, alice, room)
}
