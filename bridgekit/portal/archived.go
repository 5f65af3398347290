package portal

import (
	"context"
	"encoding/hex"
	"fmt"
	"time"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/config"
	"github.com/causeway-chat/causeway/bridgekit/journal"
	"github.com/causeway-chat/causeway/bridgekit/markup"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/store"
)

// closedLevel is what it takes to say anything in the room of an archived chat: the
// bot has it, and people who made themselves administrators of the room.
const closedLevel = 100

// saidTypes are the types of events that a level of their own may be set for, beside the
// default, and that are closed with it.
func saidTypes() []event.Type {
	return []event.Type{event.EventMessage, event.EventEncrypted, event.EventSticker, event.EventReaction}
}

// archived follows that a chat was archived, or is not any more: nobody can say
// anything in its room meanwhile. nil: go on.
func (x *inbound) archived(ctx context.Context, archived bool) *journal.Outcome {
	if archived == x.p.Info.Archived {
		return nil
	}
	// First, so that who speaks as soon as the room is open is heard.
	p, err := x.update(ctx, x.p.ID, func(p *store.Portal) { p.Info.Features.ReadOnly = archived })
	if err != nil {
		return settled(dbOutcome(err))
	}
	x.p = p
	if out := x.say(ctx, markup.Plain(x.archivedWords(ctx, archived)), "archived"); out != nil {
		return out
	}
	if err := x.closeRoom(ctx, archived); err != nil {
		return settled(x.failed(ctx, err))
	}
	if x.p, err = x.update(ctx, x.p.ID, func(p *store.Portal) { p.Info.Archived = archived }); err != nil {
		return settled(dbOutcome(err))
	}
	return nil
}

// archivedWords say who did it, if that is known.
func (x *inbound) archivedWords(ctx context.Context, archived bool) string {
	who := "Somebody"
	if ops := x.ops(); ops != nil && x.head.Sender != "" {
		ctx, cancel := context.WithTimeout(ctx, askChat)
		defer cancel()
		if u, err := ops.User(ctx, x.head.Sender); err == nil && u.Name != "" {
			who = u.Name
		}
	}
	if !archived {
		return who + " ended the archiving of this chat. Messages are bridged again."
	}
	return fmt.Sprintf("%s archived this chat on %s: nothing can be said here until somebody ends that.", who, x.networkName(x.p.Network))
}

// closeRoom lets nobody speak in the portal's room, or those again who could before.
// What the levels were is stored first. What people change meanwhile stays: a level
// that is not the one that closed it is theirs. A room that has other chats too, or
// that somebody else made, is left as it is: the network refuses what is said.
func (x *inbound) closeRoom(ctx context.Context, closed bool) error {
	all, err := x.portals.in(ctx, x.p.Room)
	if err != nil {
		return databaseError{err}
	}
	if (x.p.Info.Plumbed || len(all) > 1) && len(x.p.Info.Closed) == 0 {
		return nil
	}
	change := x.openLevels
	if closed {
		change = x.closeLevels
	}
	if err := x.changeLevels(ctx, func(l *event.PowerLevelsEventContent) error { return change(ctx, l) }); err != nil {
		return x.remove(err)
	}
	if closed {
		return nil
	}
	x.p, err = x.update(ctx, x.p.ID, func(p *store.Portal) { p.Info.Closed = nil })
	if err != nil {
		return databaseError{err}
	}
	return nil
}

// closeLevels raises what it takes to speak, and stores what it took before.
func (x *inbound) closeLevels(ctx context.Context, l *event.PowerLevelsEventContent) error {
	was := map[string]int{}
	if l.EventsDefault < closedLevel {
		was[""], l.EventsDefault = l.EventsDefault, closedLevel
	} else if x.p.Info.Setup {
		was[""] = 0 // found again after a restore: that was us
	}
	for _, t := range saidTypes() {
		if level, ok := l.Events[t.Type]; ok && level < closedLevel {
			was[t.Type], l.Events[t.Type] = level, closedLevel
		}
	}
	p, err := x.update(ctx, x.p.ID, func(p *store.Portal) {
		if p.Info.Closed != nil {
			return // an earlier attempt knows what it was
		}
		p.Info.Closed = was
	})
	if err != nil {
		return databaseError{err}
	}
	x.p = p
	return nil
}

