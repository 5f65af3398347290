package hub

import (
	"fmt"
	"strings"
)

// A Manner says how the people of another bridge are treated.
type Manner string

// Manners.
const (
	Relay  Manner = "relay"  // like everybody without an account: the default
	Ignore Manner = "ignore" // what they say stays in the room
)

// UnmarshalText accepts the names of manners.
func (m *Manner) UnmarshalText(text []byte) error {
	switch v := Manner(text); v {
	case Relay, Ignore:
		*m = v
		return nil
	}
	return fmt.Errorf("%q is not possible; relay and ignore are", text)
}

// Bridges are the accounts of other bridges: patterns of Matrix IDs, in which *
// stands for anything, and how to treat whom they fit.
type Bridges map[string]Manner

// Of is how to treat an account. bridged: it belongs to another bridge, so it is
// never given a connection of its own anywhere. The longest pattern that fits counts.
func (b Bridges) Of(mxid string) (m Manner, bridged bool) {
	best := -1
	for pattern, manner := range b {
		if len(pattern) > best && Match(pattern, mxid) {
			best, m, bridged = len(pattern), manner, true
		}
	}
	if !bridged {
		return Relay, false
	}
	return m, true
}

// Match reports whether a pattern fits a whole text: * stands for anything, all else
// for itself.
func Match(pattern, text string) bool {
	first, rest, star := strings.Cut(pattern, "*")
	if !star {
		return pattern == text
	}
	if !strings.HasPrefix(text, first) {
		return false
	}
	text = text[len(first):]
	parts := strings.Split(rest, "*")
	last := parts[len(parts)-1]
	for _, p := range parts[:len(parts)-1] {
		i := strings.Index(text, p)
		if i < 0 {
			return false
		}
		text = text[i+len(p):]
	}
	return strings.HasSuffix(text, last)
}

// A Banned is a line of a hub's ban list: a pattern of Matrix IDs ("@*:bad.example"),
// or a network and a pattern of its users ("irc.libera/spam*").
type Banned string

// Fits reports whether a line means somebody: mxid is their Matrix ID, or their
// ghost's; network and user are empty for who is not on a network.
func (b Banned) Fits(mxid string, n, user string) bool {
	if strings.HasPrefix(string(b), "@") {
		return Match(string(b), mxid)
	}
	of, pattern, ok := strings.Cut(string(b), "/")
	return ok && n != "" && of == n && Match(pattern, user)
}

// Check says in words what is wrong with a line; nil if nothing is.
func (b Banned) Check(isNetwork func(string) bool) error {
	s := string(b)
	switch {
	case strings.HasPrefix(s, "@"):
		local, domain, ok := strings.Cut(s[1:], ":")
		if ok && domain != "" && local != "" && !strings.ContainsAny(s, " /") && strings.Trim(s, "@:*") != "" {
			return nil
		}
	default:
		n, user, ok := strings.Cut(s, "/")
		if ok && isNetwork(n) && strings.Trim(user, "*") != "" {
			return nil
		}
	}
	return fmt.Errorf("write a Matrix ID such as @somebody:example.org or @*:example.org, or a network and a user such as irc.libera/nick")
}
