//go:build goolm

package crypt

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/crypto"
	"maunium.net/go/mautrix/crypto/signatures"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

// Names of rows of state.
const (
	stateSince = "since" // the position in /sync up to which all is stored
	stateEpoch = "epoch" // counts whose turn it was
	stateSeal  = "seal"  // a sum of the key that sessions are sealed with
)

func (c *Crypt) state(ctx context.Context, name string) (value string, err error) {
	err = c.db.QueryRow(ctx, "SELECT value FROM state WHERE name = $1", name).Scan(&value)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return "", fmt.Errorf("read state of keys: %w", err)
	}
	return value, nil
}

func (c *Crypt) setState(ctx context.Context, name, value string) error {
	_, err := c.db.Exec(ctx, "INSERT INTO state (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value", name, value)
	if err != nil {
		return fmt.Errorf("store state of keys: %w", err)
	}
	return nil
}

// A session names one whose key has come.
type session struct {
	room id.RoomID
	id   id.SessionID
}

// absorb stores all that an answer brings, with the position after it, in one
// transaction, and then does what follows from it. What follows is found again
// if it fails: outdated devices stay so, missing keys are counted by each answer.
func (c *Crypt) absorb(ctx context.Context, since string, a *syncAnswer) error {
	give, err := c.own(ctx)
	if err != nil {
		return err
	}
	defer give()
	events, requests := a.parsed()
	if len(events)+len(requests)+len(a.Devices.Changed)+len(a.Devices.Left) > 0 || since == "" || len(a.Rooms.Join)+len(a.Rooms.Leave) > 0 {
		if err := c.storeAnswer(ctx, since, a, events); err != nil {
			return err
		}
	} else if err := c.txn(ctx, func(ctx context.Context) error { return c.setState(ctx, stateSince, a.Next) }); err != nil {
		return err
	}
	return c.follow(ctx, a, requests)
}

// storeAnswer is the transaction of absorb.
func (c *Crypt) storeAnswer(ctx context.Context, since string, a *syncAnswer, events []*event.Event) error {
	m, err := c.machine(ctx)
	if err != nil {
		return err
	}
	if err := c.knowSenders(ctx, m, events); err != nil {
		return err
	}
	m.store.stored = make(chan struct{})
	defer close(m.store.stored)
	m.store.renew = c.renewer(events)
	var got []session
	m.SessionReceived = func(_ context.Context, room id.RoomID, s id.SessionID, _ uint32) { got = append(got, session{room, s}) }
	err = c.txn(ctx, func(ctx context.Context) error {
		if since == "" {
			if err := c.forgetAll(ctx); err != nil {
				return err
			}
		}
		if err := c.storeLists(ctx, m, a); err != nil {
			return err
		}
		for _, evt := range events {
			if w, ok := evt.Content.Parsed.(*event.RoomKeyWithheldEventContent); ok {
				// Nobody else's word counts about a key.
				if d, err := m.CryptoStore.FindDeviceByKey(ctx, evt.Sender, w.SenderKey); err != nil {
					return err
				} else if d == nil || w.SessionID == "" {
					continue
				}
				got = append(got, session{w.RoomID, w.SessionID})
			}
			if err := c.handle(ctx, m, evt); err != nil {
				return err
			}
		}
		// The library tells of a key, and not whether it could store it.
		for _, s := range got {
			if has, err := c.HasKey(ctx, s.room, s.id); err != nil {
				return err
			} else if !has {
				return fmt.Errorf("the key of session %s was received and is not there", s.id)
			}
		}
		return c.setState(ctx, stateSince, a.Next)
	})
	if err != nil {
		return m.store.note(ctx, "store answer", err)
	}
	for _, s := range got {
		c.o.OnKey(s.room, s.id)
	}
	return nil
}

