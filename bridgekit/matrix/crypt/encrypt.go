//go:build goolm

package crypt

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"maunium.net/go/mautrix/crypto"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/matrix"
)

const (
	// shareTime bounds the giving of a session to everybody in a room.
	shareTime = 90 * time.Second
	// again is when a homeserver is asked again for devices that it could not
	// tell, because their own homeserver is away.
	again = 5 * time.Minute
)

// Encrypt makes the content of an m.room.encrypted event (Client-Server API,
// "m.megolm.v1.aes-sha2"), which any ghost can send; the bridge's mark and what
// else has to stay in clear is added to it by who sends it. All devices of all
// members have been given the key when it returns. content is what marshals to a
// JSON object; its m.relates_to stays in clear, as the specification wants it.
//
// The same content again gives another event: whoever may have sent it before
// looks for it first.
//
// Errors: an [*matrix.Error] of the homeserver, with its kinds; NotAllowed if the
// room is encrypted in a way that is not known here; ErrTakenOver; others are of
// the database, and it can be tried again.
func (c *Crypt) Encrypt(ctx context.Context, at id.RoomID, t event.Type, content any) (json.RawMessage, error) {
	m, err := c.ready(ctx)
	if err != nil {
		return nil, err
	}
	ctx, stored := watch(ctx)
	plain, err := marshal(content)
	if err != nil {
		return nil, fmt.Errorf("encrypt: %w", err)
	}
	unlock, err := c.rooms.Take(ctx, at)
	if err != nil {
		return nil, &matrix.Error{Kind: matrix.Unsure, Op: "wait for room", Err: err}
	}
	defer unlock()
	for range 5 {
		if err := c.share(ctx, m, at); err != nil {
			return nil, err
		}
		var enc *event.EncryptedEventContent
		err := c.txn(ctx, func(ctx context.Context) (err error) {
			enc, err = m.EncryptMegolmEvent(ctx, at, t, plain)
			return err
		})
		switch {
		case crypto.IsShareError(err): // it ended just now
			continue
		case err == nil:
			err = stored.failed()
		}
		if err != nil {
			return nil, fmt.Errorf("encrypt: %w", err)
		}
		return sealed(enc, m.Client.DeviceID, plain)
	}
	return nil, fmt.Errorf("encrypt: %w", errFast)
}

