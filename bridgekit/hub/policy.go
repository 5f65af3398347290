package hub

import (
	"fmt"
	"slices"
	"strings"
)

// A Direction says which way events take between a network and the room.
type Direction string

// Directions, seen from the room.
const (
	Both Direction = ""     // the zero value
	In   Direction = "in"   // the network is heard and hears nothing
	Out  Direction = "out"  // the network hears and is not heard
	None Direction = "none" // neither
)

// A Files says how files get to a network.
type Files string

// Ways of files.
const (
	AsFile Files = ""     // as the network shows files
	AsLink Files = "link" // as a link to Causeway's public address
)

// A Reactions says what becomes of the reactions of relayed people.
type Reactions string

// Fates of reactions.
const (
	NoReactions    Reactions = ""      // they are not carried
	TextReactions  Reactions = "text"  // as a line of text
	RelayReactions Reactions = "relay" // as the relay's own, once for all who made it
	// As the relay's own, with a line in the message's thread that says who made it.
	ThreadReactions Reactions = "thread"
)

// A Gone says what becomes in the room of people whose own account is not in the
// network's chat any more, whether they left or were removed.
type Gone string

// Fates of those people.
const (
	GoneStay Gone = ""     // they stay where a relay speaks for people, and are relayed
	GoneKick Gone = "kick" // they are removed from the room
)

// A Power is something that moderators can do.
type Power string

// Powers.
const (
	Redact Power = "redact" // remove what others wrote
	Kick   Power = "kick"   // remove people
	Ban    Power = "ban"    // keep people out
)

// A Policy says what passes an edge: between one network and the room it shares
// with others. The zero value carries everything both ways, shows no comings and
// goings, sends files as files and ignores the reactions of relayed people; the
// network's moderators may remove messages, and whom they remove is relayed.
type Policy struct {
	Direction Direction `json:"direction,omitempty"`
	// Joins: who comes and goes elsewhere is told there, as a line of text.
	Joins     bool      `json:"joins,omitempty"`
	Files     Files     `json:"files,omitempty"`
	Reactions Reactions `json:"reactions,omitempty"`
	// Powers are what the network's moderators may do in the whole room; nil is
	// the default, an empty list is nothing.
	Powers []Power `json:"powers"`
	Gone   Gone    `json:"gone,omitempty"`
}

// Hears reports whether the network gets what is said in the room.
func (p *Policy) Hears() bool { return p == nil || p.Direction == Both || p.Direction == Out }

// Heard reports whether the room gets what is said on the network.
func (p *Policy) Heard() bool { return p == nil || p.Direction == Both || p.Direction == In }

// ShowsJoins reports whether comings and goings elsewhere are told there.
func (p *Policy) ShowsJoins() bool { return p != nil && p.Joins }

// Links reports whether files are sent as links.
func (p *Policy) Links() bool { return p != nil && p.Files == AsLink }

// ReactionsAs is what becomes of the reactions of relayed people.
func (p *Policy) ReactionsAs() Reactions {
	if p == nil {
		return NoReactions
	}
	return p.Reactions
}

// May reports whether the network's moderators have a power over the whole room.
func (p *Policy) May(power Power) bool {
	if p == nil || p.Powers == nil {
		return power == Redact
	}
	return slices.Contains(p.Powers, power)
}

// KicksGone reports whether people are removed from the room with their account on the
// network.
func (p *Policy) KicksGone() bool { return p != nil && p.Gone == GoneKick }

// A Setting is one line of a policy, for people.
type Setting struct {
	Name    string
	Value   string   // as Set takes it
	Choices []string // what Value can be; several of them, joined with commas, if Many
	Many    bool
	Help    string // one line
}

// Settings lists what p says, in the order of help. p may be nil.
func (p *Policy) Settings() []Setting {
	var q Policy
	if p != nil {
		q = *p
	}
	powers := []Power{Redact}
	if q.Powers != nil {
		powers = q.Powers
	}
	names := make([]string, len(powers))
	for i, x := range powers {
		names[i] = string(x)
	}
	return []Setting{
		{"direction", or(string(q.Direction), "both"), []string{"both", "in", "out", "none"}, false, "in: it is heard here; out: it hears us; both; none"},
		{"joins", map[bool]string{true: "yes", false: "no"}[q.Joins], []string{"yes", "no"}, false, "whether it is told who comes and goes"},
		{"files", or(string(q.Files), "file"), []string{"file", "link"}, false, "how files get there"},
		{"reactions", or(string(q.Reactions), "ignore"), []string{"ignore", "text", "relay", "thread"}, false, "what becomes of the reactions of people who are relayed"},
		{"moderators", or(strings.Join(names, ","), "none"), []string{"redact", "kick", "ban"}, true, "what its moderators may do to everybody here"},
		{"gone", or(string(q.Gone), "stay"), []string{"stay", "kick"}, false, "what becomes here of people whose own account is out of its chat, also if they were removed"},
	}
}

func or(s, empty string) string {
	if s == "" {
		return empty
	}
	return s
}

// Set is p with a setting changed. The error is in words. p may be nil, and is left
// as it is.
func (p *Policy) Set(name, value string) (*Policy, error) {
	var q Policy
	if p != nil {
		q = *p
	}
	i := slices.IndexFunc(q.Settings(), func(s Setting) bool { return s.Name == name })
	if i < 0 {
		var names []string
		for _, s := range q.Settings() {
			names = append(names, s.Name)
		}
		return nil, fmt.Errorf("%q is no setting; there are %s", name, strings.Join(names, ", "))
	}
	s := q.Settings()[i]
	if !s.Many && !slices.Contains(s.Choices, value) {
		return nil, fmt.Errorf("%s is one of %s", name, strings.Join(s.Choices, ", "))
	}
	switch name {
	case "direction":
		q.Direction = Direction(zero(value, "both"))
	case "joins":
		q.Joins = value == "yes"
	case "files":
		q.Files = Files(zero(value, "file"))
	case "reactions":
		q.Reactions = Reactions(zero(value, "ignore"))
	case "gone":
		q.Gone = Gone(zero(value, "stay"))
	case "moderators":
		powers, err := parsePowers(value, s.Choices)
		if err != nil {
			return nil, err
		}
		q.Powers = powers
	}
	return &q, nil
}

// zero is "" for the value that stands for it.
func zero(value, stands string) string {
	if value == stands {
		return ""
	}
	return value
}

func parsePowers(value string, choices []string) ([]Power, error) {
	powers := []Power{}
	if value == "none" {
		return powers, nil
	}
	for one := range strings.SplitSeq(value, ",") {
		if !slices.Contains(choices, one) {
			return nil, fmt.Errorf("moderators is none, or some of %s, joined with commas", strings.Join(choices, ", "))
		}
		if !slices.Contains(powers, Power(one)) {
			powers = append(powers, Power(one))
		}
	}
	return powers, nil
}
