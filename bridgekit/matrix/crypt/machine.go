//go:build goolm

package crypt

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"go.mau.fi/util/dbutil"
	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/crypto"
	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/matrix"
	"github.com/causeway-chat/causeway/bridgekit/turns"
)

// account names the one device in the tables of mautrix.
const account = ""

// readyTime is how long Encrypt and Decrypt wait for the device after the start.
const readyTime = 15 * time.Second

// A Crypt is the bot's device. Its methods are safe for concurrent use.
type Crypt struct {
	o   Options
	log *slog.Logger
	db  *dbutil.Database

	// olm holds one token: whoever has it works with the sessions between devices.
	olm     chan struct{}
	rooms   turns.Turns[id.RoomID]
	started chan struct{} // closed when dev is there

	mu       sync.Mutex // guards all below
	dev      device
	megolm   *machine                // for sessions of rooms, which it reads anew each time
	epoch    string                  // our turn
	status   Status                  // without Keys
	unsigned string                  // why the device is not signed
	witness  id.UserID               // a ghost that has a device, see RoundTrip
	marked   bool                    // no one-time key is published that is not noted as such
	refused  map[id.UserID]time.Time // whose devices could not be had, until when not to ask
}

// New makes a Crypt. It makes no request: Run does.
func New(o Options) (*Crypt, error) {
	if o.Homeserver == nil || o.DB == nil || o.Secrets == nil {
		return nil, errors.New("crypt options: Homeserver, DB or Secrets is missing")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.OnKey == nil {
		o.OnKey = func(id.RoomID, id.SessionID) {}
	}
	if o.DeviceName == "" {
		o.DeviceName = "Causeway"
	}
	if o.KeepKeys <= 0 {
		o.KeepKeys = 90 * 24 * time.Hour
	}
	if o.MaxKeys <= 0 {
		o.MaxKeys = 1_000_000
	}
	db, err := o.DB.wrapped()
	if err != nil {
		return nil, fmt.Errorf("crypt options: %w", err)
	}
	c := &Crypt{o: o, log: o.Log, db: db, olm: make(chan struct{}, 1), started: make(chan struct{}), refused: map[id.UserID]time.Time{}}
	return c, nil
}

// A device is who we are.
type device struct {
	ID       id.DeviceID `json:"id"`
	Token    string      `json:"token,omitempty"` // "" if the appservice's token serves
	sealKey  []byte
	identity *crypto.CrossSigningSeeds // nil until there is one
}

// A machine is mautrix' OlmMachine over a store that remembers its failures, which
// the machine logs at most. Nothing is sent after one: what would have to be known
// to have been used was not stored.
type machine struct {
	*crypto.OlmMachine
	store *watched
}

// machine makes a fresh machine: all it knows it has from the database.
func (c *Crypt) machine(ctx context.Context) (*machine, error) {
	c.mu.Lock()
	dev := c.dev
	c.mu.Unlock()
	return c.machineOf(ctx, dev)
}

func (c *Crypt) machineOf(ctx context.Context, dev device) (*machine, error) {
	store := &watched{SQLCryptoStore: crypto.NewSQLCryptoStore(c.db, nil, account, dev.ID, dev.sealKey), txn: c.txn}
	client, err := c.client(dev)
	if err != nil {
		return nil, err
	}
	client.Client = &http.Client{Transport: guard{store, client.Client.Transport}, CheckRedirect: client.Client.CheckRedirect}
	log := zeroLog(c.log)
	m := crypto.NewOlmMachine(client, &log, store, (*rooms)(c))
	m.SetBackgroundCtx(ctx)
	m.DisableDecryptKeyFetching = true // it would ask the homeserver within a transaction
	m.DisableRatchetTracking = true
	m.IgnorePostDecryptionParseErrors = true
	m.AllowKeyShare = c.allowShare(m)
	if err := m.Load(ctx); err != nil {
		return nil, fmt.Errorf("load device: %w", err)
	}
	if dev.identity != nil {
		if err := m.ImportCrossSigningKeys(*dev.identity); err != nil {
			return nil, fmt.Errorf("load cross-signing keys: %w", err)
		}
	}
	return &machine{m, store}, nil
}

// charge takes charge of the device's sessions, see own, and makes a machine for that.
func (c *Crypt) charge(ctx context.Context) (m *machine, give func(), err error) {
	if give, err = c.own(ctx); err != nil {
		return nil, nil, err
	}
	if m, err = c.machine(ctx); err != nil {
		give()
		return nil, nil, err
	}
	return m, give, nil
}

// attempt makes requests with a machine. What its store fails with is not laid at
// the homeserver's door.
func (c *Crypt) attempt(ctx context.Context, m *machine, limit time.Duration, op string, f func(ctx context.Context) error) error {
	var own error
	err := c.o.Homeserver.Attempt(ctx, limit, op, func(ctx context.Context) error {
		err := f(ctx)
		if own = m.store.failed(); own != nil {
			return nil
		}
		return err
	})
	if own != nil {
		return fmt.Errorf("%s: %w", op, own)
	}
	return err
}

// client is the bot on its device.
func (c *Crypt) client(dev device) (*mautrix.Client, error) {
	return c.clientOf(c.o.Homeserver.BotID(), dev)
}

func (c *Crypt) clientOf(user id.UserID, dev device) (*mautrix.Client, error) {
	cli, err := c.o.Homeserver.Client(user)
	if err != nil {
		return nil, err
	}
	cli.DeviceID = dev.ID
	if dev.Token != "" {
		cli.AccessToken, cli.SetAppServiceUserID = dev.Token, false
	} else {
		cli.SetAppServiceDeviceID = true
	}
	return cli, nil
}

// own waits for the token of olm; call the function that it returns to give it back.
func (c *Crypt) own(ctx context.Context) (func(), error) {
	select {
	case c.olm <- struct{}{}:
		return func() { <-c.olm }, nil
	case <-ctx.Done():
		return nil, &matrix.Error{Kind: matrix.Unsure, Op: "wait for keys", Err: ctx.Err()}
	}
}

// ready waits until the device is there, and returns the machine for rooms.
func (c *Crypt) ready(ctx context.Context) (*machine, error) {
	select {
	case <-c.started:
	default:
		t := time.NewTimer(readyTime)
		defer t.Stop()
		select {
		case <-c.started:
		case <-t.C:
			return nil, c.notReady()
		case <-ctx.Done():
			return nil, &matrix.Error{Kind: matrix.Unsure, Op: "wait for encryption", Err: ctx.Err()}
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.megolm, nil
}

// notReady is the error of who has waited for the device in vain.
func (c *Crypt) notReady() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	problem := c.status.Problem
	if problem == "" {
		problem = "the bot's device is not set up yet"
	}
	e := &matrix.Error{Op: "wait for encryption", User: "the bridge's encryption is not ready", Remedy: problem, Err: errors.New(problem)}
	if !c.o.Homeserver.Up() {
		e.Kind = matrix.Down
	}
	return e
}

// txn runs f in a transaction, if it is still our turn.
func (c *Crypt) txn(ctx context.Context, f func(ctx context.Context) error) error {
	return c.db.DoTxn(ctx, nil, func(ctx context.Context) error {
		query := "SELECT value FROM state WHERE name = 'epoch'"
		if c.o.DB.postgres {
			query += " FOR SHARE"
		}
		var epoch string
		if err := c.db.QueryRow(ctx, query).Scan(&epoch); err != nil {
			return fmt.Errorf("look whose turn it is: %w", err)
		}
		c.mu.Lock()
		ours := c.epoch
		c.mu.Unlock()
		if epoch != ours {
			return ErrTakenOver
		}
		return f(ctx)
	})
}

// Status is how the encryption is.
func (c *Crypt) Status(ctx context.Context) Status {
	c.mu.Lock()
	s := c.status
	if s.Problem == "" {
		s.Problem = c.unsigned
	}
	c.mu.Unlock()
	err := c.db.QueryRow(ctx, "SELECT COUNT(*) FROM crypto_megolm_inbound_session WHERE session IS NOT NULL").Scan(&s.Keys)
	if err != nil && s.Problem == "" {
		s.Problem = "the database of keys does not answer: " + err.Error()
	}
	return s
}

func (c *Crypt) note(f func(s *Status)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f(&c.status)
}
