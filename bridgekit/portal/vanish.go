package portal

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/journal"
	"github.com/causeway-chat/causeway/bridgekit/markup"
	"github.com/causeway-chat/causeway/bridgekit/matrix"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/store"
)

const (
	// vanishLook is how often the table is looked into although nothing is known
	// to be due: a row may be committed later than its time.
	vanishLook = time.Minute
	// vanishBatch is how many events one look reads.
	vanishBatch = 64
	// overWords are the reason of such a removal.
	overWords = "its time is over"
	// vanishRetry is how long what the homeserver fails at waits.
	vanishRetry = 10 * time.Second
	// vanishLater is how long one event waits that the homeserver fails at.
	vanishLater = time.Minute
	// vanishKind is the kind of Out entries that remove an expired message where
	// the network does not do it.
	vanishKind = "expired"
)

// A vanishing removes messages whose time to live is over. The times are rows
// that commit with the rows of the message map, so no restart forgets one; what
// was due meanwhile is removed at once. One goroutine runs it.
type vanishing struct {
	s    *Service
	wake bell

	mu   sync.Mutex // guards next
	next time.Time  // the earliest that was expected since the last look; zero: none
}

func newVanishing(s *Service) *vanishing {
	return &vanishing{s: s, wake: newBell()}
}

// expect notes events that are to be removed. The caller has them stored.
func (v *vanishing) expect(all ...store.Expiry) {
	if len(all) == 0 {
		return
	}
	v.mu.Lock()
	for _, e := range all {
		if v.next.IsZero() || e.At.Before(v.next) {
			v.next = e.At
		}
	}
	v.mu.Unlock()
	v.wake.ring()
}

// run removes events until ctx is done.
func (v *vanishing) run(ctx context.Context) error {
	for {
		wait, err := v.look(ctx)
		if ctx.Err() != nil {
			return fmt.Errorf("expired messages: %w", ctx.Err())
		}
		if err != nil {
			v.s.log.Warn("remove expired messages", "err", err)
			wait = max(matrix.WaitOf(err), vanishRetry)
		}
		t := time.NewTimer(wait)
		select {
		case <-t.C:
		case <-v.wake:
			t.Stop()
			if err != nil { // what failed is not tried for each new message
				wait = vanishRetry
			}
		case <-ctx.Done():
			t.Stop()
		}
	}
}

// look removes what is due and says how long there is nothing to do.
func (v *vanishing) look(ctx context.Context) (time.Duration, error) {
	v.mu.Lock()
	expected := v.next
	v.next = time.Time{}
	v.mu.Unlock()
	for {
		due, err := v.s.db.Expired(ctx, time.Now(), vanishBatch)
		if err != nil {
			return 0, err
		}
		for _, e := range due {
			if err := v.s.hs.Wait(ctx); err != nil {
				return 0, err
			}
			if err := v.tryRemove(ctx, e); err != nil {
				return 0, err
			}
		}
		if len(due) == 0 {
			break
		}
	}
	next, ok, err := v.s.db.NextExpiry(ctx)
	if err != nil {
		return 0, err
	}
	if expected.After(time.Now()) && (!ok || expected.Before(next)) {
		next, ok = expected, true
	}
	wait := vanishLook
	if ok {
		const lag = 50 * time.Millisecond // of a commit that nobody waits for
		wait = min(wait, max(time.Until(next), 0)+lag)
	}
	return wait, nil
}

// tryRemove is remove. What the homeserver fails at with this one event waits a
// minute, so that the others need not.
func (v *vanishing) tryRemove(ctx context.Context, e store.Expiry) error {
	err := v.remove(ctx, e)
	var of *matrix.Error
	if !errors.As(err, &of) || ctx.Err() != nil || of.Kind == matrix.Down || of.Kind == matrix.RateLimited || of.Kind == matrix.Auth {
		return err
	}
	v.s.log.Warn("remove expired message", "portal", e.Portal, "err", err)
	return v.s.db.Write(ctx, 1, func(tx *store.Tx) error { return tx.PostponeExpiry(e.Room, e.Event, time.Now().Add(vanishLater)) })
}

