package memnet

import (
	"testing"

	"github.com/causeway-chat/causeway/bridgekit/network"
)

// A connection that is cut before its login has signed in is lost, and nobody is
// signed out by that.
func TestCutBeforeSignIn(t *testing.T) {
	s := New(Options{})
	login := s.Account("alice")
	c, err := s.newConn()
	if err != nil {
		t.Fatal(err)
	}
	s.Cut()
	if _, err = s.handle(t.Context(), c, &request{Op: "connect", Token: string(login.Data)}); network.KindOf(err) != network.Unavailable {
		t.Errorf("sign in: %v of kind %s, want unavailable", err, network.KindOf(err))
	}
}
