package slack

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

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

// TestLongTextsAreForgotten: what was sent of a long text before something went wrong is
// known when it is sent again, and nothing is left of it then; of those that fail for good
// there are only so many, and none that is old.
func TestLongTextsAreForgotten(t *testing.T) {
	t.Parallel()
	w := newWorld(t, slackfake.Config{})
	c := newCore(t, w.connector(""), w.appLogin())
	ops, _ := c.run()
	long := func(i int) network.Outgoing { return w.outgoing(i, network.Text(strings.Repeat("word ", 3000))) }
	fails := func(m network.Outgoing) {
		t.Helper()
		w.Break(slackfake.Fault{Method: "chat.postMessage", Skip: 1, Error: "is_archived"})
		if sent, err := ops.Send(t.Context(), m); err == nil || len(sent.Parts) > 0 {
			t.Fatalf("%v was sent, %v", sent.Parts, err)
		}
	}
	kept := func(want int) {
		t.Helper()
		n := 0
		for key := range c.kept() {
			if strings.HasPrefix(key, "rest/") {
				n++
			}
		}
		if n != want {
			t.Errorf("%d values are kept, want %d", n, want)
		}
	}
	fails(long(0))
	kept(1)
	whole, err := ops.Send(t.Context(), long(0))
	if err != nil || len(whole.Parts) != 1 || len(whole.Parts[0]) != len(w.Texts(w.main)) {
		t.Fatalf("it became %v, %v; in the channel there are %d messages", whole.Parts, err, len(w.Texts(w.main)))
	}
	kept(0)
	for i := range maxRests + 5 {
		fails(long(i + 1))
	}
	kept(1)
	stored := &Client{host: network.Host{KV: c}}
	all, err := notes[rest](t.Context(), stored, restKey(network.ChatID(w.main)))
	if err != nil || len(all) != maxRests {
		t.Fatalf("%d long texts are kept, %v", len(all), err)
	}
	for i := range all {
		all[i].At = time.Now().Add(-restKept - time.Hour)
	}
	if err := note(t.Context(), stored, restKey(network.ChatID(w.main)), all); err != nil {
		t.Fatal(err)
	}
	if _, err := ops.Send(t.Context(), long(100)); err != nil {
		t.Fatal(err)
	}
	kept(0)
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
