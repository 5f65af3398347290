package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"
)

// querier is what a pool and a connection share.
type querier interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	PrepareContext(ctx context.Context, query string) (*sql.Stmt, error)
}

// A Tx runs statements inside the writer's transaction. It is valid only inside
// an Op's Do and used by one goroutine. Statements are written with ?
// placeholders for both databases.
type Tx struct {
	dialect dialect
	q       querier
	seal    *Sealer
	stmts   map[string]*sql.Stmt // of this connection; the texts are constants of the program
	heaps   []heap               // rows that were added and not written
}

func (tx *Tx) stmt(query string) (*sql.Stmt, error) {
	if len(tx.heaps) > 0 { // the statement sees what was added before it
		if err := tx.flush(); err != nil {
			return nil, err
		}
	}
	if s, ok := tx.stmts[query]; ok {
		return s, nil
	}
	s, err := tx.q.PrepareContext(context.Background(), tx.dialect.rebind(query))
	if err != nil {
		return nil, fmt.Errorf("prepare: %w", err)
	}
	tx.stmts[query] = s
	return s, nil
}

// Exec runs a statement and returns how many rows it changed.
func (tx *Tx) Exec(query string, args ...any) (int64, error) {
	s, err := tx.stmt(query)
	if err != nil {
		return 0, err
	}
	res, err := s.Exec(tx.dialect.clean(args)...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// One runs a query of at most one row and scans it into dest; false if there is none.
func (tx *Tx) One(query string, args []any, dest ...any) (bool, error) {
	s, err := tx.stmt(query)
	if err != nil {
		return false, err
	}
	return found(s.QueryRow(tx.dialect.clean(args)...).Scan(dest...))
}

// All runs a query and calls scan for each row.
func (tx *Tx) All(query string, args []any, scan func(row *sql.Rows) error) error {
	s, err := tx.stmt(query)
	if err != nil {
		return err
	}
	rows, err := s.Query(tx.dialect.clean(args)...)
	return each(rows, err, scan)
}

// Lock makes other processes that write to the same lane wait until this
// transaction ends, so that the order of a lane's numbers is the order in which
// they become visible. Take several in ascending order. SQLite has one writer
// anyway.
func (tx *Tx) Lock(lane int64) error {
	if !tx.dialect.locks {
		return nil
	}
	_, err := tx.Exec("SELECT pg_advisory_xact_lock(?)", lane)
	return err
}

// Seal is the database's sealer.
func (tx *Tx) Seal() *Sealer { return tx.seal }

// One runs a query of at most one row outside of any transaction and scans it
// into dest; false if there is none.
func (db *DB) One(ctx context.Context, query string, args []any, dest ...any) (bool, error) {
	s, err := db.prepared(ctx, query)
	if err != nil {
		return false, err
	}
	return found(s.QueryRowContext(ctx, db.dialect.clean(args)...).Scan(dest...))
}

// All runs a query outside of any transaction and calls scan for each row.
func (db *DB) All(ctx context.Context, query string, args []any, scan func(row *sql.Rows) error) error {
	s, err := db.prepared(ctx, query)
	if err != nil {
		return err
	}
	rows, err := s.QueryContext(ctx, db.dialect.clean(args)...)
	return each(rows, err, scan)
}

// prepared is a query of the pool, whose texts are constants of the program:
// SQLite would compile it anew for each call, which costs more than to run it.
func (db *DB) prepared(ctx context.Context, query string) (*sql.Stmt, error) {
	if s, ok := db.stmts.Load(query); ok {
		return s.(*sql.Stmt), nil
	}
	s, err := db.pool.PrepareContext(ctx, db.dialect.rebind(query))
	if err != nil {
		return nil, fmt.Errorf("prepare: %w", err)
	}
	if first, loaded := db.stmts.LoadOrStore(query, s); loaded {
		return first.(*sql.Stmt), s.Close() // somebody was faster
	}
	return s, nil
}

// clean makes texts storable: PostgreSQL takes neither NUL nor broken UTF-8, and
// what strangers send must not fail a transaction for ever.
func (d dialect) clean(args []any) []any {
	if !d.dollars {
		return args
	}
	out := slices.Clone(args)
	for i, a := range out {
		v := reflect.ValueOf(a)
		if v.Kind() == reflect.String && (strings.ContainsRune(v.String(), 0) || !utf8.ValidString(v.String())) {
			out[i] = strings.ToValidUTF8(strings.ReplaceAll(v.String(), "\x00", "\uFFFD"), "\uFFFD")
		}
	}
	return out
}

func found(err error) (bool, error) {
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

func each(rows *sql.Rows, err error, scan func(row *sql.Rows) error) error {
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}
