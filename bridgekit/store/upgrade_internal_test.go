package store

import (
	"bytes"
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

// TestRestoreOlder: a backup of an older schema is restored and brought up to date,
// also into a database that is up to date and empty.
func TestRestoreOlder(t *testing.T) {
	dir, key := t.TempDir(), []byte(strings.Repeat("k", KeySize))
	at := func(name string) string { return "sqlite:" + filepath.Join(dir, name) }
	c, err := reach(t.Context(), at("old.db"), false, false)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.prepare(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	if _, err := c.conn.ExecContext(t.Context(), "INSERT INTO fact (name, value) VALUES ('a', 'b')"); err != nil {
		t.Fatal(err)
	}
	if err := c.close(); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if copied, err := Export(t.Context(), at("old.db"), key, &b); err != nil || copied.Schema != 1 {
		t.Fatalf("exported schema %d, %v", copied.Schema, err)
	}
	empty, err := Open(t.Context(), at("there.db"), key)
	if err != nil {
		t.Fatal(err)
	}
	if err := empty.Close(); err != nil {
		t.Fatal(err)
	}
	for _, target := range []string{"fresh.db", "there.db"} {
		if _, err := Restore(t.Context(), at(target), key, bytes.NewReader(b.Bytes())); err != nil {
			t.Fatalf("%s: %v", target, err)
		}
		db, err := Open(t.Context(), at(target), key)
		if err != nil {
			t.Fatal(err)
		}
		var value string
		if _, err := db.One(t.Context(), "SELECT value FROM fact WHERE name = 'a'", nil, &value); err != nil || value != "b" {
			t.Errorf("%s: %q, %v", target, value, err)
		}
		if v, err := db.dialect.schema(t.Context(), db.pool); err != nil || v < 2 {
			t.Errorf("%s: schema %d, %v", target, v, err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if found, err := filepath.Glob(filepath.Join(dir, "*.schema*")); err != nil || len(found) > 0 {
		t.Errorf("a restore made copies: %v, %v", found, err)
	}
}
