package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"
)

// copyBefore copies an SQLite database beside itself before its schema is
// changed: causeway.db becomes causeway.db.schema1-20060102T150405Z. It is a
// whole database that the older program opens. On PostgreSQL the administrator
// makes a backup; a migration there is one transaction at least.
func (db *DB) copyBefore(ctx context.Context, schema int64) error {
	if db.dialect.dollars {
		return nil
	}
	var path string
	if err := db.writer.QueryRowContext(ctx, "SELECT file FROM pragma_database_list WHERE name = 'main'").Scan(&path); err != nil {
		return err
	}
	to := fmt.Sprintf("%s.schema%d-%s", path, schema, time.Now().UTC().Format("20060102T150405Z"))
	// SQLite fills an empty file, and leaves its mode.
	f, err := os.OpenFile(to, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s exists already", to)
	}
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := db.writer.ExecContext(ctx, "VACUUM INTO ?", to); err != nil {
		return errors.Join(err, os.Remove(to))
	}
	return f.Sync()
}
