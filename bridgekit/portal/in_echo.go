package portal

import (
	"context"
	"encoding/hex"
	"time"

	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/journal"
	"github.com/causeway-chat/causeway/bridgekit/login"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/store"
)

// echoWait is how long a message from one of our own logins waits for the answer
// to a send of that login, which may turn out to be the same message.
const echoWait = 10 * time.Second

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
		// A call that was cut off may in turn wait for this, as an answer to it.
		shown, err := x.shown(ctx, m.Sender)
		if err != nil {
			return x.failed(ctx, err), true
		}
		return journal.RetryIn(wait, nil), !shown
	}
	if ours, err := x.ours(ctx, m.Txn); err != nil || ours && !x.filling { // the past has what was sent from an earlier room
		if err != nil {
			return dbOutcome(err), true
		}
		return journal.Delivered(nil), true // its Out entry is not done yet and will map it
	}
	if own == nil {
		return out, false
	}
	// The call may have been answered since the map was asked.
	if rows, err := x.messages.remote(ctx, x.p.ID, append([]network.MessageID{m.ID}, m.Alt...)...); err != nil {
		return dbOutcome(err), true
	} else if len(rows) > 0 {
		return journal.Delivered(nil), true
	}
	// It may have been sent from Matrix and removed there before its echo came.
	if gone, err := x.wasRemoved(ctx, network.Ref{ID: m.ID, Alt: m.Alt}); err != nil {
		return dbOutcome(err), true
	} else if gone {
		return journal.Delivered(nil), true
	}
	if back, err := x.cameBack(ctx, m); err != nil {
		return dbOutcome(err), true
	} else if back {
		return journal.Delivered(nil), true
	}
	// Without IDs only the source of the line can tell: it is our own
	// connection's, so it came from here.
	if m.ID == "" && m.Txn == "" && (x.sess == nil || x.sess.ID != own.ID) {
		return journal.Delivered(nil), true
	}
	return out, false
}

// cameBack reports whether a message of one of our logins is one of which nobody could
// tell whether it arrived: another login, to which the network does not say whose
// transaction it was, hears it.
func (x *inbound) cameBack(ctx context.Context, m *network.Message) (bool, error) {
	if m.Txn != "" {
		return false, nil
	}
	for _, p := range m.Parts {
		what := sentEcho(p)
		if x.sends.expected(x.p.ID, what) {
			continue
		}
		if !x.e.Recovered && time.Since(x.began) > echoWithin {
			return false, nil
		}
		if known, err := x.j.Has(ctx, echoOf(x.p.ID, what)); err != nil || !known {
			return false, err
		}
	}
	return len(m.Parts) > 0, nil
}

// shown reports whether an earlier process or attempt has shown this message in the
// room, so that it is not an echo.
func (x *inbound) shown(ctx context.Context, sender network.UserID) (bool, error) {
	if !x.e.Recovered && !x.e.Tried || x.p.Room == "" {
		return false, nil
	}
	var of []id.UserID
	if as := x.puppetOrGhost(ctx, sender); !x.hs.IsGhost(as) {
		of = append(of, as)
	}
	_, found, err := x.hs.Find(ctx, roomID(x.p), x.hs.Mark(x.e.Key, stepOf(0, 0), roomID(x.p)), of...)
	return found, err
}

// unanswered is how long to wait because a login may have made a call in the chat
// whose answer is not known, so that what it seems to do may be that call; 0 if
// there is no such call.
func (x *inbound) unanswered(own *login.Session) time.Duration {
	const soon, later = 50 * time.Millisecond, time.Second
	if own == nil {
		return 0
	}
	began := latest(x.e.Created, x.began)
	if x.j.Unsettled(journal.LaneOf(x.p.ID, journal.Out), x.e.ID, own.Cause()) && own.State().Status != network.Dead {
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
	case *network.Edit, *network.Redaction, *network.Reaction, *network.ChatChange, *network.Pins:
	default:
		return nil
	}
	if wait := x.unanswered(x.logins.ByUser(x.p.Network, x.head.Sender)); wait > 0 {
		return settled(journal.RetryIn(wait, nil))
	}
	ours, err := x.ours(ctx, x.head.Txn)
	if err == nil && !ours && !x.expected(ev) {
		ours, err = x.remembered(ctx, ev)
		if err == nil && !ours {
			return nil
		}
	}
	if err != nil {
		return settled(dbOutcome(err))
	}
	return settled(journal.Delivered(nil))
}

// remembered is expected for an edit or reaction that an earlier process made.
func (x *inbound) remembered(ctx context.Context, ev network.Event) (bool, error) {
	what := ""
	switch ev := ev.(type) {
	case *network.Edit:
		what = editEcho(ev.Target.ID, &ev.Content)
	case *network.Reaction:
		what = reactionEcho(ev.Target.ID, ev.Emoji, ev.Remove)
	}
	if what == "" || x.head.Txn != "" || x.logins.ByUser(x.p.Network, x.head.Sender) == nil || !x.e.Recovered && time.Since(x.began) > echoWithin {
		return false, nil
	}
	return x.j.Has(ctx, echoOf(x.p.ID, what))
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
		return x.sends.expected(x.p.ID, chatEcho(ev.Name, ev.Topic, ev.Expiry, ev.Avatar != nil))
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
