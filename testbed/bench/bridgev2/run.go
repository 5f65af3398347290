package main

import (
	"context"
	"database/sql"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"

	"github.com/mattn/go-sqlite3"
	"golang.org/x/sync/errgroup"
	"maunium.net/go/mautrix/bridgev2"
	"maunium.net/go/mautrix/bridgev2/database"
	"maunium.net/go/mautrix/bridgev2/matrix/mxmain"

	"github.com/causeway-chat/causeway/testbed/bench/synth"
	"github.com/causeway-chat/causeway/testbed/bench/wire"
)

// content is what an administrator changes in the example configuration.
const content = `bridge:
    permissions:
        %[1]q: admin
database:
    type: sqlite3-fk-wal
    uri: file:%[2]s?_txlock=immediate
homeserver:
    address: %[3]s
    domain: %[1]s
appservice:
    address: http://%[4]s:%[5]s
    hostname: %[4]s
    port: %[5]s
    bot:
        username: bot
    as_token: %[6]s
    hs_token: %[7]s
`

func main() { wire.Main(run) }

// run is bridgev2 between the stub and the synthetic network, until ctx is done.
func run(ctx context.Context, spec wire.Spec) error {
	host, port, err := net.SplitHostPort(spec.Listen)
	if err != nil {
		return err
	}
	registerDriver()
	path := filepath.Join(spec.Dir, "config.yaml")
	text := fmt.Sprintf(content, wire.Domain, filepath.Join(spec.Dir, "bridge.db"), spec.Homeserver, host, port, spec.ASToken, spec.HSToken)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return err
	}
	network, err := synth.Open(spec.Dir)
	if err != nil {
		return err
	}
	br := &mxmain.BridgeMain{Name: "bench", Description: "The benchmark's peer", Version: "0.30.0", Connector: &connector{net: network}}
	br.InitVersion("unknown", "unknown", "unknown")
	br.ConfigPath = path
	br.LoadConfig()
	br.Init()
	br.Start() // ends the process if it cannot
	defer br.Stop()
	if err := signIn(ctx, br.Bridge); err != nil {
		return err
	}
	network.Ready()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return network.Serve(ctx, spec.Control) })
	return g.Wait()
}

// registerDriver registers the driver as mautrix does where there is cgo.
func registerDriver() {
	const name = "sqlite3-fk-wal"
	if slices.Contains(sql.Drivers(), name) {
		return
	}
	sql.Register(name, &sqlite3.SQLiteDriver{ConnectHook: func(c *sqlite3.SQLiteConn) error {
		for _, pragma := range []string{"foreign_keys = ON", "journal_mode = WAL", "synchronous = NORMAL", "busy_timeout = 5000"} {
			if _, err := c.Exec("PRAGMA "+pragma, nil); err != nil {
				return err
			}
		}
		return nil
	}})
}

// signIn makes the owner's login, unless it is there already.
func signIn(ctx context.Context, br *bridgev2.Bridge) error {
	user, err := br.GetUserByMXID(ctx, wire.Owner)
	if err != nil {
		return fmt.Errorf("sign in: %w", err)
	}
	if user.GetDefaultLogin() != nil {
		return nil
	}
	login, err := user.NewLogin(ctx, &database.UserLogin{ID: owner, RemoteName: owner}, nil)
	if err != nil {
		return fmt.Errorf("sign in: %w", err)
	}
	login.Client.Connect(login.Log.WithContext(br.BackgroundCtx))
	return nil
}
