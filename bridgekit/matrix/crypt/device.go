//go:build goolm

package crypt

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/crypto"
	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/matrix"
)

// Names of secrets.
const (
	secretSeal     = "crypt.seal"     // what sessions in the database are sealed with
	secretDevice   = "crypt.device"   // a device, as JSON
	secretIdentity = "crypt.identity" // the private keys for cross-signing, as JSON
)

// takeTurn makes this process the one in charge.
func (c *Crypt) takeTurn(ctx context.Context) error {
	var epoch string
	err := c.db.DoTxn(ctx, nil, func(ctx context.Context) error {
		if err := c.db.QueryRow(ctx, `INSERT INTO state (name, value) VALUES ('epoch', '0')
			ON CONFLICT (name) DO UPDATE SET value = state.value RETURNING value`).Scan(&epoch); err != nil {
			return err
		}
		n, err := strconv.ParseInt(epoch, 10, 64)
		if err != nil {
			return err
		}
		epoch = strconv.FormatInt(n+1, 10)
		return c.setState(ctx, stateEpoch, epoch)
	})
	if err != nil {
		return fmt.Errorf("take charge of the encryption: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.epoch = epoch
	return nil
}

// setUp loads the device or makes one, and makes sure that the homeserver has it
// with its keys.
func (c *Crypt) setUp(ctx context.Context) error {
	dev, err := c.load(ctx)
	if err != nil {
		return err
	}
	if dev.ID == "" {
		if dev, err = c.newDevice(ctx, dev); err != nil {
			return err
		}
	} else if dev, err = c.assure(ctx, dev); err != nil {
		return err
	}
	return c.publish(ctx, dev)
}

// load reads what is known about the device. Without an ID there is none yet.
func (c *Crypt) load(ctx context.Context) (dev device, err error) {
	if dev.sealKey, err = c.sealKey(ctx); err != nil {
		return dev, err
	}
	seal := hmac.New(sha256.New, dev.sealKey)
	seal.Write([]byte("causeway database of keys"))
	sum := hex.EncodeToString(seal.Sum(nil))
	have, err := c.state(ctx, stateSeal)
	if err != nil {
		return dev, err
	}
	if have != sum {
		if have != "" {
			c.log.Error("the database of keys was sealed with another key, and is begun anew: messages whose keys it held cannot be read any more")
		}
		if err := c.wipe(ctx, true, sum); err != nil {
			return dev, err
		}
	}
	if dev.identity, err = c.loadIdentity(ctx); err != nil {
		return dev, err
	}
	stored := crypto.NewSQLCryptoStore(c.db, nil, account, "", dev.sealKey)
	if dev.ID, err = stored.FindDeviceID(ctx); err != nil {
		return dev, fmt.Errorf("read device: %w", err)
	}
	if dev.ID == "" {
		return dev, nil
	}
	record, err := c.record(ctx)
	if record.ID == dev.ID {
		dev.Token = record.Token
	}
	return dev, err
}

func (c *Crypt) sealKey(ctx context.Context) ([]byte, error) {
	key, err := c.o.Secrets.Secret(ctx, secretSeal)
	if err != nil {
		return nil, fmt.Errorf("read secret: %w", err)
	}
	if len(key) == 32 {
		return key, nil
	}
	key = make([]byte, 32)
	rand.Read(key) // never fails
	if err := c.o.Secrets.SetSecret(ctx, secretSeal, key); err != nil {
		return nil, fmt.Errorf("store secret: %w", err)
	}
	return key, nil
}

// record reads the device as the secrets know it.
func (c *Crypt) record(ctx context.Context) (dev device, err error) {
	raw, err := c.o.Secrets.Secret(ctx, secretDevice)
	if err != nil {
		return dev, fmt.Errorf("read secret: %w", err)
	}
	if raw != nil {
		if err := json.Unmarshal(raw, &dev); err != nil {
			return dev, fmt.Errorf("read secret: %w", err)
		}
	}
	return dev, nil
}

func (c *Crypt) keepRecord(ctx context.Context, dev device) error {
	raw, err := json.Marshal(dev)
	if err == nil {
		err = c.o.Secrets.SetSecret(ctx, secretDevice, raw)
	}
	if err != nil {
		return fmt.Errorf("store secret: %w", err)
	}
	return nil
}

// wipe empties the database of keys: all of it, or only what belongs to the
// device, which is then made anew and can still read what it got before.
func (c *Crypt) wipe(ctx context.Context, all bool, seal string) error {
	tables := []string{"crypto_olm_message_hash", "crypto_olm_session", "crypto_megolm_outbound_session", "crypto_account"}
	if all {
		tables = append(tables, "crypto_megolm_inbound_session", "crypto_message_index", "crypto_megolm_outbound_session_shared")
	}
	return c.txn(ctx, func(ctx context.Context) error {
		for _, t := range tables {
			if _, err := c.db.Exec(ctx, "DELETE FROM "+t); err != nil {
				return fmt.Errorf("empty %s: %w", t, err)
			}
		}
		if err := c.setState(ctx, stateSince, ""); err != nil {
			return err
		}
		return c.setState(ctx, stateSeal, seal)
	})
}

// newDevice makes a device under a fresh ID: clients do not accept other keys
// under one that they know. The one before it, if there was one, is removed.
func (c *Crypt) newDevice(ctx context.Context, dev device) (device, error) {
	old, err := c.record(ctx)
	if err != nil {
		return dev, err
	}
	if err := c.o.Homeserver.EnsureGhost(ctx, c.o.Homeserver.BotID()); err != nil {
		return dev, err
	}
	dev.ID = id.DeviceID("CAUSEWAY" + rand.Text()[:8])
	if dev, err = c.createOwn(ctx, dev); err != nil {
		return dev, err
	}
	if err := c.keepRecord(ctx, dev); err != nil {
		return dev, err
	}
	m, err := c.machineOf(ctx, dev)
	if err != nil {
		return dev, err
	}
	if err := m.CryptoStore.PutAccount(ctx, m.GetAccount()); err != nil {
		return dev, fmt.Errorf("store device: %w", err)
	}
	c.log.Info("made a device for encryption", "device", dev.ID)
	if old.ID != "" && old.ID != dev.ID {
		if err := c.remove(ctx, c.o.Homeserver.BotID(), old); err != nil {
			c.log.Warn("cannot remove the earlier device; it does no harm", "device", old.ID, "err", err)
		}
	}
	return dev, nil
}

// createOwn is create for the bot.
func (c *Crypt) createOwn(ctx context.Context, dev device) (device, error) {
	dev, err := c.create(ctx, c.o.Homeserver.BotID(), dev, c.o.DeviceName)
	if err == nil {
		c.note(func(s *Status) {
			s.Device, s.Made = dev.ID, "MSC4190"
			if dev.Token != "" {
				s.Made = "login"
			}
		})
	}
	return dev, err
}

// create makes a device on the homeserver, or makes sure that it is there: by
// PUT /devices (MSC4190), else by signing in (Application Service API,
// "m.login.application_service").
func (c *Crypt) create(ctx context.Context, user id.UserID, dev device, name string) (device, error) {
	dev.Token = ""
	cli, err := c.o.Homeserver.Client(user)
	if err != nil {
		return dev, err
	}
	err = c.o.Homeserver.Attempt(ctx, requestTime, "create device", func(ctx context.Context) error {
		return cli.CreateDeviceMSC4190(ctx, dev.ID, name)
	})
	if err == nil {
		return dev, nil
	}
	if k := matrix.KindOf(err); k != matrix.NotFound && k != matrix.NotAllowed && k != matrix.Auth && k != matrix.Unknown {
		return dev, err
	}
	var answer *mautrix.RespLogin
	lerr := c.o.Homeserver.Attempt(ctx, requestTime, "sign in", func(ctx context.Context) (err error) {
		in, err := c.o.Homeserver.Client(user)
		if err != nil {
			return err
		}
		in.SetAppServiceUserID = false // who signs in is nobody yet
		answer, err = in.Login(ctx, &mautrix.ReqLogin{
			Type: mautrix.AuthTypeAppservice, DeviceID: dev.ID, InitialDeviceDisplayName: name,
			Identifier: mautrix.UserIdentifier{Type: mautrix.IdentifierTypeUser, User: string(user)},
		})
		return err
	})
	var refused *matrix.Error
	switch {
	case errors.As(lerr, &refused) && refused.Status/100 == 4 && refused.Kind != matrix.RateLimited:
		refused.Remedy = "the homeserver lets the bot have no device: add io.element.msc4190: true to the registration and restart the homeserver"
		return dev, errors.Join(refused, err)
	case lerr != nil:
		return dev, lerr
	case answer.DeviceID != dev.ID || answer.AccessToken == "":
		return dev, fmt.Errorf("sign in: the homeserver gave device %q for %q", answer.DeviceID, dev.ID)
	}
	dev.Token = answer.AccessToken
	return dev, nil
}

// assure makes sure that a known device can be used.
func (c *Crypt) assure(ctx context.Context, dev device) (device, error) {
	if dev.Token != "" {
		cli, err := c.client(dev)
		if err != nil {
			return dev, err
		}
		err = c.o.Homeserver.Attempt(ctx, requestTime, "ask who the device is", func(ctx context.Context) error {
			_, err := cli.Whoami(ctx)
			return err
		})
		if err == nil {
			c.note(func(s *Status) { s.Device, s.Made = dev.ID, "login" })
			return dev, nil
		}
		if k := matrix.KindOf(err); k != matrix.Auth && k != matrix.NotAllowed {
			return dev, err
		}
	}
	made, err := c.createOwn(ctx, dev)
	if err != nil {
		return dev, err
	}
	return made, c.keepRecord(ctx, made)
}

// remove removes a device, by what made it.
func (c *Crypt) remove(ctx context.Context, user id.UserID, dev device) error {
	cli, err := c.clientOf(user, dev)
	if err != nil {
		return err
	}
	return c.o.Homeserver.Attempt(ctx, requestTime, "remove device", func(ctx context.Context) error {
		if dev.Token != "" {
			_, err := cli.Logout(ctx)
			return err
		}
		cli.SetAppServiceDeviceID = false
		_, err := cli.MakeFullRequest(ctx, mautrix.FullRequest{
			Method: http.MethodDelete, URL: cli.BuildClientURL("v3", "devices", dev.ID), RequestJSON: struct{}{},
		})
		return err
	})
}

// publish makes sure that the homeserver has the keys of the device, and begins to
// use it. Keys of another under its ID mean that it has to be another.
func (c *Crypt) publish(ctx context.Context, dev device) error {
	m, err := c.machineOf(ctx, dev)
	if err != nil {
		return err
	}
	var there *mautrix.RespQueryKeys
	err = c.o.Homeserver.Attempt(ctx, requestTime, "ask for own keys", func(ctx context.Context) (err error) {
		there, err = m.Client.QueryKeys(ctx, &mautrix.ReqQueryKeys{DeviceKeys: mautrix.DeviceKeysRequest{m.Client.UserID: {dev.ID}}})
		return err
	})
	if err != nil {
		return err
	}
	keys, known := there.DeviceKeys[m.Client.UserID][dev.ID]
	switch {
	case known && keys.Keys.GetEd25519(dev.ID) != m.OwnIdentity().SigningKey:
		seal, err := c.state(ctx, stateSeal)
		if err != nil {
			return err
		}
		c.log.Error("the homeserver has other keys for the bot's device; it gets a new one", "device", dev.ID)
		return errors.Join(errors.New("the homeserver has other keys for the bot's device"), c.wipe(ctx, false, seal))
	case !known:
		// One-time keys that were claimed are still needed for what waits in /sync,
		// and few of them are kept: so no more are made before that was read.
		m.GetAccount().Shared = false
		if err := c.upload(ctx, m, 0); err != nil {
			return err
		}
	case !m.GetAccount().Shared:
		m.GetAccount().Shared = true
		if err := m.CryptoStore.PutAccount(ctx, m.GetAccount()); err != nil {
			return fmt.Errorf("store device: %w", err)
		}
	}
	if err := m.store.failed(); err != nil {
		return err
	}
	return c.use(ctx, dev)
}

// use makes a device the one that all work with.
func (c *Crypt) use(ctx context.Context, dev device) error {
	m, err := c.machineOf(ctx, dev)
	if err != nil {
		return err
	}
	m.store.many = true
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dev, c.megolm = dev, m
	return nil
}

// revive makes a device that the homeserver does not accept any more usable again,
// under the same ID if it can be.
func (c *Crypt) revive(ctx context.Context) error {
	c.log.Warn("the homeserver does not know the bot's device any more; it is set up again")
	give, err := c.own(ctx)
	if err != nil {
		return err
	}
	defer give()
	return c.setUp(ctx)
}
