package convert

import (
	"encoding/json"
	"fmt"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/markup"
	"github.com/causeway-chat/causeway/bridgekit/network"
)

// A FileRef is what network.Media.Ref holds of a file of Slack: what is needed to
// fetch it.
type FileRef struct {
	ID string `json:"id,omitempty"`
	// URL is where its bytes are; empty if files.info has to be asked first.
	URL string `json:"url,omitempty"`
	// Public: URL is somebody's own server, to be asked without credentials and
	// with the care that addresses of strangers need.
	Public bool `json:"public,omitempty"`
}

// ParseFileRef reads a Ref again.
func ParseFileRef(ref []byte) (FileRef, error) {
	var r FileRef
	if err := json.Unmarshal(ref, &r); err != nil {
		return FileRef{}, fmt.Errorf("file reference: %w", err)
	}
	return r, nil
}

// Unchecked lists the files of which the message holds nothing but the ID (those
// of Slack Connect): ask files.info for them and give the answers to SetFile
// before Content.
func (m *Message) Unchecked() []string {
	var ids []string
	for _, f := range append(m.files[:len(m.files):len(m.files)], m.shared...) {
		if f.str("file_access") == "check_file_info" && f.str("id") != "" {
			ids = append(ids, f.str("id"))
		}
	}
	return ids
}

// SetFile fills in a file from the "file" object of files.info. It fails only if
// raw is no JSON object.
func (m *Message) SetFile(id string, raw []byte) error {
	o, err := decode(raw)
	if err != nil {
		return fmt.Errorf("file %s: %w", id, err)
	}
	for _, files := range [][]object{m.files, m.shared} {
		for i, f := range files {
			if f.str("id") == id {
				files[i] = o
			}
		}
	}
	return nil
}

// marshal is r as a Ref.
func (r FileRef) marshal() []byte {
	raw, err := json.Marshal(r)
	if err != nil { // of texts alone
		return nil
	}
	return raw
}

// file is the part for a file: a medium, or a text for what is no file of its own.
func (l Lookup) file(f object) network.Part {
	notice := func(s string) network.Part {
		return network.Part{Style: network.Notice, Text: markup.Plain(s)}
	}
	name := first(f.str("title"), f.str("name"), "file")
	switch f.str("file_access") {
	case "access_denied", "file_not_found":
		return notice("A file that is not for everybody here: " + name)
	}
	switch mode := f.str("mode"); {
	case mode == "tombstone":
		return notice("A file was deleted.")
	case mode == "hidden_by_limit":
		return notice("A file is hidden, because it is past the limits of the workspace's plan.")
	case mode == "snippet" || f.str("filetype") != "" && mode == "" && f.str("preview") != "" && f.bool("editable"):
		return l.snippet(f)
	case mode == "external" || f.bool("is_external"):
		return network.Part{Text: l.fileLink(f, first(f.str("url_private"), f.str("external_url"), f.str("permalink")), first(f.str("pretty_type"), f.str("external_type")))}
	case mode == "email":
		return network.Part{Text: l.email(f)}
	case mode == "canvas" || mode == "quip" || f.str("filetype") == "quip" || f.str("filetype") == "canvas":
		return network.Part{Media: canvas(f), Text: l.fileLink(f, f.str("permalink"), "Canvas")}
	case mode == "space":
		return network.Part{Text: l.fileLink(f, f.str("permalink"), "Canvas")}
	case mode == "list" || f.str("filetype") == "list":
		return network.Part{Text: l.fileLink(f, f.str("permalink"), "List")}
	case mode == "post" || mode == "docs":
		return network.Part{Text: l.fileLink(f, f.str("permalink"), "Post")}
	}
	return network.Part{Media: medium(f), Text: markup.Normalize(markup.Plain(fileTitle(f)))}
}

// fileLink is a link to what can be seen in Slack or elsewhere only.
func (l Lookup) fileLink(f object, to, kind string) markup.Body {
	out := []markup.Node{text("📄 "), l.link(to, unescape(first(f.str("title"), f.str("name"), kind)), nil)}
	if kind != "" {
		out = append(out, text(" ("+kind+")"))
	}
	if words := first(f.str("preview_plain_text"), plainPreview(f)); words != "" {
		out = append(out, in(markup.Quote, text(words)))
	}
	return markup.Normalize(out)
}

// plainPreview is the beginning of a post; that of other files may be HTML.
func plainPreview(f object) string {
	if p := f.str("preview"); !strings.Contains(p, "<") {
		return p
	}
	return ""
}

// canvas is a canvas as a file: Slack gives what it says now as HTML, of another size
// than it names. nil: Slack does not say where.
func canvas(f object) *network.Media {
	ref := FileRef{ID: f.str("id"), URL: first(f.str("url_private_download"), f.str("url_private"))}
	if ref.URL == "" && ref.ID == "" {
		return nil
	}
	name := strings.Map(func(r rune) rune {
		if r < ' ' || strings.ContainsRune(`/\:*?"<>|`, r) {
			return '_'
		}
		return r
	}, cleanName(unescape(first(f.str("title"), f.str("name"))), longestName))
	return &network.Media{Kind: network.File, Name: first(name, "Canvas") + ".html", MIME: "text/html", Ref: ref.marshal()}
}

