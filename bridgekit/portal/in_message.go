package portal

import (
	"context"
	"encoding/hex"
	"fmt"
	"time"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/journal"
	"github.com/causeway-chat/causeway/bridgekit/login"
	"github.com/causeway-chat/causeway/bridgekit/matrix"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/step"
	"github.com/causeway-chat/causeway/bridgekit/store"
)

// echoWait is how long a message from one of our own logins waits for the answer
// to a send of that login, which may turn out to be the same message.
const echoWait = 10 * time.Second

// message shows a remote message in the room.
func (x *inbound) message(ctx context.Context, m *network.Message) journal.Outcome {
	ids := append([]network.MessageID{m.ID}, m.Alt...)
	if known, err := x.knows(ctx, m, ids); err != nil {
		return dbOutcome(err)
	} else if known {
		return journal.Delivered(nil) // shown already, or sent from Matrix
	}
	if out, done := x.echo(ctx, m); done {
		return out
	}
	if x.p.Room == "" && x.p.Chat.Login != "" && x.owner() == "" {
		return journal.Delivered(nil) // somebody wrote to a relay: nobody is there to read it
	}
	if err := x.ensureRoom(ctx); err != nil {
		return x.failed(ctx, err)
	}
	as, err := x.sender(ctx, m.Sender)
	if err != nil {
		return x.failed(ctx, err)
	}
	contents, err := x.toMatrix(ctx, &m.Content, as, maxText)
	if err != nil {
		return x.failed(ctx, err)
	}
	var rows []store.Message
	for i, c := range contents {
		if i > 0 {
			x.opts.Steps.At(step.InBetween)
		}
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
	x.opts.Steps.At(step.InSent)
	if x.p.Info.Setup {
		x.joins.furnish(x.p) // now that there is something to read
	}
	return x.mapped(rows)
}

// knows reports whether the map has a message. The database is not asked about one
// of which it cannot know: had it come before, the journal would know its key,
// which is the message's ID; and nobody of ours has sent it.
func (x *inbound) knows(ctx context.Context, m *network.Message, ids []network.MessageID) (bool, error) {
	const recent = 24 * time.Hour // far less than keys are kept
	news := m.ID != "" && m.Key == string(m.ID) && len(m.Alt) == 0 && m.Txn == "" && !m.History && !x.e.Repeated &&
		time.Since(m.At) < recent && x.logins.ByUser(x.p.Network, m.Sender) == nil
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

// mapped finishes the entry together with rows of the map.
func (s *Service) mapped(rows []store.Message) journal.Outcome {
	s.messages.put(rows...)
	return journal.Delivered(func(tx *store.Tx) error {
		for _, r := range rows {
			tx.AddMessage(r)
		}
		return nil
	})
}

// send sends one event of this entry, once, however often the entry is tried.
func (x *inbound) send(ctx context.Context, as id.UserID, kind event.Type, content any, step string, at time.Time) (id.EventID, error) {
	room := roomID(x.p)
	if x.e.Recovered {
		var of []id.UserID // whoever of ours, unless it is a person's own account
		if !x.hs.IsGhost(as) {
			of = append(of, as)
		}
		found, ok, err := x.hs.Find(ctx, room, x.hs.Mark(x.e.Key, step, room), of...)
		if err != nil {
			return "", err
		}
		if ok {
			return found, nil
		}
		x.e.Fresh()
	}
	eventID, err := x.hs.Send(ctx, matrix.Event{Room: room, As: as, Type: kind, Content: content, Key: x.e.Key, Step: step, At: at, Lookup: x.e.Tried})
	if err == nil || x.hs.IsGhost(as) {
		return eventID, err
	}
	return eventID, x.puppetRefused(ctx, as, err)
}

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
	if wait := x.unanswered(own); wait > 0 {
		return journal.RetryIn(wait, nil), true
	}
	if ours, err := x.ours(ctx, m.Txn); err != nil || ours {
		if err != nil {
			return dbOutcome(err), true
		}
		return journal.Delivered(nil), true // its Out entry is not done yet and will map it
	}
	if own == nil {
		return out, false
	}
	// Without IDs only the source of the line can tell: it is our own
	// connection's, so it came from here.
	if m.ID == "" && m.Txn == "" && (x.sess == nil || x.sess.ID != own.ID) {
		return journal.Delivered(nil), true
	}
	return out, false
}

// unanswered is how long to wait because a login may have made a call in the chat
// whose answer is not known, so that what it seems to do may be that call; 0 if
// there is no such call.
func (x *inbound) unanswered(own *login.Session) time.Duration {
	const soon, later = 50 * time.Millisecond, time.Second
	if own == nil {
		return 0
	}
	began := x.e.Created
	if x.j.Unsettled(journal.LaneOf(x.p.ID, journal.Out), own.Cause()) && own.State().Status != network.Dead {
		// The call was cut off. It is made again when the login is back.
		if !own.Online() {
			return later
		}
		if since := own.Since(); since.After(began) {
			began = since
		}
	} else if !x.sends.pending(x.p.ID, own.ID) {
		return 0
	}
	if time.Since(began) >= echoWait {
		return 0
	}
	return soon
}

// ours reports whether a transaction ID is that of an Out entry, see
// outbound.txnID.
func (s *Service) ours(ctx context.Context, txn network.TxnID) (bool, error) {
	key, err := hex.DecodeString(string(txn))
	if err != nil || len(key) == 0 {
		return false, nil
	}
	return s.j.Has(ctx, key)
}

// echoed settles what is the echo of a change that we made ourselves: it is in
// the room already. Without a transaction ID nobody can tell, but the end of an
// unanswered call is waited for, after which such a change is mostly none.
func (x *inbound) echoed(ctx context.Context, ev network.Event) *journal.Outcome {
	switch ev.(type) {
	case *network.Edit, *network.Redaction, *network.Reaction, *network.ChatChange:
	default:
		return nil
	}
	if wait := x.unanswered(x.logins.ByUser(x.p.Network, x.head.Sender)); wait > 0 {
		return settled(journal.RetryIn(wait, nil))
	}
	ours, err := x.ours(ctx, x.head.Txn)
	if err != nil {
		return settled(dbOutcome(err))
	}
	if ours || x.expected(ev) {
		return settled(journal.Delivered(nil))
	}
	return nil
}

// expected reports whether one of our logins does what we had it do a moment ago.
func (x *inbound) expected(ev network.Event) bool {
	if x.head.Txn != "" || x.logins.ByUser(x.p.Network, x.head.Sender) == nil {
		return false
	}
	switch ev := ev.(type) {
	case *network.Edit:
		return x.sends.expected(x.p.ID, editEcho(ev.Target.ID, &ev.Content))
	case *network.Reaction:
		if x.sends.expected(x.p.ID, reactionEcho(ev.Target.ID, ev.Emoji, ev.Remove)) {
			return true
		}
		x.sends.unexpect(x.p.ID, reactionEcho(ev.Target.ID, ev.Emoji, !ev.Remove))
	case *network.ChatChange:
		return ev.Avatar == nil && x.sends.expected(x.p.ID, chatEcho(ev.Name, ev.Topic))
	}
	return false
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
	contents, err := x.toMatrix(ctx, &content, as, maxText/2) // an edit holds its text twice
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
	x.opts.Steps.At(step.InEdited)
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
		if err := x.redact(ctx, as, id.EventID(row.Event), r.Reason, fmt.Sprint("r", i)); err != nil {
			return x.failed(ctx, err)
		}
		x.opts.Steps.At(step.InRedacted)
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

// redact removes an event as somebody, or as the bot if they may not. What is
// not there is removed.
func (x *inbound) redact(ctx context.Context, as id.UserID, target id.EventID, reason, step string) error {
	_, err := x.hs.Redact(ctx, roomID(x.p), as, target, reason, x.e.Key, step)
	if k := matrix.KindOf(err); err != nil && as != x.hs.BotID() && (k == matrix.NotAllowed || k == matrix.NotJoined || k == matrix.Banned || k == matrix.Auth) {
		_, err = x.hs.Redact(ctx, roomID(x.p), x.hs.BotID(), target, reason, x.e.Key, step)
	}
	if matrix.KindOf(err) == matrix.NotFound {
		return nil
	}
	return err
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
