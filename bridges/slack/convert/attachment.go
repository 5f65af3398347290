package convert

import (
	"slices"
	"strings"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/markup"
)

// attachments reads a message's attachments, each a quote, except previews of links
// that are in the text already (shown).
func (r *blockReader) attachments(list []object, shown string) []markup.Node {
	var out []markup.Node
	for _, a := range list {
		if isPreview(a) && mentions(shown, a) {
			continue
		}
		ns := r.attachment(a)
		if strings.TrimSpace(markup.Body(ns).String()) != "" {
			out = join(out, ns)
		}
	}
	return out
}

// isPreview reports whether an attachment is what Slack found behind a link:
// whoever reads the link elsewhere gets a preview there. Messages and what an app
// made of a link are not, because nobody else can look behind those.
func isPreview(a object) bool {
	if a.str("from_url") == "" && a.str("original_url") == "" {
		return false
	}
	return !isForward(a) && !a.bool("is_app_unfurl") && a.str("app_unfurl_url") == "" && a.str("bot_id") == ""
}

// isForward reports whether an attachment is another message of Slack.
func isForward(a object) bool {
	return a.bool("is_msg_unfurl") || a.bool("is_share") || a.bool("is_reply_unfurl") || a.bool("is_thread_root_unfurl") || len(a.list("message_blocks")) > 0
}

// mentions reports whether the text holds the link that an attachment is of.
func mentions(shown string, a object) bool {
	for _, key := range []string{"from_url", "original_url"} {
		if url := a.str(key); url != "" && strings.Contains(shown, strings.TrimSuffix(url, "/")) {
			return true
		}
	}
	return false
}

// attachment is the line before an attachment and the quote that it is.
func (r *blockReader) attachment(a object) []markup.Node {
	formatted := func(key string) []markup.Node {
		s := a.str(key)
		if s == a.str("fallback") || slices.Contains(a.strs("mrkdwn_in"), key) || !a.is("mrkdwn_in") {
			return r.l.mrkdwn(s)
		}
		return r.l.linked(s)
	}
	var inner []markup.Node
	if isForward(a) {
		inner = r.forward(a, formatted)
	} else {
		inner = r.legacy(a, formatted)
	}
	out := formatted("pretext")
	if len(inner) == 0 && len(out) == 0 {
		inner = r.l.linked(a.str("fallback"))
	}
	if len(inner) > 0 {
		out = join(out, []markup.Node{in(markup.Quote, inner...)})
	}
	return out
}

// legacy reads the fields that attachments had before blocks, and blocks.
func (r *blockReader) legacy(a object, formatted func(string) []markup.Node) []markup.Node {
	out := r.l.author(a)
	if service := unescape(a.str("service_name")); service != "" && len(out) == 0 && isPreview(a) {
		out = []markup.Node{text(service)}
	}
	if title := unescape(a.str("title")); title != "" {
		head := r.l.linked(escape(title))
		if url := a.str("title_link"); url != "" {
			head = []markup.Node{r.l.link(url, title, nil)}
		}
		out = join(out, bold(head))
	}
	if blocks := a.objs("blocks"); len(blocks) > 0 {
		out = join(out, r.blocks(blocks))
	} else {
		out = join(out, formatted("text"))
	}
	for _, f := range a.objs("fields") {
		out = join(out, r.titled(a, f))
	}
	out = join(out, r.pictures(a))
	out = join(out, r.line(a.objs("actions"), " · "))
	out = join(out, r.l.footer(a))
	if mark := bar(a.str("color")); mark.Kind != "" && len(out) > 0 {
		out = join([]markup.Node{mark}, out)
		if len(out) > 1 && out[1].Kind == markup.Text && out[1].Text == "\n" {
			out = slices.Delete(out, 1, 2) // the bar stands before the first line
		}
	}
	return out
}

// author is who or what an attachment is from.
func (l Lookup) author(a object) []markup.Node {
	name := unescape(first(a.str("author_name"), a.str("author_subname")))
	if name == "" {
		return nil
	}
	if url := a.str("author_link"); url != "" && !isForward(a) {
		return []markup.Node{l.link(url, name, nil)}
	}
	return []markup.Node{text(name)}
}

// titled is a field: its title and, in the same line if it is short, its value.
func (r *blockReader) titled(a, f object) []markup.Node {
	value := r.l.linked(f.str("value"))
	if slices.Contains(a.strs("mrkdwn_in"), "fields") || !a.is("mrkdwn_in") {
		value = r.l.mrkdwn(f.str("value"))
	}
	title := r.l.linked(f.str("title"))
	if len(title) == 0 || len(value) == 0 {
		return append(bold(title), value...)
	}
	if !f.bool("short") || !inlineOnly(value) {
		return join(bold(title), value)
	}
	return append(append(bold(title), text(": ")), value...)
}

