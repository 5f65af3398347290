package convert

import (
	"strings"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/markup"
)

// maxIndent is how deep Slack's lists go.
const maxIndent = 8

// richText reads the elements of a rich_text block: sections, lists, quotes and
// preformatted text, one after another.
func (l Lookup) richText(elements []object) []markup.Node {
	var r richReader
	r.l = l
	for _, e := range elements {
		r.element(e)
	}
	r.endList()
	r.endQuote()
	return r.out
}

// A richReader builds the tree of a rich_text block, whose nesting is told by
// numbers: lists by their indent, and what is in a quote by its border.
type richReader struct {
	l     Lookup
	out   []markup.Node
	quote []markup.Node // an open quote's children
	open  bool          // there is one
	lists []markup.Node // the open lists, each within the last item of the one before
}

func (r *richReader) element(e object) {
	kind := e.str("type")
	bordered := e.int("border") > 0
	if kind == "rich_text_list" {
		if bordered != r.open {
			r.endList()
		}
		r.border(bordered)
		r.list(e)
		return
	}
	r.endList()
	switch kind {
	case "rich_text_quote":
		if !bordered { // a quote of its own
			r.endQuote()
		}
		r.border(true)
		r.add(r.l.section(e))
	case "rich_text_preformatted":
		r.border(bordered)
		r.add([]markup.Node{{Kind: markup.CodeBlock, Text: bare(r.l.section(e)), Lang: e.str("language")}})
	default:
		r.border(false)
		if e.is("elements") {
			r.add(r.l.section(e))
		} else {
			r.add([]markup.Node{r.l.inline(e)})
		}
	}
}

// border opens or ends a quote.
func (r *richReader) border(quoted bool) {
	if !quoted {
		r.endQuote()
	}
	r.open = quoted
}

// add appends nodes; text that follows text begins a line, and where a block
// follows, the line end before it is no empty line.
func (r *richReader) add(ns []markup.Node) {
	to := &r.out
	if r.open {
		to = &r.quote
	}
	*to = join(*to, ns)
}

// join puts nodes behind others, on a line of their own.
func join(a, b []markup.Node) []markup.Node {
	if len(a) == 0 || len(b) == 0 {
		return append(a, b...)
	}
	last, next := a[len(a)-1].Kind.Block(), b[0].Kind.Block()
	switch {
	case !last && !next && !endsLine(a):
		a = append(a, text("\n"))
	case !last && next:
		a = dropLineEnd(a)
	}
	return append(a, b...)
}

// endsLine reports whether the last node is a text that ends in a line feed.
func endsLine(ns []markup.Node) bool {
	for len(ns) > 0 {
		n := ns[len(ns)-1]
		if n.Kind == markup.Text {
			return strings.HasSuffix(n.Text, "\n")
		}
		ns = n.Children
	}
	return false
}

// dropLineEnd takes one line feed off the end of the last text.
func dropLineEnd(ns []markup.Node) []markup.Node {
	ns = append([]markup.Node(nil), ns...)
	if n := &ns[len(ns)-1]; n.Kind == markup.Text {
		n.Text = strings.TrimSuffix(n.Text, "\n")
	} else if len(n.Children) > 0 {
		n.Children = dropLineEnd(n.Children)
	}
	return ns
}

func (r *richReader) endQuote() {
	if len(r.quote) > 0 {
		r.out = join(r.out, []markup.Node{in(markup.Quote, r.quote...)})
	}
	r.quote, r.open = nil, false
}

// list goes on with an open list, or opens one, at the element's indent.
func (r *richReader) list(e object) {
	level := min(max(e.int("indent"), 0), maxIndent)
	next := markup.Node{Kind: markup.List, Ordered: e.str("style") == "ordered"}
	if start := e.int("offset") + 1; next.Ordered && start > 1 {
		next.Start = start
	}
	for _, item := range e.objs("elements") {
		r.item(level, next, trimmed(r.l.section(item)))
		if next.Ordered {
			next.Start = max(next.Start, 1) + 1
		}
	}
}

