package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"causeway": main})
}

// TestScript runs what testdata/script describes: the program as people call it.
func TestScript(t *testing.T) {
	cmds := worldCmds()
	cmds["mode"], cmds["fewer"], cmds["secret"] = cmdMode, cmdFewer, cmdSecret
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireUniqueNames:  true,
		RequireExplicitExec: true,
		Setup:               setWorld,
		Cmds:                cmds,
	})
}

// cmdMode checks permissions: mode 600 FILE...
func cmdMode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: mode OCTAL FILE...")
	}
	for _, name := range args[1:] {
		info, err := os.Stat(ts.MkAbs(name))
		ts.Check(err)
		if got := fmt.Sprintf("%o", info.Mode().Perm()); got != args[0] {
			ts.Fatalf("%s has mode %s, want %s", name, got, args[0])
		}
	}
}

// cmdFewer checks that a file has fewer lines than a number: fewer 20 FILE
func cmdFewer(ts *testscript.TestScript, neg bool, args []string) {
	most := 0
	if neg || len(args) != 2 {
		ts.Fatalf("usage: fewer LINES FILE")
	}
	_, err := fmt.Sscan(args[0], &most)
	ts.Check(err)
	if n := strings.Count(ts.ReadFile(args[1]), "\n"); n >= most {
		ts.Fatalf("%s has %d lines", args[1], n)
	}
}

// cmdSecret checks that the tokens of a registration are in the last output, or
// with ! that none is: ! secret stdout registration.yaml
func cmdSecret(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: [!] secret stdout FILE")
	}
	output, found := ts.ReadFile(args[0]), 0
	for line := range strings.Lines(ts.ReadFile(args[1])) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), ": "); ok && strings.HasSuffix(key, "_token") {
			if len(value) < 32 {
				ts.Fatalf("%s of %s is no token", key, args[1])
			}
			if strings.Contains(output, value) {
				found++
			}
		}
	}
	if neg && found > 0 || !neg && found != 2 {
		ts.Fatalf("%d tokens of %s are in %s", found, args[1], args[0])
	}
}

// call runs the program with answers on its standard input.
func call(t *testing.T, stdin io.Reader, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	err := run(context.Background(), args, stdin, &out, &errs)
	status = report(&errs, err)
	return status, out.String(), errs.String()
}

// TestStatus: 0 is well, 1 did not work, 2 was called wrongly.
func TestStatus(t *testing.T) {
	dir := t.TempDir()
	good := []string{"init", "--homeserver", "http://localhost:8008", "--admin", "@a:example.org", "--dir", dir}
	for _, one := range []struct {
		args   string
		status int
		stderr string
	}{
		{"", 0, ""},
		{"help", 0, ""},
		{"version", 0, ""},
		{strings.Join(good, " "), 0, "[http://localhost:29350]"},
		{strings.Join(good, " "), 1, "start over with --force"},
		{"frobnicate", 2, `unknown command "frobnicate"`},
		{"version now", 2, "see: causeway version --help"},
		{"version --loud", 2, "unknown flag: --loud; see: causeway version --help"},
		{"registration chekc", 2, "see: causeway registration --help"},
		{"init --dir " + dir + "/x", 2, "there is nobody to ask: give --homeserver"},
		{"init --homeserver x --dir " + dir + "/x", 2, `causeway: --homeserver: "x" is not a URL`},
		{"registration check -c " + dir + "/causeway.yaml", 0, ""},
		{"registration check -c " + dir + "/none.yaml", 1, dir + "/none.yaml:1:1: there is no file"},
	} {
		status, stdout, stderr := call(t, strings.NewReader(""), strings.Fields(one.args)...)
		if status != one.status || !strings.Contains(stderr, one.stderr) || (one.stderr == "" && stderr != "") {
			t.Errorf("causeway %s: status %d, want %d with %q in:\n%s%s", one.args, status, one.status, one.stderr, stdout, stderr)
		}
	}
	if _, err := os.Stat(dir + "/x"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a call that was wrong left a folder: %v", err)
	}
}

// TestInterrupt: a question ends with its context, though nobody answers.
func TestInterrupt(t *testing.T) {
	in, answer := io.Pipe()
	defer answer.Close()
	ctx, cancel := context.WithCancel(t.Context())
	asked := make(chan struct{})
	done := make(chan error, 1)
	go func() {
		done <- run(ctx, []string{"init", "--dir", t.TempDir()}, in, io.Discard, notify{asked})
	}()
	select {
	case <-asked:
	case <-time.After(2 * time.Minute):
		t.Fatal("nothing was asked")
	}
	cancel()
	select {
	case err := <-done:
		var stderr bytes.Buffer
		if status := report(&stderr, err); status != 1 || stderr.String() != "causeway: stopped\n" {
			t.Errorf("status %d, %q", status, &stderr)
		}
	case <-time.After(2 * time.Minute):
		t.Fatal("init waits for an answer after its context has ended")
	}
}

// notify is a writer that closes a channel at the first write.
type notify struct{ first chan struct{} }

func (n notify) Write(p []byte) (int, error) {
	select {
	case <-n.first:
	default:
		close(n.first)
	}
	return len(p), nil
}

// TestOpenNetworks: a protocol that is not in the build is named with its line.
func TestOpenNetworks(t *testing.T) {
	c := parseConfig(t, "networks:\n  pigeon.post: {}\n  irc.a: {}\n  irc.b: {sever: x}\n  irc.c: {server: \"localhost:6667\", nick: causeway}\n")
	_, err := openNetworks(c)
	for i, want := range []string{
		`causeway.yaml:4:3: pigeon.post: this build of Causeway has no protocol "pigeon"; it has irc`,
		`causeway.yaml:5:3: configuration of irc.a: server: `,
		`causeway.yaml:6:11: there is no key "sever"; did you mean "server"?`,
	} {
		lines := strings.Split(fmt.Sprint(err), "\n")
		if len(lines) != 3 || !strings.HasPrefix(lines[i], want) {
			t.Errorf("\n got %v\nwant %s", err, want)
		}
	}
	list, err := openNetworks(parseConfig(t, "networks: {irc.c: {server: \"localhost:6667\", nick: causeway}}\n"))
	if err != nil || len(list) != 1 || list[0].Info().ID != "irc.c" {
		t.Errorf("a good network: %v, %v", list, err)
	}
}
