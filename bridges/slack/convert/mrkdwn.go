package convert

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/causeway-chat/causeway/bridgekit/markup"
)

// mrkdwn reads Slack's markup language: what is between angle brackets, three
// escapes, *bold*, _italic_, ~strike~, `code`, ```preformatted```, "> quote" and
// :emoji:.
func (l Lookup) mrkdwn(s string) []markup.Node { return mrkdwnReader{l: l, styles: true}.blocks(s) }

// linked reads text in which only angle brackets, escapes and emoji mean something.
func (l Lookup) linked(s string) []markup.Node {
	return (&mrkdwnReader{l: l}).inline(s, "")
}

type mrkdwnReader struct {
	l      Lookup
	styles bool
	// none says of a delimiter up to where there is no end of it, so that each
	// line is searched once.
	none [128]int
}

// blocks reads preformatted text and what is between it.
func (r mrkdwnReader) blocks(s string) []markup.Node {
	const fence = "```"
	var out []markup.Node
	for {
		before, rest, ok := strings.Cut(s, fence)
		code, after, closed := strings.Cut(rest, fence)
		if !ok || !closed || strings.TrimSpace(code) == "" {
			return join(out, r.lines(s))
		}
		out = join(out, r.lines(before))
		out = join(out, []markup.Node{{Kind: markup.CodeBlock, Text: strings.TrimPrefix(r.plain(code), "\n")}})
		s = strings.TrimPrefix(after, "\n")
	}
}

// lines reads quotes and what is between them.
func (r mrkdwnReader) lines(s string) []markup.Node {
	var out []markup.Node
	for s != "" {
		if rest, ok := quoteMark(s, 3); ok {
			return join(out, []markup.Node{in(markup.Quote, r.inlines(rest)...)})
		}
		n, quoted, lines := 0, false, []string(nil)
		for n < len(s) {
			line, _, more := strings.Cut(s[n:], "\n")
			rest, is := quoteMark(line, 1)
			if _, all := quoteMark(line, 3); n > 0 && (is != quoted || all) {
				break
			}
			quoted = is
			lines = append(lines, rest)
			if n += len(line); more {
				n++
			}
		}
		if quoted {
			out = join(out, []markup.Node{in(markup.Quote, r.inlines(strings.Join(lines, "\n"))...)})
		} else {
			out = join(out, r.inlines(s[:n]))
		}
		s = s[n:]
	}
	return out
}

// quoteMark takes n greater-than signs and a space off the beginning of s.
func quoteMark(s string, n int) (rest string, ok bool) {
	rest = s
	for range n {
		switch {
		case strings.HasPrefix(rest, "&gt;"):
			rest = rest[4:]
		case strings.HasPrefix(rest, ">"):
			rest = rest[1:]
		default:
			return s, false
		}
	}
	return strings.TrimPrefix(rest, " "), true
}

// inlines is inline for a text of its own.
func (r mrkdwnReader) inlines(s string) []markup.Node { return r.inline(s, "") }

// inline reads text within the styles of the delimiters in within.
func (r *mrkdwnReader) inline(s, within string) []markup.Node {
	var out []markup.Node
	done := 0 // what is before it is in out
	r.none = [128]int{}
	for i := 0; i < len(s); {
		node, end := r.token(s, i, within)
		if end == i {
			i++
			continue
		}
		if done < i {
			out = append(out, text(unescape(s[done:i])))
		}
		out = append(out, node)
		i, done = end, end
	}
	if done < len(s) {
		out = append(out, text(unescape(s[done:])))
	}
	return out
}

// token reads what begins at i and returns where it ends: i if nothing does.
func (r *mrkdwnReader) token(s string, i int, within string) (markup.Node, int) {
	c := s[i]
	switch c {
	case '<':
		if n := r.find(s, i+1, c, func(at int) bool { return s[at] == '>' }); n > i+1 {
			return r.bracket(s[i+1 : n]), n + 1
		}
	case ':':
		if n := emojiEnd(s, i); n > 0 {
			if _, ok := r.l.Standard(s[i:n]); ok || ask(r.l.Emoji, strings.Trim(s[i:n], ":"), "") != "" {
				return r.l.emoji(s[i:n]), n
			}
		}
	case '`':
		if n := r.find(s, i+1, c, func(at int) bool { return s[at] == c }); r.styles && n > i+1 && opens(s, i) {
			return markup.Node{Kind: markup.Code, Text: r.plain(s[i+1 : n])}, n + 1
		}
	case '*', '_', '~':
		if !r.styles || strings.IndexByte(within, c) >= 0 || !opens(s, i) {
			break
		}
		if n := r.find(s, i+1, c, func(at int) bool { return s[at] == c && closes(s, at) }); n > i+1 {
			kind := map[byte]markup.Kind{'*': markup.Bold, '_': markup.Italic, '~': markup.Strike}[c]
			inner := &mrkdwnReader{l: r.l, styles: true}
			return in(kind, inner.inline(s[i+1:n], within+string(c))...), n + 1
		}
	}
	return markup.Node{}, i
}

