package portal

import (
	"context"
	"fmt"
	"maps"
	"time"

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
	want, shared := x.wantedOf(r), map[store.Reaction]bool{}
	ours, wait, err := x.ourReactions(ctx, want, have)
	if err != nil {
		return dbOutcome(err)
	}
	if wait > 0 {
		return journal.RetryIn(wait, nil)
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
		} else if !ours[k] {
			change.remove = append(change.remove, h)
		}
	}
	for k := range ours { // the room knows better
		delete(want, k)
	}
	for k := range shared { // it stands there for all of them
		delete(want, k)
	}
	for k := range want {
		change.add = append(change.add, k)
	}
	return x.applyReactions(ctx, rows[0], change)
}

// wantedOf are the reactions of a set.
func (x *inbound) wantedOf(r *network.ReactionSet) map[store.Reaction]bool {
	want := map[store.Reaction]bool{}
	for user, all := range r.Emoji {
		for _, e := range all {
			want[store.Reaction{Portal: x.p.ID, Target: r.Target.ID, Sender: string(user), Emoji: e}] = true
		}
	}
	return want
}

// ourReactions are those of our logins, wanted or standing, that we have set or taken
// away a moment ago: a set may be older than that. wait is how long an unanswered call
// of such a login is to be waited for.
func (x *inbound) ourReactions(ctx context.Context, want map[store.Reaction]bool, have []store.Reaction) (ours map[store.Reaction]bool, wait time.Duration, err error) {
	all := maps.Clone(want)
	for _, h := range have {
		h.Event = ""
		all[h] = true
	}
	ours = map[store.Reaction]bool{}
	for k := range all {
		own := x.logins.ByUser(x.p.Network, network.UserID(k.Sender))
		if own == nil {
			continue
		}
		if wait := x.unanswered(own); wait > 0 {
			return nil, wait, nil
		}
		for _, removed := range []bool{false, true} {
			what := reactionEcho(network.MessageID(k.Target), k.Emoji, removed)
			made := x.sends.made(x.p.ID, what)
			if !made && (x.e.Recovered || time.Since(x.began) <= echoWithin) {
				if made, err = x.j.Has(ctx, echoOf(x.p.ID, what)); err != nil {
					return nil, 0, err
				}
			}
			if made {
				ours[k] = true
			}
		}
	}
	return ours, 0, nil
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
