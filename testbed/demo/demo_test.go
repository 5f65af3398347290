package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/causeway-chat/causeway/bridgekit/markup"
)

// empty makes sure that the demo leaves no file behind.
func empty(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	t.Cleanup(func() {
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("left behind: %v, %v", left, err)
		}
	})
}

func TestOnce(t *testing.T) {
	out := prints(t, "--once",
		"<mia> Hello! Does anybody on Matrix read this?  → mia: Hello! Does anybody on Matrix read this?\n",
		"<causeway> <you> joe: So they do.               ← you, in reply to joe: So they do.\n",
		"All 11 lines arrived",
	)
	if strings.Contains(out, "\x1b") {
		t.Error("there are terminal codes in what goes to a file")
	}
}

// prints plays a demo with these flags to its end and wants all of wants in what it
// prints, which it returns.
func prints(t *testing.T, flags string, wants ...string) string {
	t.Helper()
	empty(t)
	var out, errs bytes.Buffer
	if err := run(t.Context(), strings.Fields(flags), &out, &errs); err != nil {
		t.Fatalf("%v\n%s%s", err, out.String(), errs.String())
	}
	for _, want := range wants {
		if !strings.Contains(out.String(), want) {
			t.Errorf("not printed: %q in\n%s", want, out.String())
		}
	}
	return out.String()
}

// TestHub has four sides show the same, each in its own way.
func TestHub(t *testing.T) {
	prints(t, "--hub --once",
		"Harbor (IRC)  → <mia> Hello! Who is out there?\nMatrix          mia: Hello! Who is out there?\nLake (IRC)      <causeway> <mia> Hello! Who is out there?\nPond (memnet)   mia: Hello! Who is out there?\n",
		"Harbor (IRC)    <causeway> <Pia> s/twelve?/one?/\nMatrix          Pia, edited: Shall we meet at one?\n",
		"Pond (memnet)   relay reacts with 👍\n",
		"All 6 lines arrived on all sides",
	)
}

// TestSlack has a conversation with Slack follow that with IRC.
func TestSlack(t *testing.T) {
	prints(t, "--networks irc,slack --once",
		"All 11 lines arrived",
		"This Slack is a stand-in on loopback",
		"mia: Hello *Matrix*, who reads this?            → mia: Hello *Matrix*, who reads this?\n",
		"you [app], in the thread of mia: I do.          ← you, in the thread of mia: I do.\n",
		"you [app], edited: Shall we meet at one?        ← you, edited: Shall we meet at one?\n",
		"mia: [file] plan.txt                            → mia: [file] plan.txt\n",
		"All 8 lines arrived",
	)
}

// An ends is where a demo that stays up writes to; it ends it when it invites
// people.
type ends struct {
	bytes.Buffer
	end func()
}

func (e *ends) Write(b []byte) (int, error) {
	if bytes.Contains(b, []byte("Ctrl-C")) {
		e.end()
	}
	return e.Buffer.Write(b)
}

func TestInterrupt(t *testing.T) {
	for name, args := range map[string][]string{"pair": nil, "slack": {"--networks", "slack"}, "hub": {"--hub"}} {
		t.Run(name, func(t *testing.T) {
			empty(t)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			out := &ends{end: cancel}
			if err := run(ctx, args, out, io.Discard); err != nil {
				t.Fatal(err)
			}
			room := map[string]string{"pair": "room " + channel, "slack": "room town", "hub": "room Town"}[name]
			other := map[string]string{"slack": "Slack    nobody can sign in: it is a stand-in"}[name]
			if other == "" {
				other = "IRC      server 127.0.0.1:"
			}
			for _, want := range []string{"homeserver http://127.0.0.1:", room, other, "Element X", "The demo ends"} {
				if !strings.Contains(out.String(), want) {
					t.Errorf("not printed: %q in\n%s", want, out.String())
				}
			}
		})
	}
}

// TestLost proves that the demo notices what does not arrive.
func TestLost(t *testing.T) {
	for _, args := range []string{"--once --timeout 1ns", "--networks slack --once --timeout 1ns", "--hub --once --timeout 1ns"} {
		empty(t)
		err := run(t.Context(), strings.Fields(args), io.Discard, io.Discard)
		if err == nil || !strings.Contains(err.Error(), "line 1 did not arrive") || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s, a line that took too long: %v", args, err)
		}
	}
}

func TestUsage(t *testing.T) {
	var errs bytes.Buffer
	if err := run(t.Context(), []string{"--help"}, io.Discard, &errs); !errors.Is(err, flag.ErrHelp) || !strings.Contains(errs.String(), "-once") {
		t.Errorf("help: %v: %s", err, errs.String())
	}
	for _, args := range []string{"now", "--networks whatsapp", "--networks irc,irc", "--hub --networks slack"} {
		if err := run(t.Context(), strings.Fields(args), io.Discard, io.Discard); err == nil {
			t.Errorf("%s was taken", args)
		}
	}
}

func TestFits(t *testing.T) {
	for _, c := range []struct {
		want, have string
		fits       bool
	}{
		{"a: b", "a: b", true},
		{"a: b", "a: bc", false},
		{"file: %s", "file: http://h/p", true},
		{"file: %s", "file: ", false},
		{"file: %s", "file: http://h/p and more", false},
		{"file: %s", "other: http://h/p", false},
	} {
		if got := fits(c.want, c.have); got != c.fits {
			t.Errorf("fits(%q, %q) = %v", c.want, c.have, got)
		}
	}
}

func TestColumns(t *testing.T) {
	var out bytes.Buffer
	s := &screen{out: &out}
	s.row(markup.Plain(strings.Repeat("word ", 10)+"👍"), true, markup.Plain(strings.Repeat("x", width+1)))
	for i, l := range strings.Split(strings.TrimRight(out.String(), "\n"), "\n") {
		left, right, ok := strings.Cut(l, []string{" → ", " │ "}[min(i, 1)])
		if !ok || len([]rune(left)) != width+1 && columns(cells(markup.Plain(left), false)) != width+1 || len(right) > width {
			t.Errorf("line %d is %q", i, l)
		}
	}
	bold := markup.Body{{Kind: markup.Bold, Children: markup.Plain("b")}}
	if got := render(cells(bold, true)); got != "\x1b[0m\x1b[1mb\x1b[0m" {
		t.Errorf("on a terminal: %q", got)
	}
	if got := plain(bold); got != "*b*" {
		t.Errorf("elsewhere: %q", got)
	}
}
