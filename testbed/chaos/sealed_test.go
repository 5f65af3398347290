//go:build goolm

package main

import (
	"bytes"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// What people send into an encrypted room is sealed and opened, files too; what is
// there in clear is found, and what nobody can open.
func TestSealed(t *testing.T) {
	f, err := newFake(newPlan(8, fakes(), 400), http.NotFoundHandler())
	if err != nil {
		t.Fatal(err)
	}
	h, err := newSealed(t.Context(), f, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.close(); err != nil {
			t.Error(err)
		}
	})
	var out struct {
		Room string `json:"room_id"`
	}
	encryption := []object{{"type": "m.room.encryption", "state_key": "", "content": object{"algorithm": "m.megolm.v1.aes-sha2"}}}
	if err := h.do(mxid("alice"), "POST", "createRoom", object{"preset": "public_chat", "initial_state": encryption}, &out); err != nil {
		t.Fatal(err)
	}
	l := local{&world{home: h}, &chat{room: out.Room}, mxid("alice")}
	if err := l.say(nil); err != nil {
		t.Fatal(err)
	}
	if err := l.file(3); err != nil {
		t.Fatal(err)
	}
	all := h.room(out.Room).OfType("m.room.message")
	if clear, early := inClear(h.room(out.Room)); len(all) != 2 || len(clear) != 0 || early != 0 {
		t.Fatalf("%d messages, in clear %q, early %d", len(all), clear, early)
	}
	if token := tokenOf(all[0].Body()); token != "m1" {
		t.Errorf("the first one is %q", all[0].Body())
	}
	if data := h.attached(all[1]); !bytes.Equal(data, fileOf("m3", 3)) {
		t.Errorf("a file of %d bytes", len(data))
	}
	for kind, content := range map[string]object{
		"m.room.message":   {"msgtype": "m.text", "body": "in clear"},
		"m.room.encrypted": {"algorithm": "m.megolm.v1.aes-sha2", "ciphertext": "AwgA", "session_id": "none", "sender_key": "none", "device_id": "none"},
	} {
		if err := h.do(l.who, http.MethodPut, "rooms/"+url.PathEscape(out.Room)+"/send/"+kind+"/"+kind, content, nil); err != nil {
			t.Fatal(err)
		}
	}
	clear, _ := inClear(h.room(out.Room))
	if text := strings.Join(clear, "\n"); len(clear) != 2 || !strings.Contains(text, "is not encrypted") || !strings.Contains(text, "nobody can open") {
		t.Errorf("found %q", clear)
	}
}
