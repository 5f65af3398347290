package hub

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"unicode"

	"go.mau.fi/util/confusable"
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
// a name that looks like a given one; it gets one of its Looks. A name that is taken, or
// that mixes scripts as imitations do, gets the Matrix ID behind it.
func Show(name, mxid, network string, taken func(look string) bool) Identity {
	clean := Clean(name)
	if clean == "" {
		clean = Clean(localpart(mxid))
	}
	if clean == "" {
		clean = "somebody"
	}
	imitates := namesAccount(clean)
	if imitates { // what stands behind a name is the bridge's to say
		clean = Clean(strings.Map(withoutAt, clean))
	}
	looks := Looks(clean) // none: there is nothing to tell it by
	if imitates || len(looks) == 0 || slices.ContainsFunc(looks, taken) || Mixed(clean) {
		clean += " (" + distinct(mxid) + ")"
	}
	return Identity{Name: clean, MXID: mxid, Network: Clean(network)}
}

// namesAccount reports whether a name has a Matrix ID in it, or what looks like one: so
// would somebody else's with theirs behind it.
func namesAccount(name string) bool {
	_, after, at := strings.Cut(confusable.Skeleton(norm.NFKC.String(name)), "@")
	return at && strings.Contains(after, ":")
}

// withoutAt takes out what looks like the sign that a Matrix ID begins with.
func withoutAt(r rune) rune {
	if strings.Contains(norm.NFKC.String(string(r)), "@") {
		return -1
	}
	return r
}

// distinct is a Matrix ID as it stands behind a name: of a long one its beginning and a
// hash of all, so that no two become one.
func distinct(mxid string) string {
	if len(mxid) <= maxName {
		return Clean(mxid)
	}
	sum := sha256.Sum256([]byte(mxid))
	return Clean(strings.ToValidUTF8(mxid[:maxName-12], "")) + "…" + hex.EncodeToString(sum[:5])
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
	case r == '<', r == '>', r == '\u034f', r == '\u115f', r == '\u1160', r == '\u3164', r == '\uffa0', r == '\u2800', r == '\U0001d159', r == unicode.ReplacementChar:
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

// Looks are what a name looks like: two names that people cannot tell apart have one
// in common; none if there is nothing to see. They are for comparing, not for showing.
// Each is the skeleton of UTS 39, section 4: of the name as it is written, and of the
// name in capitals, because other letters are alike there.
func Looks(name string) []string {
	clean := Clean(name)
	var out []string
	for _, s := range []string{skeleton(clean), skeleton(strings.ToUpper(clean))} {
		if s != "" && !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// skeleton is that of UTS 39 without marks, spaces and the difference between great and
// small letters, and with what people write for letters, such as 5 for s.
func skeleton(name string) string {
	great := norm.NFKC.String(confusable.Skeleton(name))
	small := confusable.Skeleton(strings.ToLower(great)) // one of two alike letters may be great
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.Is(unicode.Mn, r) || unicode.IsSpace(r):
			return -1
		case r == 'i' || r == '!':
			return 'l' // as capital I and small l are one
		case r == '5' || r == '$':
			return 's'
		}
		return unicode.ToLower(r)
	}, small)
}
