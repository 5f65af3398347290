package portal

import (
	"context"
	"fmt"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/journal"
	"github.com/causeway-chat/causeway/bridgekit/login"
	"github.com/causeway-chat/causeway/bridgekit/markup"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/store"
)

// reopens reports whether ev says that one of our logins is in the chat of a
// closed portal again.
func (x *inbound) reopens(ev network.Event) bool {
	m, ok := ev.(*network.MemberChange)
	if !ok || x.sess == nil || x.p.Room == "" {
		return false
	}
	for _, c := range m.Members {
		if c.User == x.sess.User() && c.Membership == network.Joined {
			return true
		}
	}
	return false
}

// chatChange follows a chat's changed name, topic and so on.
func (x *inbound) chatChange(ctx context.Context, c *network.ChatChange) journal.Outcome {
	if x.p.Room == "" {
		return journal.Delivered(nil) // the room will be made with what holds then
	}
	info := x.p.Info
	if c.Name != nil && *c.Name != info.Name && !info.Plumbed {
		if _, err := x.hs.SendState(ctx, roomID(x.p), x.hs.BotID(), event.StateRoomName, "", &event.RoomNameEventContent{Name: *c.Name}, c.At); err != nil {
			return x.failed(ctx, err)
		}
		info.Name = *c.Name
		if err := x.renameBridge(ctx, x.p, *c.Name); err != nil {
			return x.failed(ctx, err)
		}
	}
	if err := x.changedTopic(ctx, c, &info); err != nil {
		return x.failed(ctx, err)
	}
	if c.Avatar != nil && !info.Plumbed {
		ops := x.ops()
		if ops == nil {
			ops = x.anyOps(ctx, x.p)
		}
		if err := x.showPicture(ctx, x.p, ops, c.Avatar); err != nil {
			return x.failed(ctx, err)
		}
	}
	if c.Expiry != nil && *c.Expiry != info.Expiry {
		if out := x.showExpiry(ctx, *c.Expiry); out != nil {
			return *out
		}
		info.Expiry = *c.Expiry
	}
	_, err := x.update(ctx, x.p.ID, func(p *store.Portal) {
		p.Info.Name, p.Info.Topic, p.Info.Purpose, p.Info.Expiry = info.Name, info.Topic, info.Purpose, info.Expiry
	})
	if err != nil {
		return dbOutcome(err)
	}
	if c.Bookmarks != nil {
		if err := x.bookmarked(ctx, *c.Bookmarks); err != nil {
			return x.failed(ctx, err)
		}
	}
	if c.Archived != nil {
		if out := x.archived(ctx, *c.Archived); out != nil {
			return *out
		}
	}
	return journal.Delivered(nil)
}

// chatMoved gives the portal another chat key; its number, and so the order of
// its lanes, stays.
func (x *inbound) chatMoved(ctx context.Context, c *network.ChatMoved) journal.Outcome {
	if other, ok, err := x.db.PortalOf(ctx, x.p.Network, c.To); err != nil {
		return dbOutcome(err)
	} else if ok && other.ID != x.p.ID {
		if other.Room != "" {
			return journal.Fail(fmt.Errorf("chat moved to one that has a portal"), "this chat moved to one that has a room of its own")
		}
		if err := x.db.Write(ctx, 1, func(tx *store.Tx) error { return tx.DeletePortal(other.ID) }); err != nil {
			return dbOutcome(err)
		}
		x.portals.forget(other)
	}
	x.portals.forget(x.p)
	if _, err := x.update(ctx, x.p.ID, func(p *store.Portal) { p.Chat = c.To }); err != nil {
		return dbOutcome(err)
	}
	return journal.Delivered(nil)
}

// chatClosed ends the login's part in the chat.
func (x *inbound) chatClosed(ctx context.Context, c *network.ChatClosed) journal.Outcome {
	if x.sess == nil {
		return journal.Delivered(nil)
	}
	return x.loginLeft(ctx, access{Login: x.sess.ID, Owner: x.owner(), Reason: c.Reason})
}

// say sends a notice of the bot as a part of this entry; nil if it was sent.
func (x *inbound) say(ctx context.Context, b markup.Body, step string) *journal.Outcome {
	c := &event.MessageEventContent{MsgType: event.MsgNotice}
	setText(c, b)
	if _, err := x.send(ctx, x.hs.BotID(), event.EventMessage, c, step, x.head.At); err != nil {
		out := x.failed(ctx, err)
		return &out
	}
	return nil
}

// memberChange follows who is in the chat. People join lazily in large chats;
// whoever leaves leaves here, in order with what they said.
func (x *inbound) memberChange(ctx context.Context, c *network.MemberChange) journal.Outcome {
	for _, m := range c.Members {
		if own := x.logins.ByUser(x.p.Network, m.User); own != nil {
			if out := x.ownMember(ctx, own, m); out != nil {
				return *out
			}
			continue
		}
		if err := x.member(ctx, c, m); err != nil {
			return x.failed(ctx, err)
		}
	}
	if c.Full && x.p.Room != "" {
		if err := x.leaveOthers(ctx, c.Members); err != nil {
			return x.failed(ctx, err)
		}
	}
	return journal.Delivered(nil)
}

