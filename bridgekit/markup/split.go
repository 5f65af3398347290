package markup

import (
	"slices"
	"strings"
)

// Split cuts b into parts of which none measures more than limit. It cuts
// between paragraphs if that fills at least half of a part, else between lines
// if that fills a third, else between words if that fills an eighth, else
// between characters. Formats and blocks that are cut are closed and opened
// again; a list goes on with its next number. White space at a cut is dropped.
// Only a part that is one code point, or one node that cannot be divided
// (mention, emoji), may measure more than limit.
//
// Links are cut only where nothing else is near; one that shows just its own
// address then loses the link.
//
// A text that fits comes back as one part, an empty one as none. A limit below
// 1 means no limit, a nil measure means Bytes.
func Split(b Body, limit int, m Measure) []Body {
	if m == nil {
		m = Bytes
	}
	s := newStrip(b)
	if limit < 1 {
		if s.len() == 0 {
			return nil
		}
		return []Body{assemble(s.ls, 0)}
	}
	fits := func(ls []leaf) bool { return m(assemble(ls, 0)) <= limit }
	var parts []Body
	for from := 0; from < s.len(); {
		most := s.most(from, limit, fits)
		if most == s.len() {
			if from == 0 || !s.blank(from, most) {
				parts = append(parts, assemble(s.leaves(from, most), 0))
			}
			break
		}
		cut := s.places(from, most).pick(from, most)
		if end := s.trimEnd(from, cut); end > from && !fits(s.leaves(from, end)) {
			cut = most // a measure for which less was more
		}
		if end := s.trimEnd(from, cut); end > from {
			parts = append(parts, assemble(s.leaves(from, end), 0))
		}
		from = s.trimStart(cut)
	}
	return parts
}

// Truncate returns b cut to at most limit, with mark ("…") after the cut where
// it fits; b in its normal form if nothing has to go. It cuts between words if
// that keeps two thirds of what would fit. A limit below 1 leaves nothing, a
// nil measure means Bytes.
func Truncate(b Body, limit int, m Measure, mark string) Body {
	if m == nil {
		m = Bytes
	}
	s := newStrip(b)
	all := Body(assemble(s.ls, 0))
	if m(all) <= limit {
		return all
	}
	if limit < 1 {
		return nil
	}
	for _, mark := range []string{mark, ""} {
		fits := func(ls []leaf) bool { return m(assemble(marked(ls, mark), 0)) <= limit }
		most := s.most(0, limit, fits)
		found := s.places(0, most)
		cut := found.last(most)
		if word := slices.Max(found[atWord:]); word >= most-most/3 {
			cut = word
		}
		ls := s.leaves(0, s.trimEnd(0, cut))
		if fits(ls) && len(ls) > 0 {
			return assemble(marked(ls, mark), 0)
		}
	}
	return nil
}

// marked is ls with mark after the last leaf, in the same block.
func marked(ls []leaf, mark string) []leaf {
	mark = cleanText(mark)
	if len(ls) == 0 || mark == "" {
		return ls
	}
	last := ls[len(ls)-1]
	var blocks []*frame
	for depth := 0; blockAt(last, depth) != nil; depth++ {
		blocks = append(blocks, last.path[depth])
	}
	return append(ls[:len(ls):len(ls)], leaf{Node{Kind: Text, Text: mark}, blocks})
}

// most finds the last position up to which the text after from fits, at least
// the end of one character's first rune. It starts small and doubles, so that
// cutting a long text into short parts measures no long texts.
func (s *strip) most(from, limit int, fits func([]leaf) bool) int {
	total := s.len()
	ok := func(to int) bool { return fits(s.leaves(from, s.runeStart(to))) }
	low, high, step := from, min(from+max(limit, 16), total), max(limit, 16)
	for high < total && ok(high) {
		step *= 2
		low, high = high, min(high+step, total)
	}
	if high == total && ok(total) {
		return total
	}
	for high-low > 1 { // low fits, high does not
		if mid := low + (high-low)/2; ok(mid) {
			low = mid
		} else {
			high = mid
		}
	}
	if low = s.runeStart(low); low > from {
		return low
	}
	low = from + 1 // nothing fits: go on with the smallest piece there is
	for s.runeStart(low) <= from {
		low++
	}
	return low
}

// places holds for each level of a cut the last position of that level, 0 if
// there is none.
type places [5]int

// places looks for places to cut after from and not after most. It stops at
// the first paragraph's end it meets.
func (s *strip) places(from, most int) places {
	var found places
	for pos := most; pos > from; pos-- {
		if !s.whole(pos) {
			continue
		}
		level := s.level(pos)
		if found[level] == 0 {
			found[level] = pos
		}
		if level == atParagraph {
			break
		}
	}
	return found
}

// pick takes the best of them: a level counts if its place fills 1/share of
// what fits.
func (found places) pick(from, most int) int {
	share := [...]int{atWord: 8, atLine: 3, atParagraph: 2}
	for level := atParagraph; level >= atWord; level-- {
		if pos := found[level]; pos > 0 && (pos-from)*share[level] >= most-from {
			return pos
		}
	}
	return found.last(most)
}

// last is the last place between two characters, outside a link if one is
// near; or most, within a character that does not end.
func (found places) last(most int) int {
	for _, pos := range []int{slices.Max(found[atCharacter:]), found[atLink]} {
		if pos > 0 && most-pos <= maxCluster {
			return pos
		}
	}
	return most
}

// trimEnd moves a cut back over white space.
func (s *strip) trimEnd(from, to int) int {
	for to > from {
		before, _, _ := s.around(to)
		if before == "" || !strings.ContainsRune(" \t\n", rune(before[len(before)-1])) {
			break
		}
		to--
	}
	return to
}

// trimStart moves a cut over the white space after it: over line ends, and
// over spaces that stood between words but not over the indentation of a line.
func (s *strip) trimStart(cut int) int {
	pos := cut
	for pos < s.len() {
		_, after, _ := s.around(pos)
		if after == "" || !strings.ContainsRune(" \t\n", rune(after[0])) {
			break
		}
		pos++
		if after[0] == '\n' {
			cut = pos
		}
	}
	if before, _, edge := s.around(cut); !edge && strings.HasSuffix(before, "\n") {
		return cut
	}
	return pos
}

// blank reports whether there is nothing to see between two positions.
func (s *strip) blank(from, to int) bool {
	for _, l := range s.leaves(from, to) {
		if l.node.Kind != Text || strings.TrimSpace(l.node.Text) != "" {
			return false
		}
	}
	return true
}
