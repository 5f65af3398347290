package markup

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// A strip is a flattened text with a coordinate: a leaf with text takes as
// many positions as its text has bytes, any other takes one.
type strip struct {
	ls  []leaf
	end []int // end[i] is the position after ls[i]
}

func newStrip(b Body) *strip {
	s := &strip{ls: flatten(b)}
	at := 0
	for _, l := range s.ls {
		if divisible(l.node.Kind) {
			at += len(l.node.Text)
		} else {
			at++
		}
		s.end = append(s.end, at)
	}
	return s
}

func divisible(k Kind) bool { return k == Text || k == Code || k == CodeBlock }

func (s *strip) len() int {
	if len(s.end) == 0 {
		return 0
	}
	return s.end[len(s.end)-1]
}

// leafAt finds the leaf that holds the position after pos, and where in it.
func (s *strip) leafAt(pos int) (i, off int) {
	i, found := slices.BinarySearch(s.end, pos)
	if found {
		i++
	}
	if i == 0 {
		return i, pos
	}
	return i, pos - s.end[i-1]
}

// leaves is the part from one position to another.
func (s *strip) leaves(from, to int) []leaf {
	if from >= to {
		return nil
	}
	i, head := s.leafAt(from)
	j, tail := s.leafAt(to)
	var out []leaf
	if tail == 0 {
		out = slices.Clone(s.ls[i:j])
	} else {
		out = slices.Clone(s.ls[i : j+1])
		last := &out[len(out)-1].node
		last.Text = last.Text[:tail]
	}
	if head > 0 {
		out[0].node.Text = out[0].node.Text[head:]
	}
	return out
}

// around is the text on both sides of pos within one line: empty where
// something other than text is, or a block begins or ends.
func (s *strip) around(pos int) (before, after string, edge bool) {
	i, off := s.leafAt(pos)
	if off > 0 {
		return s.ls[i].node.Text[:off], s.ls[i].node.Text[off:], false
	}
	if i > 0 && divisible(s.ls[i-1].node.Kind) {
		before = s.ls[i-1].node.Text
	}
	if i < len(s.ls) && divisible(s.ls[i].node.Kind) {
		after = s.ls[i].node.Text
	}
	return before, after, true
}

// runeStart moves pos back out of the middle of a rune.
func (s *strip) runeStart(pos int) int {
	if i, off := s.leafAt(pos); off > 0 {
		for text := s.ls[i].node.Text; off > 0 && !utf8.RuneStart(text[off]); off-- {
			pos--
		}
	}
	return pos
}

// whole reports whether no character is cut at pos.
func (s *strip) whole(pos int) bool {
	if s.runeStart(pos) != pos {
		return false
	}
	before, after, edge := s.around(pos)
	return edge && s.level(pos) >= atLine || !joined(before, after)
}

// How good a place is for a cut.
const (
	atCharacter = iota
	atWord
	atLine
	atParagraph
)

func (s *strip) level(pos int) int {
	before, after, edge := s.around(pos)
	if i, _ := s.leafAt(pos); edge && i > 0 && i < len(s.ls) {
		if level := blockEdge(s.ls[i-1], s.ls[i]); level > 0 {
			return level
		}
		if s.ls[i-1].node.Kind == Emoji || s.ls[i].node.Kind == Emoji {
			return atWord
		}
	}
	switch {
	case strings.HasSuffix(before, "\n\n"), strings.HasSuffix(before, "\n") && strings.HasPrefix(after, "\n"):
		return atParagraph
	case strings.HasSuffix(before, "\n"), strings.HasPrefix(after, "\n"):
		return atLine
	case isSpaceAt(before, after):
		return atWord
	}
	return atCharacter
}

func isSpaceAt(before, after string) bool {
	return before != "" && strings.ContainsRune(" \t", rune(before[len(before)-1])) ||
		after != "" && strings.ContainsRune(" \t", rune(after[0]))
}

// blockEdge says what lies between two leaves: the edge of a top-level block,
// of one further in, or none.
func blockEdge(a, b leaf) int {
	same := true
	for depth := 0; same; depth++ {
		f, g := blockAt(a, depth), blockAt(b, depth)
		if f == nil && g == nil {
			break
		}
		same = f == g
		if !same && depth == 0 {
			return atParagraph
		}
	}
	aBlock, bBlock := a.node.Kind.Block(), b.node.Kind.Block()
	if (aBlock || bBlock) && same && blockAt(a, 0) == nil {
		return atParagraph
	}
	if aBlock || bBlock || !same {
		return atLine
	}
	return atCharacter
}

func blockAt(l leaf, depth int) *frame {
	if depth < len(l.path) && l.path[depth].node.Kind.Block() {
		return l.path[depth]
	}
	return nil
}
