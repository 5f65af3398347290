package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// A demo is all that was started for one, with its conversation.
type demo interface {
	play(ctx context.Context, timeout time.Duration, to *screen) error
	invitation() string // how to join in, as lines
	ended() <-chan struct{}
	close() error
}

// options are what the command line can change.
type options struct {
	once    bool
	hub     bool
	names   []string // of networks, without hub
	verbose bool
	timeout time.Duration
}

func main() {
	// A closed terminal or pipe must not leave files behind either.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGPIPE)
	defer stop()
	switch err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); {
	case errors.Is(err, flag.ErrHelp):
	case err != nil && ctx.Err() != nil: // it was told to end
	case err != nil:
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

// parse reads the command line.
func parse(args []string, errs io.Writer) (o options, err error) {
	flags := flag.NewFlagSet("demo", flag.ContinueOnError)
	flags.SetOutput(errs)
	flags.BoolVar(&o.once, "once", false, "end after the conversation; the status is 0 only if every line arrived")
	flags.BoolVar(&o.hub, "hub", false, "show a room in which two IRC networks, a third network and Matrix meet")
	list := flags.String("networks", "irc", "show these networks, each with a room of its own: irc,slack; Slack is a stand-in on loopback")
	flags.BoolVar(&o.verbose, "verbose", false, "print what Causeway logs, to standard error")
	flags.DurationVar(&o.timeout, "timeout", 90*time.Second, "how `long` to wait for each line")
	flags.Usage = func() {
		fmt.Fprintln(errs, "Shows Causeway between a Matrix homeserver and chat networks of its own.\n\nUsage: go run -C testbed ./demo [flags]")
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if flags.NArg() > 0 {
		return o, fmt.Errorf("%q is too much; --help lists the flags", flags.Arg(0))
	}
	if o.hub && *list != "irc" {
		return o, errors.New("--hub has networks of its own: leave --networks out")
	}
	o.names, err = networks(*list)
	return o, err
}

// start starts what was asked for.
func start(ctx context.Context, dir string, log *slog.Logger, o options) (demo, error) {
	if o.hub {
		return startHub(ctx, dir, log)
	}
	return startTour(ctx, dir, log, o.names)
}

// run is the whole program. The directory goes whatever happens.
func run(ctx context.Context, args []string, out, errs io.Writer) (err error) {
	o, err := parse(args, errs)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "causeway-demo-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	log := slog.New(slog.DiscardHandler)
	if o.verbose {
		log = slog.New(slog.NewTextHandler(errs, nil))
	}
	what := servers(o.names)
	if o.hub {
		what = "two IRC servers, a network in memory"
	}
	fmt.Fprintf(out, "Starting a Matrix homeserver, %s and Causeway between them ... ", what)
	began := time.Now()
	s, err := start(ctx, dir, log, o)
	if err != nil {
		fmt.Fprintln(out)
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	fmt.Fprintf(out, "%.1f s.\n\n", time.Since(began).Seconds())
	if err := s.play(ctx, o.timeout, newScreen(out)); err != nil {
		return err
	}
	if o.once {
		return nil
	}
	fmt.Fprintf(out, invitation, s.invitation())
	select {
	case <-ctx.Done():
		fmt.Fprintln(out, "\nThe demo ends and removes all that it wrote.")
		return nil
	case <-s.ended():
		return errors.New("the bridge has ended by itself; --verbose shows why")
	}
}

// invitation is what the demo says when it stays up.
const invitation = `
Join in:
%s
The homeserver is Dendrite 0.13.8, old, but small enough to run in here. With it
Element X cannot sign in (it needs sliding sync), and clients that run in a
browser cannot show images and files. Causeway itself needs neither.

Ctrl-C ends the demo; nothing is left behind.
`
