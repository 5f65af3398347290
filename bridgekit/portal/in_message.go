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
	"github.com/causeway-chat/causeway/bridgekit/store"
)

// echoWait is how long a message from one of our own logins waits for the answer
// to a send of that login, which may turn out to be the same message.
const echoWait = 10 * time.Second

// message shows a remote message in the room.
func (x *inbound) message(ctx context.Context, m *network.Message) journal.Outcome {
	ids := append([]network.MessageID{m.ID}, m.Alt...)
	if rows, err := x.messages.remote(ctx, x.p.ID, ids...); err != nil {
		return dbOutcome(err)
	} else if len(rows) > 0 && !x.e.Recovered {
		return journal.Delivered(nil) // shown already, or sent from Matrix
	}
	if out, done := x.echo(ctx, m); done {
		return out
	}
	if err := x.ensureRoom(ctx); err != nil {
		return x.failed(ctx, err)
	}
	as, err := x.sender(ctx, m.Sender)
	if err != nil {
		return x.failed(ctx, err)
	}
	contents, err := x.toMatrix(ctx, &m.Content, as)
	if err != nil {
		return x.failed(ctx, err)
	}
	var rows []store.Message
	for i, c := range contents {
		eventID, err := x.send(ctx, as, c.kind, c.content, fmt.Sprintf("p%d.%d", c.part, i), m.At)
		if err != nil {
			return x.failed(ctx, err)
		}
		for _, remote := range ids {
			if remote != "" {
				rows = append(rows, store.Message{Portal: x.p.ID, Event: string(eventID), Remote: remote, Part: c.part, Login: x.via(), Sender: string(m.Sender), At: m.At})
			}
		}
	}
	return x.mapped(rows)
}

// via is the login whose connection delivered the event.
func (x *inbound) via() network.LoginID {
	if x.sess == nil {
		return ""
	}
	return x.sess.ID
}

// mapped finishes the entry together with rows of the map.
func (s *Service) mapped(rows []store.Message) journal.Outcome {
	s.messages.put(rows...)
	return journal.Delivered(func(tx *store.Tx) error {
		for _, r := range rows {
			if err := tx.AddMessage(r); err != nil {
				return err
			}
		}
		return nil
	})
}

// send sends one event of this entry, once, however often the entry is tried.
func (x *inbound) send(ctx context.Context, as id.UserID, kind event.Type, content any, step string, at time.Time) (id.EventID, error) {
	room := roomID(x.p)
	if x.e.Recovered {
		found, ok, err := x.hs.Find(ctx, room, x.hs.Mark(x.e.Key, step, room))
		if err != nil {
			return "", err
		}
		if ok {
			return found, nil
		}
		x.e.Fresh()
	}
	return x.hs.Send(ctx, matrix.Event{Room: room, As: as, Type: kind, Content: content, Key: x.e.Key, Step: step, At: at, Lookup: x.e.Attempts > 0})
}

// echo finds out whether m is a message that Causeway sent itself. It reports
// done if that settles the entry, or if it has to wait.
func (x *inbound) echo(ctx context.Context, m *network.Message) (out journal.Outcome, done bool) {
	if m.Txn != "" {
		rows, err := x.messages.txn(ctx, x.p.ID, m.Txn)
		if err != nil {
			return dbOutcome(err), true
		}
		if len(rows) > 0 {
			return x.adopt(rows, m), true
		}
	}
	own := x.logins.ByUser(x.p.Network, m.Sender)
	if own == nil {
		return out, false
	}
	if x.sends.pending(x.p.ID, own.ID) && time.Since(x.e.Created) < echoWait {
		return journal.RetryIn(50*time.Millisecond, nil), true
	}
	// Without IDs only the source of the line can tell: it is our own
	// connection's, so it came from here.
	if m.ID == "" && m.Txn == "" && (x.sess == nil || x.sess.ID != own.ID) {
		return journal.Delivered(nil), true
	}
	return out, false
}

