package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// A kind is how a column's values are written in a backup. Both databases use
// nothing but these three.
type kind byte

const (
	kindInt   kind = 'i'
	kindText  kind = 't'
	kindBytes kind = 'b'
)

// A table is one table as a backup carries it.
type table struct {
	Name    string   `json:"table"`
	Columns []string `json:"columns"`
	Kinds   string   `json:"kinds"`         // a kind for each column
	Seq     int64    `json:"seq,omitempty"` // the last number given, 0 if the table counts nothing
	counter string   // the column that counts; "" for none
}

// versionTable is goose's; a backup carries its number in the header.
const versionTable = "goose_db_version"

// tables lists what is in the database, by name. It asks the catalogue, so a
// table of a later migration cannot be forgotten.
func (d dialect) tables(ctx context.Context, q querier) ([]table, error) {
	names := "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite~_%' ESCAPE '~' ORDER BY name"
	if d.dollars {
		names = "SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema() AND table_type = 'BASE TABLE' ORDER BY table_name"
	}
	var out []table
	rows, err := q.QueryContext(ctx, names)
	err = each(rows, err, func(r *sql.Rows) error {
		var t table
		err := r.Scan(&t.Name)
		if t.Name != versionTable {
			out = append(out, t)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list tables: %w", err)
	}
	slices.SortFunc(out, func(a, b table) int { return strings.Compare(a.Name, b.Name) }) // collations differ
	for i := range out {
		if err := d.describe(ctx, q, &out[i]); err != nil {
			return nil, fmt.Errorf("table %s: %w", out[i].Name, err)
		}
	}
	return out, nil
}

// describe reads a table's columns and its counter.
func (d dialect) describe(ctx context.Context, q querier, t *table) error {
	columns := "SELECT name, type, '' FROM pragma_table_info(?) ORDER BY cid"
	if d.dollars {
		columns = "SELECT column_name, data_type, COALESCE(is_identity, 'NO') FROM information_schema.columns WHERE table_schema = current_schema() AND table_name = $1 ORDER BY ordinal_position"
	}
	rows, err := q.QueryContext(ctx, columns, t.Name)
	err = each(rows, err, func(r *sql.Rows) error {
		var name, kind, identity string
		if err := r.Scan(&name, &kind, &identity); err != nil {
			return err
		}
		k, err := kindOf(kind)
		t.Columns, t.Kinds = append(t.Columns, name), t.Kinds+string(k)
		if identity == "YES" {
			t.counter = name
		}
		return err
	})
	if err != nil {
		return err
	}
	return d.sequence(ctx, q, t)
}

func kindOf(declared string) (kind, error) {
	switch strings.ToLower(declared) {
	case "integer", "bigint":
		return kindInt, nil
	case "text":
		return kindText, nil
	case "blob", "bytea":
		return kindBytes, nil
	}
	return 0, fmt.Errorf("columns of type %q cannot be copied", declared)
}

// sequence reads the last number that a table gave. It is more than the largest
// in it: a number is never used again.
func (d dialect) sequence(ctx context.Context, q querier, t *table) error {
	if !d.dollars {
		rows, err := q.QueryContext(ctx, "SELECT seq FROM sqlite_sequence WHERE name = ?", t.Name)
		return each(rows, err, func(r *sql.Rows) error { return r.Scan(&t.Seq) })
	}
	if t.counter == "" {
		return nil
	}
	rows, err := q.QueryContext(ctx, "SELECT COALESCE(pg_sequence_last_value(pg_get_serial_sequence($1, $2)::regclass), 0)", quote(t.Name), t.counter)
	return each(rows, err, func(r *sql.Rows) error { return r.Scan(&t.Seq) })
}

// setSequence lets the table count on behind seq.
func (d dialect) setSequence(ctx context.Context, q querier, t table, seq int64) error {
	if seq == 0 {
		return nil
	}
	if d.dollars {
		_, err := q.ExecContext(ctx, "SELECT setval(pg_get_serial_sequence($1, $2)::regclass, $3)", quote(t.Name), t.counter, seq)
		return err
	}
	// The rows have made the entry, unless there were none.
	res, err := q.ExecContext(ctx, "UPDATE sqlite_sequence SET seq = ? WHERE name = ?", seq, t.Name)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n > 0 {
		return err
	}
	_, err = q.ExecContext(ctx, "INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", t.Name, seq)
	return err
}

// schema is the number of the last migration that a database has seen; 0 if it
// is none of ours.
func (d dialect) schema(ctx context.Context, q querier) (int64, error) {
	exists := "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = '" + versionTable + "'"
	if d.dollars {
		exists = "SELECT count(*) FROM pg_catalog.pg_class WHERE oid = to_regclass('" + versionTable + "')"
	}
	n, err := number(ctx, q, exists)
	if err != nil || n == 0 {
		return 0, err
	}
	return number(ctx, q, "SELECT COALESCE(MAX(version_id), 0) FROM "+versionTable)
}

// number is the result of a query for one number.
func number(ctx context.Context, q querier, query string, args ...any) (n int64, err error) {
	rows, err := q.QueryContext(ctx, query, args...)
	err = each(rows, err, func(r *sql.Rows) error { return r.Scan(&n) })
	return n, err
}

// ErrNotEmpty is wrapped by errors of calls that need an empty database.
var ErrNotEmpty = errors.New("the database is not empty")

// empty fails if a table has a row.
func (d dialect) empty(ctx context.Context, q querier) error {
	all, err := d.tables(ctx, q)
	if err != nil {
		return err
	}
	for _, t := range all {
		if transient(t.Name) {
			continue
		}
		n, err := number(ctx, q, "SELECT count(*) FROM (SELECT 1 FROM "+quote(t.Name)+" LIMIT 1) x")
		if err != nil {
			return err
		}
		if n > 0 {
			return fmt.Errorf("%w: table %s has rows", ErrNotEmpty, t.Name)
		}
	}
	return nil
}

// quote makes a name of the catalogue usable in a statement.
func quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

func quoteAll(names []string) string {
	var out []string
	for _, n := range names {
		out = append(out, quote(n))
	}
	return strings.Join(out, ", ")
}
