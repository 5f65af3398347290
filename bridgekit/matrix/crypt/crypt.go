package crypt

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/matrix"
)

// ErrNotBuilt is what everything fails with in a program without the build tag
// goolm.
var ErrNotBuilt = errors.New("this binary was built without encryption; build it with: go build -tags goolm")

// ErrTakenOver is what Run ends with when another process has begun to use the
// database.
var ErrTakenOver = errors.New("another process has taken over the encryption")

// Options are what a Crypt needs. Homeserver, DB and Secrets are required.
type Options struct {
	// Homeserver is used as the bot; its Run has to be running.
	Homeserver *matrix.Homeserver
	DB         *DB
	Secrets    Secrets
	Log        *slog.Logger // default: none
	// OnKey is called when the key of a session has come, or the word that it
	// will not come: what waited for it can be tried again. It is called by the
	// goroutine of Run and has to return soon.
	OnKey func(room id.RoomID, session id.SessionID)
	// DeviceName is what people see of the bot's device; default "Causeway".
	DeviceName string
	// KeepKeys is how long keys of sessions are kept after they came; default 90
	// days. Older messages cannot be decrypted any more, so it has to be longer
	// than anything waits.
	KeepKeys time.Duration
	// MaxKeys is how many keys of sessions are kept at most, the newest; default
	// 1,000,000.
	MaxKeys int
}

// A DB is a database for keys, made by OpenDB.
type DB struct {
	sql      *sql.DB
	postgres bool
}

// Close closes the database. Call it after Run has returned.
func (d *DB) Close() error { return d.sql.Close() }

// Secrets keeps a few small secrets, sealed, outside the database of keys. It is
// called by one goroutine at a time.
type Secrets interface {
	// Secret is the value of a name, nil if there is none.
	Secret(ctx context.Context, name string) ([]byte, error)
	// SetSecret stores a value durably.
	SetSecret(ctx context.Context, name string, value []byte) error
}

// Settings are what is known about the encryption of a room.
type Settings struct {
	// Encrypted: messages have to be encrypted. Once true it stays so, whatever
	// the room's state says later.
	Encrypted bool
	// Known: the algorithm is one that this package has. If an encrypted room has
	// another, nothing can be sent there.
	Known bool
	// RotateAfter and RotateMessages are when a session is replaced; 0 is the
	// default of the specification.
	RotateAfter    time.Duration
	RotateMessages int
}

// Trust is how far it is certain who has encrypted an event.
type Trust int

const (
	TrustNone     Trust = iota // by a device that nobody knows (any more), or the key took a detour
	TrustDevice                // by a device of the sender, which the sender has not signed
	TrustSigned                // by a device that the sender has signed
	TrustVerified              // and the bot has verified the sender
)

// String is the trust in lower case.
func (t Trust) String() string {
	names := [...]string{"none", "device", "signed", "verified"}
	if t < 0 || int(t) >= len(names) {
		return fmt.Sprintf("trust %d", int(t))
	}
	return names[t]
}

// A Decrypted is an event in clear.
type Decrypted struct {
	// Event is the event that was given, with its type and content in clear. All
	// else in it, the sender too, is as the homeserver says.
	Event json.RawMessage
	Trust Trust
	// Foreign: the key came from another user than the event's sender, as it does
	// for ghosts of another bridge. Nobody but the homeserver vouches for the
	// sender.
	Foreign bool
}

// NoKey says that the key of an event is not here (yet). [Options].OnKey tells
// when it comes.
type NoKey struct {
	Room      id.RoomID
	Session   id.SessionID
	Sender    id.UserID
	Device    id.DeviceID // "" if the event does not say
	SenderKey id.SenderKey
	// Withheld is the code with which the sender's device said that it does not
	// give the key ("m.unverified"), "" if it did not.
	Withheld string
}

// Error is the text for the log.
func (e *NoKey) Error() string {
	if e.Withheld != "" {
		return fmt.Sprintf("the key of session %s was withheld (%s)", e.Session, e.Withheld)
	}
	return fmt.Sprintf("the key of session %s has not come", e.Session)
}

// UserText is what to show to the sender.
func (e *NoKey) UserText() string {
	switch event.RoomKeyWithheldCode(e.Withheld) {
	case "":
		return "the key to read this message has not reached the bridge; sending the message again may help"
	case event.RoomKeyWithheldUnverified:
		return "your client does not share keys with devices that you have not verified, so the bridge cannot read this; change that in its security settings for this room"
	case event.RoomKeyWithheldBlacklisted:
		return "your client keeps keys from the bridge, which is blocked there, so the bridge cannot read this"
	}
	return "your client did not give the key of this message to the bridge (" + e.Withheld + ")"
}

// Unreadable says that an event can never be decrypted: it is damaged, a
// repetition of another, or uses what this package does not know.
type Unreadable struct{ Err error }

// Error is the text for the log.
func (e *Unreadable) Error() string { return "decrypt: " + e.Err.Error() }

// Unwrap is the cause.
func (e *Unreadable) Unwrap() error { return e.Err }

// UserText is what to show to the sender.
func (e *Unreadable) UserText() string {
	return "this encrypted message is damaged, and the bridge cannot read it"
}

// Status is how the encryption is, for administrators.
type Status struct {
	Ready  bool
	Device id.DeviceID
	// Made is how the device came to be: "MSC4190" or "login".
	Made string
	// Signed: the device is signed by the bot's own identity. Clients that send
	// keys to signed devices only do not send them to one that is not.
	Signed bool
	// Synced is when /sync was answered last.
	Synced time.Time
	// Problem says what is wrong and what to do, "" if nothing is.
	Problem string
	Keys    int // how many sessions can be decrypted
}

// Encrypts reports whether events of a type are encrypted in an encrypted room.
// Redactions and reactions are not: servers and clients have to understand them
// (clients send reactions in clear, too).
func Encrypts(t event.Type) bool {
	switch t.Type {
	case event.EventRedaction.Type, event.EventReaction.Type, event.EventEncrypted.Type:
		return false
	}
	return true
}

// MaxPlain is the largest content in bytes of JSON that still fits into an event
// when it is encrypted, with the room and the type beside it.
const MaxPlain = (matrix.MaxContent - 2<<10) / 4 * 3
