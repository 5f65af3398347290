package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"

	"github.com/causeway-chat/causeway/bridgekit/config"
	"github.com/causeway-chat/causeway/bridgekit/store"
)

const (
	checkDatabase = "database"
	checkDisk     = "disk space"
)

// Free bytes below which Causeway should not, and cannot, run.
const (
	diskLow  = 1 << 30
	diskFull = 64 << 20
)

// database opens what is there, changing nothing: a first run makes the database
// and brings an older one up to date.
func (d *doctor) database(ctx context.Context) {
	within, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	db := d.config.Database
	if db.Dialect == config.SQLite {
		d.sqlite(within, db.Source)
		return
	}
	d.schema(within, db.String(), "pgx", db.Source)
}

func (d *doctor) sqlite(ctx context.Context, path string) {
	dir := filepath.Dir(path)
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if err := writable(dir); err != nil {
			d.fail(checkDatabase, err.Error(), "give the user that runs Causeway the right to write in "+dir)
			return
		}
		d.ok(checkDatabase, path+" does not exist yet; the first run makes it")
	case err != nil:
		d.fail(checkDatabase, err.Error(), "")
		return
	default:
		if info.Mode().Perm()&0o077 != 0 {
			d.warn(checkDatabase, fmt.Sprintf("others can read %s (mode %04o)", path, info.Mode().Perm()), "chmod 600 "+shellQuote(path))
		}
		file := url.URL{Scheme: "file", OmitHost: true, Path: path, RawQuery: "mode=rw&_pragma=query_only(1)&_pragma=busy_timeout(5000)"}
		d.schema(ctx, path, "sqlite", file.String())
	}
	d.disk(dir)
}

// schema opens a database and compares its version with this program's.
func (d *doctor) schema(ctx context.Context, name, driver, source string) {
	have, err := schemaVersion(ctx, driver, source)
	if err != nil {
		d.fail(checkDatabase, name+": "+err.Error(), "check database in the configuration, and that the database is up and lets Causeway in")
		return
	}
	want, err := ownSchema(ctx)
	switch {
	case err != nil:
		d.fail(checkDatabase, err.Error(), "")
	case have > want:
		d.fail(checkDatabase, fmt.Sprintf("%s has schema %d, this program knows only up to %d", name, have, want),
			"run the newer Causeway that made it, or restore the backup from before the upgrade")
	case have == 0:
		d.ok(checkDatabase, name+" is empty; the first run fills it")
	case have < want:
		d.ok(checkDatabase, fmt.Sprintf("%s has schema %d; the next run brings it to %d", name, have, want))
	default:
		d.ok(checkDatabase, fmt.Sprintf("%s, schema %d", name, have))
	}
}

// schemaVersion is the last migration that a database has seen, 0 if none.
func schemaVersion(ctx context.Context, driver, source string) (int64, error) {
	db, err := sql.Open(driver, source)
	if err != nil {
		return 0, err
	}
	defer db.Close()
	if err := db.PingContext(ctx); err != nil {
		return 0, err
	}
	const migrations = "goose_db_version"
	tables := "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = '" + migrations + "'"
	if driver != "sqlite" {
		tables = "SELECT count(*) FROM pg_catalog.pg_class WHERE oid = to_regclass('" + migrations + "')"
	}
	var n int
	if err := db.QueryRowContext(ctx, tables).Scan(&n); err != nil || n == 0 {
		return 0, err
	}
	var version sql.NullInt64
	err = db.QueryRowContext(ctx, "SELECT max(version_id) FROM "+migrations).Scan(&version)
	return version.Int64, err
}

// ownSchema is the version that this program makes, seen on a database that is
// thrown away. Both kinds count alike.
func ownSchema(ctx context.Context) (version int64, err error) {
	dir, err := os.MkdirTemp("", "causeway-doctor-")
	if err != nil {
		return 0, fmt.Errorf("try a database: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	path := filepath.Join(dir, "fresh.db")
	db, err := store.Open(ctx, "sqlite:"+path, make([]byte, config.KeySize))
	if err != nil {
		return 0, fmt.Errorf("try a database: %w", err)
	}
	if err := db.Close(); err != nil {
		return 0, fmt.Errorf("try a database: %w", err)
	}
	return schemaVersion(ctx, "sqlite", path)
}

// writable tries whether files can be made in a folder that exists.
func writable(dir string) error {
	f, err := os.CreateTemp(dir, ".causeway-doctor-")
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// disk looks at the space for the database's files.
func (d *doctor) disk(dir string) {
	free, ok := diskFree(dir)
	if !ok {
		return
	}
	text := fmt.Sprintf("%.1f GiB free in %s", float64(free)/(1<<30), dir)
	const remedy = "make room: what people send waits in the database while a network is away"
	switch {
	case free < diskFull:
		d.fail(checkDisk, text, remedy)
	case free < diskLow:
		d.warn(checkDisk, text, remedy)
	default:
		d.ok(checkDisk, text)
	}
}
