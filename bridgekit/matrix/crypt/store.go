//go:build goolm

package crypt

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"maunium.net/go/mautrix/crypto"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

// A failure remembers the first error of a store.
type failure struct{ first atomic.Pointer[error] }

func (f *failure) note(err error) { f.first.CompareAndSwap(nil, &err) }

// failed is the first error, nil if there was none.
func (f *failure) failed() error {
	if p := f.first.Load(); p != nil {
		return *p
	}
	return nil
}

// failureKey is the key of a context's failure.
type failureKey struct{}

// watch returns a context whose calls to the store of many remember failures there.
func watch(ctx context.Context) (context.Context, *failure) {
	f := &failure{}
	return context.WithValue(ctx, failureKey{}, f), f
}

// A watched is the store of keys, and remembers the first failure of what the
// machine does not report: it would go on as if a key was stored.
type watched struct {
	*crypto.SQLCryptoStore
	failure
	// many: it serves many calls at once, and each has its own failures (watch). What
	// another store notes counts for all that is done with it: it is the guard's.
	many bool
	// keep decides whether a new session for a room may be used, and stores it.
	keep func(ctx context.Context, store func(ctx context.Context) error) error
	// stored is closed when a transaction in which messages were read has ended; nil:
	// there is none.
	stored chan struct{}
	// renew begins a new session with a device, after stored.
	renew func(ctx context.Context, key id.SenderKey) error
	// renewed is a device with which there has to be a new session.
	renewed id.SenderKey
	// txn is a transaction in which it is our turn: where another process has taken
	// over, what this one would send is not stored, and so not sent.
	txn func(ctx context.Context, f func(ctx context.Context) error) error
}

var _ crypto.Store = (*watched)(nil)

func (w *watched) note(ctx context.Context, op string, err error) error {
	if err != nil {
		f := &w.failure
		if w.many {
			f, _ = ctx.Value(failureKey{}).(*failure)
		}
		if f != nil {
			f.note(fmt.Errorf("%s: %w", op, err))
		}
	}
	return err
}

// PutAccount stores the device's own keys.
func (w *watched) PutAccount(ctx context.Context, a *crypto.OlmAccount) error {
	return w.note(ctx, "store device", w.txn(ctx, func(ctx context.Context) error { return w.SQLCryptoStore.PutAccount(ctx, a) }))
}

// GetSessions reads the sessions with a device.
func (w *watched) GetSessions(ctx context.Context, key id.SenderKey) (crypto.OlmSessionList, error) {
	l, err := w.SQLCryptoStore.GetSessions(ctx, key)
	return l, w.note(ctx, "read sessions", err)
}

// GetLatestSession reads the session to write to a device with.
func (w *watched) GetLatestSession(ctx context.Context, key id.SenderKey) (*crypto.OlmSession, error) {
	s, err := w.SQLCryptoStore.GetLatestSession(ctx, key)
	return s, w.note(ctx, "read session", err)
}

// AddSession stores a new session with a device.
func (w *watched) AddSession(ctx context.Context, key id.SenderKey, s *crypto.OlmSession) error {
	return w.note(ctx, "store session", w.txn(ctx, func(ctx context.Context) error { return w.SQLCryptoStore.AddSession(ctx, key, s) }))
}

// UpdateSession stores where a session with a device is.
func (w *watched) UpdateSession(ctx context.Context, key id.SenderKey, s *crypto.OlmSession) error {
	return w.note(ctx, "store session", w.txn(ctx, func(ctx context.Context) error { return w.SQLCryptoStore.UpdateSession(ctx, key, s) }))
}

// GetNewestSessionCreationTS is what the machine asks for in a goroutine of its own
// when a message could not be read, before it begins a new session with its sender.
// That would wait for the database, which the transaction has, and then encrypt
// without the token of olm, with a copy of the session that others have outrun. So it
// waits here, the session is begun with a machine of its own, and this one is told
// that there is one.
func (w *watched) GetNewestSessionCreationTS(ctx context.Context, key id.SenderKey) (time.Time, error) {
	if w.stored != nil {
		select {
		case <-w.stored:
		case <-ctx.Done():
			return time.Time{}, ctx.Err()
		}
	}
	if err := w.failed(); err != nil {
		return time.Time{}, err // the message will come again
	}
	if w.renew != nil {
		return time.Now(), w.renew(ctx, key)
	}
	return w.SQLCryptoStore.GetNewestSessionCreationTS(ctx, key)
}

// HasSession tells whether a session with a device can be used.
func (w *watched) HasSession(ctx context.Context, key id.SenderKey) bool {
	return key != w.renewed && w.SQLCryptoStore.HasSession(ctx, key)
}

// PutOlmHash remembers a message between devices.
func (w *watched) PutOlmHash(ctx context.Context, hash [32]byte, at time.Time) error {
	return w.note(ctx, "store hash", w.SQLCryptoStore.PutOlmHash(ctx, hash, at))
}

