package e2e

import (
	"context"
	"slices"
	"testing"
	"time"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/memnet"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/testbed/homeserver"
	"github.com/causeway-chat/causeway/testbed/matrixuser"
	"github.com/causeway-chat/causeway/testbed/record"
)

const (
	memID = network.NetworkID("mem.test")
	team  = network.ChatID("team")
	carol = id.UserID("@_cw_mem.test_carol:localhost")
)

// An account is you, signed in to a network that has what IRC has not.
type account struct {
	*world
	net   *memnet.Server
	calls record.Log[string] // operations of your account
	room  id.RoomID
}

// TestAccount has you use your account on a network from Matrix and from another
// device, with carol at the other end.
func TestAccount(t *testing.T) {
	for _, c := range []struct {
		name      string
		hs        func(t *testing.T, ctx context.Context) homeserver.Launcher
		ephemeral bool // it tells bridges about typing and receipts
	}{{"dendrite", dendrite, false}, {"synapse", synapse, true}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a := &account{world: newBareWorld(t, c.hs), net: memnet.New(memnet.Options{})}
			a.net.Fail(func(op string, _ network.ChatID) error {
				a.calls.Append(op)
				return nil
			})
			a.homeserver()
			a.you = a.login("you")
			a.start(a.net.Connector(memID))
			a.signIn()
			a.otherDevice()
			a.typing(c.ephemeral)
			a.receipts(c.ephemeral)
		})
	}
}

// signIn gives Causeway your account, and waits for the room of a chat of yours,
// into which you come by yourself.
func (a *account) signIn() {
	a.t.Helper()
	a.net.Account("you")
	talk := a.directChat()
	a.command(talk, "login mem.test", "ser name")
	a.command(talk, "you", "assword")
	a.command(talk, "secret", "Signed in")
	check(a.t, a.net.Connected(a.ctx, "you"))
	at := a.you.Mark()
	a.net.Group(team, "you", "carol")
	a.says("carol", "hello")
	a.room = a.seen(at, "the first message", func(e matrixuser.Event) bool {
		return e.Section == matrixuser.Timeline && e.Sender == carol && e.Type == event.EventMessage
	}).RoomID
}

func (a *account) says(who network.UserID, text string) network.MessageID {
	a.t.Helper()
	said, err := a.net.User(who).Say(team, text)
	check(a.t, err)
	return said
}

// otherDevice: what you say elsewhere is yours in Matrix, and is not sent again.
func (a *account) otherDevice() {
	a.t.Helper()
	at := a.you.Mark()
	a.says("you", "from my phone")
	a.message(at, a.room, a.you.ID(), event.MsgText, "from my phone")
	a.sent(a.you.Text(a.ctx, a.room, "from Matrix"))
	check(a.t, a.net.WaitMessages(a.ctx, team, 3))
	if got := a.net.Texts(team, "you"); !slices.Equal(got, []string{"from my phone", "from Matrix"}) {
		a.t.Errorf("you said %q", got)
	}
}

// typing crosses both ways.
func (a *account) typing(told bool) {
	a.t.Helper()
	at := a.you.Mark()
	check(a.t, a.net.User("carol").Type(team, time.Minute))
	a.types(at, carol, true)
	check(a.t, a.net.User("carol").Type(team, 0))
	a.types(at, carol, false)
	if !told {
		return
	}
	calls := a.calls.Mark()
	_, err := a.you.Client.UserTyping(a.ctx, a.room, true, 30*time.Second)
	check(a.t, err)
	a.called(calls, "type")
	calls = a.calls.Mark()
	_, err = a.you.Client.UserTyping(a.ctx, a.room, false, 0)
	check(a.t, err)
	a.called(calls, "type")
}

// types waits until you saw somebody begin to type, or after that, end.
func (a *account) types(mark int, who id.UserID, begin bool) {
	a.t.Helper()
	began := false
	a.seen(mark, "who types", func(e matrixuser.Event) bool {
		if e.Type != event.EphemeralEventTyping || e.RoomID != a.room {
			return false
		}
		now := slices.Contains(e.Content.AsTyping().UserIDs, who)
		began = began || now
		return began && now == begin
	})
}

// receipts cross both ways.
func (a *account) receipts(told bool) {
	a.t.Helper()
	at := a.you.Mark()
	mine := a.sent(a.you.Text(a.ctx, a.room, "read me"))
	check(a.t, a.net.WaitMessages(a.ctx, team, 4))
	all := a.net.Messages(team)
	check(a.t, a.net.User("carol").Read(team, all[len(all)-1].ID))
	a.seen(at, "that carol has read it", func(e matrixuser.Event) bool {
		if e.Type != event.EphemeralEventReceipt || e.RoomID != a.room {
			return false
		}
		_, read := (*e.Content.AsReceipt())[mine][event.ReceiptTypeRead][carol]
		return read
	})
	if !told {
		return
	}
	a.says("carol", "and me")
	hers := a.message(at, a.room, carol, event.MsgText, "and me")
	calls := a.calls.Mark()
	check(a.t, a.you.Client.MarkRead(a.ctx, a.room, hers.ID))
	a.called(calls, "read")
}

// called waits until an operation was called for you.
func (a *account) called(mark int, op string) {
	a.t.Helper()
	if _, _, err := a.calls.Wait(a.ctx, mark, func(s string) bool { return s == op }); err != nil {
		a.t.Fatalf("%q was not called but %q: %v", op, a.calls.Since(mark), err)
	}
}
