package e2e

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/testbed/bridge"
	"github.com/causeway-chat/causeway/testbed/foreign"
	"github.com/causeway-chat/causeway/testbed/ircuser"
	"github.com/causeway-chat/causeway/testbed/nio"
)

// TestEncrypted has people with matrix-nio in the encrypted room of a channel, on
// both homeservers, and Causeway killed between what they say.
func TestEncrypted(t *testing.T) {
	if err := nio.Install(t.Context()); err != nil {
		t.Skip(err)
	}
	path := build(t)
	for _, k := range kinds() {
		if !k.tags || !k.history {
			continue // one IRC server will do
		}
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			w := newEncryptedWorld(t, k)
			p := w.launch(path)
			room := w.join(w.you)
			alice := w.nio("you", "ONE", room)
			w.knows(alice)

			w.checks(path)
			w.encryptedTalk(alice, room)
			w.encryptedFile(alice, room)

			check(t, p.Kill())
			w.saidToNobody(alice, room, path)

			// Somebody who comes later, and a device that is added later.
			ann := w.nio("ann", "ANN", room)
			w.knows(ann)
			second := w.nio("you", "TWO", "")
			w.knows(second)
			w.knows(alice)
			w.allEncrypted(room)
		})
	}
}

// saidToNobody has you say something while Causeway is away: nobody hears it until it
// is back.
func (w *world) saidToNobody(you *foreign.Client, room id.RoomID, path string) {
	w.t.Helper()
	im := w.mia.Mark()
	w.encrypts(you, room, text2("said to nobody"))
	w.launch(path)
	w.said(im, relay, "<you> said to nobody")
}

// newEncryptedWorld is one whose rooms are encrypted, without Causeway.
func newEncryptedWorld(t *testing.T, k kind) *world {
	t.Helper()
	w := newBareWorld(t, k.hs)
	w.kind = k
	w.irc = k.start(t, w.ctx)
	w.gate = newGate(t, w.irc.Addr())
	w.homeserverFor(bridge.Options{Encryption: "default", Networks: []bridge.Network{{ID: "irc.test", Section: fmt.Sprintf(
		`{name: Test, server: %q, nick: %s, tls: false, flood: {lines: 100, burst: 20}}`, w.gate.Addr(), relay)}}})
	w.you = w.login("you")
	w.mia = w.person("mia", channel)
	return w
}

// checks has the program check its encryption.
func (w *world) checks(path string) {
	w.t.Helper()
	cmd := exec.CommandContext(w.ctx, path, "doctor", "--config", w.folder.Config)
	out, _ := cmd.CombinedOutput() // others of its checks may fail here
	if !strings.Contains(string(out), "a message went to the bot and back") {
		w.t.Errorf("doctor says:\n%s", out)
	}
}

// text2 is the content of a text.
func text2(body string) map[string]any { return map[string]any{"msgtype": "m.text", "body": body} }

// nio signs somebody in on a device, and brings them into a room.
func (w *world) nio(user, device string, room id.RoomID) *foreign.Client {
	w.t.Helper()
	c, err := nio.Login(w.ctx, filepath.Join(w.t.TempDir(), device), w.hs.URL(), user, "secret", device, logTo())
	check(w.t, err)
	w.t.Cleanup(func() { _ = c.Close() })
	if room != "" {
		w.until(user+" is in the room", func() error { return c.Join(w.ctx, alias) })
	}
	return c
}

// encrypts has somebody send an event.
func (w *world) encrypts(c *foreign.Client, room id.RoomID, content map[string]any) string {
	w.t.Helper()
	e, err := c.Send(w.ctx, string(room), "m.room.message", content)
	check(w.t, err)
	return e
}

// knows waits until somebody can read what is said on IRC. What was said before
// the bridge knew of their device they cannot.
func (w *world) knows(c *foreign.Client) {
	w.t.Helper()
	n, mark := 0, c.Mark()
	can := fmt.Sprintf("after %d, can %s %s read line", mark, strings.TrimSuffix(strings.TrimPrefix(c.User, "@"), ":localhost"), c.Device)
	w.until(c.User+" reads", func() error {
		n++
		check(w.t, w.mia.Say(channel, fmt.Sprintf("%s %d?", can, n)))
		soon, cancel := context.WithTimeout(w.ctx, 3*time.Second) // the bridge may not know of the device yet
		defer cancel()
		_, err := c.Wait(soon, mark, func(e foreign.Event) bool { // an earlier line too: a slow machine hears the last one late
			return e.Decrypted && strings.HasPrefix(e.Body(), can) && e.Source.Sender == string(ghost("mia"))
		})
		return err
	})
}

// encryptedTalk is text, a reply, an edit and a reaction.
func (w *world) encryptedTalk(c *foreign.Client, room id.RoomID) {
	w.t.Helper()
	im, at := w.mia.Mark(), c.Mark()
	first := w.encrypts(c, room, text2("the tide turns at five today"))
	w.said(im, relay, "<you> the tide turns at five today")
	w.encrypts(c, room, map[string]any{
		"msgtype": "m.text", "body": "* the tide turns at six today", "m.new_content": text2("the tide turns at six today"),
		"m.relates_to": map[string]any{"rel_type": "m.replace", "event_id": first},
	})
	w.said(im, relay, "<you> s/five/six/")
	check(w.t, w.mia.Send("@+reply="+w.lastID("<you> the tide turns at five today"), "PRIVMSG", channel, "thank you"))
	e, err := c.Wait(w.ctx, at, func(e foreign.Event) bool { return e.Body() == "thank you" })
	check(w.t, err)
	if !e.Decrypted || e.Source.Sender != string(ghost("mia")) {
		w.t.Errorf("the answer is %+v", e)
	}
	liked := w.lastID("<you> the tide turns at five today")
	check(w.t, w.mia.Send("@+draft/reply="+liked+";+draft/react=👍", "TAGMSG", channel))
	_, err = c.Wait(w.ctx, at, func(e foreign.Event) bool { return e.Source.Type == event.EventReaction.Type })
	check(w.t, err)
}

// encryptedFile is a file to IRC, where it is a link that leads to it in clear.
func (w *world) encryptedFile(c *foreign.Client, room id.RoomID) {
	w.t.Helper()
	im := w.mia.Mark()
	data := strings.Repeat("high and low\n", 1000)
	_, err := c.File(w.ctx, string(room), "tides.txt", data)
	check(w.t, err)
	l, err := w.mia.Wait(w.ctx, im, func(l ircuser.Line) bool {
		return l.Command == "PRIVMSG" && strings.HasPrefix(l.Params[1], "<you> sent tides.txt")
	})
	check(w.t, err)
	url := l.Params[1][strings.LastIndexByte(l.Params[1], ' ')+1:]
	w.noSecret(url)
	req, err := http.NewRequestWithContext(w.ctx, http.MethodGet, url, nil)
	check(w.t, err)
	resp, err := http.DefaultClient.Do(req)
	check(w.t, err)
	got, err := io.ReadAll(resp.Body)
	check(w.t, err)
	check(w.t, resp.Body.Close())
	if !bytes.Equal(got, []byte(data)) {
		w.t.Errorf("the link leads to %s with %d bytes, not to the file's %d", resp.Status, len(got), len(data))
	}
}

// allEncrypted makes sure that nothing was said in the clear.
func (w *world) allEncrypted(room id.RoomID) {
	w.t.Helper()
	all, err := w.you.Timeline(w.ctx, room)
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
	if encrypted < 9 { // what is said above, at least
		w.t.Errorf("only %d events are encrypted", encrypted)
	}
}
