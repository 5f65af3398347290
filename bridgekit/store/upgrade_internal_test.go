package store

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
)

// TestUpgradeCopiesFirst: before a database with content gets a newer schema, a
// copy that the older program opens is beside it, which nobody else can read; a
// fresh database needs none, nor one that is up to date.
func TestUpgradeCopiesFirst(t *testing.T) {
	dir := t.TempDir()
	source, key := "sqlite:"+filepath.Join(dir, "causeway.db"), []byte(strings.Repeat("k", KeySize))
	copies := func() []string {
		t.Helper()
		found, err := filepath.Glob(filepath.Join(dir, "*.schema*"))
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	for range 2 {
		db, err := Open(t.Context(), source, key)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := db.writer.Exec("INSERT INTO fact (name, value) VALUES ('a', 'b') ON CONFLICT DO NOTHING"); err != nil {
			t.Fatal(err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		if c := copies(); len(c) != 0 {
			t.Fatalf("copies without an upgrade: %v", c)
		}
	}
	db, err := Open(t.Context(), source, key)
	if err != nil {
		t.Fatal(err)
	}
	newer := fstest.MapFS{"9999_next.sql": {Data: []byte("-- +goose Up\nALTER TABLE fact ADD COLUMN more TEXT NOT NULL DEFAULT 'x';\n-- +goose Down\n")}}
	all, err := fs.Glob(migrations, "migrations/sqlite/*.sql")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range all {
		data, err := migrations.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		maps.Copy(newer, fstest.MapFS{filepath.Base(name): {Data: data}})
	}
	if err := db.migrate(t.Context(), newer); err != nil {
		t.Fatal(err)
	}
	var more string
	if err := db.writer.QueryRow("SELECT more FROM fact WHERE name = 'a'").Scan(&more); err != nil || more != "x" {
		t.Errorf("after the upgrade: %q, %v", more, err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), source, key); err == nil || !strings.Contains(err.Error(), "restore the backup") {
		t.Errorf("the older program opens the newer schema: %v", err)
	}
	c := copies()
	if len(c) != 1 {
		t.Fatalf("copies: %v", c)
	}
	info, err := os.Stat(c[0])
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the copy: %v, %v", info.Mode(), err)
	}
	old, err := Open(t.Context(), "sqlite:"+c[0], key)
	if err != nil {
		t.Fatal(err)
	}
	defer old.Close()
	var value string
	if err := old.writer.QueryRow("SELECT value FROM fact WHERE name = 'a'").Scan(&value); err != nil || value != "b" {
		t.Errorf("in the copy: %q, %v", value, err)
	}
}
