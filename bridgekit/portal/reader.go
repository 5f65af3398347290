package portal

import (
	"context"
	"slices"

	"github.com/causeway-chat/causeway/bridgekit/login"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/store"
)

// reads reports whether ev is taken from this login. What all logins in a chat
// deliver alike is taken from all of them, and what came already is recognised: by its key
// where IDs are shared and until the chat is described, by its commonID where each login has its own.
// Of all else one login is the reader, or everything would arrive as often as there are logins:
// the first that came into the chat and is not dead, or, where nothing is delivered again to who was away,
// the first that is online. What one of our logins does is read from its own connection, because
// only that knows it by the IDs of our own sends; what another one delivers of it tells
// what that one calls it, and other is true.
func (s *Service) reads(ctx context.Context, p store.Portal, sess *login.Session, ev network.Event) (taken, other bool, err error) {
	if _, own := ev.(*network.ChatKept); own {
		return true, false, nil // it is this login's person's
	}
	ids, keyed := features(p).IDs, ev.Base().Key != ""
	if p.Chat.Login != "" || ids == network.IDsShared && keyed || leaves(ev, sess.User()) {
		return true, false, nil
	}
	in, err := s.db.LoginsIn(ctx, p.ID)
	if err != nil {
		return false, false, err
	}
	present := func(o *login.Session) bool {
		if o == nil || o == sess || !slices.Contains(in, o.ID) {
			return false
		}
		return o.Online() || ids == network.IDsPerLogin && o.State().Status != network.Dead
	}
	_, says := ev.(*network.Message)
	alike := keyed && recognised(p, ev)
	if own := s.logins.ByUser(p.Network, ev.Base().Sender); own == sess {
		return true, false, nil
	} else if present(own) {
		return alike && says, true, nil
	}
	if alike || ids == "" && keyed {
		return true, false, nil
	}
	for _, l := range in {
		if l == sess.ID {
			break
		}
		if present(s.logins.Get(p.Network, l)) {
			return false, false, nil
		}
	}
	return true, false, nil
}
