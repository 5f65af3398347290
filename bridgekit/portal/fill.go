package portal

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/journal"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/step"
	"github.com/causeway-chat/causeway/bridgekit/store"
)

// Nothing can be put behind a message that is in a room, so a new room gets its
// chat's past before anything else: what happens meanwhile waits in the lane, and
// the owners' own accounts come in when the room is full.
//
// The past is fetched first, the newest page before older ones, and stored; then it
// is shown, the oldest event first. Both go on where they stopped: the cursor is
// stored with the page before it, and an event is removed with the commit of its
// rows in the message map and of its key in the journal. By these keys the past and
// what is delivered live know each other.

// fillKind is the kind of In entries that have a room filled which no event made.
const fillKind = "fill"

const (
	// fillPage is how many events one page and one read from the database have.
	fillPage = 100
	// fillPatience is how long a room waits for its login to be connected again.
	fillPatience = 30 * time.Second
	// fillAttempts is how often it is tried to show an event of the past.
	fillAttempts = 5
)

// toFill is what a new room lacks; nil if it gets no past.
func (s *Service) toFill(ops *network.Ops, via network.LoginID) *store.Fill {
	if s.opts.History.Messages <= 0 || ops != nil && ops.History == nil {
		return nil // without a client of the chat nobody knows yet
	}
	return &store.Fill{Login: via, Left: s.opts.History.Messages, Began: time.Now().UnixMilli()}
}

// handleFill fills a room that no event made, or that an earlier process left.
func (s *Service) handleFill(ctx context.Context, e *journal.Entry) journal.Outcome {
	p, ok, err := s.portals.get(ctx, e.Lane.Number())
	if err != nil {
		return dbOutcome(err)
	}
	if !ok || p.State != store.PortalOpen {
		return journal.Delivered(nil)
	}
	x := &inbound{Service: s, e: e, p: p, head: &network.Head{At: e.Created}}
	if p.Info.Fill != nil {
		x.sess = s.logins.Get(p.Network, p.Info.Fill.Login)
	}
	if out := x.filled(ctx); out != nil {
		return *out
	}
	if x.p.Info.Setup {
		s.joins.furnish(x.p)
	}
	return journal.Delivered(nil)
}

// filled has the room get its past, if it still lacks it; nil if that is done.
func (x *inbound) filled(ctx context.Context) *journal.Outcome {
	if x.p.Info.Fill == nil || x.filling || x.p.Room == "" || x.p.State != store.PortalOpen {
		return nil
	}
	again := x.p.Info.Fill.Fetched // an earlier attempt may have shown the first
	if !again {
		if out := x.fetchPast(ctx); out != nil {
			return out
		}
	}
	if x.p.Info.Fill == nil {
		return nil
	}
	return x.showPast(ctx, again)
}

// fetchPast stores the pages of the past that are wanted.
func (x *inbound) fetchPast(ctx context.Context) *journal.Outcome {
	f := *x.p.Info.Fill
	if f.Until == 0 && x.ev != nil && !x.head.At.IsZero() {
		f.Until = x.head.At.UnixMilli() // what is newer comes behind this entry
	}
	ops, may := x.fillOps(ctx, f)
	if ops == nil {
		if may && time.Since(latest(time.UnixMilli(f.Began), x.began)) < max(fillPatience, x.opts.History.Wait) {
			return settled(journal.RetryIn(200*time.Millisecond, nil))
		}
		x.log.Info("a room gets no more of its past: no client can hand it over", "portal", x.p.ID)
		return x.keepPage(ctx, f, nil, true)
	}
	page := ctx
	if wait := x.opts.History.Wait; wait > 0 {
		within, cancel := context.WithTimeout(ctx, wait)
		defer cancel()
		page = within
	}
	for {
		events, next, err := ops.History(page, x.p.Chat.ID, f.Cursor, min(f.Left+1, fillPage)) // one may be what waits
		if err != nil {
			if out := x.unfetched(ctx, err); out != nil {
				return out
			}
		}
		events = x.readable(events)
		x.reached = err == nil && (next == "" || f.Since != 0 && reaches(events, f.Since))
		last := err != nil || next == "" || next == f.Cursor || x.reached
		if err != nil {
			next = ""
		}
		f.Cursor = next
		if out := x.keepPage(ctx, f, events, last); out != nil {
			return out
		}
		if x.p.Info.Fill == nil || x.p.Info.Fill.Fetched {
			return nil
		}
		f = *x.p.Info.Fill
	}
}

