package slack

import (
	"slices"
	"strings"
	"testing"

	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridges/slack/slackfake"
)

// TestSameWordsOfAPerson: what a person's session posts has no mark, so it is looked
// for by its text; the same words that were said before are not it.
func TestSameWordsOfAPerson(t *testing.T) {
	w := newWorld(t, slackfake.Config{})
	ops, _ := newCore(t, w.connector(""), w.personLogin()).run()
	for i, text := range []string{"ok", strings.Repeat("word ", 2000)} {
		first, second := w.outgoing(10*i+1, network.Text(text)), w.outgoing(10*i+2, network.Text(text))
		if _, err := ops.Send(t.Context(), first); err != nil {
			t.Fatal(err)
		}
		w.Break(slackfake.Fault{Method: "chat.postMessage", Status: 500})
		if _, err := ops.Send(t.Context(), second); network.KindOf(err) != network.Unsure {
			t.Fatalf("an answer that says nothing gives %v", err)
		}
		if found, err := ops.Find(t.Context(), second); err != nil || len(found.Parts) > 0 {
			t.Fatalf("found %v of what never arrived, %v", found.Parts, err)
		}
		w.Break(slackfake.Fault{Method: "chat.postMessage", Lost: true})
		if _, err := ops.Send(t.Context(), second); network.KindOf(err) != network.Unsure {
			t.Fatalf("a lost answer gives %v", err)
		}
		found, err := ops.Find(t.Context(), second)
		if err == nil && len(found.Parts) == 0 { // the first piece of several
			found, err = ops.Send(t.Context(), second)
		}
		if err != nil || len(found.Parts) != 1 {
			t.Fatalf("found %v, %v", found.Parts, err)
		}
		n := 0
		for _, m := range w.Messages(w.main) {
			if said, _ := m["text"].(string); strings.HasPrefix(said, text[:2]) {
				n += len(strings.Fields(said))
			}
		}
		if want := 2 * len(strings.Fields(text)); n != want {
			t.Errorf("Slack holds %d words, want %d", n, want)
		}
	}
}

// TestTypedMeanwhile: what a person's session posts is known by its client_msg_id, though
// they type the same words on Slack meanwhile; so is its echo.
func TestTypedMeanwhile(t *testing.T) {
	w := newWorld(t, slackfake.Config{})
	c := newCore(t, w.connector(""), w.personLogin())
	ops, _ := c.run()
	m := w.outgoing(1, network.Text("ok"))
	w.Break(slackfake.Fault{Method: "chat.postMessage", Status: 500})
	if _, err := ops.Send(t.Context(), m); network.KindOf(err) != network.Unsure {
		t.Fatalf("an answer that says nothing gives %v", err)
	}
	w.Say(w.main, w.carol, "ok")
	w.Break(slackfake.Fault{Method: "chat.postMessage", Lost: true})
	if _, err := ops.Send(t.Context(), m); network.KindOf(err) != network.Unsure {
		t.Fatalf("a lost answer gives %v", err)
	}
	all := w.Messages(w.main)
	want := all[len(all)-1]["ts"].(string)
	found, err := ops.Find(t.Context(), m)
	if err != nil || len(found.Parts) != 1 || string(found.Parts[0][0]) != want {
		t.Fatalf("found %v, %v, want %s", found.Parts, err, want)
	}
	c.wait("the echo of what was sent", func() bool {
		return slices.ContainsFunc(c.events, func(ev network.Event) bool {
			said, ok := ev.(*network.Message)
			return ok && string(said.ID) == want && said.Txn == m.Txn
		})
	})
}
