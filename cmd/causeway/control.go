package main

import (
	"context"
	"errors"
	"path/filepath"

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

// running reports whether a Causeway with this configuration runs on this
// machine. One that answers, however oddly, does.
func running(ctx context.Context, c *config.Config) bool {
	_, err := web.NewClient(controlPath(c)).Status(ctx)
	return !errors.Is(err, web.ErrNotRunning)
}
