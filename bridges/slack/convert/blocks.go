package convert

import (
	"strings"

	"github.com/causeway-chat/causeway/bridgekit/markup"
	"github.com/causeway-chat/causeway/bridgekit/network"
)

// maxNesting is how deep blocks may be in blocks; what is deeper is left out.
const maxNesting = 10

// A blockReader makes a text of Block Kit's blocks. Pictures become parts of their
// own if the Lookup wants them.
type blockReader struct {
	l     Lookup
	media []network.Part
	depth int
}

// blocks reads blocks one below the other. What is text is a paragraph if it is
// not all there is.
func (r *blockReader) blocks(list []object) []markup.Node {
	var all [][]markup.Node
	for _, b := range list {
		if ns := r.block(b); strings.TrimSpace(markup.Body(ns).String()) != "" {
			all = append(all, ns)
		}
	}
	return paragraphs(all)
}

// paragraphs puts texts below each other: paragraphs, if there are several.
func paragraphs(all [][]markup.Node) []markup.Node {
	if len(all) == 1 {
		return all[0]
	}
	var out []markup.Node
	for _, ns := range all {
		if inlineOnly(ns) {
			ns = []markup.Node{in(markup.Paragraph, ns...)}
		}
		out = append(out, ns...)
	}
	return out
}

func inlineOnly(ns []markup.Node) bool {
	for _, n := range ns {
		if n.Kind.Block() || !inlineOnly(n.Children) {
			return false
		}
	}
	return true
}

func (r *blockReader) block(b object) []markup.Node {
	if r.depth >= maxNesting {
		return nil
	}
	r.depth++
	defer func() { r.depth-- }()
	switch b.str("type") {
	case "rich_text":
		return r.l.richText(b.objs("elements"))
	case "header":
		return []markup.Node{{Kind: markup.Heading, Level: 3, Children: r.l.words(b["text"])}}
	case "divider":
		return []markup.Node{{Kind: markup.Rule}}
	case "section":
		return r.section(b)
	case "context", "context_actions":
		return r.line(b.objs("elements"), " ")
	case "actions":
		return r.line(b.objs("elements"), " · ")
	case "image":
		return r.image(b)
	case "input":
		return r.input(b)
	case "table", "data_table":
		return r.table(b)
	case "video":
		return r.video(b)
	case "call":
		return r.call(b)
	case "markdown":
		return r.l.markdown(b.str("text"))
	case "file":
		return nil // it is in the message's files
	}
	return r.unknown(b)
}

// words reads a text object, or a text that stands in its place.
func (l Lookup) words(v any) []markup.Node {
	switch t := v.(type) {
	case string:
		return l.linked(t)
	case map[string]any:
		o := object(t)
		switch o.str("type") {
		case "mrkdwn":
			return l.mrkdwn(o.str("text"))
		case "rich_text":
			return l.richText(o.objs("elements"))
		case "plain_text":
			return l.plainText(o)
		}
		return l.linked(o.str("text"))
	}
	return nil
}

// plainText reads a text object whose only markup may be emoji.
func (l Lookup) plainText(o object) []markup.Node {
	s := unescape(o.str("text"))
	if e, ok := o["emoji"].(bool); ok && !e {
		return nodes(text(s))
	}
	return (&mrkdwnReader{l: Lookup{Emoji: l.Emoji}}).inline(escape(s), "")
}

// nodes is a list without empty texts.
func nodes(ns ...markup.Node) []markup.Node {
	var out []markup.Node
	for _, n := range ns {
		if n.Kind != markup.Text || n.Text != "" {
			out = append(out, n)
		}
	}
	return out
}

// section is a text, fields in two columns, which become lines, and one element.
func (r *blockReader) section(b object) []markup.Node {
	out := r.l.words(b["text"])
	for _, f := range b.list("fields") {
		out = join(out, r.l.words(f))
	}
	if a := b.obj("accessory"); a != nil {
		out = join(out, r.line([]object{a}, ""))
	}
	return out
}

// line puts texts, pictures and interactive elements into a line.
func (r *blockReader) line(elements []object, between string) []markup.Node {
	var out []markup.Node
	for _, e := range elements {
		ns := r.element(e)
		if len(ns) == 0 {
			continue
		}
		if len(out) > 0 && between != "" {
			out = append(out, text(between))
		}
		out = append(out, ns...)
	}
	return out
}

// image is a picture: a part of its own, or a link. Its title goes with it.
func (r *blockReader) image(b object) []markup.Node {
	title := markup.Body(r.l.words(b["title"])).String()
	alt := first(title, b.str("alt_text"))
	file := b.obj("slack_file")
	ref := FileRef{ID: file.str("id"), URL: first(b.str("image_url"), file.str("url")), Public: file == nil}
	if ref.ID != "" || ref.URL != "" && (r.l.Images || !ref.Public) {
		r.picture(ref, alt, b, title)
		return nil
	}
	return r.pictureLink(ref.URL, alt)
}

// pictureLink is a link to a picture.
func (r *blockReader) pictureLink(url, alt string) []markup.Node {
	if url == "" {
		return nodes(text(alt))
	}
	return []markup.Node{r.l.link(url, first(alt, "image"), nil)}
}