// ownMember is member for one of our logins; nil if there is more to do.
func (x *inbound) ownMember(ctx context.Context, own *login.Session, m network.Member) *journal.Outcome {
	a := access{Login: own.ID, Owner: id.UserID(own.Owner), Reason: m.Reason}
	switch m.Membership {
	case network.Left, network.Banned:
		if out := x.expelled(ctx, own, m); out != nil {
			return out
		}
		if x.sess != nil && own.ID == x.sess.ID {
			return settled(x.loginLeft(ctx, a))
		}
	case network.Joined:
		if a.In = true; x.p.State == store.PortalClosed && x.p.Room != "" {
			return settled(x.access(ctx, a))
		}
	}
	return nil
}

func (x *inbound) member(ctx context.Context, c *network.MemberChange, m network.Member) error {
	if x.p.Room == "" {
		return nil
	}
	ghost := x.ghostOf(x.p.Network, m.User)
	room := roomID(x.p)
	switch m.Membership {
	case network.Joined:
		switch {
		case c.Full && len(c.Members) <= x.opts.Eager:
			x.joins.joinListed(x.p, m.User)
		case !c.Full && x.small(ctx) && x.newcomers.take(newcomerKey{x.p.ID, joinsRemote}, x.opts.NewSenders):
			x.joins.join(x.p, m.User)
		} // else they come when they speak
		return x.crossComing(ctx, c, m)
	case network.Banned:
		if err := x.crossComing(ctx, c, m); err != nil {
			return err
		}
		if outdated, err := x.outdated(ctx, m); err != nil || outdated {
			return err
		}
		return x.remove(x.hs.Ban(ctx, room, x.hs.BotID(), ghost, m.Reason))
	case network.Left:
		x.joins.cancel(room, ghost)
		in, err := x.hs.Joined(ctx, room, ghost)
		if err == nil {
			err = x.crossComing(ctx, c, m)
		}
		if err != nil || !in {
			return err
		}
		if m.By != "" && m.By != m.User {
			return x.remove(x.hs.Kick(ctx, room, x.hs.BotID(), ghost, m.Reason))
		}
		return x.remove(x.hs.Leave(ctx, room, ghost, m.Reason))
	}
	return nil
}

// remove is err, unless it says that there was nobody to remove.
func (s *Service) remove(err error) error {
	if err != nil && harmless(err) {
		return nil
	}
	return err
}

// small reports whether the room has few enough people for all to join at once.
func (x *inbound) small(ctx context.Context) bool {
	if x.opts.Eager == 0 {
		return false
	}
	members, err := x.hs.Members(ctx, roomID(x.p))
	if err != nil {
		return false
	}
	joined := 0
	for _, m := range members {
		if m == event.MembershipJoin {
			joined++
		}
	}
	return joined <= x.opts.Eager
}

// leaveOthers has the ghosts of people leave who are not in a full list.
func (x *inbound) leaveOthers(ctx context.Context, in []network.Member) error {
	stays := map[id.UserID]bool{}
	for _, m := range in {
		if m.Membership == network.Joined {
			stays[x.ghostOf(x.p.Network, m.User)] = true
		}
	}
	members, err := x.hs.Members(ctx, roomID(x.p))
	if err != nil {
		return err
	}
	for u, m := range members {
		n, _, ok := x.hs.ParseGhost(u)
		if !ok || n != string(x.p.Network) || stays[u] || m != event.MembershipJoin {
			continue
		}
		if err := x.remove(x.hs.Leave(ctx, roomID(x.p), u, "")); err != nil {
			return err
		}
	}
	return nil
}

// roles sets people's power levels; the others' stay as they are.
func (x *inbound) roles(ctx context.Context, r *network.Roles) journal.Outcome {
	if x.p.Room == "" || x.p.Info.Plumbed {
		return journal.Delivered(nil)
	}
	err := x.changeLevels(ctx, func(levels *event.PowerLevelsEventContent) error {
		for u, l := range r.Levels {
			mxid := x.mxid(u)
			if levels.GetUserLevel(mxid) >= 100 || !x.hs.IsGhost(mxid) {
				continue // an administrator's or a local person's level is Matrix's business
			}
			levels.SetUserLevel(mxid, min(max(l, 0), 99))
		}
		return nil
	})
	if err != nil && !harmless(err) {
		return x.failed(ctx, err)
	}
	return journal.Delivered(nil)
}

// serviceNotice shows a text of the network in the room; before there is a room
// there is nobody to read it.
func (x *inbound) serviceNotice(ctx context.Context, n *network.ServiceNotice) journal.Outcome {
	if x.p.Room == "" {
		return journal.Delivered(nil)
	}
	for i, part := range n.Parts {
		if out := x.say(ctx, part.Text, fmt.Sprint("s", i)); out != nil {
			return *out
		}
	}
	return journal.Delivered(nil)
}

// pollEvent shows votes and ends of polls as notices.
func (x *inbound) pollEvent(ctx context.Context, ev network.Event) journal.Outcome {
	if x.p.Room == "" {
		return journal.Delivered(nil)
	}
	words := "The poll has ended."
	if v, ok := ev.(*network.Vote); ok {
		words = fmt.Sprintf("%s voted (%d).", v.Sender, len(v.Answers))
	}
	if out := x.say(ctx, markup.Plain(words), "poll"); out != nil {
		return *out
	}
	return journal.Delivered(nil)
}
