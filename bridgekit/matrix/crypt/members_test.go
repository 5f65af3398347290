//go:build goolm

package crypt

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/matrixtest"
)

// TestMembers: who comes later reads from then on, and who goes does not get the
// next key. /sync alone tells of both.
func TestMembers(t *testing.T) {
	w := newWorld(t, matrixtest.Options{}, true)
	w.start()
	alice := w.person("alice")
	room := w.ghostRoom(nil, alice)
	first := w.say(room, text("before"))
	alice.reads(first, "before")

	bob := w.person("bob")
	bob.Join(string(room))
	w.until("the session ends", func() bool { return !w.session(room) })
	second := w.say(room, text("with bob"))
	bob.reads(second, "with bob")
	alice.reads(second, "with bob")
	bob.cannot(first)

	bob.Leave(string(room))
	w.until("the session ends", func() bool { return !w.session(room) })
	third := w.say(room, text("without bob"))
	alice.reads(third, "without bob")
	bob.cannot(third)
	if sessionOf(first) == sessionOf(second) || sessionOf(second) == sessionOf(third) {
		t.Error("a session was used on")
	}
	// Ghosts come and go without anything. What /sync still has to tell of bob may end
	// a session once more.
	w.until("the session is used on when a ghost comes", func() bool {
		before := w.say(room, text("before a ghost"))
		w.ghostComes(room)
		return sessionOf(before) == sessionOf(w.say(room, text("after it")))
	})
}

// ghostComes has a new ghost join, and waits until the bot has heard of it.
func (w *world) ghostComes(room id.RoomID) {
	w.Helper()
	w.ghosts++
	carl := id.UserID(fmt.Sprintf("@_cw_carl%d:test", w.ghosts))
	w.check(w.h.EnsureGhost(w.ctx, carl))
	cli, err := w.h.Client(carl)
	w.check(err)
	since, err := w.state(w.ctx, stateSince)
	w.check(err)
	_, err = cli.JoinRoomByID(w.ctx, room)
	w.check(err)
	w.until("/sync has told of it", func() bool { now, err := w.state(w.ctx, stateSince); w.check(err); return now != since })
}

// session reports whether the room has a session.
func (w *world) session(at id.RoomID) bool {
	w.Helper()
	s, err := w.megolm.CryptoStore.GetOutboundGroupSession(w.ctx, at)
	w.check(err)
	return s != nil
}

// TestInvited: those invited get keys, unless the room hides from them what was
// before they joined.
func TestInvited(t *testing.T) {
	for _, visibility := range []string{"shared", "joined"} {
		w := newWorld(t, matrixtest.Options{}, true)
		w.start()
		alice := w.person("alice")
		room := w.ghostRoom(nil, alice)
		cli, err := w.h.Client(bot)
		w.check(err)
		_, err = cli.SendStateEvent(w.ctx, room, event.StateHistoryVisibility, "", map[string]string{"history_visibility": visibility})
		w.check(err)
		bob := w.person("bob")
		_, err = cli.InviteUser(w.ctx, room, &mautrix.ReqInviteUser{UserID: id.UserID(bob.ID)})
		w.check(err)
		w.check(w.Changed(w.ctx, room))
		raw := w.say(room, text("invited"))
		if visibility == "joined" {
			bob.cannot(raw)
		} else {
			bob.reads(raw, "invited")
		}
		w.stop()
	}
}

// TestNewDevice: a device that is added later reads from then on.
func TestNewDevice(t *testing.T) {
	w := newWorld(t, matrixtest.Options{}, true)
	w.start()
	alice := w.person("alice")
	room := w.ghostRoom(nil, alice)
	first := w.say(room, text("before"))
	second := w.person("alice", w.hs.User(alice.ID))
	var raw json.RawMessage
	w.until("the second device reads", func() bool { // once the bot has heard of it
		raw = w.say(room, text("for both"))
		second.sync()
		_, err := second.read(raw)
		return err == nil
	})
	alice.reads(raw, "for both")
	second.cannot(first)

	// The homeserver does not tell about the device when it is asked: nothing is sent
	// until it does.
	w.hs.Faults.Set(func(c matrixtest.Call) matrixtest.Fault {
		if c.Route == matrixtest.RouteQueryKeys && c.User == string(bot) {
			return matrixtest.Fault{Status: 500}
		}
		return matrixtest.Fault{}
	})
	third := w.person("alice", w.hs.User(alice.ID))
	w.until("it is known that devices changed", func() bool {
		out, err := w.outdated(w.ctx, "SELECT user_id FROM crypto_tracked_user WHERE devices_outdated")
		w.check(err)
		return len(out) > 0
	})
	if _, err := w.Encrypt(w.ctx, room, event.EventMessage, text("x")); err == nil {
		t.Error("encrypted without knowing for whom")
	}
	w.hs.Faults.Set(nil)
	w.until("the third device reads", func() bool {
		raw = w.say(room, text("for three"))
		third.sync()
		_, err := third.read(raw)
		return err == nil
	})
}

