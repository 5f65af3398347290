package portal

import (
	"context"
	"fmt"
	"maps"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/journal"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/step"
	"github.com/causeway-chat/causeway/bridgekit/store"
)

// reaction adds or removes a reaction in the room.
func (x *inbound) reaction(ctx context.Context, r *network.Reaction) journal.Outcome {
	rows, out, ok := x.target(ctx, r.Target)
	if !ok {
		if out != nil {
			return *out
		}
		return journal.Delivered(nil) // nothing to react to
	}
	have, err := x.standing(ctx, r.Target, rows[0])
	if err != nil {
		return dbOutcome(err)
	}
	var change reactionChange
	for _, h := range have {
		if h.Sender == string(r.Sender) && h.Emoji == r.Emoji {
			if !r.Remove {
				return journal.Delivered(nil) // an echo, or it stands already
			}
			change.remove = append(change.remove, h)
		}
	}
	if !r.Remove {
		change.add = []store.Reaction{{Portal: x.p.ID, Target: r.Target.ID, Sender: string(r.Sender), Emoji: r.Emoji}}
	}
	return x.applyReactions(ctx, rows[0], change)
}

// reactionSet makes the reactions in the room those of the network.
func (x *inbound) reactionSet(ctx context.Context, r *network.ReactionSet) journal.Outcome {
	rows, out, ok := x.target(ctx, r.Target)
	if !ok {
		if out != nil {
			return *out
		}
		return journal.Delivered(nil)
	}
	have, err := x.standing(ctx, r.Target, rows[0])
	if err != nil {
		return dbOutcome(err)
	}
	want, shared := map[store.Reaction]bool{}, map[store.Reaction]bool{}
	for user, all := range r.Emoji {
		for _, e := range all {
			want[store.Reaction{Portal: x.p.ID, Target: r.Target.ID, Sender: string(user), Emoji: e}] = true
		}
	}
	var change reactionChange
	told := maps.Clone(want)
	for _, h := range have {
		k := h
		k.Event, k.Target = "", r.Target.ID
		if isShared(h) { // the relay's, for somebody of the room
			if sess := x.logins.Get(x.p.Network, x.p.Relay); sess != nil {
				k.Sender = string(sess.User())
			}
			if shared[k] = true; !told[k] {
				change.remove = append(change.remove, h)
			}
			continue
		}
		if want[k] {
			delete(want, k)
		} else {
			change.remove = append(change.remove, h)
		}
	}
	for k := range shared { // it stands there for all of them
		delete(want, k)
	}
	for k := range want {
		change.add = append(change.add, k)
	}
	return x.applyReactions(ctx, rows[0], change)
}

// reactionStep names the event of a reaction among those of its entry.
func reactionStep(r store.Reaction) string { return fmt.Sprint("a", r.Sender, r.Emoji) }

type reactionChange struct{ add, remove []store.Reaction }

func (x *inbound) applyReactions(ctx context.Context, on store.Message, c reactionChange) journal.Outcome {
	for _, r := range c.remove {
		as := x.hs.BotID()
		if !isShared(r) {
			as = x.puppetOrGhost(ctx, network.UserID(r.Sender))
		}
		if err := x.redact(ctx, as, id.EventID(r.Event), "", "x"+r.Sender+r.Emoji); err != nil {
			return x.failed(ctx, err)
		}
	}
	for i := range c.add {
		r := &c.add[i]
		if evt, err := x.recalledReaction(ctx, id.EventID(on.Event), *r); err != nil {
			return x.failed(ctx, err)
		} else if evt != "" {
			r.Event = string(evt)
			continue
		}
		as, err := x.sender(ctx, network.UserID(r.Sender))
		if err != nil {
			return x.failed(ctx, err)
		}
		content := x.reactionOn(ctx, on, r.Emoji)
		eventID, err := x.send(ctx, as, event.EventReaction, content, reactionStep(*r), x.head.At)
		if badRequest(err) {
			continue // what it is on is not there any more
		}
		if err != nil {
			return x.failed(ctx, err)
		}
		r.Event = string(eventID)
	}
	x.opts.Steps.At(step.InReacted)
	// Committed before the next entry, which reads it.
	err := x.db.Write(ctx, len(c.remove)+len(c.add)+1, func(tx *store.Tx) error {
		for _, r := range c.remove {
			if err := tx.DeleteReaction(r); err != nil {
				return err
			}
		}
		for _, r := range c.add {
			if r.Event == "" {
				continue
			}
			if err := tx.AddReaction(r); err != nil {
				return err
			}
		}
		return x.remember(tx)
	})
	if err != nil {
		return dbOutcome(err)
	}
	return journal.Delivered(nil)
}
