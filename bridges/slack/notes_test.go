package slack

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridges/slack/slackfake"
)

// TestUploadsAreForgotten: what is noted of files that were sent does not grow, and the
// last one is still found.
func TestUploadsAreForgotten(t *testing.T) {
	t.Parallel()
	w := newWorld(t, slackfake.Config{})
	c := newCore(t, w.connector(""), w.appLogin())
	ops, _ := c.run()
	var last network.Outgoing
	for i := range maxUploads + 3 {
		last = w.outgoing(i, filed(fmt.Sprintf("%d.txt", i), []byte("content"), 7))
		if _, err := ops.Send(t.Context(), last); err != nil {
			t.Fatal(err)
		}
	}
	var all []uploaded
	for key, value := range c.kept() {
		if err := json.Unmarshal(value, &all); key == uploadsKey(last.Chat) && err != nil {
			t.Fatal(err)
		}
		if len(value) > 100*maxUploads {
			t.Errorf("%s has %d bytes", key, len(value))
		}
	}
	if n := len(c.kept()); n > 3 {
		t.Errorf("%d values are kept", n)
	}
	found, err := ops.Find(t.Context(), last)
	if err != nil || len(found.Parts) != 1 {
		t.Errorf("of the last file %v is found, %v", found.Parts, err)
	}
}

// TestUserMarksRead: who signed in through the app has their read marker follow.
func TestUserMarksRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t, slackfake.Config{})
	site := w.publish(w.socket() + w.signsIn())
	ops, _ := newCore(t, site.conn, w.userLogin(w.carol)).run()
	ts := w.Say(w.main, w.bob, "read this")
	if err := ops.MarkRead(t.Context(), network.ChatID(w.main), network.Whole(network.MessageID(ts))); err != nil {
		t.Fatal(err)
	}
	if got := w.ReadUpTo(w.main, w.carol); got != ts {
		t.Errorf("carol has read up to %q, want %q", got, ts)
	}
}