// GetOlmHash tells when a message between devices was seen.
func (w *watched) GetOlmHash(ctx context.Context, hash [32]byte) (time.Time, error) {
	at, err := w.SQLCryptoStore.GetOlmHash(ctx, hash)
	return at, w.note(ctx, "read hash", err)
}

// PutGroupSession stores the key of a room's session.
func (w *watched) PutGroupSession(ctx context.Context, s *crypto.InboundGroupSession) error {
	return w.note(ctx, "store key", w.SQLCryptoStore.PutGroupSession(ctx, s))
}

// GetGroupSession reads the key of a room's session. That it is withheld is no
// failure, and does not keep it from being stored when it comes after all, as the
// machine would have it.
func (w *watched) GetGroupSession(ctx context.Context, room id.RoomID, session id.SessionID) (*crypto.InboundGroupSession, error) {
	s, err := w.SQLCryptoStore.GetGroupSession(ctx, room, session)
	if errors.Is(err, crypto.ErrGroupSessionWithheld) {
		if w.stored != nil {
			return nil, nil
		}
		return s, err
	}
	return s, w.note(ctx, "read key", err)
}

// PutWithheldGroupSession stores that a key will not come.
func (w *watched) PutWithheldGroupSession(ctx context.Context, c event.RoomKeyWithheldEventContent) error {
	return w.note(ctx, "store withheld key", w.SQLCryptoStore.PutWithheldGroupSession(ctx, c))
}

// ValidateMessageIndex tells whether a message of a session is no repetition.
func (w *watched) ValidateMessageIndex(ctx context.Context, session id.SessionID, evt id.EventID, index uint, at int64) (bool, error) {
	ok, err := w.SQLCryptoStore.ValidateMessageIndex(ctx, session, evt, index, at)
	return ok, w.note(ctx, "look for repetition", err)
}

// GetCrossSigningKeys reads a user's keys.
func (w *watched) GetCrossSigningKeys(ctx context.Context, user id.UserID) (map[id.CrossSigningUsage]id.CrossSigningKey, error) {
	keys, err := w.SQLCryptoStore.GetCrossSigningKeys(ctx, user)
	return keys, w.note(ctx, "read keys of user", err)
}

// IsKeySignedBy reads whether a key is signed.
func (w *watched) IsKeySignedBy(ctx context.Context, user id.UserID, key id.Ed25519, by id.UserID, with id.Ed25519) (bool, error) {
	ok, err := w.SQLCryptoStore.IsKeySignedBy(ctx, user, key, by, with)
	return ok, w.note(ctx, "read signature", err)
}

// FindDeviceByKey reads a device.
func (w *watched) FindDeviceByKey(ctx context.Context, user id.UserID, key id.IdentityKey) (*id.Device, error) {
	d, err := w.SQLCryptoStore.FindDeviceByKey(ctx, user, key)
	return d, w.note(ctx, "read device", err)
}

// PutDevices stores the devices of a user.
func (w *watched) PutDevices(ctx context.Context, user id.UserID, devices map[id.DeviceID]*id.Device) error {
	return w.note(ctx, "store devices", w.SQLCryptoStore.PutDevices(ctx, user, devices))
}

// AddOutboundGroupSession stores a session that all members have got.
func (w *watched) AddOutboundGroupSession(ctx context.Context, s *crypto.OutboundGroupSession) error {
	store := func(ctx context.Context) error {
		return w.note(ctx, "store session of room", w.SQLCryptoStore.AddOutboundGroupSession(ctx, s))
	}
	if w.keep == nil {
		return store(ctx)
	}
	err := w.keep(ctx, store)
	if errors.Is(err, errMoved) {
		return err
	}
	return w.note(ctx, "store session of room", err)
}

// RemoveOutboundGroupSession ends the session for what ghosts send into a room.
func (w *watched) RemoveOutboundGroupSession(ctx context.Context, room id.RoomID) error {
	return w.note(ctx, "end session", w.SQLCryptoStore.RemoveOutboundGroupSession(ctx, room))
}

// MarkOutboundGroupSessionShared remembers who got a session. A device that gets
// one twice is no failure.
func (w *watched) MarkOutboundGroupSessionShared(ctx context.Context, user id.UserID, key id.IdentityKey, session id.SessionID) error {
	_, err := w.DB.Exec(ctx, `INSERT INTO crypto_megolm_outbound_session_shared (user_id, identity_key, session_id)
		VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`, user, key, session)
	return w.note(ctx, "store who got a key", err)
}

// A guard lets no request of a machine out whose store has failed.
type guard struct {
	store *watched
	next  http.RoundTripper
}

// RoundTrip makes a request.
func (g guard) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := g.store.failed(); err != nil {
		return nil, fmt.Errorf("nothing is sent: %w", err)
	}
	next := g.next
	if next == nil {
		next = http.DefaultTransport
	}
	return next.RoundTrip(r)
}
