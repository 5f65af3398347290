package sqlite3

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"strings"

	"modernc.org/sqlite"
)

// ErrNo is a primary result code of SQLite (https://sqlite.org/rescode.html).
type ErrNo int

const (
	// ErrCorrupt is SQLITE_CORRUPT.
	ErrCorrupt ErrNo = 11
	// ErrConstraint is SQLITE_CONSTRAINT.
	ErrConstraint ErrNo = 19
)

// Error exists because others name it. No error has this type here: only
// Dendrite's PostgreSQL storage looks for constraint errors, and bridgev2 for
// corrupt databases, to choose an exit status.
type Error struct{ Code ErrNo }

// Error says the code; see the type.
func (e Error) Error() string { return "sqlite error" }

// SQLiteDriver opens databases with modernc.org/sqlite.
type SQLiteDriver struct {
	sqlite.Driver
	// ConnectHook, if set, prepares each new connection.
	ConnectHook func(*SQLiteConn) error
}

var _ driver.Driver = (*SQLiteDriver)(nil)

// Open opens the database that name, a path with optional parameters in
// modernc's spelling, points at. It waits up to 10 seconds for a lock, as
// Dendrite asks for where it uses modernc's library itself; a hook may say
// otherwise.
func (d *SQLiteDriver) Open(name string) (driver.Conn, error) {
	sep := "?"
	if strings.Contains(name, "?") {
		sep = "&"
	}
	c, err := d.Driver.Open(name + sep + "_pragma=busy_timeout%3d10000")
	if err != nil || d.ConnectHook == nil {
		return c, err
	}
	if err := d.ConnectHook(&SQLiteConn{c}); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// SQLiteConn is a connection as its hook sees it.
type SQLiteConn struct{ conn driver.Conn }

// Exec runs a statement without arguments.
func (c *SQLiteConn) Exec(query string, _ []driver.Value) (driver.Result, error) {
	e, ok := c.conn.(driver.ExecerContext)
	if !ok {
		return nil, errors.New("sqlite3: the connection takes no statements")
	}
	return e.ExecContext(context.Background(), query, nil)
}

// RegisterFunc is for functions written in Go, of which nobody here has any.
func (c *SQLiteConn) RegisterFunc(string, any, bool) error {
	return errors.New("sqlite3: there are no functions of our own")
}

// SQLITE_FCNTL_PERSIST_WAL is a file control of SQLite.
const SQLITE_FCNTL_PERSIST_WAL = 10

// SetFileControlInt is for the driver "litestream", which nobody here opens.
func (c *SQLiteConn) SetFileControlInt(string, int, int) error {
	return errors.New("sqlite3: there are no file controls")
}

// A driver is found by its name only if its import registered it: the one
// init() of the testbed.
func init() { sql.Register("sqlite3", &SQLiteDriver{}) }
