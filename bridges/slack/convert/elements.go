package convert

import (
	"strconv"
	"strings"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/markup"
)

// element reads what stands in a line: a text, a picture, or something to click,
// choose or fill in, which is shown as what it says, with its links.
func (r *blockReader) element(e object) []markup.Node {
	switch kind := e.str("type"); kind {
	case "":
		return nil
	case "plain_text", "mrkdwn":
		return flat(r.l.words(map[string]any(e)))
	case "image":
		return r.pictureLink(first(e.str("image_url"), e.obj("slack_file").str("url")), e.str("alt_text"))
	case "button", "workflow_button", "icon_button":
		return r.button(e)
	case "overflow":
		return r.options(e.objs("options"))
	case "checkboxes", "radio_buttons":
		return r.choices(e)
	case "feedback_buttons":
		return r.line([]object{e.obj("positive_button"), e.obj("negative_button")}, " · ")
	case "rich_text_input":
		return flat(r.l.richText(e.obj("initial_value").objs("elements")))
	case "rich_text", "section", "card":
		return r.block(e)
	default:
		if strings.HasPrefix(kind, "rich_text_") {
			return r.l.richText([]object{e})
		}
		return r.field(e)
	}
}

// button is a link, or its text in brackets if pressing it only tells the app.
func (r *blockReader) button(e object) []markup.Node {
	label := first(markup.Body(r.l.words(e["text"])).String(), e.str("accessibility_label"), "button")
	if url := e.str("url"); url != "" {
		return []markup.Node{r.l.link(url, label, nil)}
	}
	return []markup.Node{text("[" + label + "]")}
}

// options are the entries of a menu.
func (r *blockReader) options(list []object) []markup.Node {
	var out []markup.Node
	for _, o := range list {
		if len(out) > 0 {
			out = append(out, text(" · "))
		}
		out = append(out, r.button(o)...)
	}
	return out
}

// choices are boxes to tick, one in a line.
func (r *blockReader) choices(e object) []markup.Node {
	on := map[string]bool{}
	for _, o := range append(e.objs("initial_options"), e.obj("initial_option")) {
		on[o.str("value")] = o != nil
	}
	var out []markup.Node
	for _, o := range e.objs("options") {
		mark := "☐ "
		if on[o.str("value")] {
			mark = "☑ "
		}
		line := append([]markup.Node{text(mark)}, flat(r.l.words(o["text"]))...)
		if d := flat(r.l.words(o["description"])); len(d) > 0 {
			line = append(append(line, text(" – ")), d...)
		}
		out = join(out, line)
	}
	return out
}

// field is something to fill in or choose from: what it holds at first, or what it
// asks for.
func (r *blockReader) field(e object) []markup.Node {
	var values []string
	for _, key := range []string{"initial_value", "initial_date", "initial_time"} {
		values = append(values, e.str(key))
	}
	if at := e.str("initial_date_time"); at != "" {
		if unix, err := strconv.ParseInt(at, 10, 64); err == nil && unix >= 0 && unix < 1<<36 {
			values = append(values, time.Unix(unix, 0).UTC().Format("2006-01-02 15:04 UTC"))
		}
	}
	for _, o := range append([]object{e.obj("initial_option")}, e.objs("initial_options")...) {
		values = append(values, markup.Body(r.l.words(o["text"])).String())
	}
	for _, id := range append(e.strs("initial_users"), e.str("initial_user")) {
		values = append(values, ask(r.l.User, id, id))
	}
	for _, id := range append(append(e.strs("initial_conversations"), e.strs("initial_channels")...), e.str("initial_conversation"), e.str("initial_channel")) {
		if id != "" {
			values = append(values, "#"+ask(r.l.Channel, id, id))
		}
	}
	shown := first(joined(", ", values...), markup.Body(r.l.words(e["placeholder"])).String(), markup.Body(r.l.words(e["text"])).String())
	if shown == "" {
		shown = unescape(first(e.str("fallback"), e.str("alt_text")))
	}
	if url := e.str("url"); url != "" {
		return []markup.Node{r.l.link(url, shown, nil)}
	}
	if shown == "" {
		return nil
	}
	return []markup.Node{text("[" + shown + "]")}
}
