package registration

import (
	"crypto/rand"
	"encoding/hex"
	"regexp"
)

// A Registration is the content of one registration file.
type Registration struct {
	ID              string     `yaml:"id"`               // never changes; the homeserver keeps its queue under it
	URL             Address    `yaml:"url"`              // where the homeserver sends events; empty is written as null
	ASToken         string     `yaml:"as_token"`         // secret: Causeway shows it to the homeserver
	HSToken         string     `yaml:"hs_token"`         // secret: the homeserver shows it to Causeway
	SenderLocalpart string     `yaml:"sender_localpart"` // the account tied to the registration
	RateLimited     *bool      `yaml:"rate_limited,omitempty"`
	Namespaces      Namespaces `yaml:"namespaces"`

	// ReceiveEphemeral asks for typing, receipts and presence (MSC2409);
	// PushEphemeral is its name from before it was in the specification.
	ReceiveEphemeral bool     `yaml:"receive_ephemeral,omitempty"`
	PushEphemeral    bool     `yaml:"de.sorunome.msc2409.push_ephemeral,omitempty"`
	Protocols        []string `yaml:"protocols,omitempty"` // third-party lookups; Causeway offers none

	// MSC4190 lets the bot have a device without signing in, which is needed for
	// encryption where people sign in elsewhere than at the homeserver.
	MSC4190 bool `yaml:"io.element.msc4190,omitempty"`

	// Extra are the keys that this type does not know, such as those of
	// experiments that an administrator has switched on. They are kept.
	Extra map[string]any `yaml:",inline"`
}

// An Address is a URL; the empty one is null in YAML, which tells the
// homeserver to send nothing. Synapse accepts no file without the key.
type Address string

// MarshalYAML writes null for the empty address.
func (a Address) MarshalYAML() (any, error) {
	if a == "" {
		return nil, nil
	}
	return string(a), nil
}

// Namespaces are what a registration claims. All three are always written:
// Dendrite fails without the section.
type Namespaces struct {
	Users   []Namespace `yaml:"users"`
	Aliases []Namespace `yaml:"aliases"`
	Rooms   []Namespace `yaml:"rooms"`
}

// A Namespace is one regular expression and whether nobody else may use what
// matches it. Homeservers differ in whether they match at the beginning, at
// both ends or anywhere, so ^ and $ are part of it.
type Namespace struct {
	Exclusive bool   `yaml:"exclusive"`
	Regex     string `yaml:"regex"`
}

// Options are what a main registration follows from. The configuration has
// checked them.
type Options struct {
	URL    string // where the homeserver reaches Causeway
	Domain string // of the homeserver: "example.org"
	Prefix string // of ghosts and aliases: "_cw_"
	Bot    string // localpart of the bot: "causeway"
}

const (
	mainID   = "causeway"
	puppetID = "causeway-double-puppet"
)

// Sender is the localpart of the account tied to the main registration. No
// ghost has it: theirs have a network's name, which has a dot, after the prefix.
func (o Options) Sender() string { return o.Prefix + "sender" }

// New makes the main registration with fresh tokens.
func New(o Options) Registration {
	domain := regexp.QuoteMeta(o.Domain)
	prefix := regexp.QuoteMeta(o.Prefix)
	users := []Namespace{{Exclusive: true, Regex: "^@" + prefix + ".*:" + domain + "$"}}
	if len(o.Bot) < len(o.Prefix) || o.Bot[:len(o.Prefix)] != o.Prefix {
		users = append(users, Namespace{Exclusive: true, Regex: "^@" + regexp.QuoteMeta(o.Bot) + ":" + domain + "$"})
	}
	return Registration{
		ID:              mainID,
		URL:             Address(o.URL),
		ASToken:         token(),
		HSToken:         token(),
		SenderLocalpart: o.Sender(),
		RateLimited:     new(bool), // false: the default would slow Causeway to a message in five seconds
		Namespaces: Namespaces{
			Users:   users,
			Aliases: []Namespace{{Exclusive: true, Regex: "^#" + prefix + ".*:" + domain + "$"}},
			Rooms:   []Namespace{},
		},
		ReceiveEphemeral: true,
		PushEphemeral:    true,
		MSC4190:          true,
	}
}

// NewDoublePuppet makes the registration that lets Causeway act as every user
// of the domain, with fresh tokens. Its sender is a name under the prefix of
// the main one, so that nobody else can have it.
func NewDoublePuppet(o Options) Registration {
	return Registration{
		ID:              puppetID,
		ASToken:         token(),
		HSToken:         token(), // required, though no request will ever carry it
		SenderLocalpart: o.Prefix + "double_puppet",
		RateLimited:     new(bool),
		Namespaces: Namespaces{
			Users:   []Namespace{{Regex: "^@.*:" + regexp.QuoteMeta(o.Domain) + "$"}},
			Aliases: []Namespace{},
			Rooms:   []Namespace{},
		},
	}
}

// Keep is fresh with the ID, tokens and unknown keys of old: what a new
// registration looks like that replaces old without new secrets.
func Keep(old, fresh Registration) Registration {
	for _, one := range []struct{ from, to *string }{
		{&old.ID, &fresh.ID}, {&old.ASToken, &fresh.ASToken}, {&old.HSToken, &fresh.HSToken},
	} {
		if *one.from != "" {
			*one.to = *one.from
		}
	}
	fresh.Extra = old.Extra
	return fresh
}

// token is 256 random bits in hexadecimal digits.
func token() string {
	var b [32]byte
	rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}
