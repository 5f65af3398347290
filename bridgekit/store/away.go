package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

const (
	firstAgain   = 250 * time.Millisecond // after the first failure of what Patiently does
	longestAgain = 5 * time.Second
)

// Patient has Open, Run and Patiently wait for a PostgreSQL that is away, and say so
// in log. Without it they fail.
func Patient(log *slog.Logger) Option { return func(db *DB) { db.log = log } }

// Patiently calls f until it succeeds or fails for another reason than that the
// database is away; what names it in the log. It is for what a start cannot do
// without. It returns f's error, or that of ctx if it ends meanwhile.
func (db *DB) Patiently(ctx context.Context, what string, f func(ctx context.Context) error) error {
	for wait := firstAgain; ; wait = min(2*wait, longestAgain) {
		err := f(ctx)
		if err == nil || db.log == nil || ctx.Err() != nil || !Away(err) {
			return err
		}
		db.log.Warn("the database is away; waiting for it", "for", what, "err", err, "again_in", wait)
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return fmt.Errorf("%s: %w", what, ctx.Err())
		}
	}
}

// Away reports whether an error is one that passes when a PostgreSQL is back: it cannot
// be reached, starts, stops, crashed, or has too many connections. A password or a
// name that is wrong is none.
func Away(err error) bool {
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch pg.Code { // PostgreSQL, appendix A
		case "57P01", "57P02", "57P03", "53300": // admin_shutdown, crash_shutdown, cannot_connect_now, too_many_connections
			return true
		}
		return strings.HasPrefix(pg.Code, "08") // connection exceptions
	}
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		return !dns.IsNotFound
	}
	if _, ok := errors.AsType[net.Error](err); ok {
		return true
	}
	for _, e := range []error{errAway, io.EOF, io.ErrUnexpectedEOF, net.ErrClosed, driver.ErrBadConn} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