// picture adds a picture to the parts, of the size that o tells.
func (r *blockReader) picture(ref FileRef, name string, o object, caption string) {
	m := &network.Media{Kind: network.Image, Name: first(fileName(ref.URL), name, "image"), MIME: imageType(ref.URL),
		Width: size(o, "image_width"), Height: size(o, "image_height"), Size: int64(size(o, "image_bytes")), Ref: ref.marshal()}
	m.Animated = m.MIME == "image/gif"
	r.media = append(r.media, network.Part{Media: m, Text: markup.Normalize(markup.Plain(caption))})
}

// input is a question of a form, with what would stand in its field.
func (r *blockReader) input(b object) []markup.Node {
	out := bold(r.l.words(b["label"]))
	out = join(out, r.element(b.obj("element")))
	if hint := r.l.words(b["hint"]); len(hint) > 0 {
		out = join(out, []markup.Node{in(markup.Italic, hint...)})
	}
	return out
}

func bold(ns []markup.Node) []markup.Node {
	if len(ns) == 0 {
		return nil
	}
	return []markup.Node{in(markup.Bold, ns...)}
}

// table is a line for each row; the first row is bold.
func (r *blockReader) table(b object) []markup.Node {
	out := bold(r.l.words(b["caption"]))
	for i, row := range b.list("rows") {
		cells, _ := row.([]any)
		var line []markup.Node
		for j, c := range objects(cells) {
			if j > 0 {
				line = append(line, text(" | "))
			}
			line = append(line, flat(r.cell(c))...)
		}
		if i == 0 {
			line = bold(line)
		}
		out = join(out, line)
	}
	return out
}

// cell is one cell of a table.
func (r *blockReader) cell(c object) []markup.Node {
	switch {
	case c.str("type") == "rich_text":
		return r.l.richText(c.objs("elements"))
	case c.obj("element") != nil:
		return r.element(c.obj("element"))
	}
	return nodes(text(first(unescape(c.str("text")), c.str("value"))))
}

// flat is nodes without blocks, for where only a line fits.
func flat(ns []markup.Node) []markup.Node {
	if inlineOnly(ns) {
		return ns
	}
	return nodes(text(strings.ReplaceAll(markup.Body(ns).String(), "\n", " ")))
}

// video is a link with what is known of the film.
func (r *blockReader) video(b object) []markup.Node {
	title := first(markup.Body(r.l.words(b["title"])).String(), b.str("alt_text"), "video")
	out := []markup.Node{text("🎬 "), r.l.link(first(b.str("title_url"), b.str("video_url")), title, nil)}
	if by := joined(" · ", b.str("author_name"), b.str("provider_name")); by != "" {
		out = append(out, text(" ("+by+")"))
	}
	return join(out, r.l.words(b["description"]))
}

// call is the card of a call, with a link to join it.
func (r *blockReader) call(b object) []markup.Node {
	v := b.obj("call").obj("v1")
	out := []markup.Node{text("📞 " + first(v.str("name"), "Call"))}
	var names []string
	for _, p := range either(v.objs("all_participants"), v.objs("active_participants")) {
		names = append(names, first(p.str("display_name"), ask(r.l.User, p.str("slack_id"), p.str("slack_id")), p.str("external_id")))
	}
	switch {
	case v.bool("has_ended") || v.num("date_end") > 0:
		out = append(out, text(" (ended)"))
	case v.str("join_url") != "":
		out = append(out, text(" · "), r.l.link(v.str("join_url"), "Join", nil))
	}
	if len(names) > 0 {
		out = append(out, text("\n"+strings.Join(names, ", ")))
	}
	return out
}

// either is a, or b if a is empty.
func either(a, b []object) []object {
	if len(a) > 0 {
		return a
	}
	return b
}

// joined joins texts that are not empty.
func joined(between string, texts ...string) string {
	var some []string
	for _, t := range texts {
		if t != "" {
			some = append(some, t)
		}
	}
	return strings.Join(some, between)
}

// unknown reads a block that is newer than this package, or seldom: its texts,
// then what is in it.
func (r *blockReader) unknown(b object) []markup.Node {
	var out []markup.Node
	for i, key := range []string{"title", "rich_text_title", "subtitle", "text", "body", "subtext", "description", "label", "caption"} {
		ns := r.l.words(b[key])
		if i < 2 {
			ns = bold(flat(ns))
		}
		out = join(out, ns)
	}
	if url := first(b.str("title_url"), b.str("url")); url != "" {
		out = join(out, []markup.Node{r.l.link(url, "", nil)})
	}
	for _, key := range []string{"child_blocks", "blocks", "tasks"} {
		out = join(out, r.blocks(b.objs(key)))
	}
	for _, e := range b.objs("elements") {
		if ns := r.element(e); len(ns) > 0 {
			out = join(out, ns)
		}
	}
	out = join(out, r.line(b.objs("actions"), " · "))
	if len(out) == 0 {
		out = nodes(text(unescape(first(b.str("fallback"), b.str("alt_text")))))
	}
	return out
}
