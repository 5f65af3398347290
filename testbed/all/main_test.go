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
		{name: "go", pkg: "golang", without: "everything"}, // it runs this test
		{name: "no-such-initdb", pkg: "postgresql", at: []string{filepath.Join(dir, "*", "bin", "initdb")}, without: "PostgreSQL"},
		{name: "no-such-ircd", pkg: "some-ircd", at: []string{filepath.Join(dir, "ircd")}, without: "the tests with it"},
	})
	if len(absent) != 1 {
		t.Fatalf("missing: %+v", absent)
	}
	var out strings.Builder
	say(&out, append(absent, program{without: "more", why: "no way there"}))
	const want = "== left out: the tests with it, because no-such-ircd is not installed; on Debian and Ubuntu: apt-get install some-ircd\n" +
		"== left out: more: no way there\n"
	if out.String() != want {
		t.Errorf("got %q, want %q", &out, want)
	}
}

// TestFindRoot: the folder with the modules is above this one.
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
