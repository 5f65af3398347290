package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"golang.org/x/sync/errgroup"

	"github.com/causeway-chat/causeway/bridgekit"
	"github.com/causeway-chat/causeway/bridgekit/config"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/store"
	"github.com/causeway-chat/causeway/registration"
	"github.com/causeway-chat/causeway/testbed/bench/synth"
	"github.com/causeway-chat/causeway/testbed/bench/wire"
)

// netID is the network's name in the configuration.
const netID = network.NetworkID("synth.bench")

// key seals the database. It protects nothing here.
const key = "0123456789abcdef0123456789abcdef"

func main() { wire.Main(run) }

// run is Causeway between the stub and the synthetic network, until ctx is done.
func run(ctx context.Context, spec wire.Spec) error {
	c := configure(spec)
	if _, err := os.Stat(c.Database.Source); errors.Is(err, fs.ErrNotExist) {
		if err := signIn(ctx, c); err != nil {
			return err
		}
	}
	net, err := synth.Open(spec.Dir)
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(logFile(spec), nil))
	reg := registration.New(registration.Options{URL: "http://" + spec.Listen, Domain: wire.Domain, Prefix: c.Appservice.Prefix, Bot: c.Bot.Name})
	reg.ASToken, reg.HSToken = spec.ASToken, spec.HSToken
	b, err := bridgekit.New(ctx, bridgekit.Options{
		Config: c, Registration: reg, Log: log, Version: "bench",
		Networks: []network.Connector{&connector{net}},
	})
	if err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return b.Run(ctx) })
	g.Go(func() error { return net.Serve(ctx, spec.Control) })
	g.Go(func() error {
		select {
		case <-b.Ready():
			net.Ready()
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	return g.Wait()
}

// logFile is where logs go: an administrator has them.
func logFile(spec wire.Spec) *os.File {
	if spec.Verbose {
		return os.Stderr
	}
	f, err := os.OpenFile(filepath.Join(spec.Dir, "log"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return os.Stderr
	}
	return f
}

// configure is the configuration: the defaults, and what has none.
func configure(spec wire.Spec) *config.Config {
	c := config.Defaults()
	c.Homeserver.URL, c.Homeserver.Domain = spec.Homeserver, wire.Domain
	c.Appservice.Listen, c.Appservice.URL = spec.Listen, "http://"+spec.Listen
	c.Metrics.Listen = ""
	c.Database.Source = filepath.Join(spec.Dir, "causeway.db")
	copy(c.Key[:], key)
	c.Permissions = config.Permissions{wire.Owner: config.LevelAdmin}
	return c
}

// signIn stores the owner's login, as the bot would have.
func signIn(ctx context.Context, c *config.Config) (err error) {
	db, err := store.Open(ctx, "sqlite:"+c.Database.Source, c.Key.For(config.KeySeal))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	run, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- db.Run(run) }()
	_, err = db.SaveLogin(ctx, store.Login{Network: netID, Owner: wire.Owner, Login: network.Login{ID: "owner", User: "owner", Name: "owner"}})
	cancel()
	if ended := <-done; !errors.Is(ended, context.Canceled) {
		err = errors.Join(err, ended)
	}
	if err != nil {
		return fmt.Errorf("sign in: %w", err)
	}
	return nil
}
