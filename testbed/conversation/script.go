package conversation

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/causeway-chat/causeway/bridgekit/network"
)

// A Side is a network in the room, or Matrix.
type Side network.NetworkID

// The sides.
const (
	Insp   Side = "irc.insp"
	Fake   Side = "irc.fake"
	Mem    Side = "mem.town"
	Matrix Side = "matrix"
)

// Sides are all of them.
func Sides() []Side { return []Side{Insp, Fake, Mem, Matrix} }

// people are those who speak on a side.
func people(s Side) []string {
	return map[Side][]string{Insp: {"ida", "ivo"}, Fake: {"fay", "finn"}, Mem: {"mona", "max"}, Matrix: {"you", "ann"}}[s]
}

// A Kind is what somebody does.
type Kind string

// Kinds of acts. The first three make messages.
const (
	Say     Kind = "say"
	Reply   Kind = "reply"
	File    Kind = "file"
	Edit    Kind = "edit"
	Remove  Kind = "remove"
	React   Kind = "react"
	Unreact Kind = "unreact" // takes a reaction back
)

// makes reports whether an act makes a message.
func (k Kind) makes() bool { return k == Say || k == Reply || k == File }

// Can reports whether people on a side can do something. IRC has neither files nor
// edits, and InspIRCd no removals.
func (s Side) Can(k Kind) bool {
	switch k {
	case File, Edit:
		return s == Mem || s == Matrix
	case Remove:
		return s != Insp
	}
	return true
}

// An Act is one thing that somebody does.
type Act struct {
	N     int // its place in the script
	Phase int // 0 to 2
	Side  Side
	Who   string
	Kind  Kind
	Of    int    // the act it is about: a message, or the reaction that is taken back
	Rev   int    // of an edit: how often it was edited, with this one
	Emoji string // of reactions
}

// phases are how many messages each phase has.
func phases() []int { return []int{70, 60, 70} }

// cutPhase is the phase in which a network is cut off.
const cutPhase = 1

// A Script is a conversation.
type Script struct {
	Seed uint64
	Cut  Side // the network that is cut off in the second phase
	Acts []Act

	rng     *rand.Rand
	removed map[int]bool // messages
	touched map[int]bool // messages that somebody answers, edits or reacts to
	edits   map[int]int
	taken   map[int]bool // reactions that were taken back
}

// Write makes the script of a seed.
func Write(seed uint64, cut Side) *Script {
	s := &Script{Seed: seed, Cut: cut, rng: rand.New(rand.NewPCG(seed, 1)), removed: map[int]bool{}, touched: map[int]bool{}, edits: map[int]int{}, taken: map[int]bool{}}
	for phase, messages := range phases() {
		for messages > 0 {
			a := s.next(phase)
			s.note(a)
			if s.Acts = append(s.Acts, a); a.Kind.makes() {
				messages--
			}
		}
	}
	return s
}

// next thinks of something to do.
func (s *Script) next(phase int) Act {
	side := Sides()[s.rng.IntN(len(Sides()))]
	who := people(side)[s.rng.IntN(len(people(side)))]
	a := Act{N: len(s.Acts), Phase: phase, Side: side, Who: who, Kind: Say, Of: -1}
	kind := s.kind()
	if phase == cutPhase && side == s.Cut && side == Fake && kind != Reply {
		return a // its history has nothing else
	}
	if !side.Can(kind) {
		return a
	}
	if kind == File {
		a.Kind = File
		return a
	}
	var about []int
	for _, m := range s.Acts {
		if s.fits(kind, a, m) {
			about = append(about, m.N)
		}
	}
	if kind == Say || len(about) == 0 {
		return a
	}
	a.Kind, a.Of = kind, about[s.rng.IntN(len(about))]
	switch kind {
	case Edit:
		a.Rev = s.edits[a.Of] + 1
	case React:
		a.Emoji = emojis()[s.rng.IntN(len(emojis()))]
		if slices.ContainsFunc(s.Acts, func(o Act) bool {
			return o.Kind == React && o.Of == a.Of && o.Who == a.Who && o.Emoji == a.Emoji
		}) {
			a.Kind, a.Of, a.Emoji = Say, -1, "" // made once
		}
	case Unreact:
		a.Emoji = s.Acts[a.Of].Emoji
	}
	return a
}

func emojis() []string { return []string{"👍", "🎉", "🌊"} }

// kind chooses what to do.
func (s *Script) kind() Kind {
	n := s.rng.IntN(100)
	for _, one := range []struct {
		kind  Kind
		share int
	}{{Reply, 16}, {File, 6}, {Edit, 12}, {Remove, 7}, {React, 11}, {Unreact, 7}} {
		if n < one.share {
			return one.kind
		}
		n -= one.share
	}
	return Say
}

// fits reports whether an act of a kind can be about an earlier one. What is removed
// nobody answers or changes.
func (s *Script) fits(k Kind, a, m Act) bool {
	if a.Phase == cutPhase && (a.Side == s.Cut) != (m.Side == s.Cut) {
		return false // they do not hear each other now
	}
	mine := m.Side == a.Side && m.Who == a.Who
	switch k {
	case Reply:
		return m.Kind.makes() && !s.removed[m.N]
	case React:
		return m.Kind.makes() && !s.removed[m.N] && !mine
	case Edit:
		return mine && (m.Kind == Say || m.Kind == Reply) && !s.removed[m.N] && s.edits[m.N] < 2
	case Remove:
		return mine && m.Kind.makes() && !s.touched[m.N] && !s.removed[m.N]
	case Unreact:
		return mine && m.Kind == React && !s.taken[m.N] && (a.Phase != cutPhase || (s.Acts[m.Of].Side == s.Cut) == (a.Side == s.Cut))
	}
	return false
}

func (s *Script) note(a Act) {
	switch a.Kind {
	case Reply, React:
		s.touched[a.Of] = true
	case Edit:
		s.touched[a.Of] = true
		s.edits[a.Of] = a.Rev
	case Remove:
		s.removed[a.Of] = true
	case Unreact:
		s.taken[a.Of] = true
	}
}

// By are the acts of a side in a phase.
func (s *Script) By(side Side, phase int) (all []Act) {
	for _, a := range s.Acts {
		if a.Side == side && a.Phase == phase {
			all = append(all, a)
		}
	}
	return all
}

// Text is what a message says after it was edited so often. It begins with its name.
func (s *Script) Text(n, rev int) string {
	words := strings.Fields("harbour lantern gravel meadow copper thistle ribbon willow saddle pepper amber kettle")
	text := fmt.Sprintf("k%03dv%d", n, rev)
	for i := range 4 {
		text += " " + words[(n*(i+1)+i*i)%len(words)]
	}
	return text
}

// FileName is what a file is called.
func (s *Script) FileName(n int) string { return fmt.Sprintf("k%03dv0.txt", n) }

// FileData is what a file holds.
func (s *Script) FileData(n int) string { return strings.Repeat(s.Text(n, 0)+"\n", 20+n) }
