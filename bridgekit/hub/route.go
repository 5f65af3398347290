package hub

import (
	"slices"

	"github.com/causeway-chat/causeway/bridgekit/network"
)

// An Edge is one network's side of a room: a portal.
type Edge struct {
	Portal  int64
	Network network.NetworkID
	Policy  *Policy // nil: the default
}

// Routes are the edges of a room that something takes that came by one of them: all
// that hear, but never the one it came by, and none if that is not heard. An edge
// whose operators did not agree is left out.
func Routes(from Edge, all []Edge, agreed func(a, b network.NetworkID) bool) []Edge {
	if !from.Policy.Heard() {
		return nil
	}
	var to []Edge
	for _, e := range all {
		if e.Portal != from.Portal && e.Policy.Hears() && agreed(from.Network, e.Network) {
			to = append(to, e)
		}
	}
	return to
}

// Consents says which networks may hear each other. Some networks forbid that their
// users are carried to another of the same kind by third parties; then the operators
// of both say that they agreed, in the configuration of each.
type Consents struct {
	// Needs is the kind of a network that forbids it ("irc"), "" for others.
	Needs map[network.NetworkID]string
	// With are the networks that each has agreed with; itself, if two of its own
	// chats may meet.
	With map[network.NetworkID][]network.NetworkID
}

// Agreed reports whether what is said on a may be heard on b.
func (c Consents) Agreed(a, b network.NetworkID) bool {
	if kind := c.Needs[a]; kind == "" || kind != c.Needs[b] {
		return true
	}
	return slices.Contains(c.With[a], b) && slices.Contains(c.With[b], a)
}

// Refused is the first pair of networks that may not meet in a room; false if all may.
func (c Consents) Refused(comes network.NetworkID, there []network.NetworkID) (network.NetworkID, bool) {
	for _, n := range there {
		if !c.Agreed(comes, n) {
			return n, true
		}
	}
	return "", false
}
