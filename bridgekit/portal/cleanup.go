package portal

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/config"
	"github.com/causeway-chat/causeway/bridgekit/journal"
	"github.com/causeway-chat/causeway/bridgekit/login"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/store"
)

// cleanupKind is the kind of control entries that end a portal and clear its room.
const cleanupKind = "cleanup"

// A cleanup is the payload of such an entry.
type cleanup struct {
	Portal int64     `json:"portal"`
	Room   id.RoomID `json:"room"`
	Delete bool      `json:"delete,omitempty"` // everybody leaves the room
}

// choice is what the configuration wants with a portal's room when a login signs
// out. others are the logins that stay in the chat.
func choice(c config.Logout, p store.Portal, others []network.LoginID) config.Cleanup {
	switch {
	case p.Chat.Login != "":
		return c.Private
	case len(others) == 0:
		return c.Last
	case p.Relay != "":
		return c.Relayed
	}
	return c.Shared
}

// signOut removes a login, does with the rooms of its chats what the configuration
// wants, and lets go on what waited for it. forget: nothing that is theirs alone
// stays.
func (s *Service) signOut(ctx context.Context, sess *login.Session, forget bool) error {
	chats, err := s.db.ChatsOf(ctx, sess.Network, sess.ID)
	if err != nil {
		return err
	}
	var drafts []journal.Draft
	for _, p := range chats {
		in, err := s.db.LoginsIn(ctx, p.ID)
		if err != nil {
			return err
		}
		how := choice(s.opts.Logout, p, slices.DeleteFunc(in, func(l network.LoginID) bool { return l == sess.ID }))
		if forget && p.Chat.Login != "" && how != config.CleanupDelete {
			how = config.CleanupUnbridge
		}
		var d journal.Draft
		if how == config.CleanupUnbridge || how == config.CleanupDelete {
			d, err = cleanupDraft(p, how == config.CleanupDelete && !p.Info.Plumbed)
		} else {
			d, err = accessDraft(p.ID, access{Login: sess.ID, Name: sess.Name, Owner: id.UserID(sess.Owner), Reason: "you signed out", SignedOut: true, Kick: how == config.CleanupKick})
		}
		if err != nil {
			return err
		}
		drafts = append(drafts, d)
	}
	if err := s.logins.Remove(ctx, sess.Network, sess.ID); err != nil {
		return err
	}
	s.dropSpace(sess)
	for _, p := range chats {
		s.portals.unlearn(loginChat{sess.Network, sess.ID, p.ID})
	}
	s.j.Wake(sess.Cause())
	if len(drafts) == 0 {
		return nil
	}
	return s.j.Append(ctx, drafts, nil)
}

func cleanupDraft(p store.Portal, remove bool) (journal.Draft, error) {
	payload, err := json.Marshal(cleanup{Portal: p.ID, Room: roomID(p), Delete: remove})
	return journal.Draft{Lane: controlLane(roomID(p)), Kind: cleanupKind, Payload: payload, Key: journal.Key(cleanupKind, fmt.Sprint(p.ID), p.Room)}, err
}

// cleanUp delivers such an entry. Each of its steps may have been done already.
func (s *Service) cleanUp(ctx context.Context, e *journal.Entry) journal.Outcome {
	var c cleanup
	if err := json.Unmarshal(e.Payload, &c); err != nil {
		return journal.Fail(err, "the stored entry cannot be read")
	}
	p, ok, err := s.portals.get(ctx, c.Portal)
	if err != nil {
		return dbOutcome(err)
	}
	if ok && roomID(p) == c.Room {
		in, err := s.db.LoginsIn(ctx, p.ID)
		if err != nil {
			return dbOutcome(err)
		}
		if len(s.ownersOf(p.Network, in)) > 0 {
			return journal.Delivered(nil) // somebody has signed in there meanwhile
		}
		if err := s.unbridge(ctx, p, c.Delete); err != nil {
			return s.outcome(err)
		}
	}
	return journal.Delivered(nil) // its people leave beside the lanes, see cleaner
}
