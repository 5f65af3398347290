package store

import (
	"context"
	"database/sql"
)

const (
	// checkpointAfter is the weight of writes after which the write-ahead log is
	// copied into the database file.
	checkpointAfter = 2048
	// maxLog is how many pages of 4 KB the log may have; beyond it, writing
	// waits for the copy, or the log would grow as long as there is no pause.
	maxLog = 16_384
)

// A checkpointer copies SQLite's write-ahead log into the database file, beside
// the writer: done by SQLite itself it would be part of a commit, and all
// that wait for the commit would wait for the disk twice.
type checkpointer struct {
	db   *DB
	due  chan struct{} // holds a token if there is enough to copy
	long chan struct{} // holds a token if the writer has to help
	done int           // weight since the last token; the writer's
}

func newCheckpointer(db *DB) *checkpointer {
	return &checkpointer{db: db, due: make(chan struct{}, 1), long: make(chan struct{}, 1)}
}

// wrote notes what the writer has committed. The writer calls it, outside of a
// transaction, and copies the log itself if it is too long.
func (c *checkpointer) wrote(ctx context.Context, weight int, conn *sql.Conn) error {
	select {
	case <-c.long:
		_, err := conn.ExecContext(ctx, "PRAGMA wal_checkpoint(RESTART)")
		return err
	default:
	}
	if c.done += weight; c.done < checkpointAfter {
		return nil
	}
	select {
	case c.due <- struct{}{}:
		c.done = 0
	default: // it is still busy with the last
	}
	return nil
}

// run copies when enough was written, until ctx is done. What fails is tried with
// the next; nothing depends on it but the length of the log.
func (c *checkpointer) run(ctx context.Context) {
	for {
		select {
		case <-c.due:
		case <-ctx.Done():
			return
		}
		var busy, pages, copied int
		ok, err := c.db.One(ctx, "PRAGMA wal_checkpoint(PASSIVE)", nil, &busy, &pages, &copied)
		if ok && err == nil && pages > maxLog {
			select {
			case c.long <- struct{}{}:
			default:
			}
		}
	}
}
