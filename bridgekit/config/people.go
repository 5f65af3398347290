package config

import (
	"errors"
	"fmt"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/network"
)

// People is what holds for everybody, unless they choose otherwise.
type People struct {
	Spaces        bool `yaml:"spaces" doc:"Whether people get a space for each network they sign in to, with one for each of their accounts in it. Who leaves a space is not brought back."`
	DoublePuppets bool `yaml:"double_puppets" doc:"Whether what local people write and read elsewhere shows under their own accounts. Everybody can switch it off for themselves; false switches it off for all. It needs appservice.double_puppet."`
}

// Filters say which chats of a network get rooms.
type Filters map[network.NetworkID]Filter

// A Filter lets some chats of a network have rooms. Its patterns are IDs of chats,
// in which * and ? stand for any text and any character, or "kind:" with direct,
// group or channel.
type Filter struct {
	Allow []string `yaml:"allow"` // if there is any, others get no rooms
	Deny  []string `yaml:"deny"`  // these get none, whatever Allow says
}

// Allows reports whether a chat of a network may have a room. A kind that is not
// known is "": then patterns of kinds do not fit.
func (f Filters) Allows(n network.NetworkID, chat network.ChatID, kind network.ChatKind) bool {
	one, ok := f[n]
	if !ok {
		return true
	}
	fits := func(pattern string) bool {
		if want, ok := strings.CutPrefix(pattern, kindPrefix); ok {
			return want == string(kind)
		}
		return glob(strings.ToLower(pattern), strings.ToLower(string(chat)))
	}
	return !slices.ContainsFunc(one.Deny, fits) && (len(one.Allow) == 0 || slices.ContainsFunc(one.Allow, fits))
}

// NeedsKind reports whether the answer of Allows for a network depends on kinds.
func (f Filters) NeedsKind(n network.NetworkID) bool {
	isKind := func(pattern string) bool { return strings.HasPrefix(pattern, kindPrefix) }
	return slices.ContainsFunc(f[n].Allow, isKind) || slices.ContainsFunc(f[n].Deny, isKind)
}

// Policies say which chats of networks are bridged without anybody's asking.
type Policies map[network.NetworkID]Policy

// A Policy chooses chats by their names, in which * and ? stand for anything.
type Policy struct {
	Allow []string `yaml:"allow"` // none: all
	Deny  []string `yaml:"deny"`  // not these
	Guest string   `yaml:"guest"` // a Matrix ID
}

// Patterns are what the policy chooses by, with ! before what it excludes.
func (p Policy) Patterns() []string {
	out := slices.Clone(p.Allow)
	for _, one := range p.Deny {
		out = append(out, "!"+one)
	}
	return out
}

func (c *Config) validatePolicies(d *decoder) {
	for id, p := range c.BridgeAll {
		at := join("bridge_all", string(id))
		if c.Network(string(id)) == nil {
			d.invalid(at, "there is no network of this name")
		}
		for _, pattern := range slices.Concat(p.Allow, p.Deny) {
			if _, err := path.Match(pattern, ""); err != nil || strings.Trim(pattern, "#!") == "" || strings.HasPrefix(pattern, "!") {
				d.invalid(at, "%q is no pattern; write names such as general or team-*", pattern)
			}
		}
		if !strings.HasPrefix(p.Guest, "@") || !strings.Contains(p.Guest, ":") {
			d.invalid(at, "guest has to be a Matrix ID, such as @you:example.org")
		}
	}
}

const kindPrefix = "kind:"

// A Cleanup is what becomes of a room when somebody signs out.
type Cleanup string

const (
	CleanupNothing  Cleanup = "nothing"  // it stays as it is
	CleanupKick     Cleanup = "kick"     // the person is out of it
	CleanupUnbridge Cleanup = "unbridge" // it is a room without a bridge
	CleanupDelete   Cleanup = "delete"   // everybody is out of it
)