// adopt adds the network's ID to the rows of the call that m is the echo of.
func (x *inbound) adopt(rows []store.Message, m *network.Message) journal.Outcome {
	if m.ID == "" {
		return journal.Delivered(nil)
	}
	r := rows[len(rows)-1]
	for _, o := range rows {
		if o.Remote == m.ID {
			return journal.Delivered(nil)
		}
		if o.Remote == "" {
			r = o
		}
	}
	r.Remote = m.ID
	return x.mapped([]store.Message{r})
}

// edit replaces what a remote message says.
func (x *inbound) edit(ctx context.Context, ed *network.Edit) journal.Outcome {
	rows, out, ok := x.target(ctx, ed.Target)
	if !ok {
		if out != nil {
			return *out
		}
		// Better twice than never: the message it edits was not seen.
		return x.message(ctx, &network.Message{Head: ed.Head, ID: ed.Target.ID, Alt: ed.Target.Alt, Content: ed.Content})
	}
	as, err := x.sender(ctx, ed.Sender)
	if err != nil {
		return x.failed(ctx, err)
	}
	content := ed.Content
	content.Reply, content.Thread = nil, nil
	contents, err := x.toMatrix(ctx, &content, as)
	if err != nil {
		return x.failed(ctx, err)
	}
	var added []store.Message
	for i, c := range contents {
		step := fmt.Sprintf("e%d", i)
		if i >= len(rows) {
			eventID, err := x.send(ctx, as, c.kind, c.content, step, ed.At)
			if err != nil {
				return x.failed(ctx, err)
			}
			r := rows[0]
			r.Event, r.Part = string(eventID), i
			added = append(added, r)
			continue
		}
		replaceContent(c.content, id.EventID(rows[i].Event))
		if _, err := x.send(ctx, as, c.kind, c.content, step, ed.At); err != nil {
			return x.failed(ctx, err)
		}
	}
	return x.mapped(added)
}

// redaction removes the events of a remote message.
func (x *inbound) redaction(ctx context.Context, r *network.Redaction) journal.Outcome {
	rows, out, ok := x.target(ctx, r.Target)
	if !ok {
		if out != nil {
			return *out
		}
		return journal.Delivered(func(tx *store.Tx) error { return journal.Withdraw(tx, x.e.Lane, string(r.Target.ID)) })
	}
	as := x.hs.BotID()
	if r.Sender != "" && string(r.Sender) == rows[0].Sender {
		as = x.puppetOrGhost(ctx, r.Sender)
	}
	for i, row := range rows {
		_, err := x.hs.Redact(ctx, roomID(x.p), as, id.EventID(row.Event), r.Reason, x.e.Key, fmt.Sprint("r", i))
		if matrix.KindOf(err) == matrix.NotAllowed && as != x.hs.BotID() {
			_, err = x.hs.Redact(ctx, roomID(x.p), x.hs.BotID(), id.EventID(row.Event), r.Reason, x.e.Key, fmt.Sprint("r", i))
		}
		if err != nil && matrix.KindOf(err) != matrix.NotFound {
			return x.failed(ctx, err)
		}
		x.messages.drop(x.p.ID, row.Event)
	}
	return journal.Delivered(func(tx *store.Tx) error {
		for _, row := range rows {
			if err := tx.DeleteMessage(row.Portal, row.Event); err != nil {
				return err
			}
		}
		return journal.Withdraw(tx, x.e.Lane, string(r.Target.ID))
	})
}

// target finds the events of the message that an event is about: one row per
// event, in order of parts. If it is not known, out says what to do if waiting
// for an unanswered send may help; nil out means that it will never be known.
func (x *inbound) target(ctx context.Context, ref network.Ref) (rows []store.Message, out *journal.Outcome, ok bool) {
	all, err := x.messages.remote(ctx, x.p.ID, ref.IDs()...)
	if err != nil {
		o := dbOutcome(err)
		return nil, &o, false
	}
	seen := map[string]bool{}
	for _, r := range all {
		if (ref.Part < 0 || r.Part == ref.Part) && !seen[r.Event] {
			seen[r.Event] = true
			rows = append(rows, r)
		}
	}
	if len(rows) == 0 && x.sends.any(x.p.ID) && time.Since(x.e.Created) < echoWait {
		o := journal.RetryIn(50*time.Millisecond, nil)
		return nil, &o, false
	}
	return rows, nil, len(rows) > 0
}
