package e2e

import (
	"fmt"
	"testing"

	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/testbed/foreign"
	"github.com/causeway-chat/causeway/testbed/jssdk"
)

// TestElement has people at what Element Web is made of in the encrypted room of a
// channel, on both homeservers: the first thing that they say arrives, they talk both
// ways, also over a kill, and what they see beside a message is what docs/encryption.md
// says.
func TestElement(t *testing.T) {
	if err := jssdk.Install(t.Context()); err != nil {
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

			// The first thing that somebody says has to arrive: Element asks for the bot's
			// device before it encrypts.
			you := w.element("you", false, room)
			im := w.mia.Mark()
			w.encrypts(you, room, text2("the first words"))
			w.said(im, relay, "<you> the first words")
			w.knows(you)
			w.encryptedTalk(you, room)
			w.encryptedFile(you, room)

			check(t, p.Kill())
			w.saidToNobody(you, room, path)
			w.shields(room, you)
		})
	}
}

// element signs somebody in at Element's SDK and brings them into a room.
func (w *world) element(user string, strict bool, room id.RoomID) *foreign.Client {
	w.t.Helper()
	c, err := jssdk.Login(w.ctx, w.hs.URL(), user, "secret", strict, logTo())
	check(w.t, err)
	w.t.Cleanup(func() { _ = c.Close() })
	w.until(user+" is in the room", func() error { return c.Join(w.ctx, room.String()) })
	return c
}

// shields looks at what docs/encryption.md says of Element: that it warns beside a
// ghost's message, and shows none to who excludes devices that cannot vouch for it.
func (w *world) shields(room id.RoomID, you *foreign.Client) {
	w.t.Helper()
	strict, n := w.element("ann", true, room), 0
	w.until("ann is refused a message that she has the key of", func() error {
		n++
		body := fmt.Sprintf("what stands beside line %d?", n)
		yours, hers := you.Mark(), strict.Mark()
		check(w.t, w.mia.Say(channel, body))
		e, err := you.Wait(w.ctx, yours, func(e foreign.Event) bool { return e.Body() == body })
		check(w.t, err)
		if e.Shield != "RED" || e.Reason != "MISMATCHED_SENDER" {
			w.t.Errorf("beside %q is the shield %s, %s", body, e.Shield, e.Reason)
		}
		e, err = strict.Wait(w.ctx, hers, func(hidden foreign.Event) bool { return hidden.Source.ID == e.Source.ID })
		check(w.t, err)
		if e.Decrypted {
			w.t.Errorf("ann reads %q", e.Body())
		}
		if e.Reason == "MEGOLM_UNKNOWN_INBOUND_SESSION_ID" { // the bridge did not know of her device yet
			return fmt.Errorf("she has no key: %s", e.Reason)
		}
		return nil
	})
}
