package store

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// channel is what processes of one database tell each other things on. Databases
// of one server do not hear each other.
const channel = "causeway"

// maxSilence is how long nothing is heard before the server is asked whether it is there.
const maxSilence = 5 * time.Second

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
	begin, cancel := context.WithTimeout(ctx, 2*db.silence)
	defer cancel()
	config, err := connConfig(db.source, db.conns)
	if err != nil {
		return err
	}
	conn, err := pgx.ConnectConfig(begin, config)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer func() {
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = conn.Close(end) // it was only listened on
	}()
	if _, err := conn.Exec(begin, "LISTEN "+channel); err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	missed()
	for {
		n, err := notification(ctx, conn, db.silence)
		if err != nil {
			return fmt.Errorf("wait: %w", err)
		}
		if n != nil {
			heard(n.Payload)
		}
	}
}

// notification waits for one. After a silence it asks whether the server is there,
// which a connection that was cut on the way would not tell: it returns nil if so.
func notification(ctx context.Context, conn *pgx.Conn, silence time.Duration) (*pgconn.Notification, error) {
	short, cancel := context.WithTimeout(ctx, silence)
	defer cancel()
	n, err := conn.WaitForNotification(short)
	if err == nil || short.Err() == nil || ctx.Err() != nil {
		return n, err
	}
	asked, cancel := context.WithTimeout(ctx, silence)
	defer cancel()
	return nil, conn.Ping(asked)
}
