package main

import (
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// TestWatcher: what failed is read from what go test prints, however it is cut.
func TestWatcher(t *testing.T) {
	const plain = "ok  \ta\t0.1s\n--- FAIL: TestOne (0.50s)\n    x_test.go:1: no\n    --- FAIL: TestOne/sub (0.1s)\n--- FAIL: TestTwo (0.50s)\nFAIL\nFAIL\tb\t1.0s\nFAIL\n"
	for _, c := range []struct {
		name, text string
		chance     bool
	}{
		{"two tests", plain, true},
		{"a panic", "panic: boom\n" + plain, false},
		{"a race", "WARNING: DATA RACE\n" + plain, false},
		{"a build", plain + "FAIL\tc [build failed]\n", false},
		{"six tests", "--- FAIL: TestA (0s)\n--- FAIL: TestB (0s)\n--- FAIL: TestC (0s)\n--- FAIL: TestD (0s)\nFAIL\ta\t1s\n" + plain, false},
		{"nothing", "ok  \ta\t0.1s\n", false},
	} {
		w := &watcher{out: io.Discard}
		for text := c.text; text != ""; {
			n := min(7, len(text))
			if _, err := w.Write([]byte(text[:n])); err != nil {
				t.Fatal(err)
			}
			text = text[n:]
		}
		if w.chance() != c.chance {
			t.Errorf("%s: by chance %t", c.name, w.chance())
		}
		if c.name == "two tests" {
			want := []failure{{pkg: "b", tests: []string{"TestOne", "TestTwo"}}}
			if !reflect.DeepEqual(w.failures, want) {
				t.Errorf("got %+v", w.failures)
			}
		}
	}
}

// TestAgain: a test that fails once is named and excused, one that fails always is
// not, and without the flag neither is.
func TestAgain(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("go.mod", "module m\n\ngo 1.21\n")
	write("m_test.go", `package m

import ("os"; "testing")

func TestChance(t *testing.T) {
	if os.Mkdir("once", 0o755) == nil { t.Error("the first time") }
}

func TestNever(t *testing.T) {
	if _, err := os.Stat("broken"); err == nil { t.Error("always") }
}
`)
	var out strings.Builder
	if err := test(t.Context(), dir, nil, false, &out); err == nil {
		t.Errorf("without the flag it passed:\n%s", &out)
	}
	forget := func() {
		if err := os.Remove(filepath.Join(dir, "once")); err != nil {
			t.Fatal(err)
		}
	}
	forget()
	if err := test(t.Context(), dir, nil, true, &out); err != nil {
		t.Errorf("%v:\n%s", err, &out)
	}
	if want := "== UNSTEADY: TestChance of m failed once"; !strings.Contains(out.String(), want) {
		t.Errorf("no %q in\n%s", want, &out)
	}
	forget()
	write("broken", "")
	if err := test(t.Context(), dir, nil, true, &out); err == nil {
		t.Error("what fails always passed")
	}
}