// renewer begins a new session with the sender of one of events that could not be
// read, unless there is a new one; the message that says so is empty.
func (c *Crypt) renewer(events []*event.Event) func(context.Context, id.SenderKey) error {
	senders := map[id.SenderKey]id.UserID{}
	for _, evt := range events {
		if content, ok := evt.Content.Parsed.(*event.EncryptedEventContent); ok {
			senders[content.SenderKey] = evt.Sender
		}
	}
	return func(ctx context.Context, key id.SenderKey) error {
		m, give, err := c.charge(ctx)
		if err != nil {
			return err
		}
		defer give()
		made, err := m.store.GetNewestSessionCreationTS(ctx, key)
		if err != nil || time.Since(made) < crypto.MinUnwedgeInterval {
			return err
		}
		d, err := m.CryptoStore.FindDeviceByKey(ctx, senders[key], key)
		if err != nil || d == nil {
			return err
		}
		m.store.renewed = key
		return c.attempt(ctx, m, requestTime, "begin a new session", func(ctx context.Context) error {
			return m.SendEncryptedToDevice(ctx, d, event.ToDeviceDummy, event.Content{})
		})
	}
}

// storeLists notes whose devices and which rooms have changed.
func (c *Crypt) storeLists(ctx context.Context, m *machine, a *syncAnswer) error {
	if users := slices.Concat(a.Devices.Changed, a.Devices.Left); len(users) > 0 {
		for part := range slices.Chunk(users, 1000) {
			if err := m.CryptoStore.MarkTrackedUsersOutdated(ctx, part); err != nil {
				return fmt.Errorf("note changed devices: %w", err)
			}
		}
		c.mu.Lock()
		for _, u := range users {
			delete(c.refused, u)
		}
		c.mu.Unlock()
	}
	for _, at := range c.changed(a) {
		if err := c.forget(ctx, at); err != nil {
			return fmt.Errorf("note changed room: %w", err)
		}
	}
	return nil
}

// knowSenders asks for the devices of those who write to us for the first time,
// since within the transaction nothing is asked. Without an answer what they sent
// counts as from an unknown device.
func (c *Crypt) knowSenders(ctx context.Context, m *machine, events []*event.Event) error {
	var ask []id.UserID
	for _, evt := range events {
		var key id.SenderKey
		switch content := evt.Content.Parsed.(type) {
		case *event.EncryptedEventContent:
			key = content.SenderKey
		case *event.RoomKeyWithheldEventContent:
			key = content.SenderKey
		}
		if slices.Contains(ask, evt.Sender) {
			continue
		}
		d, err := m.CryptoStore.FindDeviceByKey(ctx, evt.Sender, key)
		if err != nil {
			return fmt.Errorf("look for sender: %w", err)
		}
		if d == nil {
			ask = append(ask, evt.Sender)
		}
	}
	if err := c.fetch(ctx, m, ask); err != nil {
		if m.store.failed() != nil || ctx.Err() != nil {
			return err
		}
		c.log.Debug("cannot ask for the devices of who sent keys", "err", err)
	}
	return nil
}

// follow does what an answer leads to: new one-time keys, changed devices, requests
// for keys.
func (c *Crypt) follow(ctx context.Context, a *syncAnswer, requests []*event.Event) error {
	if err := c.replenish(ctx, a); err != nil {
		return err
	}
	if len(a.Devices.Changed) > 0 {
		m, err := c.machine(ctx)
		if err != nil {
			return err
		}
		// If it fails they stay outdated, and are asked for before they get a key.
		if err := c.refresh(ctx, m, a.Devices.Changed); err != nil {
			c.log.Debug("cannot ask for changed devices", "err", err)
		}
	}
	if err := c.answer(ctx, requests); err != nil {
		c.log.Debug("cannot answer requests for keys", "err", err)
	}
	return nil
}

