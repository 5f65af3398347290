package portal

import (
	"context"
	"fmt"
	"time"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/journal"
	"github.com/causeway-chat/causeway/bridgekit/matrix"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/step"
	"github.com/causeway-chat/causeway/bridgekit/store"
)

// message shows a remote message in the room.
func (x *inbound) message(ctx context.Context, m *network.Message) journal.Outcome {
	ids := append([]network.MessageID{m.ID}, m.Alt...)
	if known, err := x.knows(ctx, m, ids); err != nil {
		return dbOutcome(err)
	} else if known {
		return journal.Delivered(nil) // shown already, or sent from Matrix
	}
	if out, done := x.brought(ctx, m, ids); done {
		return out
	}
	if x.other {
		return x.told(m)
	}
	if out, done := x.echo(ctx, m); done {
		return out
	}
	if x.over(m) {
		return x.tooLate(ctx)
	}
	if room, err := x.roomFor(ctx); err != nil {
		return x.failed(ctx, err)
	} else if !room {
		return journal.Delivered(nil)
	}
	if out := x.filled(ctx); out != nil {
		return *out
	}
	as, contents, err := x.rendered(ctx, m)
	if err != nil {
		return x.failed(ctx, err)
	}
	var rows []store.Message
	var expire []store.Expiry
	for i, c := range contents {
		if m.Expiry > 0 {
			c.content.BeeperDisappearingTimer = timer(m.Expiry)
		}
		if i > 0 {
			x.opts.Steps.At(step.InBetween)
		}
		eventID, err := x.show(ctx, as, c, stepOf(c.part, i), &m.Head)
		if err != nil {
			return x.failed(ctx, err)
		}
		expire = append(expire, x.expiries(m.Expiry, as, eventID)...)
		rows = append(rows, x.rowsOf(m, ids, eventID, c.part)...)
	}
	x.opts.Steps.At(step.InSent)
	x.faceUp(as)
	x.rankUp(as)
	if x.p.Info.Setup && !x.filling {
		x.joins.furnish(x.p) // now that there is something to read
	}
	if x.named(m) {
		x.messages.putNamed(rows...)
		x.vanish.expect(expire...)
		return stored(rows, expire...)
	}
	return x.mapped(rows, expire...)
}

// rendered is a message as Matrix events, and who sends them.
func (x *inbound) rendered(ctx context.Context, m *network.Message) (as id.UserID, contents []rendered, err error) {
	if as, err = x.sender(ctx, m.Sender); err != nil {
		return as, nil, err
	}
	limit, err := x.textLimit(ctx)
	if err != nil {
		return as, nil, err
	}
	said := x.introduced(ctx, as, m.Sender, m.Content)
	contents, err = x.toMatrix(ctx, &said, as, limit)
	return as, contents, err
}

// rowsOf are the rows of the map of one event that shows a part of a message.
func (x *inbound) rowsOf(m *network.Message, ids []network.MessageID, evt id.EventID, part int) (rows []store.Message) {
	r := store.Message{Portal: x.p.ID, Event: string(evt), Part: part, Login: x.via(), Sender: string(x.merges.one(x.p.Network, m.Sender)), At: m.At}
	for _, remote := range ids {
		if r.Remote = remote; remote != "" {
			rows = append(rows, r)
		}
	}
	if r.Remote = commonID(x.p, m.Sender, m.At, &m.Content); r.Remote != "" {
		r.Login = ""
		rows = append(rows, r)
	}
	return rows
}

// named reports whether a message's entry has the message's ID for its key,
// whichever login delivers it.
func (x *inbound) named(m *network.Message) bool {
	return features(x.p).IDs != network.IDsPerLogin && x.e.Kind == network.EventKind(m) && m.ID != "" && m.Key == string(m.ID) && len(m.Alt) == 0
}

// knows reports whether the map has a message. The database is not asked about one
// of which it cannot know: had it come before, the journal would know its key,
// which is the message's ID; nobody of ours has sent it, and what somebody sent who
// has signed out since, or what an edit has shown before it came, is in memory.
func (x *inbound) knows(ctx context.Context, m *network.Message, ids []network.MessageID) (bool, error) {
	const recent = 24 * time.Hour // far less than keys are kept
	news := !x.after.doubt(x.e, m.At) && x.named(m) && m.Txn == "" && !m.History && !x.e.Repeated &&
		time.Since(m.At) < recent && x.messages.covers(m.At) && x.logins.ByUser(x.p.Network, m.Sender) == nil
	if news {
		return x.messages.recent(x.p.ID, m.ID), nil
	}
	rows, err := x.messages.remote(ctx, x.p.ID, ids...)
	return len(rows) > 0, err
}

// via is the login whose connection delivered the event.
func (x *inbound) via() network.LoginID {
	if x.sess == nil {
		return ""
	}
	return x.sess.ID
}

// mapped finishes the entry together with rows of the map, and of what vanishes.
func (s *Service) mapped(rows []store.Message, expire ...store.Expiry) journal.Outcome {
	s.messages.put(rows...)
	s.vanish.expect(expire...)
	return stored(rows, expire...)
}

// stored finishes an entry together with rows that are in memory already.
func stored(rows []store.Message, expire ...store.Expiry) journal.Outcome {
	return journal.Delivered(func(tx *store.Tx) error {
		for _, r := range rows {
			tx.AddMessage(r)
		}
		for _, e := range expire {
			tx.AddExpiry(e)
		}
		return nil
	})
}

// send sends one event of this entry, once, however often the entry is tried. If the
// room has other networks, it is in their lanes when send returns.
func (x *inbound) send(ctx context.Context, as id.UserID, kind event.Type, content any, step string, at time.Time) (id.EventID, error) {
	return x.cross(ctx, as, kind.Type, content, at, func() (id.EventID, error) { return x.put(ctx, as, kind, content, step, at) })
}

