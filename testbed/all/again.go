package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
)

// few is how many tests may fail by chance in one run; more are no chance.
const few = 5

// A failure is the tests of one package that failed.
type failure struct {
	pkg   string
	tests []string
}

// A watcher hands on what go test prints and notes what failed.
type watcher struct {
	out      io.Writer
	line     []byte
	tests    []string // of the package whose result has not come
	failures []failure
	grave    bool // something failed that is no chance: a panic, a data race, a build
}

func (w *watcher) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		end := bytes.IndexByte(rest, '\n')
		if end < 0 {
			w.line = append(w.line, rest...)
			break
		}
		w.take(string(append(w.line, rest[:end]...)))
		w.line, rest = w.line[:0], rest[end+1:]
	}
	return w.out.Write(p)
}

// take notes what one line says.
func (w *watcher) take(line string) {
	switch {
	case strings.HasPrefix(line, "panic:"), strings.HasPrefix(line, "fatal error:"), strings.HasPrefix(line, "WARNING: DATA RACE"):
		w.grave = true
	case strings.HasPrefix(line, "--- FAIL: "):
		name, _, _ := strings.Cut(strings.TrimPrefix(line, "--- FAIL: "), " ")
		w.tests = append(w.tests, name)
	case strings.HasPrefix(line, "FAIL\t"):
		fields := strings.Split(line, "\t")
		if len(w.tests) == 0 {
			w.grave = true
		}
		w.failures = append(w.failures, failure{pkg: fields[1], tests: w.tests})
		w.tests = nil
	case strings.HasPrefix(line, "ok  \t"):
		w.tests = nil
	}
}

// chance reports whether what failed may have failed by chance.
func (w *watcher) chance() bool {
	n := 0
	for _, f := range w.failures {
		n += len(f.tests)
	}
	return !w.grave && n > 0 && n <= few
}

// again runs what failed in the module in dir twice more, by itself, and
// returns an error if it fails again. What does not is an unsteady test, and named.
func (w *watcher) again(ctx context.Context, dir string, flags []string) error {
	for _, f := range w.failures {
		only := append(slices.Clone(flags), "-count=2", "-run", "^("+strings.Join(f.tests, "|")+")$", f.pkg)
		if err := command(ctx, dir, only, w.out).Run(); err != nil {
			return fmt.Errorf("%s failed again: %w", strings.Join(f.tests, ", "), err)
		}
		for _, t := range f.tests {
			fmt.Fprintf(w.out, "== UNSTEADY: %s of %s failed once and then passed twice; find out why\n", t, f.pkg)
		}
	}
	return nil
}

// test runs the tests of the module in dir. With again, the few that fail are run
// again, see again.
func test(ctx context.Context, dir string, flags []string, again bool, out io.Writer) error {
	w := &watcher{out: out}
	err := command(ctx, dir, append(slices.Clone(flags), "./..."), w).Run()
	if err == nil || !again || !w.chance() || ctx.Err() != nil {
		return err
	}
	return w.again(ctx, dir, flags)
}