// pictures are an attachment's picture, or the small one if there is no other.
func (r *blockReader) pictures(a object) []markup.Node {
	url := a.str("image_url")
	name := first(unescape(a.str("title")), unescape(a.str("fallback")), "image")
	switch {
	case url == "" && a.str("thumb_url") != "":
		return r.pictureLink(a.str("thumb_url"), "thumbnail")
	case url == "":
		return nil
	case r.l.Images && strings.HasPrefix(url, "https://"):
		r.picture(FileRef{URL: url, Public: true}, name, a, "")
		return nil
	}
	return r.pictureLink(url, first(fileName(url), "image"))
}

// footer is the small print: what an attachment is from, and when.
func (l Lookup) footer(a object) []markup.Node {
	out := l.linked(a.str("footer"))
	if unix := int64(a.num("ts")); unix > 0 {
		if len(out) > 0 {
			out = append(out, text(" · "))
		}
		out = append(out, text(formatDate(unix, "{date_num} {time}")))
	}
	if len(out) == 0 {
		return nil
	}
	return []markup.Node{in(markup.Italic, flat(out)...)}
}

// bar is the coloured bar that Slack draws beside an attachment; greys mean
// nothing and are left out.
func bar(colour string) markup.Node {
	switch colour {
	case "good":
		colour = "2eb886"
	case "warning":
		colour = "daa038"
	case "danger":
		colour = "a30200"
	}
	colour = strings.ToLower(strings.TrimPrefix(colour, "#"))
	if len(colour) != 6 || strings.Trim(colour, "0123456789abcdef") != "" {
		return markup.Node{}
	}
	low, high := slices.Min([]string{colour[:2], colour[2:4], colour[4:]}), slices.Max([]string{colour[:2], colour[2:4], colour[4:]})
	if low[0] == high[0] { // less than 16 of 255 apart, more or less
		return markup.Node{}
	}
	return markup.Node{Kind: markup.Colour, FG: "#" + colour, Children: []markup.Node{text("▍ ")}}
}

// forward is another message: who said it, what, and where, with a link to it. Its
// author is not called by being quoted.
func (r *blockReader) forward(a object, formatted func(string) []markup.Node) []markup.Node {
	name := first(unescape(a.str("author_name")), ask(r.l.User, a.str("author_id"), a.str("author_id")), unescape(a.str("author_subname")))
	out := bold(nodes(text(name)))
	body := []markup.Node(nil)
	for _, mb := range a.objs("message_blocks") {
		body = join(body, r.blocks(mb.obj("message").objs("blocks")))
	}
	if len(body) == 0 && len(a.objs("blocks")) > 0 {
		body = r.blocks(a.objs("blocks"))
	}
	if len(body) == 0 {
		body = formatted("text")
	}
	out = join(out, silent(body))
	if len(body) == 0 && len(a.objs("files")) == 0 {
		out = join(out, r.l.linked(a.str("fallback")))
	}
	out = join(out, r.pictures(a))
	return join(out, r.l.whence(a))
}

// whence says where a forwarded message is from and when it was said, as a link.
func (l Lookup) whence(a object) []markup.Node {
	where := unescape(a.str("footer"))
	if where == "" && a.str("channel_id") != "" {
		where = "#" + ask(l.Channel, a.str("channel_id"), first(a.str("channel_name"), a.str("channel_id")))
	}
	if unix := int64(a.num("ts")); unix > 0 {
		where = joined(" · ", where, time.Unix(unix, 0).UTC().Format("2006-01-02 15:04 UTC"))
	}
	shown := nodes(text(where))
	if url := a.str("from_url"); url != "" {
		shown = []markup.Node{l.link(url, first(where, "original message"), nil)}
	}
	if len(shown) == 0 {
		return nil
	}
	return []markup.Node{in(markup.Italic, shown...)}
}

// silent is nodes in which nobody is called: what is quoted was said before.
func silent(ns []markup.Node) []markup.Node {
	return markup.Map(ns, func(n markup.Node) []markup.Node {
		switch n.Kind {
		case markup.Mention:
			return []markup.Node{text("@" + n.Text)}
		case markup.Everyone:
			return []markup.Node{text(n.Text)}
		}
		return []markup.Node{n}
	})
}
