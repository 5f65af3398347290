package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"github.com/causeway-chat/causeway/bridgekit"
	"github.com/causeway-chat/causeway/bridgekit/config"
	"github.com/causeway-chat/causeway/bridgekit/memnet"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/step"
	"github.com/causeway-chat/causeway/bridgekit/store"
	"github.com/causeway-chat/causeway/bridges/irc"
	"github.com/causeway-chat/causeway/bridges/slack"
	"github.com/causeway-chat/causeway/registration"
	"github.com/causeway-chat/causeway/testbed/clock"
	"github.com/causeway-chat/causeway/testbed/trap"
)

// envSpec holds the spec of a child: this program then is Causeway.
const envSpec = "CAUSEWAY_CHAOS_CHILD"

// A spec is all that a child needs to be Causeway.
type spec struct {
	Homeserver, Listen string
	Public             string // address of the links that everybody can open
	Postgres           string // URL; "" is SQLite in the child's folder
	Registration       registration.Registration
	DoublePuppet       *registration.Registration
	Logins             []store.Login
	Lease              time.Duration
	Arm                trap.Arm
	Clock              time.Duration // how far its clock is ahead

	Encrypted bool
	Mem       []memSpec // one or, for a hub, several
	NetworkID network.NetworkID
	IRC       *irc.Config   // instead of memnet
	Slack     *slack.Config // likewise
}

// A memSpec is a memnet that serves at an address.
type memSpec struct {
	ID   network.NetworkID
	Addr string
	Net  memnet.Options
}

// An order is a line that the parent writes to the child.
type order struct {
	Arm  *trap.Arm
	Room *int64 // size that its files may grow to; negative is without end
	// Clock is how far its clock is ahead of the machine's from now on.
	Clock *time.Duration
}

// sealKey is the key of the child's configuration.
const sealKey = "0123456789abcdef0123456789abcdef"

const sqliteFile = "causeway.db"

func (s spec) config() *config.Config {
	c := config.Defaults()
	c.Homeserver.URL, c.Homeserver.Domain = s.Homeserver, domain
	c.Appservice.Listen, c.Metrics.Listen = s.Listen, ""
	c.Public = config.Public{Listen: s.Public, URL: "http://" + s.Public}
	c.Database.Source = sqliteFile
	if s.Postgres != "" {
		c.Database = config.Database{Dialect: config.Postgres, Source: s.Postgres}
	}
	copy(c.Key[:], sealKey)
	if s.Encrypted {
		c.Encryption.Mode = config.EncryptionDefault
	}
	c.Permissions = config.Permissions{domain: config.LevelUser}
	return c
}

// source is the child's database as store.Open takes it.
func (s spec) source() string {
	if s.Postgres != "" {
		return s.Postgres
	}
	return "sqlite:" + sqliteFile
}

// connectors are what the child reaches its networks with.
func (s spec) connectors() (all []network.Connector, err error) {
	for _, m := range s.Mem {
		all = append(all, memnet.Dial(m.Addr, m.ID, m.Net))
	}
	var c network.Connector
	switch {
	case s.IRC != nil:
		c, err = irc.New(network.Options{ID: s.NetworkID, Decode: decoded(s.IRC)})
	case s.Slack != nil:
		c, err = slack.New(network.Options{ID: s.NetworkID, Public: "http://" + s.Public + "/net/" + string(s.NetworkID), Decode: decoded(s.Slack)})
	default:
		return all, nil
	}
	return append(all, c), err
}

// decoded has a connector find its part of the configuration.
func decoded[T any](c *T) func(into any) error {
	return func(into any) error {
		*into.(*T) = *c
		return nil
	}
}

// runChild is Causeway until it is told to stop, its parent is gone, or it ends
// itself.
func runChild(text string) error {
	var s spec
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		return err
	}
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer cancel()
	if s.Clock != 0 {
		if err := clock.Set(s.Clock); err != nil {
			return err
		}
	}
	signal.Ignore(syscall.SIGXFSZ) // a full disk is an error of the write then
	t := trap.New(s.Arm)
	go trap.Obey(os.Stdin, func(o order) { obey(t, o) })
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	if err := signIn(ctx, s, t.At, log); err != nil {
		return err
	}
	nets, err := s.connectors()
	if err != nil {
		return err
	}
	for {
		b, err := bridgekit.New(ctx, bridgekit.Options{
			Config: s.config(), Registration: s.Registration, DoublePuppet: s.DoublePuppet, Version: "chaos", Steps: t.At,
			Log: log, Lease: s.Lease, Networks: nets,
		})
		if err != nil {
			return err
		}
		err = b.Run(ctx)
		switch {
		case errors.Is(err, store.ErrFenced) && ctx.Err() == nil: // stands by from now on
		case errors.Is(err, context.Canceled):
			return nil
		default:
			return err
		}
	}
}

// signIn stores the logins that are missing, as the bot would have.
func signIn(ctx context.Context, s spec, steps step.Hook, log *slog.Logger) (err error) {
	db, err := store.Open(ctx, s.source(), s.config().Key.For(config.KeySeal), store.WithSteps(steps), store.Patient(log))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	writing, stop := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() { defer close(done); _ = db.Run(writing) }() // it returns the end of writing
	defer func() { stop(); <-done }()
	return db.Patiently(ctx, "sign in", func(ctx context.Context) error {
		have, err := db.Logins(ctx)
		if err != nil {
			return err
		}
		for _, l := range s.Logins {
			if slices.ContainsFunc(have, func(o store.Login) bool { return o.Network == l.Network && o.ID == l.ID }) {
				continue
			}
			if _, err := db.SaveLogin(ctx, l); err != nil {
				return err
			}
		}
		return nil
	})
}

// obey carries out an order of the parent's.
func obey(t *trap.Trap, o order) {
	if o.Arm != nil {
		t.Set(*o.Arm)
	}
	if o.Room != nil {
		if err := limitFiles(*o.Room); err != nil {
			fmt.Fprintln(os.Stderr, "order:", err)
		}
	}
	if o.Clock != nil {
		if err := clock.Set(*o.Clock); err != nil {
			fmt.Fprintln(os.Stderr, "order:", err)
		}
	}
}

// limitFiles makes writes beyond a size fail, as those to a full disk do.
func limitFiles(size int64) error {
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &l); err != nil {
		return err
	}
	l.Cur = l.Max
	if size >= 0 {
		l.Cur = uint64(size)
	}
	return syscall.Setrlimit(syscall.RLIMIT_FSIZE, &l)
}
