package main

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/causeway-chat/causeway/bridgekit/config"
	"github.com/causeway-chat/causeway/bridgekit/store"
	"github.com/causeway-chat/causeway/bridgekit/store/storetest"
)

// TestMigratePostgres: to PostgreSQL and back nothing is missing, a backup of one
// is restored into the other, and no password is shown.
func TestMigratePostgres(t *testing.T) {
	dsn, stop, err := storetest.StartPostgres()
	if errors.Is(err, storetest.ErrNoPostgres) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	dsn = strings.Replace(dsn, "causeway@", "causeway:hidden@", 1)
	dir := t.TempDir()
	file := filepath.Join(dir, "causeway.yaml")
	ok := func(args ...string) string {
		t.Helper()
		status, stdout, stderr := call(t, strings.NewReader(""), args...)
		if status != statusOK || strings.Contains(stdout+stderr, "hidden") {
			t.Fatalf("causeway %v: status %d\n%s%s", args, status, stdout, stderr)
		}
		return regexp.MustCompile(`(?s)rows of.*`).ReplaceAllString(stdout, "")
	}
	ok("init", "--homeserver", "http://localhost:8008", "--admin", "@a:example.org", "--dir", dir)
	c, err := config.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	db, err := store.Open(t.Context(), databaseSource(c.Database), c.Key.For(config.KeySeal))
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	there := ok("migrate-db", "-c", file, "--to", dsn)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	with := filepath.Join(dir, "postgres.yaml")
	line := regexp.MustCompile(`(?m)^#? ?database: .*$`)
	if !line.Match(text) {
		text = append(text, []byte("\ndatabase: x\n")...)
	}
	if err := os.WriteFile(with, line.ReplaceAll(text, []byte("database: "+dsn)), 0o600); err != nil {
		t.Fatal(err)
	}
	back := ok("migrate-db", "-c", with, "--to", "sqlite:back.db")
	if there != back {
		t.Errorf("there\n%s\nback\n%s", there, back)
	}
	saved := filepath.Join(dir, "saved.backup")
	ok("backup", "-c", with, saved)
	status, _, stderr := call(t, strings.NewReader(""), "restore", "-c", with, "--replace", saved)
	if status != statusUsage || !strings.Contains(stderr, "--replace is for SQLite") {
		t.Errorf("status %d, %s", status, stderr)
	}
	ok("restore", "-c", file, saved)
}