// marshal encodes content, which has to be an object.
func marshal(content any) (json.RawMessage, error) {
	if raw, ok := content.(json.RawMessage); ok {
		return raw, nil
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(content); err != nil {
		return nil, err
	}
	raw := json.RawMessage(bytes.TrimSpace(b.Bytes()))
	if len(raw) == 0 || raw[0] != '{' {
		return nil, fmt.Errorf("a %T is not a JSON object", content)
	}
	return raw, nil
}

// sealed is the content of the event, with the relation as it was given.
func sealed(enc *event.EncryptedEventContent, device id.DeviceID, plain json.RawMessage) (json.RawMessage, error) {
	var in struct {
		Relation json.RawMessage `json:"m.relates_to,omitempty"`
	}
	if err := json.Unmarshal(plain, &in); err != nil {
		return nil, fmt.Errorf("encrypt: %w", err)
	}
	return json.Marshal(struct {
		Algorithm  id.Algorithm    `json:"algorithm"`
		Ciphertext string          `json:"ciphertext"`
		SenderKey  id.SenderKey    `json:"sender_key"`
		Device     id.DeviceID     `json:"device_id"`
		Session    id.SessionID    `json:"session_id"`
		Relation   json.RawMessage `json:"m.relates_to,omitempty"`
	}{enc.Algorithm, string(enc.MegolmCiphertext), enc.SenderKey, device, enc.SessionID, in.Relation})
}

// share makes sure that a room has a session which everybody has got. The caller
// holds the room.
func (c *Crypt) share(ctx context.Context, m *machine, at id.RoomID) error {
	if ok, err := c.shared(ctx, m, at); ok || err != nil {
		return err
	}
	give, err := c.own(ctx)
	if err != nil {
		return err
	}
	defer give()
	settings, err := c.Room(ctx, at)
	if err != nil {
		return err
	}
	if settings.Encrypted && !settings.Known {
		return &matrix.Error{Kind: matrix.NotAllowed, Op: "encrypt", User: "this room is encrypted in a way that the bridge does not know"}
	}
	users, version, err := c.people(ctx, at)
	if err != nil {
		return err
	}
	fresh, err := c.machine(ctx)
	if err != nil {
		return err
	}
	if err := c.refresh(ctx, fresh, users); err != nil {
		return err
	}
	// Somebody who came meanwhile did not get it: it is given anew.
	fresh.store.keep = func(ctx context.Context, store func(ctx context.Context) error) error {
		stored, err := c.storeRoom(ctx, at, version, store)
		if err == nil && !stored {
			err = errMoved
		}
		return err
	}
	err = c.attempt(ctx, fresh, shareTime, "share keys", func(ctx context.Context) error {
		return fresh.ShareGroupSession(ctx, at, users)
	})
	if errors.Is(err, errMoved) {
		return nil // Encrypt sees that there is none
	}
	return err
}

var errMoved = errors.New("the room has changed meanwhile")

// shared reports whether a room's session can be used, for all that is known.
func (c *Crypt) shared(ctx context.Context, m *machine, at id.RoomID) (bool, error) {
	s, err := m.CryptoStore.GetOutboundGroupSession(ctx, at)
	if err != nil {
		return false, fmt.Errorf("read session of room: %w", err)
	}
	if s == nil || !s.Shared || s.Expired() {
		return false, nil
	}
	outdated, err := c.outdated(ctx, `SELECT t.user_id FROM crypto_tracked_user t JOIN member m ON m.user_id = t.user_id
		WHERE m.room_id = $1 AND t.devices_outdated`, at)
	if err != nil || len(outdated) == 0 {
		return err == nil, err
	}
	fresh, give, err := c.charge(ctx)
	if err != nil {
		return false, err
	}
	defer give()
	if err := c.refresh(ctx, fresh, outdated); err != nil {
		return false, err
	}
	// If there are other devices now, the session is gone.
	s, err = m.CryptoStore.GetOutboundGroupSession(ctx, at)
	return s != nil && s.Shared, err
}

// outdated are people of whom the homeserver has said that their devices changed,
// except those of whom it could not tell more just now.
func (c *Crypt) outdated(ctx context.Context, query string, args ...any) (out []id.UserID, err error) {
	rows, err := c.db.Query(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("read outdated devices: %w", err)
	}
	defer rows.Close()
	c.mu.Lock()
	defer c.mu.Unlock()
	for rows.Next() {
		var u id.UserID
		if err := rows.Scan(&u); err != nil {
			return nil, fmt.Errorf("read outdated devices: %w", err)
		}
		if until, ok := c.refused[u]; !ok || time.Now().After(until) {
			out = append(out, u)
		}
	}
	return out, rows.Err()
}

// refresh asks for the devices of those among users whose devices are outdated.
// Where there are other devices, the sessions of their rooms end. The caller holds
// olm.
func (c *Crypt) refresh(ctx context.Context, m *machine, users []id.UserID) error {
	all, err := c.outdated(ctx, "SELECT user_id FROM crypto_tracked_user WHERE devices_outdated")
	if err != nil || len(all) == 0 {
		return err
	}
	in := make(map[id.UserID]bool, len(users))
	for _, u := range users {
		in[u] = true
	}
	var ask []id.UserID
	for _, u := range all {
		if in[u] {
			ask = append(ask, u)
		}
	}
	return c.fetch(ctx, m, ask)
}

// fetch asks for the devices of users. The caller holds olm.
func (c *Crypt) fetch(ctx context.Context, m *machine, users []id.UserID) error {
	if len(users) == 0 {
		return nil
	}
	var got map[id.UserID]map[id.DeviceID]*id.Device
	err := c.attempt(ctx, m, shareTime, "ask for devices", func(ctx context.Context) (err error) {
		got, err = m.FetchKeys(ctx, users, true)
		return err
	})
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, u := range users {
		if _, ok := got[u]; ok {
			delete(c.refused, u)
		} else {
			c.refused[u] = time.Now().Add(again)
		}
	}
	return nil
}