// replenish uploads one-time keys where fewer than half are left, and a new fallback
// key where the last one was used.
func (c *Crypt) replenish(ctx context.Context, a *syncAnswer) error {
	count, told := a.OnceOnly[id.KeyAlgorithmSignedCurve25519]
	few := a.OnceOnly != nil && (told && count < 50 || !told)
	stale := a.Fallback != nil && !slices.Contains(*a.Fallback, id.KeyAlgorithmSignedCurve25519)
	c.mu.Lock()
	check := told && !few && !stale && !c.marked
	c.mu.Unlock()
	if !few && !stale && !check {
		return nil
	}
	m, err := c.machine(ctx)
	if err != nil {
		return err
	}
	switch {
	case few:
		err = c.upload(ctx, m, count)
	case check:
		err = c.mark(ctx, m)
	}
	if err != nil {
		return err
	}
	if stale {
		return c.uploadFallback(ctx, m)
	}
	return nil
}

// upload publishes one-time keys, where the homeserver has count of them.
func (c *Crypt) upload(ctx context.Context, m *machine, count int) error {
	err := c.attempt(ctx, m, requestTime, "upload keys", func(ctx context.Context) error { return m.ShareKeys(ctx, count) })
	c.mu.Lock()
	defer c.mu.Unlock()
	c.marked = err == nil
	return err
}

// mark stores that all one-time keys were published, where the homeserver has enough:
// it got them, and that could not be noted. They must not be published again, since
// some may have been used meanwhile, and what comes with a key that was used before
// cannot be read.
func (c *Crypt) mark(ctx context.Context, m *machine) error {
	keys, err := m.GetAccount().Internal.OneTimeKeys()
	if err != nil {
		return fmt.Errorf("read one-time keys: %w", err)
	}
	if len(keys) > 0 {
		m.GetAccount().Internal.MarkKeysAsPublished()
		if err := m.CryptoStore.PutAccount(ctx, m.GetAccount()); err != nil {
			return fmt.Errorf("store one-time keys: %w", err)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.marked = true
	return nil
}

// A fallbackMaker is what an Olm account does besides what mautrix uses of it.
type fallbackMaker interface {
	GenFallbackKey() error
	FallbackKeyUnpublished() map[string]id.Curve25519
}

// uploadFallback publishes a key for those who want to write to the device when no
// one-time key is left, as after a long absence. It is stored before.
func (c *Crypt) uploadFallback(ctx context.Context, m *machine) error {
	account := m.GetAccount()
	maker, ok := account.Internal.(fallbackMaker)
	if !ok {
		return nil
	}
	keys := maker.FallbackKeyUnpublished()
	if len(keys) == 0 {
		if err := maker.GenFallbackKey(); err != nil {
			return fmt.Errorf("make fallback key: %w", err)
		}
		keys = maker.FallbackKeyUnpublished()
	}
	upload := map[id.KeyID]*mautrix.OneTimeKey{}
	for name, key := range keys {
		k := &mautrix.OneTimeKey{Key: key, Fallback: true, IsSigned: true}
		sum, err := account.SignJSON(k)
		if err != nil {
			return fmt.Errorf("sign fallback key: %w", err)
		}
		k.Signatures = signatures.NewSingleSignature(m.Client.UserID, id.KeyAlgorithmEd25519, m.Client.DeviceID.String(), sum)
		upload[id.NewKeyID(id.KeyAlgorithmSignedCurve25519, name)] = k
	}
	if err := m.CryptoStore.PutAccount(ctx, account); err != nil {
		return fmt.Errorf("store fallback key: %w", err)
	}
	err := c.o.Homeserver.Attempt(ctx, requestTime, "upload keys", func(ctx context.Context) error {
		_, err := m.Client.MakeFullRequest(ctx, mautrix.FullRequest{
			Method: "POST", URL: m.Client.BuildClientURL("v3", "keys", "upload"),
			RequestJSON: map[string]any{"fallback_keys": upload},
		})
		return err
	})
	if err != nil {
		return err
	}
	account.Internal.MarkKeysAsPublished()
	if err := m.CryptoStore.PutAccount(ctx, account); err != nil {
		return fmt.Errorf("store fallback key: %w", err)
	}
	return nil
}
