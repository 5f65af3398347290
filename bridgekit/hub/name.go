package hub

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// maxName is the longest name that is shown, in characters.
const maxName = 64

// An Identity is somebody whom a network does not know, as it shows them.
type Identity struct {
	Name string // harmless, and nobody else's in the room
	MXID string // Matrix ID; of a person of another network, their ghost's
	// Network is the display name of the network they are on; "" for people of Matrix.
	Network string
}

// Show makes the identity of somebody. taken reports whether somebody else in the room has
// a name that looks like a given one; it gets a Skeleton. A name that is taken, or
// that mixes scripts as imitations do, gets the Matrix ID behind it.
func Show(name, mxid, network string, taken func(skeleton string) bool) Identity {
	clean := Clean(name)
	if clean == "" {
		clean = Clean(localpart(mxid))
	}
	if clean == "" {
		clean = "somebody"
	}
	if taken(Skeleton(clean)) || Mixed(clean) {
		clean += " (" + Clean(mxid) + ")"
	}
	return Identity{Name: clean, MXID: mxid, Network: Clean(network)}
}

func localpart(mxid string) string {
	local, _, _ := strings.Cut(strings.TrimPrefix(mxid, "@"), ":")
	return local
}

// Clean makes a name harmless: one line without control, direction, zero-width and
// private characters, without what ends the usual prefixes, at most 64 characters
// with no more than two marks on each.
func Clean(name string) string {
	var b strings.Builder
	marks, length, space := 0, 0, true // leading space goes
	seen := strings.Map(func(r rune) rune {
		if harmful(r) && !unicode.IsSpace(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(name, ""))
	for _, r := range norm.NFC.String(seen) { // what is left may belong together now
		switch {
		case unicode.IsSpace(r):
			if !space {
				b.WriteByte(' ')
				length++
			}
			space = true
			continue
		case unicode.Is(unicode.Mn, r) || unicode.Is(unicode.Me, r):
			if marks++; marks > 2 || space {
				continue
			}
		default:
			if length == maxName {
				return strings.TrimSpace(b.String()) + "…"
			}
			marks = 0
			length++
		}
		space = false
		b.WriteRune(r)
	}
	return strings.TrimSpace(b.String())
}

// harmful reports whether a character has no place in a name: it is not seen, it
// changes how others are seen, or it ends a prefix.
func harmful(r rune) bool {
	switch {
	case r == '<', r == '>', r == '\u034f', r == '\u115f', r == '\u1160', r == '\u3164', r == '\uffa0', r == '\u2800', r == unicode.ReplacementChar:
		return true // the middle ones are blank and no space
	case r >= 0xfe00 && r <= 0xfe0f && r != 0xfe0f, r >= 0xe0000 && r <= 0xe0fff:
		return true // selectors and tags
	}
	return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Co, r) || unicode.Is(unicode.Cs, r) || unicode.Is(unicode.Zl, r) || unicode.Is(unicode.Zp, r)
}

// Mixed reports whether a word mixes letters of scripts that look alike: Latin,
// Cyrillic, Greek, Armenian and Cherokee.
func Mixed(name string) bool {
	tables := []*unicode.RangeTable{unicode.Latin, unicode.Cyrillic, unicode.Greek, unicode.Armenian, unicode.Cherokee}
	for word := range strings.FieldsSeq(name) {
		seen := -1
		for _, r := range word {
			for i, t := range tables {
				if !unicode.Is(t, r) {
					continue
				}
				if seen >= 0 && seen != i {
					return true
				}
				seen = i
			}
		}
	}
	return false
}

// Skeleton is what a name looks like: names that people cannot tell apart have the
// same. It is for comparing, not for showing (after UTS 39, section 4).
func Skeleton(name string) string {
	var b strings.Builder
	for _, r := range norm.NFKD.String(strings.ToLower(Clean(name))) {
		if unicode.Is(unicode.Mn, r) || unicode.IsSpace(r) {
			continue
		}
		if s, ok := alike(r); ok {
			b.WriteString(s)
			continue
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// alike is the Latin look of a small letter or a digit of another kind.
func alike(r rune) (string, bool) {
	switch r {
	case 'а', 'α':
		return "a", true
	case 'в', 'β', 'ß':
		return "b", true
	case 'с', 'ϲ':
		return "c", true
	case 'ԁ':
		return "d", true
	case 'е', 'ε', 'є':
		return "e", true
	case 'ց':
		return "g", true
	case 'һ', 'հ', 'н', 'η':
		return "h", true
	case 'і', 'ι', 'ı', 'ї', '1', '|', '!', 'l', 'ӏ', 'ľ', 'ļ', 'ł', 'i':
		return "l", true // as capital I and small l are one
	case 'ј':
		return "j", true
	case 'к', 'κ':
		return "k", true
	case 'м', 'μ':
		return "m", true
	case 'ո', 'ν', 'п':
		return "n", true
	case 'о', 'ο', 'օ', '0', 'ø', 'σ':
		return "o", true
	case 'р', 'ρ':
		return "p", true
	case 'ԛ':
		return "q", true
	case 'г':
		return "r", true
	case 'ѕ', '5', '$':
		return "s", true
	case 'т', 'τ':
		return "t", true
	case 'υ', 'ս':
		return "u", true
	case 'ѵ':
		return "v", true
	case 'ѡ', 'ԝ', 'ω':
		return "w", true
	case 'х', 'χ':
		return "x", true
	case 'у', 'γ', 'ү':
		return "y", true
	case 'ᴢ':
		return "z", true
	}
	return "", false
}