// fillOps are the operations of a client that can hand the past over; nil if none
// can now. may: one may be connected soon.
func (x *inbound) fillOps(ctx context.Context, f store.Fill) (ops *network.Ops, may bool) {
	sess := x.logins.Get(x.p.Network, f.Login)
	if sess != nil && sess.Online() {
		if ops, ok := sess.Ops(); ok {
			if ops.History != nil {
				return &ops, true
			}
			return nil, false
		}
	}
	if ops := x.anyOps(ctx, x.p); ops != nil && ops.History != nil && features(x.p).IDs != network.IDsPerLogin {
		return ops, true
	}
	return nil, sess != nil && sess.State().Status != network.Dead
}

// unfetched decides about a page that did not come; nil: the room does without.
func (x *inbound) unfetched(ctx context.Context, err error) *journal.Outcome {
	if ctx.Err() != nil {
		return settled(x.outcome(ctx.Err()))
	}
	kind := network.KindOf(err)
	if x.opts.History.Wait == 0 && (kind == network.Unavailable || kind == network.RateLimited) {
		return settled(journal.RetryIn(max(network.WaitOf(err), 2*time.Second), err))
	}
	x.log.Info("a room gets no more of its past", "portal", x.p.ID, "err", err)
	return nil
}

// readable are the events of a page that can be shown, oldest first.
func (x *inbound) readable(events []network.Event) (out []network.Event) {
	for _, ev := range events {
		h := ev.Base()
		if h.Chat != x.p.Chat || network.Ephemeral(ev) {
			continue
		}
		if m, ok := ev.(*network.Message); ok && h.Key == "" {
			h.Key = string(m.ID)
		}
		if h.Key != "" { // else it could not be told from what comes live
			out = append(out, ev)
		}
	}
	return out
}

// reaches reports whether a page begins before a time in Unix milliseconds.
func reaches(events []network.Event, since int64) bool {
	return len(events) > 0 && !events[0].Base().At.IsZero() && events[0].Base().At.UnixMilli() < since
}

