//go:build goolm

package crypt

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/crypto"
	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/matrix"
)

// loadIdentity reads the private keys for cross-signing, nil if there are none.
func (c *Crypt) loadIdentity(ctx context.Context) (*crypto.CrossSigningSeeds, error) {
	raw, err := c.o.Secrets.Secret(ctx, secretIdentity)
	if err != nil {
		return nil, fmt.Errorf("read secret: %w", err)
	}
	if raw == nil {
		return nil, nil
	}
	var seeds crypto.CrossSigningSeeds
	if err := json.Unmarshal(raw, &seeds); err != nil {
		return nil, fmt.Errorf("read secret: %w", err)
	}
	return &seeds, nil
}

// signDevice has the bot's identity sign its device. Without that it works too, but
// for people whose clients give keys to signed devices only; so a failure is a
// problem for the administrator and stops nothing.
func (c *Crypt) signDevice(ctx context.Context) {
	err := c.sign(ctx)
	if err == nil {
		c.noteSigned(true, "")
		return
	}
	if ctx.Err() != nil {
		return
	}
	var e *matrix.Error
	words := "the bot's device is not signed: " + problem(err)
	if errors.As(err, &e) && e.Status == http.StatusUnauthorized {
		words = "the bot's device is not signed: the homeserver wants a password before it takes the bot's keys for cross-signing, and the bot has none. " +
			"Synapse takes them if the registration has io.element.msc4190: true; Dendrite never does. People whose clients give keys to signed devices only cannot be read"
	}
	c.noteSigned(false, words)
	c.log.Warn("cannot sign the bot's device; clients that give keys to signed devices only will not give them", "err", err)
}

// sign makes sure that there is an identity, that the homeserver has it, and that
// it has signed the device. Each step can be repeated.
func (c *Crypt) sign(ctx context.Context) error {
	m, give, err := c.charge(ctx)
	if err != nil {
		return err
	}
	defer give()
	if m.CrossSigningKeys == nil {
		if err := c.newIdentity(ctx, m); err != nil {
			return err
		}
	}
	own := m.CrossSigningKeys.PublicKeys()
	return c.attempt(ctx, m, shareTime, "sign device", func(ctx context.Context) error {
		there, err := m.Client.QueryKeys(ctx, &mautrix.ReqQueryKeys{DeviceKeys: mautrix.DeviceKeysRequest{m.Client.UserID: {}}})
		if err != nil {
			return err
		}
		if master := there.MasterKeys[m.Client.UserID]; master.FirstKey() != own.MasterKey {
			if err := m.PublishCrossSigningKeys(ctx, m.CrossSigningKeys, nil); err != nil {
				return err
			}
			if err := m.SignOwnMasterKey(ctx); err != nil {
				return err
			}
		}
		dev := there.DeviceKeys[m.Client.UserID][m.Client.DeviceID]
		if _, ok := dev.Signatures[m.Client.UserID][id.NewKeyID(id.KeyAlgorithmEd25519, own.SelfSigningKey.String())]; ok {
			return nil
		}
		if err := m.SignOwnDevice(ctx, m.OwnIdentity()); err != nil {
			return err
		}
		c.log.Info("the bot's identity has signed its device")
		return nil
	})
}

// newIdentity makes keys for cross-signing and keeps them, before anybody sees
// them: who loses them cannot be the same any more.
func (c *Crypt) newIdentity(ctx context.Context, m *machine) error {
	keys, err := m.GenerateCrossSigningKeys()
	if err != nil {
		return fmt.Errorf("make cross-signing keys: %w", err)
	}
	seeds := keys.Seeds()
	raw, err := json.Marshal(seeds)
	if err == nil {
		err = c.o.Secrets.SetSecret(ctx, secretIdentity, raw)
	}
	if err != nil {
		return fmt.Errorf("store secret: %w", err)
	}
	if err := m.ImportCrossSigningKeys(seeds); err != nil {
		return fmt.Errorf("make cross-signing keys: %w", err)
	}
	c.mu.Lock()
	dev := c.dev
	c.mu.Unlock()
	dev.identity = &seeds
	return c.use(ctx, dev)
}

func (c *Crypt) noteSigned(signed bool, problem string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.status.Signed, c.unsigned = signed, problem
}
