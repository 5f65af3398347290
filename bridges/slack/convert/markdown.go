package convert

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/causeway-chat/causeway/bridgekit/markup"
)

var (
	markdownHeading = regexp.MustCompile(`^ {0,3}(#{1,6}) +(.+?)(?: +#+)?$`)
	markdownRule    = regexp.MustCompile(`^ {0,3}(?:-(?: *-){2,}|\*(?: *\*){2,}|_(?: *_){2,}) *$`)
	markdownItem    = regexp.MustCompile(`^( *)(?:[-*+]|(\d{1,9})[.)]) +(.*)$`)
	markdownSpan    = regexp.MustCompile("\\\\[!-/:-@\\[-`{-~]|`+[^`\n]+`+" + `|!?\[([^\]\n]*)\]\(<?([^)\s>]+)>?(?: +"[^"\n]*")?\)|<(https?://[^>\s]+)>|\*\*\*([^*\n]+)\*\*\*|\*\*([^\n]+?)\*\*|__([^\n]+?)__|~~([^\n]+?)~~|\*([^*\s][^*\n]*?)\*|\b_([^_\s][^_\n]*?)_\b`)
)

// markdown reads the text of a markdown block: the part of Markdown that Slack
// names in its reference.
func (l Lookup) markdown(s string) []markup.Node {
	var out []markup.Node
	lines := strings.Split(strings.ReplaceAll(s, "\r\n", "\n"), "\n")
	for len(lines) > 0 {
		ns, n := l.markdownBlock(lines)
		out = append(out, ns...)
		lines = lines[n:]
	}
	return out
}

// markdownBlock reads what begins with the first line and returns how many lines
// that are.
func (l Lookup) markdownBlock(lines []string) ([]markup.Node, int) {
	line := strings.TrimRight(lines[0], " \t")
	switch {
	case line == "":
		return nil, 1
	case strings.HasPrefix(strings.TrimLeft(line, " "), "```"):
		n := 1
		for n < len(lines) && !strings.HasPrefix(strings.TrimLeft(lines[n], " "), "```") {
			n++
		}
		lang := strings.Trim(line, "` ")
		return []markup.Node{{Kind: markup.CodeBlock, Lang: lang, Text: strings.Join(lines[1:n], "\n")}}, min(n+1, len(lines))
	case markdownRule.MatchString(line):
		return []markup.Node{{Kind: markup.Rule}}, 1
	case strings.HasPrefix(line, ">"):
		n, inner := 0, []string(nil)
		for ; n < len(lines) && strings.HasPrefix(lines[n], ">"); n++ {
			inner = append(inner, strings.TrimPrefix(lines[n][1:], " "))
		}
		return []markup.Node{in(markup.Quote, l.markdownText(strings.Join(inner, "\n"))...)}, n
	}
	if h := markdownHeading.FindStringSubmatch(line); h != nil {
		return []markup.Node{{Kind: markup.Heading, Level: len(h[1]), Children: l.markdownText(h[2])}}, 1
	}
	if markdownItem.MatchString(line) {
		return l.markdownList(lines)
	}
	n := 1
	for n < len(lines) && !startsBlock(lines[n]) {
		n++
	}
	return []markup.Node{in(markup.Paragraph, l.markdownText(strings.Join(lines[:n], "\n"))...)}, n
}

// startsBlock reports whether a line ends the paragraph before it.
func startsBlock(line string) bool {
	trimmed := strings.TrimSpace(line)
	return trimmed == "" || strings.HasPrefix(trimmed, "```") || strings.HasPrefix(line, ">") ||
		markdownHeading.MatchString(line) || markdownItem.MatchString(line) || markdownRule.MatchString(line)
}

// markdownList reads items, as Slack's own lists: their indent says their level.
func (l Lookup) markdownList(lines []string) ([]markup.Node, int) {
	var r richReader
	n, counts := 0, [maxIndent + 1]int{}
	for ; n < len(lines); n++ {
		f := markdownItem.FindStringSubmatch(lines[n])
		if f == nil {
			break
		}
		level := min(len(f[1])/2, maxIndent)
		next := markup.Node{Kind: markup.List, Ordered: f[2] != ""}
		if start, err := strconv.Atoi(f[2]); err == nil && counts[level] == 0 {
			counts[level] = start
		}
		next.Start = counts[level]
		counts[level]++
		clear(counts[level+1:])
		r.item(level, next, l.markdownText(f[3]))
	}
	r.endList()
	return r.out, n
}

// markdownText reads a text within a block.
func (l Lookup) markdownText(s string) []markup.Node {
	var out []markup.Node
	for {
		at := markdownSpan.FindStringSubmatchIndex(s)
		if at == nil {
			return append(out, l.markdownPlain(s)...)
		}
		out = append(out, l.markdownPlain(s[:at[0]])...)
		group := func(n int) string {
			if at[2*n] < 0 {
				return ""
			}
			return s[at[2*n]:at[2*n+1]]
		}
		whole := s[at[0]:at[1]]
		switch {
		case whole[0] == '\\':
			out = append(out, text(whole[1:]))
		case whole[0] == '`':
			out = append(out, markup.Node{Kind: markup.Code, Text: strings.Trim(whole, "`")})
		case group(2) != "":
			out = append(out, l.link(group(2), group(1), nil))
		case group(3) != "":
			out = append(out, l.link(group(3), "", nil))
		case group(4) != "":
			out = append(out, in(markup.Bold, in(markup.Italic, l.markdownPlain(group(4))...)))
		case group(5)+group(6) != "":
			out = append(out, in(markup.Bold, l.markdownText(group(5)+group(6))...))
		case group(7) != "":
			out = append(out, in(markup.Strike, l.markdownText(group(7))...))
		default:
			out = append(out, in(markup.Italic, l.markdownText(group(8)+group(9))...))
		}
		s = s[at[1]:]
	}
}

// markdownPlain is text with mentions and emoji.
func (l Lookup) markdownPlain(s string) []markup.Node { return nodes(l.linked(s)...) }
