package matrix

import (
	"context"
	"encoding/json"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

// An Encrypter encrypts what is sent into encrypted rooms. It is called
// concurrently; its errors are of this package's kinds where the homeserver is their
// reason.
type Encrypter interface {
	// Encrypted reports whether events of a type have to be encrypted in a room.
	// Nothing is sent there while that is not known.
	Encrypted(ctx context.Context, room id.RoomID, t event.Type) (bool, error)
	// Encrypt makes the content of an m.room.encrypted event of content.
	Encrypt(ctx context.Context, room id.RoomID, t event.Type, content any) (json.RawMessage, error)
}

// SetEncrypter has Send encrypt what it sends. It is called before anything is sent.
func (h *Homeserver) SetEncrypter(e Encrypter) { h.encrypter = e }

// Encrypted reports whether messages are encrypted in a room.
func (h *Homeserver) Encrypted(ctx context.Context, room id.RoomID) (bool, error) {
	if h.encrypter == nil {
		return false, nil
	}
	yes, err := h.encrypter.Encrypted(ctx, room, event.EventMessage)
	if err != nil {
		return false, encryptError(err)
	}
	return yes, nil
}

// body is an event's content as it is sent, with our mark in clear, and its type.
func (h *Homeserver) body(ctx context.Context, e Event, mark string) (json.RawMessage, event.Type, error) {
	fields := h.stamp(e.Room, e.As, mark)
	yes := false
	if h.encrypter != nil {
		var err error
		if yes, err = h.encrypter.Encrypted(ctx, e.Room, e.Type); err != nil {
			return nil, e.Type, encryptError(err)
		}
	}
	if !yes {
		body, err := withFields(e.Content, fields)
		return body, e.Type, err
	}
	plain, err := withFields(e.Content, nil)
	if err != nil {
		return nil, e.Type, err
	}
	content, err := h.encrypter.Encrypt(ctx, e.Room, e.Type, plain)
	if err != nil {
		return nil, e.Type, encryptError(err)
	}
	body, err := withFields(content, fields)
	return body, event.EventEncrypted, err
}

// encryptError is an error of the Encrypter. Nothing was sent.
func encryptError(err error) error {
	if find(err) != nil {
		return err
	}
	return &Error{Kind: Server, Op: "encrypt", Err: err}
}
