package portal

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"slices"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/journal"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/store"
)

// What is pinned is a whole list in Matrix, and mostly one message after another on
// networks. What was pinned last, by either side, is in the portal's row; so an echo
// is no news, and only what changed is carried over.

// pins sets the room's pinned messages. Those that are in the room only stay.
func (x *inbound) pins(ctx context.Context, p *network.Pins) journal.Outcome {
	if x.p.Room == "" {
		return journal.Delivered(nil)
	}
	var now []string
	for _, ref := range p.Pinned {
		eventID, err := x.eventOf(ctx, &ref)
		if err != nil {
			return x.failed(ctx, err)
		}
		if eventID != "" {
			now = append(now, string(eventID))
		}
	}
	for _, old := range x.p.Info.Pinned {
		rows, err := x.messages.event(ctx, x.p.ID, old)
		if err != nil {
			return dbOutcome(err)
		}
		if len(rows) == 0 && !slices.Contains(now, old) {
			now = append(now, old) // the network does not know it
		}
	}
	if same(now, x.p.Info.Pinned) {
		return journal.Delivered(nil)
	}
	content := &event.PinnedEventsEventContent{Pinned: []id.EventID{}}
	for _, e := range now {
		content.Pinned = append(content.Pinned, id.EventID(e))
	}
	if _, err := x.hs.SendState(ctx, roomID(x.p), x.hs.BotID(), event.StatePinnedEvents, "", content, x.head.At); err != nil {
		return x.failed(ctx, err)
	}
	if _, err := x.update(ctx, x.p.ID, func(p *store.Portal) { p.Info.Pinned = now }); err != nil {
		return dbOutcome(err)
	}
	return journal.Delivered(nil)
}

// same reports whether two lists hold the same, whatever the order: networks that
// pin one after another have their own.
func same(a, b []string) bool {
	a, b = slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b))
	return slices.Equal(slices.Compact(a), slices.Compact(b))
}

// pins carries out what was pinned and unpinned.
func (o *outbound) pins(ctx context.Context) journal.Outcome {
	var c event.PinnedEventsEventContent
	if o.ops.Pin == nil || json.Unmarshal(o.evt.Content, &c) != nil {
		return journal.Delivered(nil)
	}
	var now []string
	for _, e := range c.Pinned {
		now = append(now, string(e))
	}
	before := o.p.Info.Pinned
	for _, e := range now {
		if !slices.Contains(before, e) {
			if out := o.pin(ctx, id.EventID(e), false); out != nil {
				return *out
			}
		}
	}
	for _, e := range before {
		if !slices.Contains(now, e) {
			if out := o.pin(ctx, id.EventID(e), true); out != nil {
				return *out
			}
		}
	}
	if _, err := o.update(ctx, o.p.ID, func(p *store.Portal) { p.Info.Pinned = now }); err != nil {
		return dbOutcome(err)
	}
	return journal.Delivered(nil)
}

// pin pins or unpins one message; nil if that is done, or cannot be. To do it again
// changes nothing.
func (o *outbound) pin(ctx context.Context, target id.EventID, remove bool) *journal.Outcome {
	ref, rows, err := o.ref(ctx, target)
	if err != nil {
		return settled(o.unknown(err))
	}
	if len(rows) == 0 || ref.ID == "" {
		return nil // it is in the room only
	}
	ref.Part = -1
	what := "pin"
	if remove {
		what = "unpin"
	}
	txn := network.TxnID(hex.EncodeToString(journal.Key(string(o.e.Key), what, string(target))))
	err = o.ops.Pin(ctx, network.OutgoingPin{Txn: txn, Chat: o.p.Chat.ID, Target: ref, Remove: remove, Persona: o.persona(ctx)})
	if network.KindOf(err) == network.Rejected && err != nil {
		o.tell(ctx, "Not pinned on "+o.networkName(o.p.Network)+": "+network.UserText(err), "unpinned "+string(target))
		return nil
	}
	if err != nil {
		return settled(o.failed(ctx, err))
	}
	return nil
}