// find is the first place from at on, in the same line, that ends what c began; 0
// if there is none. Angle brackets are passed over, and code within styles too.
func (r *mrkdwnReader) find(s string, at int, c byte, ends func(int) bool) int {
	if at <= r.none[c] {
		return 0
	}
	i := at
	for ; i < len(s) && (s[i] != '\n' || c == '<'); i++ {
		if ends(i) {
			return i
		}
		if over := map[byte]byte{'<': '>', '`': '`'}[s[i]]; over != 0 && c != '<' && c != '`' {
			if n := strings.IndexByte(s[i+1:min(len(s), i+3000)], over); n > 0 && !strings.Contains(s[i:i+n], "\n") {
				i += n + 1
			}
		}
	}
	r.none[c] = i
	return 0
}

// opens reports whether the delimiter at i may begin something: not within a word,
// and not before a space or another such delimiter.
func opens(s string, i int) bool {
	before, _ := utf8.DecodeLastRuneInString(s[:i])
	after, _ := utf8.DecodeRuneInString(s[i+1:])
	if i+1 >= len(s) || unicode.IsSpace(after) || after == rune(s[i]) {
		return false
	}
	return i == 0 || !isWord(before) && before != rune(s[i])
}

// closes is the same for the end of something.
func closes(s string, i int) bool {
	before, _ := utf8.DecodeLastRuneInString(s[:i])
	after, _ := utf8.DecodeRuneInString(s[i+1:])
	if unicode.IsSpace(before) {
		return false
	}
	return i+1 == len(s) || !isWord(after) && after != rune(s[i])
}

func isWord(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

// emojiEnd is where an emoji's name that begins at i ends, 0 if none does.
func emojiEnd(s string, i int) int {
	name := func(at int) int {
		for n, r := range s[at:min(len(s), at+100)] {
			if !isWord(r) && !strings.ContainsRune("_+-'", r) {
				return at + n
			}
		}
		return at
	}
	n := name(i + 1)
	if n == i+1 || n >= len(s) || s[n] != ':' {
		return 0
	}
	if strings.HasPrefix(s[n:], "::skin-tone-") {
		if end := name(n + 2); end < len(s) && s[end] == ':' {
			return end + 1
		}
	}
	return n + 1
}

// bracket reads what is between angle brackets.
func (r *mrkdwnReader) bracket(s string) markup.Node {
	target, label, _ := strings.Cut(s, "|")
	label = unescape(label)
	if target == "" {
		return text("<" + unescape(s) + ">")
	}
	switch kind, id := target[0], unescape(target[1:]); {
	case kind == '@' && isID(id):
		return r.l.mention(id, trimAt(label))
	case kind == '#' && isID(id):
		return r.l.channel(id, strings.TrimPrefix(label, "#"))
	case kind == '!':
		return r.special(id, label)
	case label == "" && !safeURL(unescape(target)):
		return text("<" + unescape(s) + ">")
	}
	n := r.l.link(unescape(target), label, nil)
	if n.Kind == markup.Link && strings.Contains(label, ":") && label != n.URL {
		n.Children = (&mrkdwnReader{l: Lookup{Emoji: r.l.Emoji}}).inline(escape(label), "")
	}
	return n
}

// special reads <!here>, <!subteam^ID|@handle>, <!date^1392734382^{date}|words>.
func (r *mrkdwnReader) special(target, label string) markup.Node {
	f := strings.Split(target, "^")
	switch {
	case f[0] == "here" || f[0] == "channel" || f[0] == "everyone" || f[0] == "group":
		return everyone(map[bool]string{true: "channel", false: f[0]}[f[0] == "group"])
	case f[0] == "subteam" && len(f) > 1:
		return r.l.group(f[1], label)
	case f[0] == "date" && len(f) > 2:
		unix, err := strconv.ParseInt(f[1], 10, 64)
		if err == nil {
			label = first(label, formatDate(unix, f[2]))
		}
		if len(f) > 3 && f[3] != "" {
			return r.l.link(strings.Join(f[3:], "^"), label, nil)
		}
		return text(label)
	}
	return text(first(label, "<"+target+">"))
}

// plain is text in which nothing means anything but what Slack itself wrote, for
// code: links are their text.
func (r mrkdwnReader) plain(s string) string {
	return bare((&mrkdwnReader{l: Lookup{User: r.l.User, Channel: r.l.Channel, Group: r.l.Group}}).brackets(s))
}

// brackets reads angle brackets and escapes alone.
func (r *mrkdwnReader) brackets(s string) []markup.Node {
	var out []markup.Node
	for {
		before, rest, opened := strings.Cut(s, "<")
		inside, after, closed := strings.Cut(rest, ">")
		if !opened || !closed {
			return append(out, text(unescape(s)))
		}
		out = append(out, text(unescape(before)), r.bracket(inside))
		s = after
	}
}

// unescape undoes Slack's three escapes.
func unescape(s string) string {
	if !strings.Contains(s, "&") {
		return s
	}
	return strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&").Replace(s)
}

// escape writes text so that Slack reads it as text.
func escape(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(s)
}
