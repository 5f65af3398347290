package config

import (
	"fmt"
	"strings"
)

// A Level is what somebody may do. Levels are ordered: each includes the ones
// below it.
type Level int

const (
	LevelBlock Level = iota // nothing: their messages are not bridged and the bot does not answer
	LevelRelay              // be relayed in bridged rooms
	LevelUser               // sign in with own accounts and use the bot
	LevelAdmin              // everything, also for others
)

// levelNames are the levels as the configuration writes them.
func levelNames() []string { return []string{"block", "relay", "user", "admin"} }

// String is the level as the configuration writes it.
func (l Level) String() string {
	if names := levelNames(); l >= 0 && int(l) < len(names) {
		return names[l]
	}
	return fmt.Sprintf("level %d", int(l))
}

// UnmarshalText accepts what String gives.
func (l *Level) UnmarshalText(text []byte) error {
	for i, name := range levelNames() {
		if string(text) == name {
			*l = Level(i)
			return nil
		}
	}
	return fmt.Errorf("%q is not a level; the levels are block, relay, user and admin", text)
}

// MarshalText is String.
func (l Level) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// Permissions says who may do what: the keys are Matrix IDs, domains, patterns of
// domains ("*.example.org") and "*".
type Permissions map[string]Level

// Of is the level of a Matrix ID: the line with the ID itself, else the one
// with its domain, else the longest pattern that the domain fits, else the one with
// "*", else LevelBlock. What is no Matrix ID is
// LevelBlock.
func (p Permissions) Of(mxid string) Level {
	local, domain, ok := strings.Cut(mxid, ":")
	if !ok || domain == "" || !strings.HasPrefix(local, "@") {
		return LevelBlock
	}
	for _, key := range []string{mxid, domain} {
		if level, ok := p[key]; ok {
			return level
		}
	}
	best, level := "", LevelBlock
	for key, l := range p {
		// Of two that are as long, the one that comes first in the alphabet.
		if longer := len(key) > len(best) || len(key) == len(best) && key < best; longer && key[0] != '@' && glob(key, domain) {
			best, level = key, l
		}
	}
	return level
}
