package hub

import (
	"fmt"
	"slices"
	"strings"
)

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
		{"reactions", string(q.ReactionsAs()), []string{"ignore", "text", "relay", "thread"}, false, "what becomes of the reactions of people who are relayed"},
		{"moderators", or(strings.Join(names, ","), "none"), []string{"redact", "kick", "ban"}, true, "what its moderators may do to everybody here"},
		{"gone", or(string(q.Gone), "stay"), []string{"stay", "kick"}, false, "what becomes here of people whose own account is out of its chat, also if they were removed"},
	}
}

// or is v, or what is instead of it if it is the zero value.
func or[T comparable](v, instead T) T {
	var zero T
	if v == zero {
		return instead
	}
	return v
}

// Default is the value that has a setting be what the configuration says for the
// network, or what it is without that.
const Default = "default"

// Said is a value that was set, for people.
func Said(value string) string {
	if value == Default {
		return "as it is by default"
	}
	return value
}

// Configurable are the settings of which the configuration can say what they are in the
// rooms of a network that do not say it themselves.
func Configurable() []string { return []string{"reactions", "moderators", "gone"} }

// Over is what holds in a room: p is what was set there, below what the configuration
// says for its network. Both may be nil, and are left as they are.
func (p *Policy) Over(below *Policy) *Policy {
	if p == nil || below == nil {
		return or(p, below)
	}
	q := *p
	q.Reactions, q.Gone = or(q.Reactions, below.Reactions), or(q.Gone, below.Gone)
	if q.Powers == nil {
		q.Powers = below.Powers
	}
	return &q
}

// Why a setting is as it is.
const (
	BuiltIn  = "default"       // nobody said anything else
	FromFile = "configuration" // of the network
	FromRoom = "room"          // it was set there
)

// Why tells of each setting that is not built in where it comes from, by its name. See
// Over.
func (p *Policy) Why(below *Policy) map[string]string {
	why := map[string]string{}
	for _, one := range []struct {
		of   *Policy
		from string
	}{{below, FromFile}, {p, FromRoom}} {
		for name, set := range one.of.own() {
			if set {
				why[name] = one.from
			}
		}
	}
	return why
}

// own tells which settings p has itself.
func (p *Policy) own() map[string]bool {
	if p == nil {
		return nil
	}
	return map[string]bool{
		"direction": p.Direction != Both, "joins": p.Joins, "files": p.Files != AsFile,
		"reactions": p.Reactions != "", "moderators": p.Powers != nil, "gone": p.Gone != "",
	}
}

// reset has p say nothing of a setting.
func (p *Policy) reset(name string) {
	var none Policy
	switch name {
	case "direction":
		p.Direction = none.Direction
	case "joins":
		p.Joins = none.Joins
	case "files":
		p.Files = none.Files
	case "reactions":
		p.Reactions = none.Reactions
	case "moderators":
		p.Powers = none.Powers
	case "gone":
		p.Gone = none.Gone
	}
}

// Set is p with a setting changed, or left to others if the value is Default. The error
// is in words. p may be nil, and is left as it is.
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
	if value == Default {
		q.reset(name)
		return &q, nil
	}
	if !s.Many && !slices.Contains(s.Choices, value) {
		return nil, fmt.Errorf("%s is one of %s, or default", name, strings.Join(s.Choices, ", "))
	}
	switch name {
	case "direction":
		q.Direction = Direction(zero(value, "both"))
	case "joins":
		q.Joins = value == "yes"
	case "files":
		q.Files = Files(zero(value, "file"))
	case "reactions":
		q.Reactions = Reactions(value)
	case "gone":
		q.Gone = Gone(value)
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
			return nil, fmt.Errorf("moderators is none, or some of %s, joined with commas, or default", strings.Join(choices, ", "))
		}
		if !slices.Contains(powers, Power(one)) {
			powers = append(powers, Power(one))
		}
	}
	return powers, nil
}
