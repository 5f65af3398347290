package portal

import (
	"context"
	"fmt"

	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/journal"
	"github.com/causeway-chat/causeway/bridgekit/matrix"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/step"
	"github.com/causeway-chat/causeway/bridgekit/store"
)

// redaction removes the events of a remote message.
func (x *inbound) redaction(ctx context.Context, r *network.Redaction) journal.Outcome {
	rows, out, ok := x.target(ctx, r.Target)
	if !ok {
		if out != nil {
			return *out
		}
		return journal.Delivered(func(tx *store.Tx) error { return journal.Withdraw(tx, x.e.Lane, string(r.Target.ID)) })
	}
	if copied, out := x.copyRemoved(ctx, rows, r); copied {
		return out
	}
	as := x.hs.BotID()
	if x.moderated = r.Moderated; r.Sender != "" && !r.Moderated && (string(r.Sender) == rows[0].Sender || x.theirs(r.Sender, rows[0])) {
		as = x.puppetOrGhost(ctx, r.Sender)
	}
	for i, row := range rows {
		if err := x.redact(ctx, as, id.EventID(row.Event), r.Reason, fmt.Sprint("r", i)); err != nil {
			return x.failed(ctx, err)
		}
		x.opts.Steps.At(step.InRedacted)
	}
	return x.forget(ctx, rows, r)
}

// forget ends a redaction: the rows of what it removed are deleted.
func (x *inbound) forget(ctx context.Context, rows []store.Message, r *network.Redaction) journal.Outcome {
	var names []store.Message
	for _, row := range rows {
		all, err := x.messages.all(ctx, x.p.ID, row.Event)
		if err != nil {
			return dbOutcome(err)
		}
		names = append(names, all...)
	}
	// Committed before the next entries of both lanes, which may be about it.
	err := x.db.Write(ctx, 2*len(rows), func(tx *store.Tx) error {
		if err := gone(tx, x.e.Lane, names); err != nil {
			return err
		}
		for _, row := range rows {
			if err := tx.DeleteMessage(row.Portal, row.Event); err != nil {
				return err
			}
		}
		for _, remote := range r.Target.IDs() {
			if err := journal.Remember(tx, x.e.Lane, goneKey(x.p.ID, remote)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return dbOutcome(err)
	}
	for _, row := range rows {
		x.messages.drop(x.p.ID, row.Event)
	}
	return journal.Delivered(func(tx *store.Tx) error { return journal.Withdraw(tx, x.e.Lane, string(r.Target.ID)) })
}

// goneKey is remembered of a remote message that was removed: an edit that was on
// its way meanwhile must not bring it back.
func goneKey(portal int64, remote network.MessageID) []byte {
	return journal.Key("gone", fmt.Sprint(portal), string(remote))
}

// wasRemoved reports whether a message that is not in the map was there and was
// removed.
func (x *inbound) wasRemoved(ctx context.Context, ref network.Ref) (bool, error) {
	for _, remote := range ref.IDs() {
		if gone, err := x.j.Has(ctx, goneKey(x.p.ID, remote)); err != nil || gone {
			return gone, err
		}
	}
	return false, nil
}

// redact removes an event as somebody, or as the bot if they may not. What is
// not there is removed.
func (x *inbound) redact(ctx context.Context, as id.UserID, target id.EventID, reason, step string) error {
	if past, err := x.past(ctx); err != nil {
		return err
	} else if past != nil {
		if done, err := x.hs.Redacted(ctx, roomID(x.p), target); err != nil {
			return err
		} else if done {
			return x.crossRedaction(ctx, as, target, reason, func() error { return nil })
		}
	}
	return x.crossRedaction(ctx, as, target, reason, func() error { return x.redactAs(ctx, as, target, reason, step) })
}

// redactAs is redact in the room alone.
func (x *inbound) redactAs(ctx context.Context, as id.UserID, target id.EventID, reason, step string) error {
	if flood, err := x.opts.Facts.Fact(ctx, floodFact(x.p.ID)); err != nil {
		return err
	} else if flood != "" && x.hs.IsGhost(as) { // they may have no ghost: the bot said it for them
		if in, err := x.hs.Joined(ctx, roomID(x.p), as); err != nil {
			return err
		} else if !in {
			as = x.hs.BotID()
		}
	}
	if !x.hs.IsGhost(as) {
		x.deeds.note(deedRedact, roomID(x.p), as, string(target), deedsKept)
	}
	_, err := x.hs.Redact(ctx, roomID(x.p), as, target, reason, x.e.Key, step)
	if k := matrix.KindOf(err); err != nil && as != x.hs.BotID() && (k == matrix.NotAllowed || k == matrix.NotJoined || k == matrix.Banned || k == matrix.Auth) {
		_, err = x.hs.Redact(ctx, roomID(x.p), x.hs.BotID(), target, reason, x.e.Key, step)
	}
	if k := matrix.KindOf(err); err != nil && (k == matrix.NotAllowed || k == matrix.Banned) {
		err = x.redactAsAuthor(ctx, target, reason, step, err)
	}
	if badRequest(err) && x.p.Info.Before != "" { // it is in a room that the chat had before
		_, err = x.hs.Redact(ctx, id.RoomID(x.p.Info.Before), x.hs.BotID(), target, reason, x.e.Key, step+" before")
		if badRequest(err) || matrix.KindOf(err) == matrix.RoomGone {
			return nil
		}
	}
	if matrix.KindOf(err) == matrix.NotFound {
		return nil
	}
	return err
}

// redactAsAuthor removes what one of our ghosts said as that ghost, where the bot has
// no power in the room.
func (x *inbound) redactAsAuthor(ctx context.Context, target id.EventID, reason, step string, refused error) error {
	evt, err := x.hs.GetEvent(ctx, roomID(x.p), target)
	if err != nil {
		return err
	}
	if evt.Sender == x.hs.BotID() || !x.hs.IsGhost(evt.Sender) {
		return refused
	}
	_, err = x.hs.Redact(ctx, roomID(x.p), evt.Sender, target, reason, x.e.Key, step)
	return err
}
