//go:build !goolm

package olmuser

import (
	"context"
	"encoding/json"
)

// A User cannot be had without the build tag goolm.
type User struct{}

// New fails with ErrNotBuilt.
func New(context.Context, Options) (*User, error) { return nil, ErrNotBuilt }

// Sync fails with ErrNotBuilt.
func (*User) Sync(context.Context) error { return ErrNotBuilt }

// Seal fails with ErrNotBuilt.
func (*User) Seal(context.Context, string, string, any) (json.RawMessage, error) {
	return nil, ErrNotBuilt
}

// Open fails with ErrNotBuilt.
func (*User) Open(context.Context, json.RawMessage) (*Opened, error) { return nil, ErrNotBuilt }
