package convert

import (
	"maps"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/causeway-chat/causeway/bridgekit/markup"
)

func (w *richWriter) inlines(ns []markup.Node, style js, link string) {
	for _, n := range ns {
		w.inline(n, style, link)
	}
}

// inline renders an inline node with the styles and within the link around it.
func (w *richWriter) inline(n markup.Node, style js, link string) {
	switch n.Kind {
	case markup.Bold:
		w.inlines(n.Children, with(style, "bold"), link)
	case markup.Italic:
		w.inlines(n.Children, with(style, "italic"), link)
	case markup.Strike:
		w.inlines(n.Children, with(style, "strike"), link)
	case markup.Underline:
		w.inlines(n.Children, with(style, "underline"), link)
	case markup.Code:
		w.said(n.Text, with(style, "code"), link)
	case markup.Spoiler: // Slack has none
		if n.Text != "" {
			w.said("("+n.Text+") ", style, link)
		}
		w.said("||", style, link)
		w.inlines(n.Children, style, link)
		w.said("||", style, link)
	case markup.Link:
		w.link(n, style)
	case markup.Mention:
		w.mention(n, style)
	case markup.ChatLink:
		w.chat(n, style)
	case markup.Everyone:
		if w.o.Everyone && link == "" {
			w.add(js{"type": "broadcast", "range": rangeOf(n)}, style)
			return
		}
		w.said(first(n.Text, "@room"), style, link)
	case markup.Emoji:
		if name := w.o.emoji(n); name != "" && link == "" {
			w.add(js{"type": "emoji", "name": name}, style)
			return
		}
		w.said(first(n.Text, ":emoji:"), style, link)
	case markup.Text:
		w.said(n.Text, style, link)
	default: // Colour
		w.inlines(n.Children, style, link)
	}
}

// with is a style with one more attribute.
func with(style js, key string) js {
	out := js{key: true}
	maps.Copy(out, style)
	return out
}

// add adds an inline element.
func (w *richWriter) add(e js, style js) {
	if len(style) > 0 {
		e["style"] = style
	}
	w.run = append(w.run, e)
}

// text adds text as it is, to a text before it of the same style if there is one.
func (w *richWriter) text(s string, style js) {
	if s == "" {
		return
	}
	if n := len(w.run); n > 0 && style["code"] == nil {
		last, _ := w.run[n-1].(js)
		has, _ := last["style"].(js)
		if before, ok := last["text"].(string); ok && last["type"] == "text" && maps.Equal(has, style) {
			last["text"] = before + s
			return
		}
	}
	w.add(js{"type": "text", "text": s}, style)
}

// bareLink is an address within a text.
var bareLink = regexp.MustCompile(`\bhttps?://[^\s<>"|]+`)

// said adds text. Its addresses become links: in rich text Slack makes none itself.
func (w *richWriter) said(s string, style js, link string) {
	switch {
	case s == "":
		return
	case link != "":
		w.add(js{"type": "link", "url": link, "text": s}, style)
		return
	case style["code"] != nil:
		w.text(s, style)
		return
	}
	done := 0
	for _, at := range bareLink.FindAllStringIndex(s, -1) {
		url := trimURL(s[at[0]:at[1]])
		if len(url) < len("https://x") {
			continue
		}
		w.plain(s[done:at[0]], style)
		w.add(js{"type": "link", "url": url}, style)
		done = at[0] + len(url)
	}
	w.plain(s[done:], style)
}

// plain adds text in which what the workspace calls a custom emoji is one.
func (w *richWriter) plain(s string, style js) {
	done := 0
	for i := 0; i < len(s); i++ {
		if s[i] != ':' || w.o.Emoji == nil {
			continue
		}
		end := emojiEnd(s, i)
		before, _ := utf8.DecodeLastRuneInString(s[:i])
		after, _ := utf8.DecodeRuneInString(s[max(end, i):])
		if end == 0 || isWord(before) || before == ':' || isWord(after) || after == ':' {
			continue
		}
		name := w.o.emoji(markup.Node{Text: s[i:end]})
		if name == "" {
			continue
		}
		w.text(s[done:i], style)
		w.add(js{"type": "emoji", "name": name}, style)
		done, i = end, end-1
	}
	w.text(s[done:], style)
}

