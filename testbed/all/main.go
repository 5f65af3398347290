// Command all runs every test of Causeway, in all of its modules:
//
//	go run -C testbed ./all [-require] [-again] [flags of go test]
//
// It needs Go and nothing else. Tests that need a program which is not installed are
// left out, and it says which and how to get it; with -require that is an error.
// Synapse, matrix-nio and Slack's own clients it installs itself, the first time, into
// the user's cache directory.
// With -again up to five tests that failed are run twice more, by themselves: one
// that passes then is named as unsteady and does not fail the run. A panic, a data race
// or a build that fails is never excused.
// -race is left out where there is no C compiler.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/causeway-chat/causeway/testbed/homeserver"
	"github.com/causeway-chat/causeway/testbed/jssdk"
	"github.com/causeway-chat/causeway/testbed/nio"
	"github.com/causeway-chat/causeway/testbed/slackclients"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "all:", err)
		os.Exit(1)
	}
}

// A program is one that some tests need.
type program struct {
	name, pkg string   // pkg is Debian's
	at        []string // patterns of where it may be besides PATH
	without   string   // what is left out
	why       string   // if something else than installing pkg is missing
}

// programs are where the tests look for them, too: storetest, testbed/ircd.
func programs() []program {
	return []program{
		{name: "initdb", pkg: "postgresql", at: []string{"/usr/lib/postgresql/*/bin/initdb"}, without: "the tests on PostgreSQL"},
		{name: "inspircd", pkg: "inspircd", at: []string{"/usr/sbin/inspircd"}, without: "the tests with InspIRCd"},
		{name: "ngircd", pkg: "ngircd", at: []string{"/usr/sbin/ngircd"}, without: "the tests with ngIRCd"},
		{name: "gcc", pkg: "gcc libc6-dev", at: []string{"/usr/bin/cc", "/usr/bin/clang"}, without: "the race detector"},
	}
}

// missing are the programs that are not on this machine.
func missing(all []program) []program {
	return slices.DeleteFunc(slices.Clone(all), func(p program) bool {
		if _, err := exec.LookPath(p.name); err == nil {
			return true
		}
		return slices.ContainsFunc(p.at, func(pattern string) bool {
			found, err := filepath.Glob(pattern)
			return err == nil && len(found) > 0
		})
	})
}

// run tests all modules and returns an error if anything failed.
func run(ctx context.Context, args []string, out io.Writer) error {
	root, err := findRoot()
	if err != nil {
		return err
	}
	require, again := slices.Contains(args, "-require"), slices.Contains(args, "-again")
	args = slices.DeleteFunc(slices.Clone(args), func(a string) bool { return a == "-require" || a == "-again" })
	absent := missing(programs())
	absent = append(absent, prepare(ctx, out)...)
	say(out, absent)
	if require && len(absent) > 0 {
		return errors.New("programs are missing")
	}
	flags := []string{"-shuffle=on", "-tags", "goolm", "-timeout", "40m"}
	if !slices.ContainsFunc(absent, func(p program) bool { return p.name == "gcc" }) {
		flags = append(flags, "-race")
	}
	var failed []string
	began := time.Now()
	for _, module := range []string{".", "testbed", filepath.Join("testbed", "embed")} {
		start := time.Now()
		err := test(ctx, filepath.Join(root, module), append(slices.Clone(flags), args...), again, out)
		if ctx.Err() != nil {
			return errors.New("interrupted")
		}
		result := "ok"
		if err != nil {
			failed, result = append(failed, module), err.Error()
		}
		fmt.Fprintf(out, "== module %s: %s, %s\n", module, result, time.Since(start).Round(time.Second))
	}
	say(out, absent)
	if len(failed) > 0 {
		return fmt.Errorf("tests failed in %s", strings.Join(failed, " and "))
	}
	fmt.Fprintf(out, "All tests of all modules passed in %s.\n", time.Since(began).Round(time.Second))
	return nil
}

// prepare installs what the tests take from PyPI and npm, and returns what could not be.
func prepare(ctx context.Context, out io.Writer) []program {
	fmt.Fprintln(out, "== preparing Synapse, matrix-nio, Element's SDK and Slack's clients, which takes a minute the first time")
	var absent []program
	if _, err := homeserver.Synapse(ctx); err != nil {
		absent = append(absent, program{name: "synapse", without: "the tests with Synapse", why: err.Error()})
	}
	if err := nio.Install(ctx); err != nil {
		absent = append(absent, program{name: "matrix-nio", without: "the tests with people in encrypted rooms", why: err.Error()})
	}
	if err := jssdk.Install(ctx); err != nil {
		absent = append(absent, program{name: "matrix-js-sdk", without: "the tests with people at Element's SDK", why: err.Error()})
	}
	if err := slackclients.Install(ctx); err != nil {
		absent = append(absent, program{name: "slack", without: "the tests of the fake Slack with Slack's own clients", why: err.Error()})
	}
	return absent
}

// command is go test in dir.
func command(ctx context.Context, dir string, args []string, out io.Writer) *exec.Cmd {
	argv := append([]string{"test"}, args...)
	fmt.Fprintf(out, "== %s: go %s\n", filepath.Base(dir), strings.Join(argv, " "))
	cmd := exec.CommandContext(ctx, "go", argv...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, out, os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // go passes it on
	cmd.WaitDelay = 10 * time.Second
	return cmd
}

// say names what is left out.
func say(out io.Writer, absent []program) {
	for _, p := range absent {
		if p.why != "" {
			fmt.Fprintf(out, "== left out: %s: %s\n", p.without, p.why)
			continue
		}
		fmt.Fprintf(out, "== left out: %s, because %s is not installed; on Debian and Ubuntu: apt-get install %s\n", p.without, p.name, p.pkg)
	}
}

// findRoot is the folder above that has both modules.
func findRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "testbed", "go.mod")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("run this in Causeway's sources: go run -C testbed ./all")
		}
	}
}
