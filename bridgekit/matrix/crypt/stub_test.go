//go:build !goolm

package crypt

import (
	"errors"
	"strings"
	"testing"

	"maunium.net/go/mautrix/event"
)

// TestNotBuilt: a program without the tag says so in words.
func TestNotBuilt(t *testing.T) {
	var c *Crypt
	_, openErr := OpenDB(t.Context(), "sqlite:x")
	_, newErr := New(Options{})
	_, roomErr := c.Room(t.Context(), "")
	_, encErr := c.Encrypt(t.Context(), "", event.EventMessage, nil)
	_, decErr := c.Decrypt(t.Context(), nil)
	_, keyErr := c.HasKey(t.Context(), "", "")
	for i, err := range []error{openErr, newErr, roomErr, encErr, decErr, keyErr, c.Run(t.Context()), c.Changed(t.Context(), ""), c.RequestKey(t.Context(), nil), c.RoundTrip(t.Context(), "")} {
		if !errors.Is(err, ErrNotBuilt) {
			t.Errorf("%d: %v", i, err)
		}
	}
	if s := c.Status(t.Context()); Built || s.Ready || !strings.Contains(s.Problem, "-tags goolm") {
		t.Errorf("status: %+v", s)
	}
}
