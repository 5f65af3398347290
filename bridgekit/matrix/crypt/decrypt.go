//go:build goolm

package crypt

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"maunium.net/go/mautrix/crypto"
	"maunium.net/go/mautrix/crypto/olm"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

// Decrypt decrypts an m.room.encrypted event, whole as the homeserver gave it. The
// same event can be decrypted again; another one in its place cannot.
//
// Errors: [*NoKey] if its key is not here, which can change; [*Unreadable] if it
// will never be readable; others are of the database, and it can be tried again.
func (c *Crypt) Decrypt(ctx context.Context, raw json.RawMessage) (Decrypted, error) {
	m, err := c.ready(ctx)
	if err != nil {
		return Decrypted{}, err
	}
	var evt event.Event
	if err := json.Unmarshal(raw, &evt); err != nil {
		return Decrypted{}, &Unreadable{err}
	}
	if evt.Type.Type != event.EventEncrypted.Type || evt.StateKey != nil {
		return Decrypted{}, &Unreadable{fmt.Errorf("the event is no encrypted message but %s", evt.Type.Type)}
	}
	evt.Type.Class = event.MessageEventType
	if err := evt.Content.ParseRaw(evt.Type); err != nil {
		return Decrypted{}, &Unreadable{err}
	}
	content, ok := evt.Content.Parsed.(*event.EncryptedEventContent)
	if !ok || content.Algorithm != id.AlgorithmMegolmV1 {
		return Decrypted{}, &Unreadable{errors.New("its algorithm is not m.megolm.v1.aes-sha2")}
	}
	within, stored := watch(ctx)
	clear, err := m.DecryptMegolmEvent(within, &evt)
	if err != nil {
		return Decrypted{}, undecrypted(stored, &evt, content, err)
	}
	out := Decrypted{Trust: trust(clear.Mautrix.TrustState)}
	s, err := m.CryptoStore.GetGroupSession(within, evt.RoomID, content.SessionID)
	if err != nil {
		return Decrypted{}, fmt.Errorf("read key: %w", err)
	}
	out.Foreign = s != nil && s.SourceUser != "" && s.SourceUser != evt.Sender && s.KeySource == id.KeySourceDirect
	if out.Event, err = inClear(raw, clear); err != nil {
		return Decrypted{}, &Unreadable{err}
	}
	return out, nil
}

// undecrypted says what an error of mautrix means.
func undecrypted(stored *failure, evt *event.Event, content *event.EncryptedEventContent, err error) error {
	nk := &NoKey{Room: evt.RoomID, Session: content.SessionID, Sender: evt.Sender, SenderKey: content.SenderKey}
	if device, ok := evt.Content.Raw["device_id"].(string); ok {
		nk.Device = id.DeviceID(device)
	}
	var withheld *event.RoomKeyWithheldEventContent
	switch {
	case errors.As(err, &withheld):
		nk.Withheld = string(withheld.Code)
		return nk
	case errors.Is(err, crypto.ErrNoSessionFound), errors.Is(err, olm.ErrUnknownMessageIndex):
		return nk
	}
	if dberr := stored.failed(); dberr != nil {
		return fmt.Errorf("decrypt: %w", dberr)
	}
	return &Unreadable{err}
}

// trust is what the states of mautrix come to.
func trust(t id.TrustState) Trust {
	switch t {
	case id.TrustStateVerified, id.TrustStateCrossSignedVerified:
		return TrustVerified
	case id.TrustStateCrossSignedTOFU:
		return TrustSigned
	case id.TrustStateUnset, id.TrustStateCrossSignedUntrusted:
		return TrustDevice
	}
	return TrustNone
}

// inClear is an event with the type and content that were encrypted.
func inClear(raw json.RawMessage, clear *event.Event) (json.RawMessage, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(raw, &fields); err != nil {
		return nil, err
	}
	t, err := json.Marshal(clear.Type.Type)
	if err != nil {
		return nil, err
	}
	fields["type"], fields["content"] = t, clear.Content.VeryRaw
	if len(clear.Content.VeryRaw) == 0 || clear.Content.VeryRaw[0] != '{' {
		return nil, errors.New("its content is no object")
	}
	return json.Marshal(fields)
}

// HasKey reports whether the key of a session is here, or the word that it will
// not come: whether it makes sense to try again what it was missing for.
func (c *Crypt) HasKey(ctx context.Context, at id.RoomID, session id.SessionID) (bool, error) {
	var n int
	err := c.db.QueryRow(ctx, "SELECT COUNT(*) FROM crypto_megolm_inbound_session WHERE room_id = $1 AND session_id = $2", at, session).Scan(&n)
	if err != nil {
		return false, fmt.Errorf("look for key: %w", err)
	}
	return n > 0, nil
}

// RequestKey asks the sender's devices for a key that has not come (Client-Server
// API, m.room_key_request). They give it if they had given it before, or meant to.
// It is worth asking once, some seconds after the event. Errors are of the
// homeserver.
func (c *Crypt) RequestKey(ctx context.Context, k *NoKey) error {
	m, err := c.ready(ctx)
	if err != nil {
		return err
	}
	device := k.Device
	if device == "" {
		device = "*"
	}
	// The ID is the same each time, so that they answer once.
	return c.o.Homeserver.Attempt(ctx, requestTime, "request key", func(ctx context.Context) error {
		return m.SendRoomKeyRequest(ctx, k.Room, k.SenderKey, k.Session, "causeway."+string(k.Session), map[id.UserID][]id.DeviceID{k.Sender: {device}})
	})
}

// allowShare decides about requests for keys of m. Who got a key gets it again;
// so does a member who came just when it was given, if members may see what was
// before them.
func (c *Crypt) allowShare(m *crypto.OlmMachine) func(context.Context, *id.Device, event.RequestedKeyInfo) *crypto.KeyShareRejection {
	usual := m.AllowKeyShare
	return func(ctx context.Context, d *id.Device, k event.RequestedKeyInfo) *crypto.KeyShareRejection {
		no := usual(ctx, d, k)
		if no == nil || d.UserID == m.Client.UserID || *no != crypto.KeyShareRejectNotRecipient {
			return no
		}
		r, err := c.readRoom(ctx, k.RoomID)
		if err != nil || r.visibility != "" && r.visibility != string(event.HistoryVisibilityShared) && r.visibility != string(event.HistoryVisibilityWorldReadable) {
			return no
		}
		users, err := c.readPeople(ctx, k.RoomID)
		if err != nil || !r.members {
			return no
		}
		for _, u := range users {
			if u == d.UserID {
				return nil
			}
		}
		return no
	}
}

// answer answers requests for keys. The caller holds olm.
func (c *Crypt) answer(ctx context.Context, requests []*event.Event) error {
	for _, evt := range requests {
		content, ok := evt.Content.Parsed.(*event.RoomKeyRequestEventContent)
		if !ok || content.Action != event.KeyRequestActionRequest {
			continue
		}
		m, err := c.machine(ctx)
		if err != nil {
			return err
		}
		err = c.attempt(ctx, m, requestTime, "answer key request", func(ctx context.Context) error {
			if d, err := m.CryptoStore.GetDevice(ctx, evt.Sender, content.RequestingDeviceID); err != nil {
				return err
			} else if d == nil {
				if _, err := m.FetchKeys(ctx, []id.UserID{evt.Sender}, true); err != nil {
					return err
				}
			}
			m.HandleRoomKeyRequest(ctx, evt.Sender, content)
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