// UnmarshalText accepts the four words.
func (c *Cleanup) UnmarshalText(text []byte) error {
	switch got := Cleanup(text); got {
	case CleanupNothing, CleanupKick, CleanupUnbridge, CleanupDelete:
		*c = got
		return nil
	}
	return fmt.Errorf("%q is not known; write nothing, kick, unbridge or delete", text)
}

// Logout says what becomes of a person's rooms when they sign out.
type Logout struct {
	Private Cleanup `yaml:"private" doc:"Rooms of direct chats and of other chats of one account: nothing (the room is silent until the account is back), kick, unbridge or delete."`
	Shared  Cleanup `yaml:"shared" doc:"Rooms in which others are signed in too: nothing or kick."`
	Relayed Cleanup `yaml:"relayed" doc:"Rooms in which a relay speaks for people without an account: nothing or kick."`
	Last    Cleanup `yaml:"last" doc:"Rooms of shared chats in which nobody is signed in any more: nothing, kick, unbridge or delete."`
}

// Health says who is told what is not well, and how that is found out.
type Health struct {
	Probe   time.Duration `yaml:"probe" doc:"How often each account that is online is asked whether it still works; 0s for never."`
	Canary  time.Duration `yaml:"canary" doc:"After how long without anything from the homeserver the bot sends an event to itself, to see that the homeserver still delivers; 0s for never."`
	Webhook string        `yaml:"webhook" doc:"Where to send a JSON object by POST when an account or the homeserver changes its state." example:"https://alerts.example.org/causeway"`
}

// glob matches a text against a pattern in which * stands for any text and ? for
// any character; nothing else is special.
func glob(pattern, text string) bool {
	escaped := strings.NewReplacer(`\`, `\\`, "[", `\[`, "]", `\]`, "/", "\x00").Replace(pattern)
	ok, err := path.Match(escaped, strings.ReplaceAll(text, "/", "\x00")) // * does not cross a slash
	return ok && err == nil
}

func (c *Config) validatePeople(d *decoder) {
	c.validatePolicies(d)
	for id, f := range c.Filters {
		at := join("filters", string(id))
		if c.Network(string(id)) == nil {
			d.invalid(at, "there is no network of this name")
		}
		for _, pattern := range slices.Concat(f.Allow, f.Deny) {
			kind, ok := strings.CutPrefix(pattern, kindPrefix)
			switch {
			case pattern == "":
				d.invalid(at, "a pattern is empty")
			case ok && !slices.Contains([]network.ChatKind{network.Direct, network.Group, network.Channel}, network.ChatKind(kind)):
				d.invalid(at, "%q is not a kind; write kind:direct, kind:group or kind:channel", pattern)
			}
		}
	}
	for path, choice := range map[string]Cleanup{"logout.shared": c.Logout.Shared, "logout.relayed": c.Logout.Relayed} {
		if choice != CleanupNothing && choice != CleanupKick {
			d.invalid(path, "others use these rooms, so they stay; write nothing or kick")
		}
	}
	for path, every := range map[string]time.Duration{"health.probe": c.Health.Probe, "health.canary": c.Health.Canary} {
		if every != 0 && every < 10*time.Second {
			d.invalid(path, "it is too short; write at least 10s, or 0s for never")
		}
	}
	d.check("health.webhook", c.Health.Webhook, checkWebhook)
	if n := c.Limits.Presence; n < 0 || n > 100 {
		d.invalid("limits.presence", "write a number from 0 to 100")
	}
	for path, n := range map[string]int{"limits.logins": c.Limits.Logins, "limits.portals": c.Limits.Portals, "limits.new_senders": c.Limits.NewSenders} {
		if n < 0 {
			d.invalid(path, "it is below 0; write 0 for no limit")
		}
	}
}

func checkWebhook(s string) error {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return errors.New("it is not an address; write it with http:// or https://") // it may hold a secret: not repeated
	}
	return nil
}
