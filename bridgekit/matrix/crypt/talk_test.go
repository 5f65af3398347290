//go:build goolm

package crypt

import (
	"encoding/json"
	"strings"
	"testing"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/matrixtest"
	"github.com/causeway-chat/causeway/bridgekit/store/storetest"
)

// TestTalk: both ways, on every kind of homeserver and database.
func TestTalk(t *testing.T) {
	for _, one := range []struct {
		name    string
		flavor  matrixtest.Flavor
		msc4190 bool
		source  func(testing.TB) string
		made    string
	}{
		{"synapse", matrixtest.Synapse, true, nil, "MSC4190"},
		{"synapse without MSC4190", matrixtest.Synapse, false, nil, "login"},
		{"dendrite", matrixtest.Dendrite, false, nil, "login"},
		{"postgres", matrixtest.Synapse, true, storetest.Postgres, "MSC4190"},
	} {
		t.Run(one.name, func(t *testing.T) {
			w := newWorld(t, matrixtest.Options{Flavor: one.flavor}, one.msc4190)
			if one.source != nil {
				w.source = one.source(t)
			}
			w.start()
			if s := w.Status(w.ctx); s.Made != one.made || s.Device == "" || s.Problem != "" {
				t.Errorf("status: %+v", s)
			}
			alice := w.person("alice")
			room := w.ghostRoom(nil, alice)
			if s, err := w.Room(w.ctx, room); err != nil || !s.Encrypted || !s.Known {
				t.Errorf("room: %+v, %v", s, err)
			}
			talk(w, alice, room)
			// Everything is there again for another process.
			w.stop()
			w.start()
			talk(w, alice, room)
		})
	}
}

func talk(w *world, alice *person, room id.RoomID) {
	w.Helper()
	raw := alice.text(room, "hello bridge")
	w.key(raw)
	if got := w.body(raw); got != "hello bridge" {
		w.Errorf("the bridge reads %q", got)
	}
	if got := w.body(raw); got != "hello bridge" {
		w.Errorf("the bridge reads %q the second time", got)
	}
	d, err := w.Decrypt(w.ctx, raw)
	w.check(err)
	if d.Trust != TrustDevice || d.Foreign || field(d.Event, "sender") != alice.ID || field(d.Event, "event_id") != field(raw, "event_id") {
		w.Errorf("decrypted: trust %v, foreign %v, %s", d.Trust, d.Foreign, d.Event)
	}
	first := w.say(room, text("hello alice"))
	alice.reads(first, "hello alice")
	var evt struct {
		Sender  string                     `json:"sender"`
		Content map[string]json.RawMessage `json:"content"`
	}
	w.check(json.Unmarshal(first, &evt))
	if evt.Sender != string(ghost) || evt.Content["chat.causeway.id"] == nil && !strings.Contains(string(first), "chat.causeway.") || evt.Content["body"] != nil {
		w.Errorf("sent: %s", first)
	}
	edit := w.say(room, map[string]any{
		"msgtype": "m.text", "body": "* hi", "m.new_content": text("hi"),
		"m.relates_to": map[string]any{"rel_type": "m.replace", "event_id": field(first, "event_id"), "x.unknown": 1},
	})
	alice.reads(edit, "* hi")
	w.check(json.Unmarshal(edit, &evt))
	if !strings.Contains(string(evt.Content["m.relates_to"]), "x.unknown") || evt.Content["m.new_content"] != nil {
		w.Errorf("edit in clear: %s", edit)
	}
}

// TestForms: what people send besides texts.
func TestForms(t *testing.T) {
	w := newWorld(t, matrixtest.Options{}, true)
	w.start()
	alice := w.person("alice")
	room := w.ghostRoom(nil, alice)
	first := w.say(room, text("first"))
	relation := map[string]any{"rel_type": "m.annotation", "event_id": field(first, "event_id"), "key": "+"}
	for _, one := range []struct {
		typ     event.Type
		content map[string]any
		want    string // in the decrypted event
	}{
		{event.EventReaction, map[string]any{"m.relates_to": relation}, `"key":"+"`},
		{event.EventSticker, map[string]any{"body": "cat", "url": "mxc://test/x", "info": map[string]any{}}, `"type":"m.sticker"`},
		{event.NewEventType("org.example.new"), map[string]any{"x": map[string]any{"y": 1}}, `"y":1`},
		{event.EventMessage, map[string]any{"msgtype": "org.example.odd", "body": 5}, `"body":5`}, // not as the specification has it
	} {
		raw := alice.post(room, one.typ, one.content)
		w.until("it can be decrypted", func() bool { _, err := w.Decrypt(w.ctx, raw); return err == nil })
		d, err := w.Decrypt(w.ctx, raw)
		if err != nil || !strings.Contains(string(d.Event), one.want) {
			t.Errorf("%s: %s, %v; want %s", one.typ.Type, d.Event, err, one.want)
		}
	}
	for typ, want := range map[event.Type]bool{event.EventMessage: true, event.EventSticker: true, event.EventReaction: false, event.EventRedaction: false} {
		if Encrypts(typ) != want {
			t.Errorf("%s is encrypted: %v", typ.Type, !want)
		}
	}
}

// TestPlainRoom: a room that becomes encrypted stays so.
func TestPlainRoom(t *testing.T) {
	w := newWorld(t, matrixtest.Options{}, true)
	w.start()
	alice := w.person("alice")
	at := id.RoomID(alice.CreateRoom(map[string]any{"preset": "public_chat"}))
	cli, err := w.h.Client(bot)
	w.check(err)
	_, err = cli.JoinRoomByID(w.ctx, at)
	w.check(err)
	w.check(w.Changed(w.ctx, at))
	encrypted := func() bool { s, err := w.Room(w.ctx, at); w.check(err); return s.Encrypted }
	if encrypted() {
		t.Fatal("a room in clear counts as encrypted")
	}
	path := "rooms/" + string(at) + "/state/m.room.encryption/"
	w.check(alice.Do("PUT", path, map[string]any{"algorithm": "m.megolm.v1.aes-sha2", "rotation_period_msgs": 7}, nil))
	w.until("encryption is noticed", encrypted) // by /sync alone
	if s, _ := w.Room(w.ctx, at); s.RotateMessages != 7 {
		t.Errorf("settings: %+v", s)
	}
	w.check(alice.Do("PUT", path, map[string]any{"algorithm": "org.example.other"}, nil))
	w.check(w.Changed(w.ctx, at))
	if s, err := w.Room(w.ctx, at); err != nil || !s.Encrypted || s.Known {
		t.Errorf("with another algorithm: %+v, %v", s, err)
	}
	if _, err := w.Encrypt(w.ctx, at, event.EventMessage, text("x")); err == nil {
		t.Error("encrypted for a room with an unknown algorithm")
	}
	w.check(alice.Do("PUT", path, map[string]any{}, nil))
	w.check(w.Changed(w.ctx, at))
	if !encrypted() {
		t.Error("encryption can be taken away")
	}
}
