package e2e

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"maunium.net/go/mautrix/event"

	"github.com/causeway-chat/causeway/bridgekit/memnet"
	"github.com/causeway-chat/causeway/testbed/homeserver"
	"github.com/causeway-chat/causeway/testbed/matrixuser"
)

// TestCanary has the bot write to itself: homeservers send an appservice what its own
// bot writes in a room in which nobody else is.
func TestCanary(t *testing.T) {
	for name, hs := range map[string]func(t *testing.T, ctx context.Context) homeserver.Launcher{"dendrite": dendrite, "synapse": synapse} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newBareWorld(t, hs)
			w.homeserver()
			f, err := os.OpenFile(w.folder.Config, os.O_APPEND|os.O_WRONLY, 0)
			check(t, err)
			_, err = f.WriteString("\nhealth: {canary: 10s}\n")
			check(t, err)
			check(t, f.Close())
			w.you = w.login("you")
			a := &account{world: w, net: memnet.New(memnet.Options{})}
			a.start(a.net.Connector(memID))
			room := a.directChat()
			w.until("an event of the bot to itself came back", func() error {
				at := w.you.Mark()
				if _, err := w.you.Text(w.ctx, room, "health"); err != nil {
					return err
				}
				e, err := w.you.Wait(w.ctx, at, func(e matrixuser.Event) bool {
					return e.Type == event.EventMessage && e.RoomID == room && e.Sender == w.bot()
				})
				if err != nil {
					return err
				}
				return holds(e.Content.AsMessage().Body, "the last that was measured took")
			})
		})
	}
}

// holds is an error unless a text has some words in it.
func holds(text, words string) error {
	if strings.Contains(text, words) {
		return nil
	}
	return fmt.Errorf("%q does not hold %q", text, words)
}