// remove removes one expired event from its room, and from the network if that
// does not do it itself. A refusal that would stay is logged and forgotten.
func (v *vanishing) remove(ctx context.Context, e store.Expiry) error {
	s := v.s
	p, ok, err := s.portals.get(ctx, e.Portal)
	if err != nil {
		return err
	}
	copies, err := s.portals.in(ctx, e.Room)
	if err != nil {
		return err
	}
	copies = without(copies, e.Portal)
	if ok {
		copies = append(copies, p)
	}
	for _, c := range copies {
		if err := s.vanishThere(ctx, c, e); err != nil {
			return err
		}
	}
	edits, err := s.hs.Replacements(ctx, id.RoomID(e.Room), id.EventID(e.Event))
	for _, evt := range append(edits, id.EventID(e.Event)) { // what it was edited to first, while it is known
		if err == nil {
			err = v.redact(ctx, e, evt)
		}
	}
	if err != nil {
		if !harmless(err) && matrix.KindOf(err) != matrix.RoomGone {
			return err
		}
		if matrix.KindOf(err) == matrix.NotAllowed && ok {
			s.tellOnce(ctx, p, "expiry denied", "Messages here are to vanish, but I may not remove them: "+needs("remove messages", "redact")+".")
		}
		s.log.Info("an expired event stays", "portal", e.Portal, "err", err)
	}
	for _, c := range without(copies, e.Portal) {
		if err := s.vanished(ctx, e, c.ID, false); err != nil {
			return err
		}
	}
	return s.vanished(ctx, e, e.Portal, true)
}

// redact removes one event as the bot, or as its sender if the bot may not.
func (v *vanishing) redact(ctx context.Context, e store.Expiry, evt id.EventID) error {
	hs, room, key := v.s.hs, id.RoomID(e.Room), journal.Key("expired", e.Room, string(evt))
	_, err := hs.Redact(ctx, room, hs.BotID(), evt, overWords, key, "bot")
	if matrix.KindOf(err) == matrix.NotAllowed && e.Sender != "" && e.Sender != string(hs.BotID()) {
		_, err = hs.Redact(ctx, room, id.UserID(e.Sender), evt, overWords, key, "sender")
	}
	return err
}

// vanished forgets an event that was removed, for one portal of its room, and with the
// last one that it is to be removed.
func (s *Service) vanished(ctx context.Context, e store.Expiry, portal int64, last bool) error {
	names, err := s.messages.all(ctx, portal, e.Event)
	if err != nil {
		return err
	}
	lane := journal.LaneOf(portal, journal.In)
	err = s.db.Write(ctx, len(names)+2, func(tx *store.Tx) error {
		if err := gone(tx, lane, names); err != nil {
			return err
		}
		for _, r := range names {
			if r.Remote == "" || isCommon(r) {
				continue
			}
			if err := journal.Remember(tx, lane, goneKey(portal, r.Remote)); err != nil {
				return err
			}
		}
		if err := tx.DeleteMessage(portal, e.Event); err != nil {
			return err
		}
		if !last {
			return nil
		}
		return tx.DeleteExpiry(e.Room, e.Event)
	})
	if err != nil {
		return err
	}
	s.messages.drop(portal, e.Event)
	return nil
}

// An expired is the payload of an Out entry that removes a message.
type expired struct {
	Login network.LoginID `json:"login"`
	Ref   network.Ref     `json:"ref"`
}

