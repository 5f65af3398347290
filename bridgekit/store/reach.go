package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/pressly/goose/v3"
)

// Every process that writes to a PostgreSQL database holds this advisory lock
// shared; who needs the database alone takes it for itself. Lanes lock in the
// other space of numbers, that of one bigint.
const (
	runLockClass = 0x6361_7573 // "caus"
	runLockID    = 1
)

// shareRun notes that this connection's process runs on the database. SQLite has
// the lock of the open file.
func (d dialect) shareRun(ctx context.Context, q querier) error {
	if !d.dollars {
		return nil
	}
	n, err := number(ctx, q, fmt.Sprintf("SELECT pg_try_advisory_lock_shared(%d, %d)::int", runLockClass, runLockID))
	if err == nil && n == 0 {
		err = errors.New("the database is being restored or moved")
	}
	return err
}

// A copyConn is the one connection of a backup, a restore or a move.
type copyConn struct {
	dialect dialect
	db      *sql.DB
	conn    *sql.Conn
	files   fs.FS // of the migrations
	locked  bool  // PostgreSQL: nobody else runs on the database
}

// How often a PostgreSQL database is tried to be had alone, and how far apart.
const (
	lockTries = 10
	lockWait  = 100 * time.Millisecond
)

// reach opens a database without changing it, past the writer. alone: fail if
// anybody else has it open, and keep others out.
func reach(ctx context.Context, source string, mustExist, alone bool) (*copyConn, error) {
	if mustExist {
		if err := there(source); err != nil {
			return nil, err
		}
	}
	d, dsn, err := parse(source)
	if err != nil {
		return nil, err
	}
	files, err := fs.Sub(migrations, d.folder)
	if err != nil {
		return nil, fmt.Errorf("migrations: %w", err)
	}
	if alone && !d.dollars {
		// With this as the first of the pragmas SQLite locks the file itself,
		// which fails while any other connection is open.
		dsn = strings.Replace(dsn, "?", "?_pragma=locking_mode(EXCLUSIVE)&", 1)
		dsn = strings.Replace(dsn, "10000", "500", 1) // milliseconds to wait for it
	}
	c := &copyConn{dialect: d, files: files}
	if c.db, err = sql.Open(d.driver, dsn); err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	c.db.SetMaxOpenConns(2) // goose takes its own
	if !d.dollars {
		c.db.SetMaxOpenConns(1)
	}
	if c.conn, err = c.db.Conn(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open database: %w", inUse(err)), c.db.Close())
	}
	if alone {
		err = c.lock(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, c.close())
	}
	return c, nil
}

// Alone fails with ErrInUse if anybody has the database open that source names.
// One that does not exist is in nobody's use; it is not made.
func Alone(ctx context.Context, source string) error {
	if errors.Is(there(source), fs.ErrNotExist) {
		return nil
	}
	c, err := reach(ctx, source, true, true)
	if err != nil {
		return err
	}
	return c.close()
}

// Empty tells whether the database that source names is there and holds nothing,
// or is not there; it is not made.
func Empty(ctx context.Context, source string) (bool, error) {
	if errors.Is(there(source), fs.ErrNotExist) {
		return true, nil
	}
	c, err := reach(ctx, source, true, false)
	if err != nil {
		return false, err
	}
	err = c.dialect.empty(ctx, c.conn)
	if errors.Is(err, ErrNotEmpty) {
		return false, c.close()
	}
	return err == nil, errors.Join(err, c.close())
}

// lock keeps everybody else out until the connection is closed.
func (c *copyConn) lock(ctx context.Context) error {
	if !c.dialect.dollars {
		if _, err := c.conn.ExecContext(ctx, "BEGIN IMMEDIATE; ROLLBACK"); err != nil {
			return fmt.Errorf("lock database: %w", inUse(err))
		}
		return nil
	}
	// The server notices the end of a process a moment after it.
	for try := 1; ; try++ {
		n, err := number(ctx, c.conn, fmt.Sprintf("SELECT pg_try_advisory_lock(%d, %d)::int", runLockClass, runLockID))
		if err != nil {
			return fmt.Errorf("lock database: %w", err)
		}
		if n == 1 {
			c.locked = true
			return nil
		}
		if try == lockTries {
			return ErrInUse
		}
		select {
		case <-time.After(lockWait):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (c *copyConn) close() error {
	if c.conn == nil { // it was lent to goose and did not come back
		return c.db.Close()
	}
	if c.locked { // the end of the connection unlocks too, a little later
		_, _ = c.conn.ExecContext(context.Background(), fmt.Sprintf("SELECT pg_advisory_unlock(%d, %d)", runLockClass, runLockID))
	}
	return errors.Join(c.conn.Close(), c.db.Close())
}

// prepare gives an empty database the schema of a backup.
func (c *copyConn) prepare(ctx context.Context, schema int64) error {
	if err := c.dialect.empty(ctx, c.conn); err != nil {
		return err
	}
	return c.goose(ctx, func(p *goose.Provider) error {
		have, want, err := p.GetVersions(ctx)
		switch {
		case err != nil:
			return err
		case schema > want:
			return fmt.Errorf("this backup has schema %d, this program knows only up to %d: restore it with the newer Causeway that made it", schema, want)
		case have > schema:
			_, err = p.DownTo(ctx, schema)
		default:
			_, err = p.UpTo(ctx, schema)
		}
		return err
	})
}

// upgrade brings what was restored up to date.
func (c *copyConn) upgrade(ctx context.Context) error {
	return c.goose(ctx, func(p *goose.Provider) error {
		_, err := p.Up(ctx)
		return err
	})
}

// goose runs migrations. SQLite's one connection is lent to it.
func (c *copyConn) goose(ctx context.Context, f func(p *goose.Provider) error) (err error) {
	if !c.dialect.dollars {
		if err := c.conn.Close(); err != nil {
			return err
		}
		defer func() {
			var again error
			if c.conn, again = c.db.Conn(ctx); again != nil {
				err = errors.Join(err, fmt.Errorf("open database: %w", again))
			}
		}()
	}
	p, err := goose.NewProvider(c.dialect.goose, c.db, c.files)
	if err != nil {
		return fmt.Errorf("migrations: %w", err)
	}
	if err := f(p); err != nil {
		return fmt.Errorf("migrate database: %w", err)
	}
	return nil
}
