package portal

import (
	"context"
	"slices"
	"strings"
	"time"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/journal"
	"github.com/causeway-chat/causeway/bridgekit/login"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/store"
)

// past is what to look into before anything of this entry is sent; nil if it
// cannot have been delivered before a restore.
func (x *inbound) past(ctx context.Context) (*past, error) {
	if x.p.Room == "" || !x.after.doubt(x.e, x.head.At) {
		return nil, nil
	}
	return x.after.past(ctx, x.p)
}

// recalled settles, after a restore, what one of our logins did because somebody
// did it in the room: the row that said so is lost, the event is there. It also
// settles what the room shows already.
func (x *inbound) recalled(ctx context.Context, ev network.Event) *journal.Outcome {
	switch ev.(type) {
	case *network.Message, *network.Edit, *network.ChatChange:
	default:
		return nil
	}
	p, err := x.past(ctx)
	if err != nil {
		out := x.failed(ctx, err)
		return &out
	}
	if p == nil {
		return nil
	}
	own := x.logins.ByUser(x.p.Network, x.head.Sender)
	switch ev := ev.(type) {
	case *network.Message:
		if own != nil {
			return x.recalledMessage(ctx, p, own, ev)
		}
	case *network.Edit:
		if own != nil {
			return x.recalledEdit(ctx, p, own, ev)
		}
	case *network.ChatChange:
		return x.recalledChange(ctx, p, ev)
	}
	return nil
}

// recalledMessage gives a message of one of our logins the row that it had.
func (x *inbound) recalledMessage(ctx context.Context, p *past, own *login.Session, m *network.Message) *journal.Outcome {
	ids := append([]network.MessageID{m.ID}, m.Alt...)
	rows, err := x.messages.remote(ctx, x.p.ID, ids...)
	if err != nil {
		return settled(dbOutcome(err))
	}
	// What has our mark came from the network.
	if len(rows) > 0 || p.marked(x.hs.Mark(x.e.Key, firstStep, roomID(x.p))) {
		return nil
	}
	text, plain := contentText(&m.Content), bareText(&m.Content)
	hers := func(o *said) bool {
		return o.isText() && o.target == "" && x.speaksFor(own, o.sender) && o.near(m.At)
	}
	says := func(o *said) bool { return hers(o) && !o.redacted && o.says(text, x.relays(own), m.At) }
	nearly := func(o *said) bool { return hers(o) && !o.redacted && o.saysBare(plain, x.relays(own)) }
	o := p.claim(m.Txn,
		func(o *said) bool { return says(o) && !x.isMapped(ctx, o.id) },
		func(o *said) bool { return nearly(o) && !x.isMapped(ctx, o.id) },
		func(o *said) bool { return says(o) && o.close(m.At) }, // it was sent again meanwhile
		func(o *said) bool { return nearly(o) && o.close(m.At) },
		func(o *said) bool { return hers(o) && o.redacted && o.close(m.At) && !x.isMapped(ctx, o.id) },
	)
	if o == nil {
		return nil
	}
	rows = nil
	for _, remote := range ids {
		if remote != "" || m.ID == "" && len(rows) == 0 {
			rows = append(rows, store.Message{Portal: x.p.ID, Event: string(o.id), Remote: remote, Login: own.ID, Sender: string(o.sender), Txn: o.txn, At: m.At})
		}
	}
	return settled(x.mapped(rows))
}

// firstStep is the step of a message's first event.
const firstStep = "p0.0"

// recalledEdit drops the echo of an edit that somebody made in the room.
func (x *inbound) recalledEdit(ctx context.Context, p *past, own *login.Session, ed *network.Edit) *journal.Outcome {
	if p.marked(x.hs.Mark(x.e.Key, "e0", roomID(x.p))) {
		return nil
	}
	rows, err := x.messages.remote(ctx, x.p.ID, ed.Target.IDs()...)
	if err != nil {
		return settled(dbOutcome(err))
	}
	text, plain := contentText(&ed.Content), bareText(&ed.Content)
	hers := func(o *said) bool {
		of := func(r store.Message) bool { return string(o.target) == r.Event }
		return o.isText() && slices.ContainsFunc(rows, of) && x.speaksFor(own, o.sender) && o.near(ed.At)
	}
	o := p.claim(ed.Txn,
		func(o *said) bool { return hers(o) && o.says(text, x.relays(own), ed.At) },
		func(o *said) bool { return hers(o) && !o.redacted && o.saysBare(plain, x.relays(own)) },
	)
	if o == nil {
		return nil
	}
	return settled(journal.Delivered(nil))
}