// keepPage stores a page and how far the fetching is.
func (x *inbound) keepPage(ctx context.Context, f store.Fill, events []network.Event, last bool) *journal.Outcome {
	rows, drop, err := x.unshown(ctx, f, events)
	if err != nil {
		return settled(dbOutcome(err))
	}
	if drop {
		f.First, f.Left = 0, x.opts.History.Messages
	}
	if more := len(rows) - f.Left; more > 0 {
		rows = rows[more:]
	}
	f.Left -= len(rows)
	last = last || f.Left <= 0
	first := f.First
	f.First -= int64(len(rows))
	for i := range rows {
		rows[i].Number = f.First + int64(i)
	}
	f.Fetched = last
	var now *store.Fill
	if !last || len(rows) > 0 || first < 0 {
		now = &f
	}
	p, err := x.updateAlso(ctx, x.p.ID, func(p *store.Portal) { p.Info.Fill = now }, func(tx *store.Tx) error {
		if drop {
			if err := tx.ClearPast(x.p.ID); err != nil {
				return err
			}
		}
		for _, r := range rows {
			if err := tx.AddPast(x.p.ID, r); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return settled(dbOutcome(err))
	}
	x.p = p
	x.opts.Steps.At(step.FillStored)
	return nil
}

// unshown are the rows of a page's events that the lane does not bring by itself.
// What the journal knows was delivered or is about to be, and what is newer will
// be: drop says that the pages before this one, and what is newer in it, are to be
// forgotten. A gap is between what is known, and has its limits.
func (x *inbound) unshown(ctx context.Context, f store.Fill, events []network.Event) (rows []store.Past, drop bool, err error) {
	for _, ev := range events {
		at := ev.Base().At.UnixMilli()
		if dated := !ev.Base().At.IsZero(); dated && (f.Since != 0 && at < f.Since || f.Until != 0 && at > f.Until) {
			continue
		}
		known, err := x.brings(ctx, f.Login, ev)
		if err != nil {
			return nil, false, err
		}
		if known && f.Since == 0 {
			return rows, true, nil
		}
		if known {
			continue
		}
		ev.Base().History = true
		payload, err := network.MarshalEvent(ev)
		if err != nil {
			x.log.Warn("an event of the past cannot be stored", "portal", x.p.ID, "err", err)
			continue
		}
		rows = append(rows, store.Past{Key: pastKey(x.p, f.Login, ev), Payload: payload})
	}
	return rows, false, nil
}

// brings reports whether the journal has an event of the past, under the key that
// it has now, or that it got before the chat was described; or from another login.
func (x *inbound) brings(ctx context.Context, via network.LoginID, ev network.Event) (bool, error) {
	for _, key := range [][]byte{pastKey(x.p, via, ev), pastKey(x.p, "", ev)} {
		if known, err := x.j.Has(ctx, key); known || err != nil {
			return known, err
		}
	}
	past, ok := ev.(*network.Message)
	live, is := x.ev.(*network.Message)
	if !ok || !is {
		return false, nil
	}
	id := commonID(x.p, past.Sender, past.At, &past.Content)
	return id != "" && id == commonID(x.p, live.Sender, live.At, &live.Content), nil
}

// pastKey names an event of the past as its live delivery by a login would.
func pastKey(p store.Portal, via network.LoginID, ev network.Event) []byte {
	if features(p).IDs != network.IDsPerLogin {
		via = ""
	}
	return journal.Key("in", fmt.Sprint(p.ID), string(via), network.EventKind(ev), ev.Base().Key)
}

// showPast shows what is stored of the past. again: the first of it may be shown.
func (x *inbound) showPast(ctx context.Context, again bool) *journal.Outcome {
	for {
		rows, err := x.db.Past(ctx, x.p.ID, fillPage)
		if err != nil {
			return settled(dbOutcome(err))
		}
		if len(rows) == 0 {
			break
		}
		for _, r := range rows {
			if out := x.showOne(ctx, r, again); out != nil {
				return out
			}
			again = false
		}
	}
	x.opts.Steps.At(step.FillShown)
	p, err := x.update(ctx, x.p.ID, func(p *store.Portal) { p.Info.Fill = nil })
	if err != nil {
		return settled(dbOutcome(err))
	}
	x.p = p
	return nil
}

// showOne shows one event of the past and removes it from what is to be shown; a
// non-nil outcome is for the entry that waits for it.
func (x *inbound) showOne(ctx context.Context, r store.Past, again bool) *journal.Outcome {
	ev, err := network.UnmarshalEvent(r.Payload)
	if err != nil {
		x.log.Warn("a stored event of the past cannot be read", "portal", x.p.ID, "err", err)
		return x.shownPast(ctx, r, nil)
	}
	if !again && r.Attempts == 0 { // it may be delivered live by now, and the lane have it
		if has, err := x.j.Has(ctx, r.Key); err != nil {
			return settled(dbOutcome(err))
		} else if has {
			return x.shownPast(ctx, r, nil)
		}
	}
	e := &journal.Entry{Lane: x.e.Lane, Key: r.Key, Kind: network.EventKind(ev), Created: time.Now(), Tried: again || r.Attempts > 0, Repeated: true}
	y := &inbound{Service: x.Service, e: e, p: x.p, sess: x.logins.Get(x.p.Network, x.p.Info.Fill.Login), head: ev.Base(), filling: true}
	out := y.dispatch(ctx, ev)
	if apply, ok := out.Ends(); ok {
		x.opts.Steps.At(step.FillSent)
		return x.shownPast(ctx, r, apply)
	}
	if words, err, ok := out.Fails(); ok {
		if p, found, gerr := x.portals.get(ctx, x.p.ID); gerr != nil || !found || p.Room != x.p.Room || p.State != store.PortalOpen {
			return settled(journal.Fail(errors.Join(err, gerr), words)) // nothing can be shown there any more
		}
		x.log.Warn("an event of the past is left out", "portal", x.p.ID, "why", words, "err", err)
		return x.shownPast(ctx, r, nil)
	}
	if err, ok := out.Costs(); ok {
		if r.Attempts+1 >= fillAttempts {
			x.log.Warn("an event of the past is left out", "portal", x.p.ID, "attempts", r.Attempts+1, "err", err)
			return x.shownPast(ctx, r, nil)
		}
		if werr := x.db.Write(ctx, 1, func(tx *store.Tx) error { return tx.TriedPast(x.p.ID, r.Number) }); werr != nil {
			return settled(dbOutcome(werr))
		}
		return settled(journal.RetryIn(time.Second<<r.Attempts, err))
	}
	return &out
}

// shownPast commits that an event of the past is shown, or given up.
func (x *inbound) shownPast(ctx context.Context, r store.Past, apply func(tx *store.Tx) error) *journal.Outcome {
	err := x.db.Write(ctx, 3, func(tx *store.Tx) error {
		if apply != nil {
			if err := apply(tx); err != nil {
				return err
			}
		}
		if err := journal.Remember(tx, x.e.Lane, r.Key); err != nil {
			return err
		}
		return tx.DeletePast(x.p.ID, r.Number)
	})
	if err != nil {
		return settled(dbOutcome(err))
	}
	return nil
}
