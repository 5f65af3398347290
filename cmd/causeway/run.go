package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/spf13/cobra"

	"github.com/causeway-chat/causeway/bridgekit"
	"github.com/causeway-chat/causeway/bridgekit/config"
	"github.com/causeway-chat/causeway/bridgekit/matrix"
	"github.com/causeway-chat/causeway/bridgekit/store"
	"github.com/causeway-chat/causeway/registration"
)

func newRun() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Bridge until it is told to stop",
		Long:  runLong,
		Args:  cobra.NoArgs,
	}
	file := configFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return runBridge(cmd.Context(), *file, cmd.OutOrStdout(), cmd.ErrOrStderr())
	}
	return cmd
}

// runBridge bridges until ctx ends, which is no error.
func runBridge(ctx context.Context, file string, stdout, stderr io.Writer) error {
	c, err := config.Load(file)
	if err != nil {
		return err
	}
	log := slog.New(logHandler(c.Log, stderr))
	for _, advice := range c.Advice() {
		log.Warn("advice", "text", advice)
	}
	networks, err := openNetworks(c)
	if err != nil {
		return err
	}
	main, puppet, err := readRegistrations(c, log)
	if err != nil {
		return err
	}
	if running(ctx, c) {
		return fmt.Errorf("another Causeway runs with %s already, and two would deliver everything twice: stop that one first", c.File())
	}
	o := bridgekit.Options{
		Config: c, Registration: main, DoublePuppet: puppet, Networks: networks, Log: log,
		Control: controlPath(c), Version: readBuild().version,
	}
	for {
		err = bridgeOnce(ctx, o, stdout)
		if !errors.Is(err, store.ErrFenced) || ctx.Err() != nil {
			break
		}
		log.Warn("another Causeway has taken over, because this one did not answer in time; this one stands by now")
	}
	if ctx.Err() != nil && (err == nil || errors.Is(err, context.Canceled)) {
		return nil
	}
	return withRemedies(err)
}

// bridgeOnce bridges until ctx ends or another process takes over.
func bridgeOnce(ctx context.Context, o bridgekit.Options, stdout io.Writer) error {
	b, err := bridgekit.New(ctx, o)
	if err != nil {
		return fmt.Errorf("start: %w", err)
	}
	said := make(chan struct{})
	ended, end := context.WithCancel(ctx)
	go func() {
		defer close(said)
		select {
		case <-b.Ready():
			fmt.Fprintf(stdout, "Causeway is ready; talk to %s.\n", o.Config.BotID())
		case <-ended.Done():
		}
	}()
	err = b.Run(ctx) // closes b
	end()
	<-said
	return err
}

// logHandler writes what the configuration asks for.
func logHandler(c config.Log, w io.Writer) slog.Handler {
	o := &slog.HandlerOptions{Level: c.Level}
	if c.Format == config.LogJSON {
		return slog.NewJSONHandler(w, o)
	}
	return slog.NewTextHandler(w, o)
}

// readRegistrations reads both files; the second is nil if there is none. A file
// with which Causeway cannot work is refused.
func readRegistrations(c *config.Config, log *slog.Logger) (main registration.Registration, puppet *registration.Registration, err error) {
	var fatal []string
	for i, file := range registrationFiles(c) {
		for _, f := range file.check() {
			if f.fatal {
				fatal = append(fatal, f.text)
			} else {
				log.Warn("registration", "text", f.text)
			}
		}
		r, err := registration.Read(file.path)
		switch {
		case err != nil: // check has said it
		case i == 0:
			main = r
		default:
			puppet = &r
		}
	}
	if len(fatal) > 0 {
		return main, nil, errors.New(strings.Join(fatal, "\ncauseway: "))
	}
	return main, puppet, nil
}

// withRemedies is err with the words for the administrator that it carries.
func withRemedies(err error) error {
	var lines []string
	for _, e := range matrix.Problems(err) {
		if e.Remedy == "" {
			return err
		}
		lines = append(lines, why(e)+"\n  "+e.Remedy)
	}
	if len(lines) == 0 {
		return err
	}
	return remedied{err, strings.Join(lines, "\ncauseway: ")}
}

// remedied is an error in other words.
type remedied struct {
	error
	text string
}

func (r remedied) Error() string { return r.text }
func (r remedied) Unwrap() error { return r.error }

const runLong = `Bridge until SIGINT or SIGTERM, then finish what is being delivered, for at most
10 seconds; what is left goes on at the next start. A second signal ends it at once,
which loses nothing either. Logs go to standard error.
`