// item adds an item at a level, to an open list there or a new one, for which next
// stands.
func (r *richReader) item(level int, next markup.Node, children []markup.Node) {
	r.closeTo(level + 1)
	if n := len(r.lists); n == level+1 && !continues(r.lists[level], next) {
		r.closeTo(level)
	}
	for len(r.lists) < level {
		r.lists = append(r.lists, markup.Node{Kind: markup.List, Ordered: next.Ordered})
	}
	if len(r.lists) == level {
		r.lists = append(r.lists, next)
	}
	to := &r.lists[level]
	to.Children = append(to.Children, in(markup.Item, children...))
}

// continues reports whether next is the rest of the list, as after a list that was
// within its last item.
func continues(list, next markup.Node) bool {
	if list.Ordered != next.Ordered {
		return false
	}
	return !list.Ordered || max(next.Start, 1) == max(list.Start, 1)+len(list.Children)
}

// closeTo closes lists until n are open.
func (r *richReader) closeTo(n int) {
	for len(r.lists) > n {
		last := r.lists[len(r.lists)-1]
		r.lists = r.lists[:len(r.lists)-1]
		if len(last.Children) == 0 {
			continue
		}
		if len(r.lists) == 0 {
			r.add([]markup.Node{last})
			continue
		}
		outer := &r.lists[len(r.lists)-1]
		if len(outer.Children) == 0 {
			outer.Children = []markup.Node{in(markup.Item)}
		}
		item := &outer.Children[len(outer.Children)-1]
		item.Children = append(item.Children, last)
	}
}

func (r *richReader) endList() { r.closeTo(0) }

// trimmed is an item without the line feed at its end.
func trimmed(ns []markup.Node) []markup.Node {
	if len(ns) == 0 {
		return ns
	}
	return dropLineEnd(ns)
}

// section reads the inline elements of a section, quote or preformatted text.
func (l Lookup) section(e object) []markup.Node {
	var out []markup.Node
	for _, one := range e.objs("elements") {
		n := l.inline(one)
		if k := len(out) - 1; k >= 0 && n.Kind == markup.Link && out[k].Kind == markup.Link && out[k].URL == n.URL {
			out[k].Children = append(out[k].Children, n.Children...) // one link of several styles
			continue
		}
		out = append(out, n)
	}
	return out
}

// inline reads one element of a section.
func (l Lookup) inline(e object) markup.Node {
	style := e.obj("style")
	switch e.str("type") {
	case "text":
		if style.bool("code") {
			return styled(style, markup.Node{Kind: markup.Code, Text: e.str("text")})
		}
		return styled(style, text(e.str("text")))
	case "link":
		return l.link(e.str("url"), e.str("text"), style)
	case "user", "canvas_user_mention":
		return styled(style, l.mention(e.str("user_id"), ""))
	case "usergroup":
		return styled(style, l.group(e.str("usergroup_id"), ""))
	case "channel":
		return styled(style, l.channel(e.str("channel_id"), ""))
	case "team":
		return styled(style, text(ask(l.Team, e.str("team_id"), e.str("team_id"))))
	case "broadcast":
		return styled(style, everyone(e.str("range")))
	case "emoji":
		return styled(style, l.emojiElement(e))
	case "date":
		return l.date(e)
	case "color":
		return colour(e.str("value"))
	}
	return l.other(e)
}

// other reads an element that is not known: what it has of text and links.
func (l Lookup) other(e object) markup.Node {
	shown := first(e.str("text"), e.obj("text").str("text"), e.str("fallback"), e.str("title"), e.str("label"), e.str("name"), e.str("value"))
	if url := first(e.str("url"), e.str("permalink")); url != "" {
		return l.link(url, shown, e.obj("style"))
	}
	if e.is("elements") && shown == "" {
		return text(markup.Body(l.section(e)).String())
	}
	return styled(e.obj("style"), text(shown))
}

// styled puts formats around a node, always in the same order, so that neighbours
// of one format become one.
func styled(style object, n markup.Node) markup.Node {
	for _, f := range []struct {
		key  string
		kind markup.Kind
	}{{"strike", markup.Strike}, {"underline", markup.Underline}, {"italic", markup.Italic}, {"bold", markup.Bold}} {
		if style.bool(f.key) {
			n = in(f.kind, n)
		}
	}
	return n
}