// TestRotation: sessions end as the room wants it.
func TestRotation(t *testing.T) {
	w := newWorld(t, matrixtest.Options{}, true)
	w.start()
	alice := w.person("alice")
	room := w.ghostRoom(map[string]any{"rotation_period_msgs": 2}, alice)
	var sessions []id.SessionID
	for i := range 5 {
		raw := w.say(room, text("x"))
		alice.reads(raw, "x")
		sessions = append(sessions, sessionOf(raw))
		if i == 2 {
			w.stop()
			w.start() // it counts on
		}
	}
	if sessions[0] != sessions[1] { // alice's coming was noticed after the first
		sessions = append(sessions[1:], "")
	}
	if sessions[0] != sessions[1] || sessions[1] == sessions[2] || sessions[2] != sessions[3] || sessions[3] == sessions[4] {
		t.Errorf("sessions: %v", sessions)
	}
}

// TestJoinMeanwhile: somebody joins just while the key is given to the others.
func TestJoinMeanwhile(t *testing.T) {
	w := newWorld(t, matrixtest.Options{}, true)
	w.start()
	alice := w.person("alice")
	room := w.ghostRoom(nil, alice)
	bob := w.person("bob")
	var once sync.Once
	w.hs.Faults.Set(func(c matrixtest.Call) matrixtest.Fault {
		if c.Route == matrixtest.RouteSendToDevice && c.User == string(bot) {
			once.Do(func() {
				bob.Join(string(room))
				w.check(w.Changed(w.ctx, room))
			})
		}
		return matrixtest.Fault{}
	})
	raw := w.say(room, text("for both"))
	alice.reads(raw, "for both")
	bob.reads(raw, "for both")
}

// TestWithheld: a client that gives no keys to devices that are not verified says
// so, and the bridge says it on.
func TestWithheld(t *testing.T) {
	w := newWorld(t, matrixtest.Options{}, true)
	w.start()
	alice := w.person("alice")
	room := w.ghostRoom(nil, alice)
	alice.mach.SendKeysMinTrust = id.TrustStateVerified
	raw := alice.text(room, "secret")
	w.told(raw)
	nk := w.noKey(raw)
	if nk.Withheld != "m.unverified" || !strings.Contains(nk.UserText(), "verified") || !strings.Contains(nk.Error(), "m.unverified") {
		t.Errorf("no key: %+v: %s", nk, nk.UserText())
	}

	// She changes her mind, and her client gives the key of the same session.
	alice.mach.SendKeysMinTrust = id.TrustStateUnset
	given, err := alice.mach.CryptoStore.GetOutboundGroupSession(w.ctx, room)
	w.check(err)
	mallory := w.person("mallory")
	device, err := alice.mach.GetOrFetchDevice(w.ctx, bot, w.Status(w.ctx).Device)
	w.check(err)
	w.check(alice.mach.SendEncryptedToDevice(w.ctx, device, event.ToDeviceRoomKey, given.ShareContent()))
	second := alice.postShared(room, event.EventMessage, text("no secret any more"))
	w.until("it can be read", func() bool { _, err := w.Decrypt(w.ctx, second); return err == nil })

	// What others say about her keys does not count.
	withheld := map[string]any{
		"algorithm": "m.megolm.v1.aes-sha2", "code": "m.unverified", "room_id": room, "session_id": "hers", "sender_key": alice.mach.OwnIdentity().IdentityKey,
	}
	for _, p := range []*person{mallory, alice} {
		w.check(p.Do("PUT", "sendToDevice/m.room_key.withheld/1", map[string]any{"messages": map[string]any{string(bot): map[string]any{"*": withheld}}}, nil))
		after := p.text(w.ghostRoom(nil, p), "after it")
		w.key(after)
		has, err := w.HasKey(w.ctx, room, "hers")
		w.check(err)
		if has != (p == alice) {
			t.Errorf("%s says that a key is withheld: %v", p.ID, has)
		}
	}
}

// TestSigned: a client that gives keys to signed devices only gives them.
func TestSigned(t *testing.T) {
	w := newWorld(t, matrixtest.Options{}, true)
	w.start()
	alice := w.person("alice")
	alice.mach.SendKeysMinTrust = id.TrustStateCrossSignedTOFU
	room := w.ghostRoom(nil, alice)
	raw := alice.text(room, "for signed devices")
	w.key(raw)
	if got := w.body(raw); got != "for signed devices" {
		t.Errorf("read %q", got)
	}
	// And the bridge sees that a person has signed a device.
	_, _, err := alice.mach.GenerateAndUploadCrossSigningKeys(w.ctx, nil, "")
	w.check(err)
	w.check(alice.mach.SignOwnDevice(w.ctx, alice.mach.OwnIdentity()))
	w.until("the signature is known", func() bool {
		d, err := w.Decrypt(w.ctx, raw)
		w.check(err)
		return d.Trust == TrustSigned
	})
}

