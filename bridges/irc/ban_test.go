package irc

import (
	"testing"

	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridges/irc/ircfake"
)

// A ban that this login made is lifted by it, also when the person's address is no
// longer known; who was not banned is kicked.
func TestBanLifted(t *testing.T) {
	both(t, func(t *testing.T, s *ircfake.Server, bob *ircfake.User, r *running) {
		s.Op("#a", "relay")
		set := func(m network.Membership) {
			t.Helper()
			if err := r.ops.SetMember(t.Context(), "#a", network.Member{User: "bob", Membership: m}); err != nil {
				t.Errorf("%s: %v", m, err)
			}
		}
		in := func(want bool) {
			t.Helper()
			if got := s.In("#a", "Bob"); got != want {
				t.Errorf("bob is in the channel: %v", got)
			}
		}
		set(network.Banned)
		in(false)
		bob.Join("#a")
		in(false)
		set(network.Left)
		bob.Join("#a")
		in(true)
		set(network.Left)
		in(false)
		bob.Join("#a")
		in(true)
	})
}
