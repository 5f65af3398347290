package bridgekit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/config"
	"github.com/causeway-chat/causeway/bridgekit/matrix"
	"github.com/causeway-chat/causeway/bridgekit/matrix/crypt"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/portal"
	"github.com/causeway-chat/causeway/bridgekit/web"
)

// keysFile is the SQLite database of keys, beside the main one. PostgreSQL has them in
// a schema of its own.
const keysFile = "crypto.db"

// keysSource is what crypt.OpenDB takes for a configured database.
func keysSource(d config.Database) string {
	if d.Dialect == config.SQLite {
		return "sqlite:" + filepath.Join(filepath.Dir(d.Source), keysFile)
	}
	return d.Source
}

// openKeys opens the database of keys, if rooms may be encrypted.
func (b *Bridge) openKeys(ctx context.Context) error {
	c := b.opts.Config
	if c.Encryption.Mode == config.EncryptionOff {
		return nil
	}
	db, err := crypt.OpenDB(ctx, keysSource(c.Database))
	if err != nil {
		return fmt.Errorf("encryption: %w", err)
	}
	b.keys = db
	return nil
}

// wireEncryption has what the bridge sends encrypted, and what it gets decrypted.
func (b *Bridge) wireEncryption(state matrix.State, o *portal.Options) error {
	o.Encryption = b.opts.Config.Encryption.Mode
	if b.keys == nil {
		u := &uncovered{state: state}
		b.hs.SetEncrypter(u)
		o.RoomChanged = u.changed
		return nil
	}
	c, err := crypt.New(crypt.Options{
		Homeserver: b.hs, DB: b.keys, Secrets: secrets{b.db.KV("", "encryption")}, Log: b.opts.Log,
		OnKey:      func(room id.RoomID, session id.SessionID) { b.portals.KeyCame(room, session) },
		DeviceName: b.opts.Config.Bot.DisplayName,
	})
	if err != nil {
		return fmt.Errorf("encryption: %w", err)
	}
	b.crypt = c
	o.Cipher = c
	o.RoomChanged = func(ctx context.Context, room id.RoomID, _ event.Type) error { return c.Changed(ctx, room) }
	b.hs.SetEncrypter(&encrypter{Crypt: c, hs: b.hs, require: b.opts.Config.Encryption.Mode == config.EncryptionRequire})
	return nil
}

// runEncryption reads keys until ctx is done.
func (b *Bridge) runEncryption(ctx context.Context) error {
	if b.crypt == nil {
		<-ctx.Done()
		return ctx.Err()
	}
	if err := b.crypt.Run(ctx); err != nil {
		return fmt.Errorf("encryption: %w", err)
	}
	return nil
}

// checkEncryption sends a message to the bot and back in an encrypted room.
func (b *Bridge) checkEncryption(ctx context.Context) web.Encryption {
	e := web.Encryption{Mode: string(b.opts.Config.Encryption.Mode)}
	if b.crypt == nil {
		return e
	}
	tester := id.NewUserID(b.opts.Config.Appservice.Prefix+"doctor", b.opts.Config.Homeserver.Domain)
	if err := b.crypt.RoundTrip(ctx, tester); err != nil {
		e.Problem = err.Error()
	}
	s := b.crypt.Status(ctx)
	e.Device = string(s.Device)
	if !s.Signed {
		e.Unsigned = s.Problem
	}
	return e
}

// secrets keep the bot's identity, sealed.
type secrets struct{ kv network.KV }

var _ crypt.Secrets = secrets{}

// Secret implements crypt.Secrets.
func (s secrets) Secret(ctx context.Context, name string) ([]byte, error) { return s.kv.Get(ctx, name) }

// SetSecret implements crypt.Secrets.
func (s secrets) SetSecret(ctx context.Context, name string, value []byte) error {
	return s.kv.Set(ctx, name, value)
}

// encrypter is a Crypt as the homeserver's client uses it.
type encrypter struct {
	*crypt.Crypt
	hs      *matrix.Homeserver
	require bool
}

var _ matrix.Encrypter = (*encrypter)(nil)

// Encrypted implements matrix.Encrypter. Where encryption is required, it is turned on.
func (e *encrypter) Encrypted(ctx context.Context, room id.RoomID, t event.Type) (bool, error) {
	if !crypt.Encrypts(t) {
		return false, nil
	}
	s, err := e.Room(ctx, room)
	if err != nil || s.Encrypted || !e.require {
		return s.Encrypted, err
	}
	content := &event.EncryptionEventContent{Algorithm: id.AlgorithmMegolmV1}
	if _, err := e.hs.SendState(ctx, room, e.hs.BotID(), event.StateEncryption, "", content, time.Time{}); err != nil {
		if matrix.KindOf(err) == matrix.NotAllowed {
			return false, &matrix.Error{Kind: matrix.NotAllowed, Op: "turn on encryption", Err: err, User: "this room has to be encrypted, and the bot may not turn that on: do it in the room's settings"}
		}
		return false, err
	}
	return true, e.Changed(ctx, room)
}

// uncovered refuses to send into encrypted rooms, in a bridge that cannot encrypt:
// nobody who encrypts a room expects it to be read on the homeserver.
type uncovered struct{ state matrix.State }

var _ matrix.Encrypter = (*uncovered)(nil)

// coveredFact is the fact that a room is encrypted.
func coveredFact(room id.RoomID) string { return "encrypted " + string(room) }

// Encrypted implements matrix.Encrypter.
func (u *uncovered) Encrypted(ctx context.Context, room id.RoomID, t event.Type) (bool, error) {
	if !crypt.Encrypts(t) {
		return false, nil
	}
	on, err := u.state.Fact(ctx, coveredFact(room))
	if err != nil || on == "" {
		return false, err
	}
	return false, &matrix.Error{Kind: matrix.NotAllowed, Op: "send", Err: errUncovered,
		User: "the room is encrypted, and this bridge is not set up for that: encryption in the configuration"}
}

var errUncovered = errors.New("the room is encrypted, and encryption is off")

// Encrypt implements matrix.Encrypter; nothing is encrypted.
func (*uncovered) Encrypt(context.Context, id.RoomID, event.Type, any) (json.RawMessage, error) {
	return nil, errUncovered
}

// changed notes that a room was encrypted, which nobody can take back.
func (u *uncovered) changed(ctx context.Context, room id.RoomID, t event.Type) error {
	if t.Type != event.StateEncryption.Type {
		return nil
	}
	if err := u.state.SetFact(ctx, coveredFact(room), "1"); err != nil {
		return fmt.Errorf("note that a room is encrypted: %w", err)
	}
	return nil
}
