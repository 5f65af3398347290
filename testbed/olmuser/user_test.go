//go:build goolm

package olmuser_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"testing"

	"github.com/causeway-chat/causeway/bridgekit/matrixtest"
	"github.com/causeway-chat/causeway/testbed/olmuser"
)

// Two people read each other in an encrypted room, and a third cannot who came later.
func TestTalk(t *testing.T) {
	hs := matrixtest.New(matrixtest.Options{Fail: t.Fatalf})
	t.Cleanup(hs.Close)
	client := func(p *matrixtest.User) *olmuser.User {
		u, err := olmuser.New(t.Context(), olmuser.Options{URL: "http://hs.invalid", User: p.ID, Token: p.Token, Transport: hs.Transport()})
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	alice, bob, eve := hs.CreateUser("alice", ""), hs.CreateUser("bob", ""), hs.CreateUser("eve", "")
	hers, his := client(alice), client(bob)
	room := alice.CreateRoom(map[string]any{"preset": "public_chat", "initial_state": []any{map[string]any{
		"type": "m.room.encryption", "state_key": "", "content": map[string]any{"algorithm": "m.megolm.v1.aes-sha2"},
	}}})
	bob.Join(room)
	say := func(p *matrixtest.User, u *olmuser.User, body, about string) json.RawMessage {
		content := map[string]any{"msgtype": "m.text", "body": body}
		if about != "" {
			content["m.relates_to"] = map[string]any{"m.in_reply_to": map[string]any{"event_id": about}}
		}
		sealed, err := u.Seal(t.Context(), room, "m.room.message", content)
		if err != nil {
			t.Fatal(err)
		}
		event := p.Send(room, "m.room.encrypted", sealed)
		var raw json.RawMessage
		if err := p.Do("GET", "rooms/"+url.PathEscape(room)+"/event/"+url.PathEscape(event), nil, &raw); err != nil {
			t.Fatal(err)
		}
		return raw
	}
	reads := func(u *olmuser.User, raw json.RawMessage) string {
		if err := u.Sync(t.Context()); err != nil {
			t.Fatal(err)
		}
		o, err := u.Open(t.Context(), raw)
		if err != nil {
			return "nothing"
		}
		var c struct {
			Body    string `json:"body"`
			Relates struct {
				Reply struct {
					Event string `json:"event_id"`
				} `json:"m.in_reply_to"`
			} `json:"m.relates_to"`
		}
		if err := json.Unmarshal(o.Content, &c); err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(o.Type, " ", c.Body, " ", c.Relates.Reply.Event)
	}
	first := say(alice, hers, "hello", "")
	second := say(bob, his, "good day", "$first")
	theirs := client(eve)
	eve.Join(room)
	for _, one := range []struct {
		who  string
		u    *olmuser.User
		raw  json.RawMessage
		want string
	}{
		{"bob", his, first, "m.room.message hello "},
		{"alice", hers, first, "m.room.message hello "},
		{"alice", hers, second, "m.room.message good day $first"},
		{"eve", theirs, first, "nothing"},
		{"eve", theirs, say(bob, his, "welcome", ""), "m.room.message welcome "},
	} {
		if got := reads(one.u, one.raw); got != one.want {
			t.Errorf("%s reads %q, not %q", one.who, got, one.want)
		}
	}
}