// vanishThere queues the removal of what we sent to a network that keeps it.
func (s *Service) vanishThere(ctx context.Context, p store.Portal, e store.Expiry) error {
	if f := features(p); f.Expiries && !f.ExpiryByCore {
		return nil
	}
	rows, err := s.messages.event(ctx, p.ID, e.Event)
	if err != nil {
		return err
	}
	x := expired{Ref: network.Ref{Part: -1}}
	for _, r := range rows {
		switch {
		case r.Txn == "" || r.Remote == "":
		case x.Ref.ID == "":
			x.Login, x.Ref.ID = r.Login, r.Remote
		default:
			x.Ref.Alt = append(x.Ref.Alt, r.Remote)
		}
	}
	if x.Ref.ID == "" {
		return nil
	}
	payload, err := json.Marshal(x)
	if err != nil {
		return err
	}
	d := journal.Draft{Lane: journal.LaneOf(p.ID, journal.Out), Kind: vanishKind, Payload: payload, Key: journal.Key("expired there", fmt.Sprint(p.ID), e.Event)}
	return s.j.Append(ctx, []journal.Draft{d}, nil)
}

// handleExpired delivers such an entry.
func (s *Service) handleExpired(ctx context.Context, e *journal.Entry) journal.Outcome {
	var x expired
	if err := json.Unmarshal(e.Payload, &x); err != nil {
		return journal.Fail(err, "the stored entry cannot be read")
	}
	p, ok, err := s.portals.get(ctx, e.Lane.Number())
	if err != nil {
		return dbOutcome(err)
	}
	sess := s.logins.Get(p.Network, x.Login)
	if !ok || sess == nil {
		return journal.Delivered(nil)
	}
	if !sess.Online() {
		return journal.Park(sess.Cause(), func() bool { return !sess.Online() }, nil)
	}
	ops, running := sess.Ops()
	if !running {
		return journal.RetryIn(time.Second, nil)
	}
	if ops.Redact == nil {
		return journal.Delivered(nil)
	}
	defer s.sends.begin(p.ID, sess.ID)()
	x.Ref.Sender = sess.User()
	err = ops.Redact(ctx, network.OutgoingRedaction{Txn: network.TxnID(hex.EncodeToString(e.Key)), Chat: p.Chat.ID, Target: x.Ref, Reason: overWords})
	if k := network.KindOf(err); err != nil && k != network.Rejected && k != network.Gone {
		return remoteOutcome(sess, err)
	}
	return journal.Delivered(nil)
}

// expiries are the rows by which events of this entry vanish with a message of a
// time to live.
func (x *inbound) expiries(life time.Duration, as id.UserID, events ...id.EventID) (all []store.Expiry) {
	if life <= 0 {
		return nil
	}
	at := x.head.At
	if at.IsZero() {
		at = x.e.Created
	}
	for _, evt := range events {
		e := store.Expiry{Portal: x.p.ID, Room: x.p.Room, Event: string(evt), At: at.Add(life)}
		if x.hs.IsGhost(as) {
			e.Sender = string(as)
		}
		all = append(all, e)
	}
	return all
}

// over reports whether a message's time to live ended before it could be shown.
func (x *inbound) over(m *network.Message) bool {
	return m.Expiry > 0 && !m.At.IsZero() && !m.At.Add(m.Expiry).After(time.Now())
}

// tooLate says that a message vanished before it could be shown.
func (x *inbound) tooLate(ctx context.Context) journal.Outcome {
	if x.p.Room == "" || x.filling { // of the past nobody expects all
		return journal.Delivered(nil)
	}
	if out := x.say(ctx, markup.Plain("A message vanished before it could be shown here."), "late"); out != nil {
		return *out
	}
	return journal.Delivered(nil)
}

// tellOnce tells a portal's room something, once for each what.
func (s *Service) tellOnce(ctx context.Context, p store.Portal, what, words string) {
	if p.Room == "" {
		return
	}
	if err := s.notify(ctx, p.ID, notice{Room: roomID(p), Text: markup.Plain(words)}, "once", p.Room, what); err != nil {
		s.log.Warn("tell room", "portal", p.ID, "err", err)
	}
}

// needs names the power that the bot lacks.
func needs(what, level string) string {
	return fmt.Sprintf("raise my power level so that I may %s (%s in the room's power levels)", what, level)
}
