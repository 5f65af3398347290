package portal

import (
	"context"
	"encoding/json"
	"fmt"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/config"
	"github.com/causeway-chat/causeway/bridgekit/journal"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/store"
)

// Create makes a chat on a network and invites owner to its portal. Who has no login
// of their own there makes it as the relay, which administrators may.
func (s *Service) Create(ctx context.Context, owner id.UserID, n network.NetworkID, c network.NewChat) (store.Portal, error) {
	sess, ops, err := s.client(ctx, owner, n)
	if err != nil {
		return store.Portal{}, err
	}
	if ops.Create == nil {
		return store.Portal{}, network.Errorf(network.Rejected, "on "+s.networkName(n)+" I cannot make chats", "no creator")
	}
	if sess.Owner != string(owner) && s.opts.Permissions.Of(string(owner)) < config.LevelAdmin {
		return store.Portal{}, network.Errorf(network.Rejected, fmt.Sprintf("to make a chat you need an account of yours. Type: login %s", n), "no own login to make a chat")
	}
	chat, err := ops.Create(ctx, c)
	if err != nil {
		return store.Portal{}, err
	}
	return s.open(ctx, sess, &ops, chat, roomWish{owner: owner})
}

// inviteRemote invites on the network whom somebody invited to the room. Through the
// relay that is for the room's moderators. Who cannot come declines, and why is said.
func (o *outbound) inviteRemote(ctx context.Context, ghost id.UserID, u network.UserID) journal.Outcome {
	if o.ops.SetMember == nil {
		return journal.Delivered(nil)
	}
	err := o.mayInvite(ctx)
	if err == nil {
		err = o.ops.SetMember(ctx, o.p.Chat.ID, network.Member{User: u, Membership: network.Invited})
	}
	if err == nil {
		return journal.Delivered(nil) // they come with what the network says of them
	}
	if network.KindOf(err) != network.Rejected {
		return o.failed(ctx, err)
	}
	o.tell(ctx, "Not invited on "+o.networkName(o.p.Network)+": "+network.UserText(err), "uninvited")
	// They need not be registered to decline by themselves.
	if err := o.hs.Kick(ctx, roomID(o.p), o.hs.BotID(), ghost, network.UserText(err)); o.ignoreGone(err) != nil {
		return o.outcome(err)
	}
	return journal.Delivered(nil)
}

// mayInvite refuses what the relay does not do for everybody.
func (o *outbound) mayInvite(ctx context.Context) error {
	if !o.relay {
		return nil
	}
	levels, err := o.hs.Levels(ctx, roomID(o.p))
	if err != nil {
		return err
	}
	if levels.GetUserLevel(o.evt.Sender) >= levels.StateDefault() {
		return nil
	}
	return network.Errorf(network.Rejected, "without an account there, only moderators of this room may invite people", "invite through the relay")
}

// invitee is the person of the network whom the event invites to the room, and their
// ghost; false if it invites nobody of it.
func (o *outbound) invitee() (id.UserID, network.UserID, bool) {
	var c struct {
		Membership event.Membership `json:"membership"`
	}
	if o.from != nil || json.Unmarshal(o.evt.Content, &c) != nil || c.Membership != event.MembershipInvite {
		return "", "", false
	}
	ghost := id.UserID(*o.evt.StateKey)
	n, user, ok := o.hs.ParseGhost(ghost)
	return ghost, network.UserID(user), ok && n == string(o.p.Network) && !o.hs.IsGhost(o.evt.Sender)
}
