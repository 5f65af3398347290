package hub

import (
	"slices"
	"strings"
	"testing"
	"unicode"

	"pgregory.net/rapid"
)

// alike are characters that people take for another one.
func alike() map[rune][]rune {
	return map[rune][]rune{
		'a': []rune("аɑａ𝐚àá"), 'b': []rune("Ьｂ𝐛"), 'c': []rune("сϲｃⅽ𝐜"), 'e': []rune("еｅ𝐞é"), 'i': []rune("іıｉⅰ𝐢1lI|"), 'k': []rune("𝐤ｋ"),
		'l': []rune("1Iⅼ|ｌ𝐥"), 'm': []rune("ⅿｍ𝐦"), 'o': []rune("оοｏ0𝐨ö"), 'p': []rune("рρｐ𝐩"), 's': []rune("ѕｓ𝐬5"), 't': []rune("ｔ𝐭"), 'n': []rune("ｎ𝐧"),
		'r': []rune("ｒ𝐫"), 'y': []rune("уｙ𝐲"), 'd': []rune("ⅾｄ𝐝"), 'u': []rune("ｕ𝐮"), 'h': []rune("һｈ𝐡"), '.': []rune("．"),
	}
}

// unseen are characters that are not seen, or that change how others are.
func unseen() []rune {
	return []rune("\u200b\u200c\u200d\u2060\ufeff\u00ad\u202a\u202b\u202d\u202e\u202c\u2066\u2067\u2069\u061c\u180e\u034f\u3164\uffa0\u115f\u2800\ufe00\ufe0f\u17b4\U000e0061\U0001d159\u0007")
}

// disguise makes of a name one that people take for it.
func disguise(t *rapid.T, name string) string {
	var b strings.Builder
	for _, r := range name {
		if rapid.IntRange(0, 4).Draw(t, "unseen before") == 0 {
			b.WriteRune(rapid.SampledFrom(unseen()).Draw(t, "unseen"))
		}
		how := rapid.IntRange(0, 5).Draw(t, "how")
		as := alike()[unicode.ToLower(r)]
		switch {
		case how == 0 && as != nil:
			r = rapid.SampledFrom(as).Draw(t, "alike")
		case how == 1:
			r = unicode.ToUpper(r)
		case how == 2:
			r = unicode.ToLower(r)
		}
		b.WriteRune(r)
		if rapid.IntRange(0, 5).Draw(t, "mark") == 0 {
			b.WriteRune(rapid.SampledFrom([]rune("\u0301\u0323\u0335")).Draw(t, "a mark"))
		}
	}
	space := rapid.SampledFrom([]string{"", " ", "  ", "\t", "\u00a0", "\u2003", "\u3000", "\n"})
	return space.Draw(t, "before") + b.String() + space.Draw(t, "behind")
}

// Nobody looks like somebody else, however they write their name: it has none of the
// other's looks, or their Matrix ID behind it.
func TestDisguise(t *testing.T) {
	const mxid = "@mallory:evil.test"
	rapid.Check(t, func(t *rapid.T) {
		victim := rapid.SampledFrom([]string{"Alice", "Bob Builder", "Slackbot", "Causeway", "mike.smith", "Kim O", "Борис", "山田"}).Draw(t, "victim")
		theirs := Looks(victim)
		name := disguise(t, victim)
		got := Show(name, mxid, "", func(look string) bool { return slices.Contains(theirs, look) })
		if !strings.HasSuffix(got.Name, " ("+mxid+")") {
			t.Fatalf("%q passes as %q for %q", name, got.Name, victim)
		}
	})
}

// What is shown is one line of what is seen, whatever the name is, and says who it is if
// it is somebody else's.
func TestShowAnything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.OneOf(rapid.String(), rapid.StringOfN(rapid.SampledFrom(append(unseen(), 'a', ' ', '<', '@', ':', '(')), 0, 80, -1)).Draw(t, "name")
		taken := rapid.Bool().Draw(t, "taken")
		got := Show(name, "@m:evil.test", "", func(string) bool { return taken }).Name
		if got == "" || got != strings.TrimSpace(got) || strings.ContainsFunc(got, func(r rune) bool { return harmful(r) || r != ' ' && unicode.IsSpace(r) }) {
			t.Fatalf("%q is shown as %q", name, got)
		}
		if taken && !strings.HasSuffix(got, " (@m:evil.test)") {
			t.Fatalf("%q, which is taken, is shown as %q", name, got)
		}
	})
}

// A name with somebody's Matrix ID in it does not pass for one that Causeway distinguished,
// and long Matrix IDs stay different.
func TestShowAccounts(t *testing.T) {
	for name, want := range map[string]string{
		"Alice (@alice:x.test)":   "Alice (alice:x.test) (@m:evil.test)",
		"Alice (＠alice：x.test)":   "Alice (alice：x.test) (@m:evil.test)",
		"Alice (﹫alice\u2236x)":   "Alice (alice\u2236x) (@m:evil.test)",
		"me@work":                 "me@work",
		"12:30 @ the bar":         "12:30 @ the bar",
		"@\u200bx\u200b:\u200by ": "x:y (@m:evil.test)",
	} {
		if got := Show(name, "@m:evil.test", "", func(string) bool { return false }).Name; got != want {
			t.Errorf("%q is shown as %q, not %q", name, got, want)
		}
	}
	long := "@" + strings.Repeat("a", 200) + ":"
	taken := func(string) bool { return true }
	one, two := Show("Alice", long+"one.test", "", taken), Show("Alice", long+"two.test", "", taken)
	if one.Name == two.Name || len([]rune(one.Name)) > 90 {
		t.Errorf("%q and %q", one.Name, two.Name)
	}
}
