package store

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
)

// channel is what processes of one database tell each other things on. Databases
// of one server do not hear each other.
const channel = "causeway"

// Notify tells the processes that Listen of what the transaction does, when it
// commits. SQLite has nobody to tell.
func (tx *Tx) Notify(text string) error {
	if !tx.dialect.locks {
		return nil
	}
	_, err := tx.Exec("SELECT pg_notify(?, ?)", channel, text)
	return err
}

// Listen calls heard for each notification until ctx is done. It connects anew
// when the connection breaks, and calls missed whenever it begins to listen,
// because before that nothing was heard. Both are called by one goroutine.
func (db *DB) Listen(ctx context.Context, log *slog.Logger, missed func(), heard func(text string)) error {
	if !db.dialect.locks {
		<-ctx.Done()
		return ctx.Err()
	}
	for {
		err := db.listen(ctx, missed, heard)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		log.Warn("listen to the database", "err", err)
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (db *DB) listen(ctx context.Context, missed func(), heard func(text string)) error {
	config, err := connConfig(db.source)
	if err != nil {
		return err
	}
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer func() {
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = conn.Close(end) // it was only listened on
	}()
	if _, err := conn.Exec(ctx, "LISTEN "+channel); err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	missed()
	for {
		n, err := conn.WaitForNotification(ctx)
		if err != nil {
			return fmt.Errorf("wait: %w", err)
		}
		heard(n.Payload)
	}
}
