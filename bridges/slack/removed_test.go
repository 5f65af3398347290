package slack

import (
	"slices"
	"strings"
	"testing"

	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridges/slack/slackfake"
)

// removals are those that were delivered.
func (c *core) removals() []*network.Redaction {
	var out []*network.Redaction
	for _, ev := range c.events {
		if r, ok := ev.(*network.Redaction); ok {
			out = append(out, r)
		}
	}
	return out
}

// TestRemovedByAdministrators: what the app said is deleted by administrators alone, of
// what people said Slack does not tell who deleted it.
func TestRemovedByAdministrators(t *testing.T) {
	t.Parallel()
	w := newWorld(t, slackfake.Config{})
	c := newCore(t, w.connector(""), w.appLogin())
	ops, _ := c.run()
	relayed := network.Text("hello")
	relayed.Persona = &network.Persona{MXID: "@ada:x.example", Name: "Ada"}
	sent, err := ops.Send(t.Context(), w.outgoing(1, relayed))
	if err != nil {
		t.Fatal(err)
	}
	w.Delete(w.main, string(sent.Parts[0][0]))
	w.Delete(w.main, w.Say(w.main, w.bob, "oops"))
	c.wait("both removals", func() bool { return len(c.removals()) == 2 })
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range c.removals() {
		want := network.UserID(w.bob)
		if r.Moderated {
			want = network.UserID(w.bot.User)
		}
		if r.Sender != want || r.Moderated != (r.Target.ID == sent.Parts[0][0]) {
			t.Errorf("removal of %s: of %s, by a moderator: %v", r.Target.ID, r.Sender, r.Moderated)
		}
	}
}

// TestShorterEditRemovesNothing: an edit that needs fewer messages than before deletes
// some on Slack, which does not remove what was edited.
func TestShorterEditRemovesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, slackfake.Config{})
	c := newCore(t, w.connector(""), w.appLogin())
	ops, _ := c.run()
	sent, err := ops.Send(t.Context(), w.outgoing(1, network.Text(strings.Repeat("word ", 2000))))
	if err != nil {
		t.Fatal(err)
	}
	ids := sent.Parts[0]
	ref := network.Ref{ID: ids[0], Alt: ids[1:], Part: -1}
	if _, err := ops.Edit(t.Context(), network.OutgoingEdit{Txn: txn(2), Chat: network.ChatID(w.main), Target: ref, Content: network.Text("short")}); err != nil {
		t.Fatal(err)
	}
	w.Say(w.main, w.bob, "after that")
	c.wait("what bob says", func() bool { return slices.Contains(c.texts(w.main), "after that") })
	c.mu.Lock()
	defer c.mu.Unlock()
	if all := c.removals(); len(all) > 0 {
		t.Errorf("%d removals came", len(all))
	}
}
