package hub

import "slices"

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

// Fates of reactions; "" is the default.
const (
	NoReactions    Reactions = "ignore" // they are not carried
	TextReactions  Reactions = "text"   // as a line of text
	RelayReactions Reactions = "relay"  // as the relay's own, once for all who made it
	// As the relay's own, with a line in the message's thread that says who made it.
	ThreadReactions Reactions = "thread"
)

// A Gone says what becomes in the room of people whose own account is not in the
// network's chat any more, whether they left or were removed.
type Gone string

// Fates of those people; "" is the default.
const (
	GoneStay Gone = "stay" // they stay where a relay speaks for people, and are relayed
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
	if p == nil || p.Reactions == "" {
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