// recalledChange takes a name and topic that the room has had as shown.
func (x *inbound) recalledChange(ctx context.Context, p *past, c *network.ChatChange) *journal.Outcome {
	if c.Avatar != nil || c.Expiry != nil || c.Purpose != nil || c.Archived != nil || c.Bookmarks != nil || c.Name != nil && !p.was(event.StateRoomName.Type, *c.Name) || c.Topic != nil && !p.was(event.StateTopic.Type, *c.Topic) {
		return nil
	}
	_, err := x.update(ctx, x.p.ID, func(p *store.Portal) {
		if c.Name != nil {
			p.Info.Name = *c.Name
		}
		if c.Topic != nil {
			p.Info.Topic = *c.Topic
		}
	})
	if err != nil {
		return settled(dbOutcome(err))
	}
	return settled(journal.Delivered(nil))
}

// recalledReaction is the event of a reaction that a person of the homeserver
// made in the room before a restore; "" if it is none.
func (x *inbound) recalledReaction(ctx context.Context, on id.EventID, r store.Reaction) (id.EventID, error) {
	own := x.logins.ByUser(x.p.Network, network.UserID(r.Sender))
	if own == nil || own.Owner == "" {
		return "", nil
	}
	p, err := x.past(ctx)
	if p == nil || err != nil || p.marked(x.hs.Mark(x.e.Key, reactionStep(r), roomID(x.p))) {
		return "", err
	}
	o := p.claim(x.head.Txn, func(o *said) bool {
		if o.kind != event.EventReaction.Type || string(o.sender) != own.Owner || !o.near(x.head.At) {
			return false
		}
		return o.target == on && o.emoji == r.Emoji || o.redacted && o.close(x.head.At)
	})
	if o == nil {
		return "", nil
	}
	return o.id, nil
}

// sentBefore finds an event of this entry that was sent before a restore. Its
// ghost is in the room; a redacted one has its sender and time only.
func (x *inbound) sentBefore(ctx context.Context, p *past, as id.UserID, kind event.Type, step string, at time.Time) (id.EventID, bool, error) {
	evt, gone, ok := p.sent(x.hs.Mark(x.e.Key, step, roomID(x.p)), stamp{as, kind.Type, at.UnixMilli()})
	if !ok || gone || as == x.hs.BotID() || !x.hs.IsGhost(as) {
		return evt, ok, nil
	}
	if err := x.hs.EnsureJoined(ctx, roomID(x.p), as); err != nil && !harmless(err) {
		return "", false, err
	}
	return evt, true, nil
}

// isMapped reports whether an event has rows: it is another message then.
func (x *inbound) isMapped(ctx context.Context, evt id.EventID) bool {
	rows, err := x.messages.event(ctx, x.p.ID, string(evt))
	return err != nil || len(rows) > 0
}

// speaksFor reports whether what a person of the homeserver writes may leave
// through a login.
func (x *inbound) speaksFor(own *login.Session, u id.UserID) bool {
	return x.relays(own) || own.Owner == string(u)
}

// isText reports whether o is a message or an edit of one.
func (o *said) isText() bool {
	return o.kind == event.EventMessage.Type || o.kind == event.EventSticker.Type
}

// near reports whether o may be what happened on the network at a time: it left
// after it was written, at once or when the network was back.
func (o *said) near(at time.Time) bool {
	return at.IsZero() || at.After(o.at.Add(-slack)) && at.Before(o.at.Add(stale))
}

// says reports whether o says a text; what is redacted says it if the time fits.
func (o *said) says(text string, relayed bool, at time.Time) bool {
	if o.redacted {
		return o.close(at)
	}
	return o.text == text || relayed && strings.HasSuffix(text, o.text) // behind a name
}

// saysBare is says without what leads somewhere, which differs on both sides. Behind a
// name that needs words: any text may end with a link.
func (o *said) saysBare(plain string, relayed bool) bool {
	words := strings.Trim(o.bare, placeMark+" \n") != ""
	return o.bare == plain || relayed && words && strings.HasSuffix(plain, o.bare)
}

// close is near without patience.
func (o *said) close(at time.Time) bool { return !at.IsZero() && o.at.Sub(at).Abs() < slack }
