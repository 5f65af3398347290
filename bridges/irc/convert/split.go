package convert

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// A cell is one rune and its style.
type cell struct {
	r     rune
	style style
}

// String is the line with formatting codes, uncut.
func (l Line) String() string { return encode(l.cells()) }

// Fit cuts the line into pieces of at most max bytes, codes included: at a
// space if there is one in the second half, else between characters, and within
// a character of several runes only if it alone is too long. Each piece carries
// its formatting. max must hold the longest rune and its codes; it is raised to 32.
func (l Line) Fit(max int) []string {
	if max < 32 {
		max = 32
	}
	var out []string
	for cells := l.cells(); len(cells) > 0; {
		n := prefix(cells, max)
		if n < len(cells) {
			n = breakAt(cells, n)
		}
		piece := cells[:n]
		cells = cells[n:]
		if len(cells) > 0 {
			piece = trimRight(piece)
			cells = trimLeft(cells)
		}
		if len(piece) > 0 {
			out = append(out, encode(piece))
		}
	}
	return out
}

func (l Line) cells() []cell {
	var out []cell
	for _, r := range l.runs {
		for _, c := range r.text {
			out = append(out, cell{c, r.style})
		}
	}
	return out
}

// encode writes cells with the codes between them.
func encode(cells []cell) string {
	var w strings.Builder
	var cur style
	for _, c := range cells {
		text := string(c.r)
		w.WriteString(change(cur, c.style, text))
		w.WriteString(text)
		cur = c.style
	}
	return w.String()
}

// prefix is how many cells fit into max bytes, at least one.
func prefix(cells []cell, max int) int {
	size := 0
	var cur style
	for i, c := range cells {
		if c.style != cur {
			size += len(change(cur, c.style, string(c.r)))
			cur = c.style
		}
		if size += utf8.RuneLen(c.r); size > max && i > 0 {
			return i
		}
	}
	return len(cells)
}

// breakAt is the best place at or before n to cut cells.
func breakAt(cells []cell, n int) int {
	if cells[n].r == ' ' {
		return n
	}
	for i := n; i > n/2; i-- {
		if cells[i-1].r == ' ' {
			return i
		}
	}
	for i := n; i > n/2; i-- {
		if separable(cells[i-1].r, cells[i].r) {
			return i
		}
	}
	return n
}

// separable reports whether a and b may stand in different lines: not if b
// changes how a looks, or they are joined to one picture.
func separable(a, b rune) bool {
	const joiner = '\u200d'
	switch {
	case a == joiner, b == joiner, unicode.Is(unicode.Mn, b), unicode.Is(unicode.Me, b), unicode.Is(unicode.Mc, b):
		return false
	case b >= 0x1f3fb && b <= 0x1f3ff: // skin tones
		return false
	case flag(a) && flag(b):
		return false
	}
	return true
}

// flag reports whether r is half of a flag.
func flag(r rune) bool { return r >= 0x1f1e6 && r <= 0x1f1ff }

func trimRight(cells []cell) []cell {
	for len(cells) > 0 && cells[len(cells)-1].r == ' ' {
		cells = cells[:len(cells)-1]
	}
	return cells
}

func trimLeft(cells []cell) []cell {
	for len(cells) > 0 && cells[0].r == ' ' {
		cells = cells[1:]
	}
	return cells
}