// trimURL takes off what ends the sentence that an address is in.
func trimURL(url string) string {
	for url != "" {
		last := url[len(url)-1]
		closing := strings.IndexByte(")]}", last)
		switch {
		case strings.IndexByte(".,;:!?'*_~", last) >= 0:
		case closing >= 0 && strings.Count(url, "([{"[closing:closing+1]) < strings.Count(url, string(last)):
		default:
			return url
		}
		url = url[:len(url)-1]
	}
	return url
}

// link renders a link, whose text may have styles of its own.
func (w *richWriter) link(n markup.Node, style js) {
	url := n.URL
	shown := markup.Body(n.Children).String()
	switch {
	case !safeURL(url) || strings.ContainsAny(url, " \n"):
		w.inlines(n.Children, style, "")
		if shown != n.URL {
			w.text(" ("+n.URL+")", style)
		}
	case strings.TrimSpace(shown) == "":
		w.add(js{"type": "link", "url": url}, style)
	default:
		before := len(w.run)
		w.inlines(n.Children, style, url)
		if len(w.run) != before+1 {
			return
		}
		if one, ok := w.run[before].(js); ok && one["text"] == url {
			delete(one, "text") // an address as it is
		}
	}
}

func (w *richWriter) mention(n markup.Node, style js) {
	if id := w.o.user(n); id != "" {
		w.add(js{"type": "user", "user_id": id}, style)
		return
	}
	name := "@" + trimAt(first(n.Text, n.User))
	if n.MXID {
		w.add(js{"type": "link", "url": matrixTo(n.User), "text": name}, style)
		return
	}
	w.said(name, style, "")
}

func (w *richWriter) chat(n markup.Node, style js) {
	if id := w.o.channel(n); id != "" {
		w.add(js{"type": "channel", "channel_id": id}, style)
		return
	}
	if n.MXID {
		w.add(js{"type": "link", "url": matrixTo(n.Chat), "text": first(n.Text, n.Chat)}, style)
		return
	}
	w.said(first(n.Text, n.Chat), style, "")
}

// matrixTo is the address of a Matrix identifier.
func matrixTo(id string) string {
	return "https://matrix.to/#/" + strings.NewReplacer("%", "%25", "/", "%2F", "?", "%3F", " ", "%20", "|", "%7C", ">", "%3E").Replace(id)
}

// rangeOf is whom a call of everybody calls: those who are there, if that was what
// was written, else the whole channel.
func rangeOf(n markup.Node) string {
	if n.Text == "@here" {
		return "here"
	}
	return "channel"
}

// user is the Slack ID of whom a mention calls, empty if they are not in Slack.
func (o Options) user(n markup.Node) string { return slackID(n.User, n.MXID, o.User, "UW") }

// channel is the same for a channel.
func (o Options) channel(n markup.Node) string { return slackID(n.Chat, n.MXID, o.Channel, "CGD") }

// slackID is the Slack ID that id stands for: as known tells, or without it, if id
// itself is one that begins with one of letters; else empty.
func slackID(id string, mxid bool, known func(string) (string, bool), letters string) string {
	if known != nil && !mxid {
		if found, ok := known(id); ok && isID(found) {
			return found
		}
		return ""
	}
	if mxid || !isID(id) || strings.IndexByte(letters, id[0]) < 0 {
		return ""
	}
	return id
}

// emoji is the name of a custom emoji in the workspace, empty if it has none.
func (o Options) emoji(n markup.Node) string {
	if o.Emoji != nil {
		if name, ok := o.Emoji(n.URL, n.Text); ok {
			return strings.Trim(name, ":")
		}
	}
	return ""
}
