package markup

import (
	"unicode"
	"unicode/utf8"
)

const (
	zwj        = '\u200d'
	maxCluster = 256 // bytes; what looks like a longer character is an attack
)

// joined reports whether a reader sees the end of before and the start of
// after as one character: a letter and its accents, a flag, a family of emoji
// joined by ZWJ. It is the part of UAX #29 (extended grapheme clusters) that
// needs no tables beyond package unicode; Indic conjuncts and Hangul typed as
// single jamo are approximated.
func joined(before, after string) bool {
	if before == "" || after == "" {
		return false
	}
	a, _ := utf8.DecodeLastRuneInString(before)
	b, _ := utf8.DecodeRuneInString(after)
	switch {
	case a == '\n' || b == '\n':
		return false
	case extends(b):
		return true
	case a == zwj:
		return true
	case isRegional(a) && isRegional(b):
		return oddRegionals(before)
	}
	return isJamo(a) && isJamoTail(b)
}

// extends reports whether r belongs to the character before it.
func extends(r rune) bool {
	switch {
	case r < 0x300:
		return false
	case r == zwj, r == '\u200c':
		return true
	case r >= 0x1f3fb && r <= 0x1f3ff: // skin tones
		return true
	case r >= 0xe0020 && r <= 0xe007f: // tags, in flags of regions
		return true
	}
	return unicode.Is(unicode.M, r) // variation selectors and keycaps too
}

func isRegional(r rune) bool { return r >= 0x1f1e6 && r <= 0x1f1ff }

// oddRegionals reports whether s ends in the first half of a flag.
func oddRegionals(s string) bool {
	n := 0
	for s != "" {
		r, size := utf8.DecodeLastRuneInString(s)
		if !isRegional(r) || n >= maxCluster {
			break
		}
		n++
		s = s[:len(s)-size]
	}
	return n%2 == 1
}

func isJamo(r rune) bool {
	return r >= 0x1100 && r <= 0x11ff || r >= 0xac00 && r <= 0xd7a3
}

func isJamoTail(r rune) bool { return r >= 0x1160 && r <= 0x11ff }
