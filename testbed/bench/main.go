package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/causeway-chat/causeway/testbed/bench/stub"
	"github.com/causeway-chat/causeway/testbed/bench/wire"
)

// options are what the command line can change.
type options struct {
	runs    int
	only    []string
	quick   bool
	alone   bool
	profile string
	plot    string
	verbose bool
}

func main() {
	if _, child, _ := wire.FromEnv(); child {
		wire.Main(stub.Run)
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// parse reads the command line.
func parse(args []string, errs io.Writer) (o options, err error) {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(errs)
	only := ""
	flags.IntVar(&o.runs, "runs", 5, "how `often` each row is measured, the subjects in turn; the table shows medians")
	flags.StringVar(&only, "only", "", "measure the rows whose `names` begin with one of these, separated by commas")
	flags.BoolVar(&o.quick, "quick", false, "small numbers, one run: whether it works, not how fast")
	flags.BoolVar(&o.alone, "alone", false, "measure Causeway only")
	flags.StringVar(&o.profile, "profile", "", "write CPU profiles of Causeway into this `folder`: one for each run of a row, and each start in it")
	flags.StringVar(&o.plot, "plot", "", "measure how cost grows, and draw it into this SVG `file`")
	flags.BoolVar(&o.verbose, "verbose", false, "show the subjects' logs on standard error")
	flags.Usage = func() {
		fmt.Fprintln(errs, "Measures Causeway beside mautrix bridgev2.\n\nUsage: go run -C testbed ./bench [flags]")
		flags.PrintDefaults()
		fmt.Fprintln(errs, "\nRows:")
		for _, r := range rows(full()) {
			fmt.Fprintf(errs, "  %-16s %s\n", r.name, r.what)
		}
	}
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if flags.NArg() > 0 {
		return o, fmt.Errorf("%q is too much; --help lists the flags", flags.Arg(0))
	}
	if only != "" {
		o.only = strings.Split(only, ",")
	}
	if o.quick {
		o.runs = 1
	}
	if o.runs < 1 {
		return o, errors.New("-runs is at least 1")
	}
	return o, nil
}
