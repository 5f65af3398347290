package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestMissing: a program is found in PATH or where its package puts it, and what
// is not is named with what is left out and how to get it.
func TestMissing(t *testing.T) {
	dir := t.TempDir()
	bin := filepath.Join(dir, "15", "bin", "initdb")
	if err := os.MkdirAll(filepath.Dir(bin), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(bin, nil, 0o755); err != nil {
		t.Fatal(err)
	}
	absent := missing([]program{
		{"go", "golang", nil, "everything"}, // it runs this test
		{"no-such-initdb", "postgresql", []string{filepath.Join(dir, "*", "bin", "initdb")}, "PostgreSQL"},
		{"no-such-ircd", "some-ircd", []string{filepath.Join(dir, "ircd")}, "the tests with it"},
	})
	if len(absent) != 1 {
		t.Fatalf("missing: %+v", absent)
	}
	var out strings.Builder
	say(&out, absent)
	const want = "== left out: the tests with it, because no-such-ircd is not installed; on Debian and Ubuntu: apt-get install some-ircd\n"
	if out.String() != want {
		t.Errorf("got %q, want %q", &out, want)
	}
}

// TestFindRoot: the folder with both modules is above this one.
func TestFindRoot(t *testing.T) {
	root, err := findRoot()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(root, "cmd", "causeway", "main.go")); err != nil {
		t.Error(err)
	}
	t.Chdir(t.TempDir())
	if root, err := findRoot(); err == nil {
		t.Errorf("outside of the sources: %s", root)
	}
}