// openLevels gives back what closeLevels has raised, unless somebody changed it since.
func (x *inbound) openLevels(_ context.Context, l *event.PowerLevelsEventContent) error {
	for t, level := range x.p.Info.Closed {
		switch now, ok := l.Events[t]; {
		case t == "" && l.EventsDefault == closedLevel:
			l.EventsDefault = level
		case t != "" && ok && now == closedLevel:
			l.Events[t] = level
		}
	}
	return nil
}

// closeNew closes the room of a chat that was archived before it had one.
func (x *inbound) closeNew(ctx context.Context) error {
	p, ok, err := x.portals.get(ctx, x.p.ID)
	if err != nil || !ok || !p.Info.Archived || p.Info.Closed != nil {
		return err
	}
	x.p = p
	words := "This chat is archived on " + x.networkName(p.Network) + ": nothing can be said here until somebody ends that."
	if err := x.notify(ctx, p.ID, notice{Room: roomID(p), Text: markup.Plain(words)}, "archived", p.Room); err != nil {
		return err
	}
	return x.closeRoom(ctx, true)
}

// A ChatWish is a change of a room's chats that somebody asked the bot for.
type ChatWish struct {
	// Can says of which chats it can be asked, and None why not, if it is none.
	Can  func(f network.Features) bool
	None string
	// Change is what is to change; its Txn is made.
	Change network.OutgoingChat
}

// ChangeChats makes a change of the chats of a room through owner's login, else the
// relay.
func (s *Service) ChangeChats(ctx context.Context, owner id.UserID, room id.RoomID, w ChatWish) error {
	portals, err := s.portals.in(ctx, string(room))
	if err != nil {
		return err
	}
	made := false
	for _, p := range portals {
		if !w.Can(features(p)) {
			continue
		}
		if err := s.changeOne(ctx, owner, p, w.Change); err != nil {
			return err
		}
		made = true
	}
	if !made {
		return network.Errorf(network.Rejected, w.None, "no chat that can be changed so")
	}
	return nil
}

// changeOne is ChangeChats for one of them.
func (s *Service) changeOne(ctx context.Context, owner id.UserID, p store.Portal, change network.OutgoingChat) error {
	sess, err := s.ownLogin(ctx, p, owner)
	if err != nil {
		return err
	}
	if sess == nil {
		if change.Archived != nil && s.opts.Permissions.Of(string(owner)) < config.LevelAdmin {
			return network.Errorf(network.Rejected, "without an account there, only administrators of Causeway may do this", "archive through the relay")
		}
		sess = s.logins.Get(p.Network, p.Relay)
	}
	if sess == nil || !sess.Online() {
		return network.Errorf(network.Unavailable, "nobody who could change it is connected to "+s.networkName(p.Network), "no login")
	}
	ops, ok := sess.Ops()
	if !ok || ops.EditChat == nil {
		return network.Errorf(network.Rejected, s.networkName(p.Network)+" does not let me change that", "no chat editor")
	}
	// Not every network tells us what we did; if it does, that is nothing new.
	ev := &network.ChatChange{Expiry: change.Expiry, Purpose: change.Purpose, Archived: change.Archived}
	what, err := network.MarshalEvent(ev)
	if err != nil {
		return err
	}
	name := hex.EncodeToString(journal.Key("change chat", fmt.Sprint(p.ID), string(what), fmt.Sprint(time.Now().UnixNano())))
	change.Txn = network.TxnID(name)
	if err := ops.EditChat(ctx, p.Chat.ID, change); err != nil {
		return err
	}
	ev.Chat, ev.Key, ev.At = p.Chat, "set "+name, time.Now()
	if change.Archived != nil {
		ev.Sender = sess.User() // it is said who did it
	}
	return s.Deliver(ctx, sess, network.Batch{Events: []network.Event{ev}})
}

// SetPurpose gives the chats of a room that have one a purpose; "" for none.
func (s *Service) SetPurpose(ctx context.Context, owner id.UserID, room id.RoomID, purpose string) error {
	return s.ChangeChats(ctx, owner, room, ChatWish{
		Can: func(f network.Features) bool { return f.Purposes }, None: "no network of this room has descriptions beside topics",
		Change: network.OutgoingChat{Purpose: &purpose},
	})
}

// SetArchived archives the chats of a room that can be, or ends that.
func (s *Service) SetArchived(ctx context.Context, owner id.UserID, room id.RoomID, archived bool) error {
	return s.ChangeChats(ctx, owner, room, ChatWish{
		Can: func(f network.Features) bool { return f.Archives }, None: "no network of this room has chats that can be archived",
		Change: network.OutgoingChat{Archived: &archived},
	})
}
