package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// Exit statuses.
const (
	statusOK    = 0
	statusError = 1 // it did not work
	statusUsage = 2 // it was called wrongly: nothing was tried
)

func main() { os.Exit(mainStatus()) }

// mainStatus is main without the exit.
func mainStatus() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// A second signal ends the process at once, as people expect of Ctrl-C.
	context.AfterFunc(ctx, stop)
	return report(os.Stderr, run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run is the program without the process: it takes its arguments without the
// program's name, and ends soon after ctx does.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) error {
	started := false
	root := newRoot(&started)
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	cmd, err := root.ExecuteContextC(ctx)
	if err != nil && !started { // the words of cobra: no such command or flag, too many arguments
		return usageError{fmt.Errorf("%w; see: %s --help", err, cmd.CommandPath())}
	}
	return err
}

// A usageError says how a command was called wrongly.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// errReported is returned by commands that have already said on standard output
// what is wrong: the status says the rest.
var errReported = errors.New("there are problems")

// report writes err for people and returns the exit status.
func report(stderr io.Writer, err error) int {
	var usage usageError
	switch {
	case err == nil:
		return statusOK
	case errors.Is(err, errReported):
		return statusError
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(stderr, "causeway: stopped")
		return statusError
	}
	fmt.Fprintln(stderr, errorText(err))
	if errors.As(err, &usage) {
		return statusUsage
	}
	return statusError
}
