//go:build !goolm

package crypt

import (
	"context"
	"encoding/json"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

// Built reports whether the program can encrypt.
const Built = false

// A Crypt cannot be had without the build tag goolm.
type Crypt struct{}

// OpenDB fails with ErrNotBuilt.
func OpenDB(context.Context, string) (*DB, error) { return nil, ErrNotBuilt }

// New fails with ErrNotBuilt.
func New(Options) (*Crypt, error) { return nil, ErrNotBuilt }

// Run fails with ErrNotBuilt.
func (*Crypt) Run(context.Context) error { return ErrNotBuilt }

// Status says that the program cannot encrypt.
func (*Crypt) Status(context.Context) Status { return Status{Problem: ErrNotBuilt.Error()} }

// Room fails with ErrNotBuilt.
func (*Crypt) Room(context.Context, id.RoomID) (Settings, error) { return Settings{}, ErrNotBuilt }

// Changed fails with ErrNotBuilt.
func (*Crypt) Changed(context.Context, id.RoomID) error { return ErrNotBuilt }

// Encrypt fails with ErrNotBuilt.
func (*Crypt) Encrypt(context.Context, id.RoomID, event.Type, any) (json.RawMessage, error) {
	return nil, ErrNotBuilt
}

// Decrypt fails with ErrNotBuilt.
func (*Crypt) Decrypt(context.Context, json.RawMessage) (Decrypted, error) {
	return Decrypted{}, ErrNotBuilt
}

// HasKey fails with ErrNotBuilt.
func (*Crypt) HasKey(context.Context, id.RoomID, id.SessionID) (bool, error) {
	return false, ErrNotBuilt
}

// RequestKey fails with ErrNotBuilt.
func (*Crypt) RequestKey(context.Context, *NoKey) error { return ErrNotBuilt }

// RoundTrip fails with ErrNotBuilt.
func (*Crypt) RoundTrip(context.Context, id.UserID) error { return ErrNotBuilt }
