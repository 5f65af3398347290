package portal

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/journal"
	"github.com/causeway-chat/causeway/bridgekit/matrix"
	"github.com/causeway-chat/causeway/bridgekit/store"
)

const (
	// skew is how far a network's clock may be ahead of ours.
	skew = 15 * time.Minute
	// undated is how long after a restore events without a time are doubted.
	undated = 7 * 24 * time.Hour
	// remember is how long a restore matters; keys of entries live as long.
	remember = 30 * 24 * time.Hour
	// maxPast is how many events of rooms are kept in memory, all rooms together.
	maxPast = 300_000
)

// An aftermath is what holds after the database was restored from a copy. What
// happened between the making of the copy and the restore may be in the rooms,
// and on the networks, without the database knowing: it is looked up before it
// is sent. An event that happened after the restore is delivered as ever, so
// each login is through with this when its events have passed that time.
type aftermath struct {
	s    *Service
	when store.Restored // zero: there was no restore; constant once the journal runs

	mu    sync.Mutex // guards what follows
	rooms map[int64]*past
	total int // events in rooms
}

// doubt reports whether what e delivers, which happened at a time, may have been
// delivered before the restore.
func (a *aftermath) doubt(e *journal.Entry, at time.Time) bool {
	return a.old(e) || a.before(at)
}

// before reports whether what happened at a time may have happened before the
// restore.
func (a *aftermath) before(at time.Time) bool {
	switch {
	case a.when.At.IsZero():
		return false
	case at.IsZero():
		return time.Since(a.when.At) < undated
	}
	return at.Before(a.when.At.Add(skew))
}

// old reports whether e was in the copy.
func (a *aftermath) old(e *journal.Entry) bool {
	return !a.when.At.IsZero() && e.Created.Before(a.when.At)
}

// epoch tells entry numbers apart, which are given anew after a restore.
func (a *aftermath) epoch() string {
	if a.when.At.IsZero() {
		return ""
	}
	return fmt.Sprint(a.when.At.UnixMilli())
}

// past is what is in the room of a portal since the copy was made. It is read
// once in a process.
func (a *aftermath) past(ctx context.Context, p store.Portal) (*past, error) {
	a.mu.Lock()
	all := a.rooms[p.ID]
	if all == nil || all.room != p.Room {
		all = &past{s: a.s, room: p.Room, portal: p.ID}
		if a.rooms == nil {
			a.rooms = map[int64]*past{}
		}
		a.rooms[p.ID] = all
	}
	a.mu.Unlock()
	all.mu.Lock()
	defer all.mu.Unlock()
	if all.read {
		return all, nil
	}
	if err := all.load(ctx, p, a.when); err != nil {
		return nil, err
	}
	all.read = true
	a.keep(all)
	return all, nil
}

// keep bounds the memory: other rooms are read again when they are asked for.
func (a *aftermath) keep(one *past) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.total += one.size; a.total > maxPast {
		a.rooms, a.total = map[int64]*past{one.portal: one}, one.size
	}
}

// CatchUp makes good what a restored copy does not know: after a restore it finds
// the rooms that were made since, before anything is taken from either side. It
// returns when that is done, which needs the homeserver; the rest is done event by
// event. It is called after Load, and does nothing if there was no restore.
func (s *Service) CatchUp(ctx context.Context) error {
	when, err := s.db.Restored(ctx)
	if err != nil || when.At.IsZero() {
		return err
	}
	if time.Since(when.At) > remember {
		return s.db.SetRestored(ctx, store.Restored{})
	}
	s.after.when = when
	s.log.Warn("the database is a restored copy: what happened since it was made is looked up before it is delivered", "copied", when.Taken, "restored", when.At)
	for wait := time.Second; !when.Found; wait = min(2*wait, time.Minute) {
		err := s.findRooms(ctx)
		if err == nil {
			when.Found = true
			if err := s.db.SetRestored(ctx, when); err != nil {
				return err
			}
			break
		}
		if matrix.KindOf(err) == matrix.Auth {
			return fmt.Errorf("find rooms after a restore: %w", err)
		}
		s.log.Warn("rooms are looked for again after a restore", "err", err, "again_in", wait)
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return s.making.load(ctx) // some that were being made are found
}