// TestRequests: a key that was given is given again, and one that was not is not;
// and the bridge asks for one that it lacks.
func TestRequests(t *testing.T) {
	w := newWorld(t, matrixtest.Options{}, true)
	w.start()
	alice, mallory := w.person("alice"), w.person("mallory")
	room := w.ghostRoom(nil, alice)
	raw := w.say(room, text("once more"))
	device := w.Status(w.ctx).Device
	for _, p := range []*person{alice, mallory} {
		w.check(p.mach.SendRoomKeyRequest(w.ctx, room, "", sessionOf(raw), "", map[id.UserID][]id.DeviceID{bot: {device}}))
	}
	w.until("the key has come", func() bool { alice.sync(); _, err := alice.read(raw); return err == nil })
	mallory.cannot(raw)

	nk := &NoKey{Room: room, Session: "x", Sender: id.UserID(alice.ID), Device: alice.client.DeviceID, SenderKey: alice.mach.OwnIdentity().IdentityKey}
	w.check(w.RequestKey(w.ctx, nk))
	if w.hs.Requests().Count[matrixtest.RouteSendToDevice] == 0 {
		t.Error("nothing was asked")
	}
}

// TestForeign: a key from somebody else than the sender is noticed.
func TestForeign(t *testing.T) {
	w := newWorld(t, matrixtest.Options{}, true)
	w.start()
	alice, mallory := w.person("alice"), w.person("mallory")
	room := w.ghostRoom(nil, alice, mallory)
	mallory.sync()
	mallory.share(room)
	enc, err := mallory.mach.EncryptMegolmEvent(w.ctx, room, event.EventMessage, json.RawMessage(`{"msgtype":"m.text","body":"I am Alice"}`))
	w.check(err)
	raw := w.event(room, id.EventID(alice.Send(string(room), "m.room.encrypted", enc)))
	w.key(raw)
	d, err := w.Decrypt(w.ctx, raw)
	w.check(err)
	if !d.Foreign || d.Trust != TrustNone {
		t.Errorf("foreign %v, trust %v", d.Foreign, d.Trust)
	}
}

// TestKeysRunOut: many write to the device while it is down; more of them than it
// left keys.
func TestKeysRunOut(t *testing.T) {
	w := newWorld(t, matrixtest.Options{}, true)
	w.start()
	first := w.person("first")
	room := w.ghostRoom(nil, first)
	w.until("the fallback key is there", func() bool {
		n, fallback := w.hs.Keys(string(bot), string(w.Status(w.ctx).Device))
		return n >= 50 && fallback
	})
	w.stop()
	var raws []json.RawMessage
	var people []*person
	for i := range 52 {
		p := w.person("p" + string(rune('a'+i/26)) + string(rune('a'+i%26)))
		p.Join(string(room))
		people = append(people, p)
	}
	for _, p := range people {
		raws = append(raws, p.text(room, "hello"))
	}
	w.start()
	for _, raw := range raws {
		w.key(raw)
		w.body(raw)
	}
	w.until("there are new keys", func() bool {
		n, fallback := w.hs.Keys(string(bot), string(w.Status(w.ctx).Device))
		return n >= 50 && fallback
	})
}

// TestTidy: old keys go, and so do more than are wanted.
func TestTidy(t *testing.T) {
	w := newWorld(t, matrixtest.Options{}, true)
	w.start()
	alice := w.person("alice")
	room := w.ghostRoom(map[string]any{"rotation_period_msgs": 1}, alice)
	for range 3 {
		w.say(room, text("x"))
	}
	raw := alice.text(room, "old")
	w.key(raw)
	w.body(raw)
	count := func(table string) (n int) {
		w.check(w.o.DB.sql.QueryRow("SELECT COUNT(*) FROM " + table).Scan(&n))
		return n
	}
	w.check(w.tidy(w.ctx))
	// One more if alice's coming was noticed after the first session was made.
	if n := w.Status(w.ctx).Keys; n < 4 || n > 5 || count("crypto_message_index") != 1 {
		t.Fatalf("%d keys, %d messages before", n, count("crypto_message_index"))
	}
	w.o.MaxKeys = 2
	w.check(w.tidy(w.ctx))
	if n := w.Status(w.ctx).Keys; n != 2 {
		t.Errorf("%d keys, want the newest 2", n)
	}
	w.body(raw)
	w.o.KeepKeys = time.Nanosecond
	w.check(w.tidy(w.ctx))
	for _, table := range []string{"crypto_megolm_inbound_session", "crypto_message_index", "crypto_megolm_outbound_session", "crypto_megolm_outbound_session_shared"} {
		if n := count(table); n != 0 {
			t.Errorf("%d rows are left in %s", n, table)
		}
	}
	w.noKey(raw)
	w.o.KeepKeys = time.Hour
	alice.reads(w.say(room, text("on")), "on")
}
