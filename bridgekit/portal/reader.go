package portal

import (
	"context"
	"slices"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/login"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/store"
)

// reads reports whether ev is taken from this login. In a shared chat whose
// messages do not have the same ID for all logins, one login is the reader, or
// everything would arrive as often as there are logins: the first that came into
// the chat and is not dead, or, where nothing is delivered again to who was away,
// the first that is online. What one of our logins does is read from its own connection, because
// only that knows it by the IDs of our own sends. Until the chat is described its
// IDs are taken for shared, see hold.
func (s *Service) reads(ctx context.Context, p store.Portal, sess *login.Session, ev network.Event) (bool, error) {
	ids := features(p).IDs
	shared := (ids == network.IDsShared || ids == "") && ev.Base().Key != ""
	if p.Chat.Login != "" || shared || leaves(ev, sess.User()) {
		return true, nil
	}
	return s.elected(ctx, p, sess, ev)
}

// holdFor is how long a login may have to wait for another to be in a chat first.
const holdFor = 10 * time.Second

// hold waits while it is not known whether the logins in a chat have IDs in common
// and another login is to read it. A chat is described with its first event; if that takes long,
// this one reads it too: what has the same key then, or the same commonID, arrives once.
func (s *Service) hold(ctx context.Context, sess *login.Session, ev network.Event) error {
	h := ev.Base()
	if h.Chat.IsZero() || h.Chat.Login != "" || h.Key == "" || network.Ephemeral(ev) || leaves(ev, sess.User()) {
		return nil
	}
	again := 5 * time.Millisecond
	for began := time.Now(); time.Since(began) < holdFor; again = min(2*again, 100*time.Millisecond) {
		p, err := s.portals.ensure(ctx, sess.Network, h.Chat)
		if err != nil || features(p).IDs != "" {
			return err
		}
		if reads, err := s.elected(ctx, p, sess, ev); err != nil || reads {
			return err
		}
		if came, err := s.j.Has(ctx, eventKey(p, sess, network.EventKind(ev), h)); err != nil || came {
			return err
		}
		select {
		case <-time.After(again):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// elected reports whether a login is the one that reads ev for all.
func (s *Service) elected(ctx context.Context, p store.Portal, sess *login.Session, ev network.Event) (bool, error) {
	in, err := s.db.LoginsIn(ctx, p.ID)
	if err != nil {
		return false, err
	}
	present := func(o *login.Session) bool {
		if o == nil || o == sess || !slices.Contains(in, o.ID) {
			return false
		}
		return o.Online() || features(p).IDs == network.IDsPerLogin && o.State().Status != network.Dead
	}
	if own := s.logins.ByUser(p.Network, ev.Base().Sender); own == sess || present(own) {
		return own == sess, nil
	}
	for _, l := range in {
		if l == sess.ID {
			break
		}
		if present(s.logins.Get(p.Network, l)) {
			return false, nil
		}
	}
	return true, nil
}