// email is a message that was forwarded to Slack.
func (l Lookup) email(f object) markup.Body {
	out := l.fileLink(f, first(f.str("permalink"), f.str("url_private")), "E-mail")
	var from []string
	for _, p := range f.objs("from") {
		from = append(from, joined(" ", p.str("name"), p.str("address")))
	}
	if len(from) > 0 {
		out = join(out, []markup.Node{text("From: " + strings.Join(from, ", "))})
	}
	if words := f.str("plain_text"); words != "" && f.str("preview_plain_text") == "" {
		out = join(out, []markup.Node{in(markup.Quote, text(words))})
	}
	return markup.Normalize(out)
}

// snippet is a code block, and the whole file with it if Slack tells its beginning
// only.
func (l Lookup) snippet(f object) network.Part {
	code := first(f.str("content"), f.str("preview"))
	whole := f.str("content") != "" || f.int("lines_more") == 0 && !f.bool("preview_is_truncated")
	var out []markup.Node
	if title := first(f.str("title"), f.str("name")); title != "" && title != "Untitled" {
		out = append(out, in(markup.Bold, text(title)))
	}
	if code == "" {
		return network.Part{Media: medium(f), Text: markup.Normalize(out)}
	}
	if !whole {
		code = strings.TrimRight(code, "\n") + "\n…"
	}
	out = join(out, []markup.Node{{Kind: markup.CodeBlock, Text: code, Lang: language(f.str("filetype"))}})
	p := network.Part{Text: markup.Normalize(out)}
	if !whole {
		p.Media = medium(f)
	}
	return p
}

// language is the name of a snippet's type as highlighters know it.
func language(filetype string) string {
	switch filetype {
	case "text", "auto", "":
		return ""
	case "shell":
		return "bash"
	case "objc":
		return "objectivec"
	}
	return filetype
}

// medium is a file that can be fetched.
func medium(f object) *network.Media {
	m := &network.Media{
		Kind: mediaKind(f), Name: unescape(first(f.str("name"), f.str("title"))), MIME: f.str("mimetype"), Size: int64(size(f, "size")),
		Width: size(f, "original_w"), Height: size(f, "original_h"), Duration: time.Duration(size(f, "duration_ms")) * time.Millisecond,
		Ref: FileRef{ID: f.str("id"), URL: first(f.str("url_private_download"), f.str("url_private"))}.marshal(),
	}
	if m.Width == 0 || m.Height == 0 {
		m.Width, m.Height = size(f, "thumb_video_w"), size(f, "thumb_video_h")
	}
	if rest, is := strings.CutPrefix(m.MIME, "video/"); is && m.Kind == network.Voice {
		m.MIME = "audio/" + rest // Slack names the container, and no client plays a video as sound
	}
	m.Animated = m.MIME == "image/gif" || f.str("thumb_360_gif") != ""
	if m.Kind == network.Voice || m.Kind == network.Audio {
		m.Waveform = waveform(f.list("audio_wave_samples"))
	}
	return m
}

func mediaKind(f object) network.MediaKind {
	major, _, _ := strings.Cut(f.str("mimetype"), "/")
	switch {
	case f.str("subtype") == "slack_audio":
		return network.Voice
	case f.str("subtype") == "slack_video", major == "video":
		return network.Video
	case major == "audio":
		return network.Audio
	case major == "image" && !strings.HasPrefix(f.str("mimetype"), "image/vnd.") && f.str("mimetype") != "image/svg+xml":
		return network.Image
	}
	return network.File
}

// waveform are a voice message's samples, of 0 to 100 in Slack and to 1024 in
// Matrix (MSC3246).
func waveform(list []any) []int {
	var out []int
	for _, v := range list {
		n := object{"n": v}.int("n")
		out = append(out, min(max(n, 0), 100)*1024/100)
		if len(out) == 200 {
			break
		}
	}
	return out
}

// fileTitle is what a person called a file, empty if that is just its name.
func fileTitle(f object) string {
	title, name := unescape(f.str("title")), unescape(f.str("name"))
	plain := func(s string) string {
		s = strings.TrimSuffix(strings.ToLower(s), path.Ext(strings.ToLower(name)))
		return strings.NewReplacer("_", "", " ", "", "-", "").Replace(s)
	}
	switch {
	case name == "" || plain(title) == plain(name), strings.HasPrefix(title, "Image from "), f.str("subtype") != "":
		return ""
	}
	return title
}

// size is a whole number that is not negative.
func size(o object, key string) int { return max(o.int(key), 0) }

// fileName is the last piece of an address, if it looks like a file's name.
func fileName(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	if base := path.Base(u.Path); len(path.Ext(base)) > 1 && len(base) < 120 {
		return base
	}
	return ""
}

// imageType is the type of a picture by its address.
func imageType(address string) string {
	switch path.Ext(strings.ToLower(fileName(address))) {
	case ".png":
		return "image/png"
	case ".jpg", ".jpeg":
		return "image/jpeg"
	case ".gif":
		return "image/gif"
	case ".webp":
		return "image/webp"
	}
	return ""
}
