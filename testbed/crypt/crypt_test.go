package crypt

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/matrix"
	"github.com/causeway-chat/causeway/bridgekit/matrix/crypt"
	"github.com/causeway-chat/causeway/testbed/foreign"
)

// TestConversation: messages, edits, reactions and files, both ways.
func TestConversation(t *testing.T) {
	everywhere(t, func(w *world) {
		if s := w.crypt.Status(w.ctx); s.Made != w.made {
			w.Errorf("the device was made by %s", s.Made)
		}
		room, alice := w.room(), w.person("alice")
		w.joins(alice, room)

		mark := alice.Mark()
		first := w.say(room, text("hello alice"))
		if e := w.reads(alice, mark, first); e.Body() != "hello alice" || e.Source.Sender != string(ghost) {
			w.Errorf("alice reads %+v", e)
		}
		sent, err := alice.Send(w.ctx, string(room), "m.room.message", text("hello bridge"))
		check(w.T, err)
		if p := w.decrypts(room, sent); p.Type != "m.room.message" || p.Content["body"] != "hello bridge" || p.Sender != alice.User || p.trust != crypt.TrustDevice {
			w.Errorf("the bridge reads %+v", p)
		}
		edits(w, alice, room, first, sent)
		files(w, alice, room)
	})
}

func edits(w *world, alice *foreign.Client, room id.RoomID, first id.EventID, sent string) {
	edit := func(target string) map[string]any {
		return map[string]any{
			"msgtype": "m.text", "body": "* new", "m.new_content": text("new"),
			"m.relates_to": map[string]any{"rel_type": "m.replace", "event_id": target},
		}
	}
	target := func(content map[string]any) any {
		r, _ := content["m.relates_to"].(map[string]any)
		return r["event_id"]
	}
	mark := alice.Mark()
	e := w.reads(alice, mark, w.say(room, edit(string(first))))
	if target(e.Source.Content) != string(first) || e.Body() != "* new" {
		w.Errorf("alice reads the edit %+v", e)
	}
	changed, err := alice.Send(w.ctx, string(room), "m.room.message", edit(sent))
	check(w.T, err)
	if p := w.decrypts(room, changed); target(p.Content) != sent || p.Content["m.new_content"] == nil {
		w.Errorf("the bridge reads the edit %+v", p)
	}
	// Reactions go in clear, both ways.
	reaction := map[string]any{"m.relates_to": map[string]any{"rel_type": "m.annotation", "event_id": first, "key": "👍"}}
	liked, err := alice.Send(w.ctx, string(room), "m.reaction", reaction)
	check(w.T, err)
	if raw := w.event(room, liked); !strings.Contains(string(raw), `"m.reaction"`) || strings.Contains(string(raw), "ciphertext") {
		w.Errorf("a reaction of the client: %s", raw)
	}
	mark = alice.Mark()
	_, err = w.h.Send(w.ctx, matrix.Event{Room: room, As: ghost, Type: event.EventReaction, Key: []byte("liked"),
		Content: map[string]any{"m.relates_to": map[string]any{"rel_type": "m.annotation", "event_id": sent, "key": "👍"}}})
	check(w.T, err)
	_, err = alice.Wait(w.ctx, mark, func(e foreign.Event) bool { return e.Source.Type == "m.reaction" && e.Source.Sender == string(ghost) })
	check(w.T, err)
}

func files(w *world, alice *foreign.Client, room id.RoomID) {
	data := strings.Repeat("all that is in the file\n", 5000)
	f := crypt.EncryptFile(strings.NewReader(data))
	uri, err := w.h.Upload(w.ctx, ghost, matrix.Upload{MIME: "application/octet-stream", Size: int64(len(data)), Body: f})
	check(w.T, err)
	info, err := f.Info(uri.String())
	check(w.T, err)
	mark := alice.Mark()
	e := w.reads(alice, mark, w.say(room, map[string]any{"msgtype": "m.file", "body": "a.txt", "file": info, "info": map[string]any{"size": len(data)}}))
	if got, err := alice.Fetch(w.ctx, e.Source.Content["file"]); err != nil || got != data {
		w.Errorf("alice gets a file of %d bytes, %v", len(got), err)
	}

	sent, err := alice.File(w.ctx, string(room), "b.txt", data)
	check(w.T, err)
	p := w.decrypts(room, sent)
	raw, err := json.Marshal(p.Content["file"])
	check(w.T, err)
	at, err := id.ParseContentURI(crypt.FileURL(raw))
	check(w.T, err)
	d, err := w.h.Download(w.ctx, at)
	check(w.T, err)
	r, err := crypt.DecryptFile(raw, d.Body)
	check(w.T, err)
	var got bytes.Buffer
	if _, err := io.Copy(&got, r); err != nil || got.String() != data {
		w.Errorf("the bridge gets a file of %d bytes, %v", got.Len(), err)
	}
	check(w.T, r.Close())
}

