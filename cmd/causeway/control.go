package main

import (
	"context"
	"errors"
	"io"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/causeway-chat/causeway/bridgekit/config"
	"github.com/causeway-chat/causeway/bridgekit/web"
)

// controlPath is the control socket of a Causeway with this configuration. It is
// beside the SQLite database, so that the socket also tells who has that.
func controlPath(c *config.Config) string {
	if c.Database.Dialect == config.SQLite {
		return c.Database.Source + ".sock"
	}
	return filepath.Join(c.Dir(), "causeway.sock")
}

// dial is the running Causeway with the configuration in file.
func dial(file string) (*web.Client, error) {
	c, err := config.Load(file)
	if err != nil {
		return nil, err
	}
	return web.NewClient(controlPath(c)), nil
}

// show asks the running Causeway for something and prints it: as JSON, or as table
// does.
func show[T any](cmd *cobra.Command, file string, asJSON bool, ask func(*web.Client, context.Context) (T, error), table func(io.Writer, T) error) error {
	ctl, err := dial(file)
	if err != nil {
		return err
	}
	v, err := ask(ctl, cmd.Context())
	if err != nil {
		return err
	}
	if asJSON {
		return printJSON(cmd.OutOrStdout(), v)
	}
	return table(cmd.OutOrStdout(), v)
}

// running reports whether a Causeway with this configuration runs on this
// machine. One that answers, however oddly, does.
func running(ctx context.Context, c *config.Config) bool {
	_, err := web.NewClient(controlPath(c)).Status(ctx)
	return !errors.Is(err, web.ErrNotRunning)
}
