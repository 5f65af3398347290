//go:build goolm

package crypt

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"maunium.net/go/mautrix/crypto/goolm/message"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
	"modernc.org/sqlite"

	"github.com/causeway-chat/causeway/bridgekit/matrixtest"
)

// A position is one of a ratchet: what is encrypted there cannot be told from
// something else that is.
type position struct {
	ratchet string
	number  uint32
}

// A wire is all that a bridge has sent to devices, in all its processes. Each test
// of this package looks at it when it ends.
type wire struct {
	mu   sync.Mutex
	sent map[position]string // the ciphertext
	errs []error
}

// note takes a request to devices.
func (w *wire) note(r *http.Request) {
	body, err := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	var all struct {
		Messages map[id.UserID]map[id.DeviceID]event.EncryptedEventContent `json:"messages"`
	}
	if err == nil {
		err = json.Unmarshal(body, &all)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.errs = append(w.errs, err)
	for user, devices := range all.Messages {
		for _, content := range devices {
			for _, one := range content.OlmCiphertext {
				w.errs = append(w.errs, w.add(user, one.Type, one.Body))
			}
		}
	}
}

func (w *wire) add(user id.UserID, kind id.OlmMsgType, body string) error {
	raw, err := base64.RawStdEncoding.DecodeString(body)
	if err != nil {
		return err
	}
	if kind == id.OlmMsgTypePreKey {
		var outer message.PreKeyMessage
		if err := outer.Decode(raw); err != nil {
			return err
		}
		raw = outer.Message
	}
	var m message.Message
	if err := m.Decode(raw); err != nil {
		return err
	}
	at := position{string(m.RatchetKey), m.Counter}
	if other, ok := w.sent[at]; ok && other != string(raw) {
		return fmt.Errorf("two messages to %s are number %d of one ratchet", user, m.Counter)
	}
	if w.sent == nil {
		w.sent = map[position]string{}
	}
	w.sent[at] = string(raw)
	return nil
}

// count is how many messages were sent.
func (w *wire) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.sent)
}

func (w *wire) check(t testing.TB) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := errors.Join(w.errs...); err != nil {
		t.Errorf("what was sent to devices: %v", err)
	}
}

// A disk is full for some commits to SQLite.
type disk struct {
	mu     sync.Mutex
	spare  int // commits that still succeed; below 0: it is not full
	fails  int // commits that fail after them
	failed int // commits that failed
}

// commit is SQLite's hook: a commit for which it does not return 0 is rolled back.
func (d *disk) commit() int32 {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.spare != 0 {
		d.spare--
		return 0
	}
	if d.fails == 0 {
		return 0
	}
	d.fails--
	d.failed++
	return 1
}

// fill makes so many commits fail after so many that succeed.
func (d *disk) fill(spare, fails int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.spare, d.fails, d.failed = spare, fails, 0
}

// free lets all succeed, and returns how many have failed.
func (d *disk) free() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.spare, d.fails = -1, 0
	return d.failed
}

// disk puts the hook into all connections of a world.
func (w *world) disk() *disk {
	w.Helper()
	d := &disk{spare: -1}
	for range w.o.DB.sql.Stats().MaxOpenConnections {
		conn, err := w.o.DB.sql.Conn(w.ctx)
		w.check(err)
		defer conn.Close()
		w.check(conn.Raw(func(c any) error {
			c.(sqlite.HookRegisterer).RegisterCommitHook(d.commit)
			return nil
		}))
	}
	return d
}

// TestCommitFails: each commit on the way of an event fails once, and then it and
// all after it do. What is sent is stored before: no number of a ratchet is used
// twice, and everybody can read what is sent later.
func TestCommitFails(t *testing.T) {
	for name, fails := range map[string]int{"one": 1, "all": 1 << 30} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, matrixtest.Options{}, true)
			w.start()
			alice := w.person("alice")
			talk(w, alice, w.ghostRoom(nil, alice)) // so that there is a session
			d := w.disk()
			refused := 0
			for spare := 0; ; spare++ {
				if spare == 200 {
					t.Fatal("an event takes 200 commits")
				}
				bob := w.person(fmt.Sprintf("bob%d", spare)) // with whom there is none
				room := w.ghostRoom(nil, alice, bob)
				d.fill(spare, fails)
				enc, err := w.Encrypt(w.ctx, room, event.EventMessage, text("now"))
				failed := d.free()
				if err == nil {
					raw := w.send(room, enc)
					alice.reads(raw, "now")
					bob.reads(raw, "now")
				} else if refused++; failed == 0 {
					t.Errorf("after %d commits: %v", spare, err)
				}
				raw := w.say(room, text("later"))
				alice.reads(raw, "later")
				bob.reads(raw, "later")
				if failed == 0 {
					break
				}
			}
			if refused < 6 {
				t.Errorf("only %d commits were needed to encrypt", refused)
			}
		})
	}
}

