// Command testslack is a stand-in for Slack on a loopback port, to try Causeway and
// docs/slack.md without a workspace: one in which mia and you are, with the channels
// #general, #random, the private #council, and an app. It prints what a person would
// copy from Slack's pages, then does what it reads:
//
//	testslack -addr 127.0.0.1:18300
//	mia #general Hello!
//	/thread mia #general last In a thread
//	/help
//
// It ends with its standard input, on SIGTERM or an interrupt. Nothing is stored.
package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/causeway-chat/causeway/bridges/slack/slackfake"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	addr := flag.String("addr", "127.0.0.1:0", "the loopback `ADDRESS` to serve at")
	limits := flag.Bool("limits", false, "keep the limits of Slack's tiers")
	flag.Parse()
	if err := run(ctx, slackfake.Config{Addr: *addr, Limits: *limits}, os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "testslack:", err)
		os.Exit(1)
	}
}

// run serves until ctx ends or there is nothing more to read.
func run(ctx context.Context, cfg slackfake.Config, in io.Reader, out io.Writer) error {
	cfg.Team = slackfake.Team{Name: "Acme", Domain: "acme"}
	s, err := slackfake.Start(cfg)
	if err != nil {
		return fmt.Errorf("start: %w", err)
	}
	defer s.Close()
	t := newTown(s)
	t.introduce(out)
	lines := make(chan string)
	go read(ctx, in, lines) // ends with the program if in does not
	for {
		select {
		case <-ctx.Done():
			return nil
		case line, more := <-lines:
			if !more {
				return nil
			}
			if err := t.do(out, line); err != nil {
				_, _ = fmt.Fprintln(out, "!", err)
			}
		}
	}
}

// read passes on the lines of in.
func read(ctx context.Context, in io.Reader, lines chan<- string) {
	defer close(lines)
	for s := bufio.NewScanner(in); s.Scan(); {
		select {
		case lines <- s.Text():
		case <-ctx.Done():
			return
		}
	}
}
