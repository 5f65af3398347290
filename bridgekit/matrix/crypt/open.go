//go:build goolm

package crypt

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"go.mau.fi/util/dbutil"
	"maunium.net/go/mautrix/crypto"
	_ "modernc.org/sqlite" // database/sql driver "sqlite"
)

//go:embed migrations
var migrations embed.FS

// Built reports whether the program can encrypt.
const Built = true

// schema is where the tables are in a PostgreSQL database that Causeway uses for
// other things too.
const schema = "causeway_crypto"

// OpenDB opens the database of keys: "sqlite:PATH", a file of its own, or a
// postgres:// URL, in which it uses a schema of its own, causeway_crypto. Tables are
// made and brought up to date; those of a newer program are refused.
func OpenDB(ctx context.Context, source string) (*DB, error) {
	var db *DB
	var err error
	switch {
	case strings.HasPrefix(source, "sqlite:"):
		db, err = openSQLite(strings.TrimPrefix(source, "sqlite:"))
	case strings.HasPrefix(source, "postgres://"), strings.HasPrefix(source, "postgresql://"):
		db, err = openPostgres(ctx, source)
	default:
		err = errors.New("it is neither sqlite:FILE nor a postgres:// URL")
	}
	if err != nil {
		return nil, fmt.Errorf("open database of keys: %w", err)
	}
	if err := db.migrate(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open database of keys: %w", err), db.Close())
	}
	return db, nil
}

// openSQLite opens a file that nobody else on the machine can read.
func openSQLite(path string) (*DB, error) {
	if path == "" {
		return nil, errors.New("sqlite: needs a file name, such as sqlite:crypto.db")
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := f.Close(); err != nil {
		return nil, err
	}
	// Times are written so that their order as texts is their order.
	q := url.Values{
		"_pragma":      {"journal_mode(WAL)", "synchronous(FULL)", "busy_timeout(10000)", "foreign_keys(1)", "temp_store(MEMORY)"},
		"_txlock":      {"immediate"},
		"_time_format": {"sqlite"},
	}
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?"+q.Encode())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(4)
	db.SetMaxIdleConns(4)
	return &DB{sql: db}, nil
}

func openPostgres(ctx context.Context, source string) (*DB, error) {
	c, err := pgx.ParseConfig(source)
	if err != nil {
		return nil, err
	}
	c.RuntimeParams["search_path"] = schema
	// A process that was paused in a transaction must not keep its successor out.
	c.RuntimeParams["idle_in_transaction_session_timeout"] = "10000" // ms
	db := stdlib.OpenDB(*c)
	db.SetMaxOpenConns(8)
	db.SetMaxIdleConns(4)
	if _, err := db.ExecContext(ctx, "CREATE SCHEMA IF NOT EXISTS "+schema); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &DB{sql: db, postgres: true}, nil
}

// wrapped is the database as mautrix wants it.
func (d *DB) wrapped() (*dbutil.Database, error) {
	name := "sqlite"
	if d.postgres {
		name = "postgres"
	}
	return dbutil.NewWithDB(d.sql, name)
}

func (d *DB) migrate(ctx context.Context) error {
	db, err := d.wrapped()
	if err != nil {
		return err
	}
	if err := crypto.NewSQLCryptoStore(db, nil, account, "", nil).DB.Upgrade(ctx); err != nil {
		return fmt.Errorf("tables of keys: %w", err)
	}
	table := dbutil.BuildUpgradeTable().WithFSPath(migrations, "migrations").Finish()
	if err := db.Child("room_version", table, nil).Upgrade(ctx); err != nil {
		return fmt.Errorf("tables of rooms: %w", err)
	}
	return nil
}