// TestNothingUnstoredLeaves: a session between devices cannot be stored while a
// room's key is encrypted with it. The key stays here.
func TestNothingUnstoredLeaves(t *testing.T) {
	w := newWorld(t, matrixtest.Options{}, true)
	w.start()
	alice := w.person("alice")
	room := w.ghostRoom(nil, alice)
	talk(w, alice, room)
	for _, how := range []string{"FAIL", "ABORT", "ROLLBACK"} {
		_, err := w.o.DB.sql.Exec(`CREATE TRIGGER full_` + how + ` BEFORE UPDATE ON crypto_olm_session BEGIN SELECT RAISE(` + how + `, 'disk is full'); END`)
		w.check(err)
		w.check(w.Changed(w.ctx, room))
		before := w.wire.count()
		if _, err := w.Encrypt(w.ctx, room, event.EventMessage, text("x")); err == nil {
			t.Errorf("%s: encrypted with a session that was not stored", how)
		}
		if n := w.wire.count() - before; n != 0 {
			t.Errorf("%s: %d messages left that were not stored", how, n)
		}
		if !w.h.Up() {
			t.Errorf("%s: the homeserver is taken to be away", how)
		}
		_, err = w.o.DB.sql.Exec("DROP TRIGGER full_" + how)
		w.check(err)
		alice.reads(w.say(room, text("after it")), "after it")
	}
}

// TestKilledSending: the process is killed when a room's key was stored and not sent,
// and when it was sent and nobody could note it. What is stored at that time is all
// that the next process has.
func TestKilledSending(t *testing.T) {
	for name, fault := range map[string]matrixtest.Fault{"before": {LoseRequest: true}, "after": {}} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, matrixtest.Options{}, true)
			w.start()
			alice := w.person("alice")
			room := w.ghostRoom(nil, alice)
			talk(w, alice, room)
			w.check(w.Changed(w.ctx, room))
			then := filepath.Join(t.TempDir(), "then.db")
			db := w.o.DB.sql
			var hit atomic.Int32
			failed := make(chan error, 1)
			w.hs.Faults.Set(func(c matrixtest.Call) matrixtest.Fault {
				if c.Route != matrixtest.RouteSendToDevice || c.User != string(bot) || hit.Add(1) != 1 {
					return matrixtest.Fault{}
				}
				_, err := db.Exec("VACUUM INTO ?", then)
				failed <- err
				return fault
			})
			_, _ = w.Encrypt(w.ctx, room, event.EventMessage, text("nobody gets it"))
			w.check(<-failed)
			w.stop()
			w.source = "sqlite:" + then
			w.start()
			alice.reads(w.say(room, text("after it")), "after it")
			talk(w, alice, room)
		})
	}
}

// TestTakenOverSharing: a process that is not in charge any more gives no keys: the
// sessions between devices are another's.
func TestTakenOverSharing(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		alice := w.person("alice")
		room := w.ghostRoom(nil, alice)
		talk(w, alice, room)
		first := w.bridge
		w.start()
		w.check(first.Changed(w.ctx, room))
		before := w.wire.count()
		if _, err := first.Encrypt(w.ctx, room, event.EventMessage, text("x")); !errors.Is(err, ErrTakenOver) {
			t.Errorf("encrypt after another has taken over: %v", err)
		}
		if n := w.wire.count() - before; n != 0 {
			t.Errorf("%d keys were given", n)
		}
		alice.reads(w.say(room, text("now mine")), "now mine")
		first.cancel()
		<-first.ended
		w.check(first.o.DB.Close())
	})
}

// TestOnceOnlyKeys: one-time keys were published, and that could not be stored. They
// are not published again, when they may have been used.
func TestOnceOnlyKeys(t *testing.T) {
	w := newWorld(t, matrixtest.Options{}, true)
	w.start()
	alice := w.person("alice")
	room := w.ghostRoom(nil, alice)
	d := w.disk()
	give, err := w.own(w.ctx)
	w.check(err)
	m, err := w.machine(w.ctx)
	w.check(err)
	d.fill(1, 1<<30) // the keys are stored, and then no more is
	err = w.upload(w.ctx, m, 20)
	d.free()
	if err == nil {
		t.Error("keys were published, and nobody knows it")
	}
	open := func() int {
		m, err := w.machine(w.ctx)
		w.check(err)
		keys, err := m.GetAccount().Internal.OneTimeKeys()
		w.check(err)
		return len(keys)
	}
	if n := open(); n != 30 {
		t.Errorf("%d keys seem to be unpublished", n)
	}
	give()
	raw := alice.text(room, "wakes it")
	w.key(raw)
	w.until("the keys are noted as published", func() bool { return open() == 0 })
	talk(w, alice, room)
}