// TestNewcomers: a member who joins later, and a device that is added later. The
// bridge learns of both by /sync.
func TestNewcomers(t *testing.T) {
	everywhere(t, func(w *world) {
		room, alice := w.room(), w.person("alice")
		w.joins(alice, room)
		w.reads(alice, 0, w.say(room, text("before")))

		bob := w.person("bob")
		w.joins(bob, room)
		mark := bob.Mark()
		both := w.say(room, text("with bob"))
		w.reads(bob, mark, both)
		w.reads(alice, 0, both)
		sent, err := bob.Send(w.ctx, string(room), "m.room.message", text("hello"))
		check(w.T, err)
		w.decrypts(room, sent)

		second := w.person("alice")
		w.knows(second, room)
		w.until("the new device gets keys", func() error {
			// Whoever speaks in the moment before the homeserver has told everybody of a
			// device is not heard on it; so say it until it is.
			mark := second.Mark()
			eventID := w.say(room, text("for the second device"))
			e, err := second.Wait(w.ctx, mark, func(e foreign.Event) bool { return e.Source.ID == string(eventID) })
			check(w.T, err)
			if e.Unreadable {
				return errUnread
			}
			return nil
		})
		fromSecond, err := second.Send(w.ctx, string(room), "m.room.message", text("from the second device"))
		check(w.T, err)
		w.decrypts(room, fromSecond)
	})
}

var errUnread = errors.New("it cannot be read")

// TestRestarts: the bridge is killed between key and message, and keys are sent
// while it or the homeserver is down.
func TestRestarts(t *testing.T) {
	everywhere(t, func(w *world) {
		room, alice := w.room(), w.person("alice")
		w.joins(alice, room)
		sent, err := alice.Send(w.ctx, string(room), "m.room.message", text("before"))
		check(w.T, err)
		w.decrypts(room, sent)
		w.stop()
		w.start()
		w.decrypts(room, sent) // the key was stored
		w.reads(alice, 0, w.say(room, text("a session")))

		w.stop()
		check(w.T, alice.Do(w.ctx, "rotate", map[string]any{"room": room}, nil))
		sent, err = alice.Send(w.ctx, string(room), "m.room.message", text("while it was down"))
		check(w.T, err)
		w.start()
		w.decrypts(room, sent)
		w.reads(alice, 0, w.say(room, text("the same session")))

		check(w.T, w.hs.Kill())
		check(w.T, alice.Do(w.ctx, "rotate", map[string]any{"room": room}, nil))
		if _, err := w.crypt.Encrypt(w.ctx, room, event.EventMessage, text("x")); err != nil {
			w.Errorf("encrypt with a session that all have: %v", err) // which asks nobody
		}
		if err := w.crypt.Changed(w.ctx, room); err != nil {
			w.Error(err)
		}
		if _, err := w.crypt.Encrypt(w.ctx, room, event.EventMessage, text("x")); err == nil {
			w.Error("a new session was used that nobody has")
		}
		check(w.T, w.hs.Restart(w.ctx))
		check(w.T, w.h.Wait(w.ctx))
		w.until("the client is back", func() error {
			sent, err = alice.Send(w.ctx, string(room), "m.room.message", text("after it"))
			return err
		})
		w.decrypts(room, sent)
		mark := alice.Mark()
		w.reads(alice, mark, w.say(room, text("and back")))
	})
}

// TestRoundTrip: what doctor does.
func TestRoundTrip(t *testing.T) {
	everywhere(t, func(w *world) {
		for range 2 {
			check(w.T, w.crypt.RoundTrip(w.ctx, "@_cw_doctor:localhost"))
		}
	})
}