// put is send into the room alone.
func (x *inbound) put(ctx context.Context, as id.UserID, kind event.Type, content any, step string, at time.Time) (id.EventID, error) {
	room := roomID(x.p)
	past, err := x.past(ctx)
	if err != nil {
		return "", err
	}
	if past != nil {
		if found, ok, err := x.sentBefore(ctx, past, as, kind, step, at); ok || err != nil {
			x.sent = x.sent || ok
			return found, err
		}
	} else if x.e.Recovered {
		var of []id.UserID // whoever of ours, unless it is a person's own account
		if !x.hs.IsGhost(as) {
			of = append(of, as)
		}
		found, ok, doubt, err := x.hs.FindSince(ctx, room, x.hs.Mark(x.e.Key, step, room), latest(x.e.Created, time.Time{}), of...)
		if err != nil {
			return "", err
		}
		if ok {
			x.sent = true
			return found, nil
		}
		// One that was removed since may have been it: then those behind it may
		// be there too.
		if !doubt {
			x.e.Fresh()
		}
	}
	eventID, err := x.hs.Send(ctx, matrix.Event{Room: room, As: as, Type: kind, Content: content, Key: x.e.Key, Step: step, At: at, Lookup: x.e.Tried})
	if without, ok := unrelated(content, err); ok {
		x.anew = true
		eventID, err = x.hs.Send(ctx, matrix.Event{Room: room, As: as, Type: kind, Content: without, Key: x.e.Key, Step: step, At: at})
	}
	x.sent = x.sent || err == nil
	if err == nil {
		return eventID, nil
	}
	if x.hs.IsGhost(as) {
		return eventID, x.ghostRefused(ctx, as, err)
	}
	return eventID, x.puppetRefused(ctx, as, err)
}

// stepOf names the i-th event of a message, which shows a part of it.
func stepOf(part, i int) string { return fmt.Sprintf("p%d.%d", part, i) }

// puppetRefused drops what turned out wrong about a person's own account, so that
// the next attempt goes another way.
func (x *inbound) puppetRefused(ctx context.Context, as id.UserID, err error) error {
	var forget error
	switch matrix.KindOf(err) {
	case matrix.Auth:
		forget = x.hs.ForgetPuppet(ctx, as)
	case matrix.NotJoined:
		forget = x.hs.Observe(ctx, roomID(x.p), as, event.MembershipLeave)
	default:
		return err
	}
	if forget != nil {
		return forget
	}
	return fmt.Errorf("cannot speak as a person: %v", err) // of no kind: it is tried again
}

// edit replaces what a remote message says.
func (x *inbound) edit(ctx context.Context, ed *network.Edit) journal.Outcome {
	rows, out, ok := x.target(ctx, ed.Target)
	if !ok {
		if out != nil {
			return *out
		}
		if gone, err := x.wasRemoved(ctx, ed.Target); err != nil {
			return dbOutcome(err)
		} else if gone {
			return journal.Delivered(nil)
		}
		if other, err := x.others(ctx); err != nil {
			return dbOutcome(err)
		} else if other {
			return journal.Delivered(nil)
		}
		// Better twice than never: the message it edits was not seen.
		return x.message(ctx, &network.Message{Head: ed.Head, ID: ed.Target.ID, Alt: ed.Target.Alt, Content: ed.Content})
	}
	if x.superseded(x.p.ID, ed) {
		return journal.Delivered(nil)
	}
	as, err := x.editor(ctx, ed.Sender, rows[0])
	if err == nil {
		x.stays, err = x.editsCopy(ctx, rows[0], as)
	}
	if err != nil {
		return x.failed(ctx, err)
	}
	content := x.introduced(ctx, as, ed.Sender, ed.Content)
	content.Reply, content.Thread, content.Broadcast = nil, nil, false
	limit, err := x.textLimit(ctx)
	if err != nil {
		return x.failed(ctx, err)
	}
	contents, err := x.toMatrix(ctx, &content, as, limit/2) // an edit holds its text twice
	if err != nil {
		return x.failed(ctx, err)
	}
	added, err := x.replace(ctx, as, ed, contents, rows)
	if err != nil {
		return x.failed(ctx, err)
	}
	x.opts.Steps.At(step.InEdited)
	if x.same != nil { // committed before the next entry, which may be another login's of the same
		if err := x.db.Write(ctx, 2, x.remember); err != nil {
			return dbOutcome(err)
		}
	}
	return x.mapped(added)
}

// target finds the events of the message that an event is about: one row per
// event, in order of parts. If it is not known, out says what to do if waiting
// for an unanswered send may help; nil out means that it will never be known.
func (x *inbound) target(ctx context.Context, ref network.Ref) (rows []store.Message, out *journal.Outcome, ok bool) {
	pending := x.mayCome(ctx, ref) // asked first: what ends meanwhile is in the map
	all, err := x.messages.remote(ctx, x.p.ID, ref.IDs()...)
	if err != nil {
		o := dbOutcome(err)
		return nil, &o, false
	}
	seen := map[string]bool{}
	for _, r := range all {
		if (ref.Part < 0 || partOf(r) == ref.Part) && !seen[r.Event] {
			seen[r.Event] = true
			rows = append(rows, r)
		}
	}
	if len(all) > 0 {
		if err := x.stored(ctx, all, journal.In); err != nil {
			o := x.outcome(err)
			return nil, &o, false
		}
		return rows, nil, len(rows) > 0
	}
	if pending != nil {
		o := x.outcome(pending)
		return nil, &o, false
	}
	return nil, nil, false
}
