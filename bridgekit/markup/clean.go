package markup

import (
	"strings"
	"unicode/utf8"
)

// cleanText makes s fit for any network: valid UTF-8, "\n" as the only line
// ending, no control characters besides "\n" and "\t". NUL breaks databases
// and C libraries; the other C0 codes are formatting or framing on IRC, C1 and
// DEL do harm in terminals; U+FFFE and U+FFFF are not characters.
func cleanText(s string) string {
	if isClean(s) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	for i, r := range s {
		switch {
		case r == '\r':
			if !strings.HasPrefix(s[i+1:], "\n") {
				b.WriteByte('\n')
			}
		case !dropped(r):
			b.WriteRune(r) // an invalid byte arrives here as U+FFFD
		}
	}
	return b.String()
}

// cleanLine is cleanText for what has to stay in one line.
func cleanLine(s string) string {
	s = cleanText(s)
	if strings.Contains(s, "\n") {
		s = strings.ReplaceAll(s, "\n", " ")
	}
	return s
}

// cleanToken is cleanText for identifiers and URLs, which have no white space
// but the space itself.
func cleanToken(s string) string {
	s = cleanText(s)
	if strings.ContainsAny(s, "\n\t") {
		s = strings.NewReplacer("\n", "", "\t", "").Replace(s)
	}
	return s
}

func isClean(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c < 0x20 && c != '\n' && c != '\t' || c >= 0x7f {
			return isCleanSlow(s)
		}
	}
	return true
}

func isCleanSlow(s string) bool {
	if !utf8.ValidString(s) {
		return false
	}
	for _, r := range s {
		if dropped(r) {
			return false
		}
	}
	return true
}

func dropped(r rune) bool {
	switch {
	case r == '\n' || r == '\t':
		return false
	case r < 0x20, r >= 0x7f && r <= 0x9f:
		return true
	}
	return r == 0xfffe || r == 0xffff
}

// cleanColour returns s as "#rrggbb" in lower case, or nothing.
func cleanColour(s string) string {
	if len(s) != 7 || s[0] != '#' {
		return ""
	}
	for i := 1; i < 7; i++ {
		c := s[i] | 0x20
		if (s[i] < '0' || s[i] > '9') && (c < 'a' || c > 'f') {
			return ""
		}
	}
	return strings.ToLower(s)
}

// cleanLang returns s if it can be the name of a language in every format
// (a CSS class in Matrix, the rest of a fence line in Markdown), or nothing.
func cleanLang(s string) string {
	if len(s) > 40 {
		return ""
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		alnum := c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z'
		if !alnum && !strings.ContainsRune("+-_.#", rune(c)) {
			return ""
		}
	}
	return s
}
