package e2e

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"maunium.net/go/mautrix/event"

	"github.com/causeway-chat/causeway/bridges/slack/slackfake"
	"github.com/causeway-chat/causeway/testbed/foreign"
	"github.com/causeway-chat/causeway/testbed/nio"
)

// TestSlackEncrypted: the room of a channel is encrypted, and you are in it with
// matrix-nio. Text, a thread and a file cross both ways, and nothing is in the clear.
func TestSlackEncrypted(t *testing.T) {
	if err := nio.Install(t.Context()); err != nil {
		t.Skip(err)
	}
	w := newWorkspace(t, dendrite, "default")
	w.start()
	w.enterAlone()
	c := w.nio("you", "ONE", "")
	w.until("you read", func() error { // when the bridge knows of your device
		w.slack.Say(w.chat, w.miaID, "can you read?")
		soon, cancel := context.WithTimeout(w.ctx, 3*time.Second)
		defer cancel()
		_, err := w.reads(soon, c, "can you read?")
		return err
	})
	root := w.slack.Say(w.chat, w.miaID, "a sealed thread")
	first, err := w.reads(w.ctx, c, "a sealed thread")
	check(t, err)
	w.encrypts(c, w.room, map[string]any{
		"msgtype": "m.text", "body": "sealed too", "m.relates_to": map[string]any{"rel_type": "m.thread", "event_id": first.Source.ID},
	})
	if m := w.posted("your answer", says("you", "sealed too")); m["thread_ts"] != root {
		t.Errorf("your answer is in thread %v, not %s", m["thread_ts"], root)
	}
	data := strings.Repeat("high and low\n", 1000)
	_, err = c.File(w.ctx, w.room.String(), "tides.txt", data)
	check(t, err)
	w.posted("your file", func(m slackfake.JSON) bool { return w.holds(m, "tides.txt", []byte(data)) })
	w.slack.Upload(w.chat, w.miaID, "", slackfake.File{Name: "mia.txt", Content: bytes.Repeat([]byte("mia\n"), 1000)})
	e, err := w.reads(w.ctx, c, "mia.txt")
	check(t, err)
	if got, err := c.Fetch(w.ctx, e.Source.Content["file"]); err != nil || got != strings.Repeat("mia\n", 1000) {
		t.Errorf("mia's file has %d bytes: %v", len(got), err)
	}
	w.sealed()
}

// reads waits until somebody could decrypt a message with a body.
func (w *workspace) reads(ctx context.Context, c *foreign.Client, body string) (foreign.Event, error) {
	return c.Wait(ctx, 0, func(e foreign.Event) bool { return e.Decrypted && e.Body() == body })
}

// sealed makes sure that nothing was said in the clear.
func (w *workspace) sealed() {
	w.t.Helper()
	all, err := w.you.Timeline(w.ctx, w.room)
	check(w.t, err)
	encrypted := 0
	for _, e := range all {
		switch e.Type.Type {
		case event.EventMessage.Type, event.EventSticker.Type:
			w.t.Errorf("in the clear, from %s: %s", e.Sender, e.Content.VeryRaw)
		case event.EventEncrypted.Type:
			encrypted++
		}
	}
	if encrypted < 5 { // what is said above, at least
		w.t.Errorf("only %d events are encrypted", encrypted)
	}
}
