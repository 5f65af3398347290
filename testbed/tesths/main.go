// Command tesths is a Matrix homeserver for tests: Dendrite on a loopback port. It
// prints "READY" and its base URL, and ends on SIGTERM or an interrupt.
//
//	tesths -dir data -registration reg.yaml -user alice:secret
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/matrix-org/dendrite/embed"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	err := embed.Main(ctx, os.Args[1:], os.Stdout, os.Stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		os.Exit(2)
	case err != nil:
		fmt.Fprintln(os.Stderr, "tesths:", err)
		os.Exit(1)
	}
}
