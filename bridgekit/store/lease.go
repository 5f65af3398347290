package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// ErrFenced is returned by writes of a process whose lease another one has taken:
// nothing of them is stored. The process must stop and begin anew.
var ErrFenced = errors.New("another Causeway has taken over")

const (
	leaseName = "bridge"
	// nowMillis is the database's clock, which all processes share.
	nowMillis = "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)"
)

// A Lease is the right to run the logins and lanes of a database that several
// processes use. One holds it; the others wait. It is taken for a time and
// renewed long before that is over, so it is free soon after its holder died.
//
// Each holder has a number of its own, the fencing token. Every transaction
// of the holder checks it while it keeps others from changing it; therefore nothing
// is written by a process that was paused, cut off from the database, or
// declared dead, and comes back.
type Lease struct {
	db     *DB
	holder string
	ttl    time.Duration
	log    *slog.Logger
	asked  time.Time // when it was asked for last that it is ours: it lasts ttl from then
}

// Shared reports whether other processes may use the database at the same time:
// PostgreSQL. An SQLite file belongs to one process, and needs no lease.
func (db *DB) Shared() bool { return db.dialect.locks }

// Lease prepares a lease for a process. Holder names it for people; it may be
// free for ttl after its holder died.
func (db *DB) Lease(holder string, ttl time.Duration, log *slog.Logger) *Lease {
	return &Lease{db: db, holder: holder, ttl: ttl, log: log}
}

// Claim waits until the lease is ours or ctx is done. A database that does not
// answer is waited for. From then on every write of the process is fenced.
func (l *Lease) Claim(ctx context.Context) error {
	tick := time.NewTicker(l.ttl / 8)
	defer tick.Stop()
	for said := false; ; said = true {
		l.asked = time.Now()
		fence, won, err := l.ask(ctx)
		switch {
		case won:
			l.db.fence.Store(fence)
			return nil
		case err != nil && ctx.Err() == nil:
			l.log.Warn("ask for the lease", "err", err)
		case !said:
			l.log.Info("standing by: another Causeway serves this database", "holder", l.Holder(ctx))
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// ask takes the lease if it is free.
func (l *Lease) ask(ctx context.Context) (fence int64, won bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, l.ttl) // a connection may have been cut
	defer cancel()
	won, err = l.db.One(ctx, `INSERT INTO lease (name, holder, fence, until) VALUES (?, ?, 1, `+nowMillis+` + ?)
			ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, fence = lease.fence + 1, until = excluded.until
			WHERE lease.until < `+nowMillis+` RETURNING fence`, []any{leaseName, l.holder, l.ttl.Milliseconds()}, &fence)
	return fence, won, err
}

// Holder names who has the lease, or had it last; "" if nobody ever did.
func (l *Lease) Holder(ctx context.Context) (holder string) {
	_, err := l.db.One(ctx, "SELECT holder FROM lease WHERE name = ?", []any{leaseName}, &holder)
	if err != nil {
		return ""
	}
	return holder
}

// Keep renews a claimed lease until ctx is done, and returns ErrFenced if
// another process has it. While the lease may have ended, because the database
// does not answer, it calls doubt(true): nothing may be delivered. It calls
// doubt(false) when the lease turned out to be still ours. When it has ended, as far
// as this process knows, it calls lapsed, by a goroutine of its own: another one may
// have begun what this one still delivers.
func (l *Lease) Keep(ctx context.Context, doubt func(bool), lapsed func()) error {
	tick := time.NewTicker(l.ttl / 5)
	defer tick.Stop()
	lapse := time.AfterFunc(time.Until(l.asked.Add(l.ttl)), lapsed)
	defer lapse.Stop()
	doubtful := false
	for renewed := l.asked; ; {
		asked := time.Now()
		ours, err := l.renew(ctx)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err == nil && !ours:
			return ErrFenced
		case err == nil:
			renewed = asked
			lapse.Reset(time.Until(renewed.Add(l.ttl)))
		default:
			l.log.Warn("renew the lease", "err", err)
		}
		if now := time.Since(renewed) > l.ttl*3/5; now != doubtful {
			doubtful = now
			doubt(doubtful)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// renew makes the lease last ttl from now, if nobody else has taken it.
func (l *Lease) renew(ctx context.Context) (ours bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, l.ttl/5)
	defer cancel()
	return l.db.One(ctx, "UPDATE lease SET until = "+nowMillis+" + ? WHERE name = ? AND fence = ? RETURNING 1",
		[]any{l.ttl.Milliseconds(), leaseName, l.db.fence.Load()}, new(int))
}

// Release lets another process take the lease at once. It is called when nothing
// is delivered any more; what was queued before is written first, because from then
// on it would be refused, and the successor would deliver again what has no end.
func (l *Lease) Release() error {
	ctx, cancel := context.WithTimeout(context.Background(), l.ttl)
	defer cancel()
	err := l.db.Write(ctx, 1, func(*Tx) error { return nil })
	if errors.Is(err, ErrFenced) {
		return nil // it is another's already
	}
	if err != nil {
		return fmt.Errorf("release the lease: %w", err)
	}
	_, err = l.db.One(ctx, "UPDATE lease SET until = 0 WHERE name = ? AND fence = ? RETURNING 1", []any{leaseName, l.db.fence.Load()}, new(int))
	if err != nil {
		return fmt.Errorf("release the lease: %w", err)
	}
	return nil
}

// fenced checks within a transaction that the process still holds its lease, and
// keeps it from changing hands until the transaction ends.
func (tx *Tx) fenced(fence int64) error {
	if fence == 0 {
		return nil
	}
	ours, err := tx.One("SELECT 1 FROM lease WHERE name = ? AND fence = ? FOR SHARE", []any{leaseName, fence}, new(int))
	if err == nil && !ours {
		err = ErrFenced
	}
	return err
}
