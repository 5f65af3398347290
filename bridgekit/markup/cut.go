package markup

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// A strip is a flattened text with a coordinate: a leaf with text takes as
// many positions as its text has bytes, any other takes one.
type strip struct {
	ls    []leaf
	end   []int // end[i] is the position after ls[i]
	links map[*frame]*extent
}

// An extent is where a link is. A bare link shows just its address; cut in two
// it is text, as a half with the whole address behind it helps nobody.
type extent struct {
	from, to int
	label    string
	bare     bool
}

func newStrip(b Body) *strip {
	s := &strip{ls: flatten(b), links: make(map[*frame]*extent)}
	at := 0
	for _, l := range s.ls {
		from := at
		if divisible(l.node.Kind) {
			at += len(l.node.Text)
		} else {
			at++
		}
		s.end = append(s.end, at)
		f := linkOf(l)
		if f == nil {
			continue
		}
		e := s.links[f]
		if e == nil {
			e = &extent{from: from}
			s.links[f] = e
		}
		e.to = at
		e.label += l.node.Text
		e.bare = e.to-e.from == len(e.label) && SameLink(e.label, f.node.URL)
	}
	return s
}

func linkOf(l leaf) *frame {
	for _, f := range l.path {
		if f.node.Kind == Link {
			return f
		}
	}
	return nil
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
	s.unlinkHalves(out, from, to)
	return out
}

// unlinkHalves makes text of the bare links that were cut at the ends of ls.
func (s *strip) unlinkHalves(ls []leaf, from, to int) {
	for _, f := range []*frame{linkOf(ls[0]), linkOf(ls[len(ls)-1])} {
		if f == nil || !s.links[f].bare || s.links[f].from >= from && s.links[f].to <= to {
			continue
		}
		for i := range ls {
			if linkOf(ls[i]) == f {
				ls[i].path = unlinked(ls[i].path)
			}
		}
	}
}

// inLink reports whether pos is within the text of a link.
func (s *strip) inLink(pos int) bool {
	i, off := s.leafAt(pos)
	if i == len(s.ls) {
		return false
	}
	f := linkOf(s.ls[i])
	return f != nil && (off > 0 || i > 0 && linkOf(s.ls[i-1]) == f)
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
	atLink = iota // between characters, but within a link
	atCharacter
	atWord
	atLine
	atParagraph
)

func (s *strip) level(pos int) int {
	before, after, edge := s.around(pos)
	if i, _ := s.leafAt(pos); edge && i > 0 && i < len(s.ls) {
		if level := blockEdge(s.ls[i-1], s.ls[i]); level >= atLine {
			return level
		}
		if !s.inLink(pos) && (s.ls[i-1].node.Kind == Emoji || s.ls[i].node.Kind == Emoji) {
			return atWord
		}
	}
	switch {
	case s.inLink(pos):
		return atLink
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
