package irc

import (
	"fmt"
	"testing"

	"github.com/causeway-chat/causeway/bridgekit/markup"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridges/irc/ircfake"
)

func TestFind(t *testing.T) {
	s := startFake(t, ircfake.Modern())
	c := newCore(t, s, "", nil)
	c.chats = []network.ChatKey{{ID: "#a"}}
	r := c.online()
	r.must("#a", network.Text("ok")) // the same text before must not count
	m := network.Outgoing{Txn: txn(77), Chat: "#a", Content: network.Text("ok")}
	s.RefuseMessage(0, "439", "too fast")
	if _, err := r.ops.Send(t.Context(), m); err == nil {
		t.Fatal("the refused message was taken")
	}
	found, err := r.ops.Find(t.Context(), m)
	if err != nil || len(found.Parts) != 0 {
		t.Errorf("found %+v of what was refused, error %v", found, err)
	}
	sent, err := r.ops.Send(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	r.stop()
	r = c.online()
	found, err = r.ops.Find(t.Context(), m)
	if err != nil || fmt.Sprint(found.Parts) != fmt.Sprint(sent.Parts) {
		t.Errorf("found %+v, sent %+v, error %v", found, sent, err)
	}
	r.stop()
}

// What a reply answers was in sight when it was sent, and is not any more when it is
// looked for, or the other way round: it is found all the same.
func TestFindReply(t *testing.T) {
	for name, far := range map[string]bool{"in sight": false, "out of sight": true} {
		t.Run(name, func(t *testing.T) {
			s := startFake(t, ircfake.Modern())
			c := newCore(t, s, "", nil)
			c.chats = []network.ChatKey{{ID: "#a"}}
			r := c.online()
			asked := network.Text("is it raining?")
			asked.Persona = &network.Persona{Name: "Ada"}
			ref := network.Whole(r.must("#a", asked).Parts[0][0])
			if far {
				for i := range recentLines {
					r.must("#a", network.Text(fmt.Sprint("noise ", i)))
				}
			}
			m := network.Outgoing{Txn: txn(77), Chat: "#a", Content: network.Text("yes")}
			m.Reply, m.Quote = &ref, &network.Quote{Name: "Ada", Text: markup.Plain("is it raining?")}
			sent, err := r.ops.Send(t.Context(), m)
			if err != nil {
				t.Fatal(err)
			}
			r.stop()
			r = c.online()
			found, err := r.ops.Find(t.Context(), m)
			if err != nil || fmt.Sprint(found.Parts) != fmt.Sprint(sent.Parts) {
				t.Errorf("found %+v, sent %+v, error %v", found, sent, err)
			}
			r.stop()
			want := "Ada: yes"
			if far {
				want = "Ada: (“is it raining?”) yes"
			}
			if got := s.Texts("#a", "relay"); got[len(got)-1] != want {
				t.Errorf("said %q, want %q last", got, want)
			}
		})
	}
}
