package portal

import (
	"context"
	"fmt"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/journal"
	"github.com/causeway-chat/causeway/bridgekit/login"
	"github.com/causeway-chat/causeway/bridgekit/matrix"
	"github.com/causeway-chat/causeway/bridgekit/network"
)

// waitsFor is the error of what only a login can do that was signed out.
type waitsFor struct{ sess *login.Session }

func (w waitsFor) Error() string { return "its login is signed out" }

// outcome lets the entry wait for the login, or another one that comes into the chat.
func (w waitsFor) outcome(s *Service) journal.Outcome {
	dead := func() bool {
		sess := s.logins.Get(w.sess.Network, w.sess.ID)
		return sess != nil && sess.State().Status == network.Dead
	}
	return journal.Park(w.sess.Cause(), dead, w)
}

// wakeDead lets what waits for a login that was signed out look whether another one
// can do it now.
func (s *Service) wakeDead(n network.NetworkID) {
	for _, sess := range s.logins.Of("*") {
		if sess.Network == n && sess.State().Status == network.Dead {
			s.j.Wake(sess.Cause())
		}
	}
}

// opener is the client that fetches a file: of the login that received it, or of
// another one in the chat if that one is signed out. It is nil if none runs.
func (x *inbound) opener(ctx context.Context) (ops *network.Ops, other bool) {
	if ops := x.ops(); ops != nil {
		return ops, false
	}
	if x.sess == nil || x.sess.State().Status == network.Dead {
		return x.anyOps(ctx, x.p), true
	}
	return nil, false
}

// unopened is the error of a file that no client can fetch now.
func (x *inbound) unopened(ctx context.Context, m *network.Media) error {
	switch {
	case x.sess == nil:
		return network.Errorf(network.Gone, "the account that received it is signed out", "no login to open media")
	case x.sess.State().Status != network.Dead || x.othersIn(ctx):
		return network.Errorf(network.Unavailable, "the file cannot be fetched now", "no client to open media")
	}
	x.tellWaits(ctx, m)
	return waitsFor{x.sess}
}

// othersIn reports whether a login of the chat is not signed out.
func (x *inbound) othersIn(ctx context.Context) bool {
	in, err := x.db.LoginsIn(ctx, x.p.ID)
	for _, l := range in {
		if sess := x.logins.Get(x.p.Network, l); sess != nil && sess.State().Status != network.Dead {
			return true
		}
	}
	return err != nil
}

// tellWaits says in the room what holds it up. It does not go through the lane, which
// waits.
func (x *inbound) tellWaits(ctx context.Context, m *network.Media) {
	words := fmt.Sprintf("A file, %q, waits until %s is signed in again, and so does all that comes after it here.", m.Name, x.sess.Name)
	c := &event.MessageEventContent{MsgType: event.MsgNotice, Body: words, Mentions: &event.Mentions{}}
	if x.sess.Owner != "" {
		c.Mentions.UserIDs = []id.UserID{id.UserID(x.sess.Owner)}
	}
	_, err := x.hs.Send(ctx, matrix.Event{Room: roomID(x.p), As: x.hs.BotID(), Type: event.EventMessage, Content: c, Key: x.e.Key, Step: "waits", Lookup: x.e.Repeated})
	if err != nil {
		x.log.Warn("say that a file waits", "entry", x.e.ID, "err", err)
	}
}
