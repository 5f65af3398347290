package sqlite3

import (
	"database/sql"
	"database/sql/driver"
	"strings"

	"modernc.org/sqlite"
)

// ErrNo is a primary result code of SQLite (https://sqlite.org/rescode.html).
type ErrNo int

// ErrConstraint is SQLITE_CONSTRAINT.
const ErrConstraint ErrNo = 19

// Error exists because Dendrite names it. No error has this type here: only
// Dendrite's PostgreSQL storage looks for constraint errors.
type Error struct{ Code ErrNo }

// Error says the code; see the type.
func (e Error) Error() string { return "sqlite constraint" }

// Driver opens databases with modernc.org/sqlite.
type Driver struct{ sqlite.Driver }

var _ driver.Driver = (*Driver)(nil)

// Open opens the database that name, a path with optional parameters in
// modernc's spelling, points at. It waits up to 10 seconds for a lock, as
// Dendrite asks for where it uses modernc's library itself.
func (d *Driver) Open(name string) (driver.Conn, error) {
	sep := "?"
	if strings.Contains(name, "?") {
		sep = "&"
	}
	return d.Driver.Open(name + sep + "_pragma=busy_timeout%3d10000")
}

// A driver is found by its name only if its import registered it: the one
// init() of the testbed.
func init() { sql.Register("sqlite3", &Driver{}) }