// link is a link.
func (l Lookup) link(url, label string, style object) markup.Node {
	url = strings.TrimSpace(url)
	shown := text(first(label, strings.TrimPrefix(strings.TrimPrefix(url, "mailto:"), "tel:")))
	if style.bool("code") {
		shown.Kind = markup.Code
	}
	if !safeURL(url) {
		if shown.Text != url && url != "" {
			shown.Text += " (" + url + ")"
		}
		return styled(style, shown)
	}
	return markup.Node{Kind: markup.Link, URL: url, Children: []markup.Node{styled(style, shown)}}
}

// safeURL reports whether an address may become a link: no program runs it.
func safeURL(url string) bool {
	scheme, _, ok := strings.Cut(strings.ToLower(url), ":")
	if !ok {
		return false
	}
	switch scheme {
	case "http", "https", "mailto", "tel", "ftp", "sip", "xmpp", "matrix", "slack", "geo", "sms", "irc", "ircs", "magnet":
		return true
	}
	return false
}

// everyone is a call of the whole channel ("here" is of those who are there).
func everyone(which string) markup.Node {
	return markup.Node{Kind: markup.Everyone, Text: "@" + first(which, "channel")}
}

func (l Lookup) emojiElement(e object) markup.Node {
	name := e.str("name")
	emoji := codepoints(e.str("unicode"))
	tone := e.int("skin_tone")
	if emoji == "" {
		if tone > 0 && !strings.Contains(name, "::") {
			name += "::skin-tone-" + e.str("skin_tone")
		}
		return l.emoji(name)
	}
	if tone > 0 && !strings.ContainsAny(emoji, "🏻🏼🏽🏾🏿") {
		emoji = toned(emoji, tone)
	}
	return text(emoji)
}

// date is an instant: in the words of its sender, who knew the readers' time zone
// better than a bridge does, else in UTC.
func (l Lookup) date(e object) markup.Node {
	shown := first(e.str("fallback"), formatDate(int64(e.num("timestamp")), e.str("format")))
	if url := first(e.str("url"), e.str("permalink")); url != "" {
		return l.link(url, shown, e.obj("style"))
	}
	return styled(e.obj("style"), text(shown))
}

// formatDate writes an instant by one of Slack's format strings, in UTC.
func formatDate(unix int64, format string) string {
	t := time.Unix(unix, 0).UTC()
	if t.Year() < 0 || t.Year() > 9999 {
		return ""
	}
	const long, short, clock = "January 2, 2006", "Jan 2, 2006", "15:04 UTC"
	return strings.NewReplacer(
		"{date_num}", t.Format("2006-01-02"), "{date_slash}", t.Format("2006/01/02"),
		"{date_long_full}", t.Format("Monday, "+long), "{date_long_pretty}", t.Format("Monday, "+long), "{date_long}", t.Format("Monday, "+long),
		"{date_short_pretty}", t.Format(short), "{date_short}", t.Format(short), "{date_pretty}", t.Format(long), "{date}", t.Format(long),
		"{day_divider_pretty}", t.Format("Monday, "+long), "{time_secs}", t.Format("15:04:05 UTC"), "{time}", t.Format(clock), "{ago}", t.Format(short+" "+clock),
	).Replace(first(format, "{date_num} {time}"))
}

// colour is a colour's value after a spot of it.
func colour(value string) markup.Node {
	if len(value) != 7 || value[0] != '#' || strings.Trim(strings.ToLower(value[1:]), "0123456789abcdef") != "" {
		return text(value)
	}
	return markup.Node{Kind: markup.Colour, FG: strings.ToLower(value), Children: []markup.Node{text("■ " + value)}}
}

// bare is the text of nodes without formats, for code.
func bare(ns []markup.Node) string {
	var w strings.Builder
	markup.Walk(ns, func(n markup.Node) bool {
		switch n.Kind {
		case markup.Link:
			w.WriteString(first(markup.Body(n.Children).String(), n.URL))
			return false
		case markup.Mention:
			w.WriteString("@" + n.Text)
		default:
			w.WriteString(n.Text)
		}
		return true
	})
	return w.String()
}
