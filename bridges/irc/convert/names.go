package convert

import (
	"strings"
	"unicode"
)

// longestName is how many runes of a name are shown.
const longestName = 48

// Name makes a stranger's display name fit to stand between "<" and ">" before
// what they say: without formatting, control, invisible or direction-changing
// characters, without the brackets themselves, and not longer than people read.
// It is empty if nothing visible remains.
func Name(name string) string {
	var w strings.Builder
	n := 0
	for _, r := range strings.Join(strings.Fields(Clean(Strip(name), false)), " ") {
		switch {
		case unicode.Is(unicode.Cf, r), unicode.Is(unicode.Co, r), unicode.IsControl(r), r == '\u034f', r == '\u115f', r == '\u1160', r == '\u3164':
			continue
		case r == '<', r == '＜', r == '﹤':
			r = '‹'
		case r == '>', r == '＞', r == '﹥':
			r = '›'
		case unicode.IsSpace(r):
			r = ' '
		}
		if n++; n > longestName {
			break
		}
		w.WriteRune(r)
	}
	return strings.TrimSpace(w.String())
}
