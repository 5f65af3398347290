package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/stdlib"
)

// Copied says what a backup or a move holds.
type Copied struct {
	Taken  time.Time // what was committed before is in it
	Schema int64     // the last migration of the database that was copied
	Tables []TableRows
}

// TableRows is how many rows of a table were copied.
type TableRows struct {
	Name string
	Rows int64
}

// ErrInUse is wrapped by errors of calls that need the database for themselves.
var ErrInUse = errors.New("a Causeway, or another program, has the database open: stop it first")

// Export writes everything in the database that source names, as one moment saw
// it, to w: a backup that Restore reads into a database of either kind. The
// database may be in use; nobody waits for it. Memory does not grow with what is
// copied. The database is not changed, nor made if it is not there.
func Export(ctx context.Context, source string, key []byte, w io.Writer) (Copied, error) {
	return export(ctx, source, key, w, false)
}

func export(ctx context.Context, source string, key []byte, w io.Writer, alone bool) (out Copied, err error) {
	seal, err := NewSealer(key)
	if err != nil {
		return out, err
	}
	c, err := reach(ctx, source, true, alone)
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	begin := "BEGIN"
	if c.dialect.dollars {
		begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
	}
	if _, err := c.conn.ExecContext(ctx, begin); err != nil {
		return out, fmt.Errorf("begin: %w", inUse(err))
	}
	// The transaction only read; the connection is closed in any case.
	defer func() { _, _ = c.conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK") }()
	if out.Schema, err = c.dialect.schema(ctx, c.conn); err != nil {
		return out, fmt.Errorf("read database: %w", inUse(err))
	}
	out.Taken = time.Now() // the first read fixes the moment
	if out.Schema == 0 {
		return out, errors.New("there is nothing of Causeway in the database yet")
	}
	all, err := c.dialect.tables(ctx, c.conn)
	if err != nil {
		return out, err
	}
	cw, err := newCopyWriter(w, seal, out.Schema, out.Taken)
	if err != nil {
		return out, fmt.Errorf("write backup: %w", err)
	}
	for _, t := range all {
		if transient(t.Name) {
			continue
		}
		n, err := exportTable(ctx, c.conn, t, cw)
		if err != nil {
			return out, fmt.Errorf("back up table %s: %w", t.Name, err)
		}
		out.Tables = append(out.Tables, TableRows{t.Name, n})
	}
	if err := cw.close(); err != nil {
		return out, fmt.Errorf("write backup: %w", err)
	}
	return out, nil
}

// transient reports whether a table says what processes do at this moment, which
// is over when a copy of it is read.
func transient(name string) bool { return name == "lease" }

func exportTable(ctx context.Context, q querier, t table, cw *copyWriter) (n int64, err error) {
	if err := cw.json.Encode(t); err != nil {
		return 0, err
	}
	rows, err := q.QueryContext(ctx, "SELECT "+quoteAll(t.Columns)+" FROM "+quote(t.Name))
	values, dest := make([]any, len(t.Columns)), make([]any, len(t.Columns))
	for i := range values {
		dest[i] = &values[i]
	}
	err = each(rows, err, func(r *sql.Rows) error {
		n++
		if err := r.Scan(dest...); err != nil {
			return err
		}
		return cw.row(t, values)
	})
	if err != nil {
		return n, err
	}
	return n, cw.json.Encode(map[string]int64{"rows": n})
}

// Restore reads a backup into the database that target names, which must be
// empty and in nobody's use, and brings it up to date. It is stored that the
// database is a copy: see [DB.Restored]. Nothing remains of a backup that turns
// out not to be whole.
func Restore(ctx context.Context, target string, key []byte, r io.Reader) (Copied, error) {
	return restore(ctx, target, key, r, func(q querier, d dialect, taken time.Time) error {
		return noteRestored(ctx, q, d, Restored{Taken: taken, At: time.Now()})
	})
}

// Move copies the database that from names into the empty one that to names.
// Both must be in nobody's use, so nothing is missing in the copy.
func Move(ctx context.Context, from, to string, key []byte) (Copied, error) {
	r, w := io.Pipe()
	done := make(chan error, 1)
	go func() {
		_, err := export(ctx, from, key, w, true)
		done <- err
		w.CloseWithError(err)
	}()
	out, err := restore(ctx, to, key, r, nil)
	r.CloseWithError(errors.New("the copy failed")) // lets the export end
	if xerr := <-done; xerr != nil && (err == nil || errors.Is(err, ErrDamaged)) {
		err = xerr
	}
	return out, err
}

type afterCopy func(q querier, d dialect, taken time.Time) error

func restore(ctx context.Context, target string, key []byte, r io.Reader, after afterCopy) (out Copied, err error) {
	seal, err := NewSealer(key)
	if err != nil {
		return out, err
	}
	cr, err := newCopyReader(r, seal)
	if err != nil {
		return out, err
	}
	defer cr.close()
	out.Taken, out.Schema = cr.head.Taken, cr.head.Schema
	c, err := reach(ctx, target, false, true)
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	if err := c.prepare(ctx, cr.head.Schema); err != nil {
		return out, err
	}
	if _, err := c.conn.ExecContext(ctx, c.dialect.begin); err != nil {
		return out, fmt.Errorf("begin: %w", inUse(err))
	}
	out.Tables, err = c.load(ctx, cr)
	if err == nil && after != nil {
		err = after(c.conn, c.dialect, out.Taken)
	}
	if err != nil {
		_, rerr := c.conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
		return out, errors.Join(err, rerr)
	}
	if _, err := c.conn.ExecContext(ctx, "COMMIT"); err != nil {
		return out, fmt.Errorf("commit: %w", err)
	}
	return out, c.upgrade(ctx)
}

// load inserts all tables of a backup and checks that it is whole.
func (c *copyConn) load(ctx context.Context, cr *copyReader) (out []TableRows, err error) {
	have, err := c.dialect.tables(ctx, c.conn)
	if err != nil {
		return nil, err
	}
	byName := map[string]table{}
	for _, t := range have {
		byName[t.Name] = t
	}
	for {
		t, ok, err := cr.table()
		if err != nil || !ok {
			return out, err
		}
		here, ok := byName[t.Name]
		if !ok {
			return out, fmt.Errorf("%w: there is no table %s in schema %d", ErrDamaged, t.Name, cr.head.Schema)
		}
		n, err := c.loadTable(ctx, cr, t, here)
		if err != nil {
			return out, fmt.Errorf("restore table %s: %w", t.Name, err)
		}
		out = append(out, TableRows{t.Name, n})
	}
}

func (c *copyConn) loadTable(ctx context.Context, cr *copyReader, t, here table) (n int64, err error) {
	rows := &rowSource{cr: cr, t: t, d: c.dialect, values: make([]any, len(t.Columns))}
	if c.dialect.dollars {
		err = c.conn.Raw(func(raw any) error {
			_, err := raw.(*stdlib.Conn).Conn().CopyFrom(ctx, []string{t.Name}, t.Columns, rows)
			return err
		})
	} else {
		err = c.insert(ctx, rows)
	}
	if err = errors.Join(rows.err, err); err != nil {
		return rows.n, err
	}
	return rows.n, c.dialect.setSequence(ctx, c.conn, here, t.Seq)
}

func (c *copyConn) insert(ctx context.Context, rows *rowSource) error {
	marks := strings.TrimSuffix(strings.Repeat("?, ", len(rows.t.Columns)), ", ")
	stmt, err := c.conn.PrepareContext(ctx, "INSERT INTO "+quote(rows.t.Name)+" ("+quoteAll(rows.t.Columns)+") VALUES ("+marks+")")
	if err != nil {
		return err
	}
	defer stmt.Close()
	for rows.Next() {
		if _, err := stmt.ExecContext(ctx, rows.values...); err != nil {
			return err
		}
	}
	return nil
}

// A rowSource hands the rows of one table on; it is a pgx.CopyFromSource.
type rowSource struct {
	cr     *copyReader
	t      table
	d      dialect
	values []any
	n      int64
	err    error
}

func (s *rowSource) Next() bool {
	ok, err := s.cr.row(s.t, s.values, s.n)
	if ok {
		s.n++
	}
	s.err = err
	return ok && err == nil
}

func (s *rowSource) Values() ([]any, error) { return s.d.clean(s.values), nil }
func (s *rowSource) Err() error             { return s.err }

// inUse puts SQLite's words for a lock into ours.
func inUse(err error) error {
	if err != nil && strings.Contains(err.Error(), "database is locked") {
		return fmt.Errorf("%w (%v)", ErrInUse, err)
	}
	return err
}

// there fails if source names a file that does not exist.
func there(source string) error {
	path, ok := strings.CutPrefix(source, "sqlite:")
	if !ok {
		return nil
	}
	if _, err := os.Stat(path); err != nil {
		return fmt.Errorf("database file: %w", err)
	}
	return nil
}
