package convert

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/causeway-chat/causeway/bridgekit/markup"
)

// shortest is the length below which a word in the middle of a text is not
// taken for a nick: too many people are called "a" or "me".
const shortest = 3

// mentions makes nodes of text, with a mention for each word that who knows. A
// word in a link is none.
func mentions(text string, who Lookup) []markup.Node {
	var out []markup.Node
	plain := 0 // where the text that is not yet in out begins
	emit := func(end int) {
		if plain < end {
			out = append(out, markup.Node{Kind: markup.Text, Text: text[plain:end]})
		}
	}
	for i := 0; who != nil && i < len(text); {
		end := i + nickPrefix(text[i:])
		if end == i {
			_, size := utf8.DecodeRuneInString(text[i:])
			i += size
			continue
		}
		word := text[i:end]
		if user, ok := who(word); ok && addressed(text, i, end) {
			emit(i)
			out = append(out, markup.Node{Kind: markup.Mention, User: user, Text: word})
			plain = end
		}
		i = end
	}
	emit(len(text))
	return out
}

// addressed reports whether text[i:end] stands where a nick is meant.
func addressed(text string, i, end int) bool {
	from := strings.LastIndexAny(text[:i], " \t\n") + 1
	if strings.Contains(text[from:i], "://") || strings.HasPrefix(text[from:], "www.") {
		return false
	}
	first := from == i && (i == 0 || text[i-1] == '\n')
	if first && end < len(text) && (text[end] == ':' || text[end] == ',') {
		return true
	}
	at := i > 0 && text[i-1] == '@'
	return at || end-i >= shortest
}

// nickPrefix is how many bytes at the beginning of text may be a nick.
func nickPrefix(text string) int {
	n := strings.IndexFunc(text, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.Is(unicode.Mn, r) && !strings.ContainsRune("[]\\`_^{|}-", r)
	})
	if n < 0 {
		return len(text)
	}
	return n
}

// AntiPing writes an invisible character into every word of name that who
// knows, so that a name in a relayed text does not call the person who has it.
func AntiPing(name string, who Lookup) string {
	var w strings.Builder
	for _, n := range mentions(name, whole(who)) {
		if n.Kind != markup.Mention {
			w.WriteString(n.Text)
			continue
		}
		first := 1
		for first < len(n.Text) && n.Text[first]&0xc0 == 0x80 {
			first++
		}
		w.WriteString(n.Text[:first] + "\u200b" + n.Text[first:])
	}
	return w.String()
}

// whole is who, or a Lookup that knows nobody.
func whole(who Lookup) Lookup {
	if who == nil {
		return func(string) (string, bool) { return "", false }
	}
	return who
}
