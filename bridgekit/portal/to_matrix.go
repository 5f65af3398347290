package portal

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/journal"
	"github.com/causeway-chat/causeway/bridgekit/markup"
	"github.com/causeway-chat/causeway/bridgekit/markup/html"
	"github.com/causeway-chat/causeway/bridgekit/matrix"
	"github.com/causeway-chat/causeway/bridgekit/matrix/crypt"
	"github.com/causeway-chat/causeway/bridgekit/network"
)

// maxText is how many bytes of JSON the texts of one event may take; a longer
// text becomes several events (Client-Server API, "Size limits").
const maxText = 56 << 10

// A rendered is one Matrix event's worth of a remote message.
type rendered struct {
	part    int // of the remote message, see broadcast.go
	kind    event.Type
	content *event.MessageEventContent
	again   bool // the message is in the room, in its thread
}

// toMatrix renders a remote message's content as Matrix events. It is a function
// of the content, so that a message that was sent in part continues where it
// stopped; media is uploaded on the way. Texts are split at limit.
func (x *inbound) toMatrix(ctx context.Context, c *network.Content, as id.UserID, limit int) ([]rendered, error) {
	// First, because it may have to wait, and a file is not uploaded again then.
	reply, err := x.eventOf(ctx, c.Reply)
	if err != nil {
		return nil, err
	}
	thread, err := x.eventOf(ctx, c.Thread)
	if err != nil {
		return nil, err
	}
	var out []rendered
	for i, part := range c.Parts {
		parts, err := x.part(ctx, part, as, limit)
		if err != nil {
			return nil, err
		}
		for _, content := range parts {
			kind := event.EventMessage
			if part.Media != nil && part.Media.Kind == network.Sticker && content.URL != "" {
				kind, content.MsgType = event.EventSticker, ""
			}
			out = append(out, rendered{part: i, kind: kind, content: content})
		}
	}
	if len(out) == 0 {
		out = append(out, rendered{kind: event.EventMessage, content: &event.MessageEventContent{MsgType: event.MsgNotice, Body: "(empty message)"}})
	}
	relate(out, reply, thread)
	if c.Broadcast {
		out = broadcast(out, thread)
	}
	return out, nil
}

// part renders one part.
func (x *inbound) part(ctx context.Context, p network.Part, as id.UserID, limit int) ([]*event.MessageEventContent, error) {
	switch {
	case p.Media != nil:
		content, err := x.media(ctx, p, as)
		if err != nil {
			return nil, err
		}
		return []*event.MessageEventContent{content}, nil
	case p.Location != nil:
		l := p.Location
		geo := fmt.Sprintf("geo:%g,%g", l.Lat, l.Lon)
		return []*event.MessageEventContent{{MsgType: event.MsgLocation, Body: strings.TrimSpace(l.Name + " " + geo), GeoURI: geo}}, nil
	case p.Contact != nil:
		return x.text(ctx, network.Part{Style: p.Style, Text: markup.Plain("Contact: " + p.Contact.Name)}, limit)
	case p.Poll != nil:
		return x.text(ctx, network.Part{Style: p.Style, Text: pollText(p.Poll)}, limit)
	}
	return x.text(ctx, p, limit)
}

// text renders a text, split if it is longer than an event.
func (x *inbound) text(ctx context.Context, p network.Part, limit int) ([]*event.MessageEventContent, error) {
	body, err := x.bodyToMatrix(ctx, p.Text)
	if err != nil {
		return nil, err
	}
	kind := event.MsgText
	switch p.Style {
	case network.Notice:
		kind = event.MsgNotice
	case network.Emote:
		kind = event.MsgEmote
	}
	bodies := []markup.Body{body}
	if s, ok := markup.Line(body); !ok || jsonSize(s) > limit {
		bodies = markup.Split(body, limit, renderedSize)
	}
	if len(bodies) == 1 {
		bodies[0] = x.pictureEmoji(ctx, bodies[0], limit)
	}
	var out []*event.MessageEventContent
	for _, b := range bodies {
		c := &event.MessageEventContent{MsgType: kind}
		setText(c, b)
		out = append(out, c)
	}
	return out, nil
}

// renderedSize measures a text as it is in an event.
func renderedSize(b markup.Body) int {
	if s, ok := markup.Line(b); ok {
		return jsonSize(s)
	}
	h, p := html.Render(b)
	if !html.NeedsHTML(b) {
		h = ""
	}
	return jsonSize(h) + jsonSize(p)
}

// jsonSize is how long a text is in JSON.
func jsonSize(s string) int {
	n := len(s)
	for _, r := range s {
		switch {
		case r == '"', r == '\\', r == '\n', r == '\t', r == '\r':
			n++
		case r < 0x20, r == 0x2028, r == 0x2029:
			n += 5
		}
	}
	return n
}

// setText puts a text and its mentions into an event.
func setText(c *event.MessageEventContent, b markup.Body) {
	if s, ok := markup.Line(b); ok {
		c.Body, c.Mentions = s, &event.Mentions{}
		return
	}
	h, plain := html.Render(b)
	c.Body = plain
	if html.NeedsHTML(b) {
		c.Format, c.FormattedBody = event.FormatHTML, h
	}
	// Always there: without it clients look for names in the text and ping
	// whoever is called like a word (Client-Server API, "User mentions").
	c.Mentions = &event.Mentions{}
	m := markup.Mentions(b)
	for _, u := range m.MXIDs {
		c.Mentions.UserIDs = append(c.Mentions.UserIDs, id.UserID(u))
	}
	c.Mentions.Room = m.Everyone
}

// mxid is who a remote person is on Matrix: a local user for one of our logins.
func (x *inbound) mxid(u network.UserID) id.UserID {
	if own := x.logins.ByUser(x.p.Network, u); own != nil && own.Owner != "" {
		return id.UserID(own.Owner)
	}
	return x.ghostOf(x.p.Network, u)
}

// media uploads a file and renders it. A file that cannot be had any more, or is
// too large, becomes a notice that says so: the message must not vanish.
func (x *inbound) media(ctx context.Context, p network.Part, as id.UserID) (*event.MessageEventContent, error) {
	encrypted, err := x.hs.Encrypted(ctx, roomID(x.p))
	if err != nil {
		return nil, err
	}
	caption, err := x.bodyToMatrix(ctx, p.Text) // first: a file is not uploaded again if it fails
	if err != nil {
		return nil, err
	}
	uri, file, err := x.transfer(ctx, p.Media, as, encrypted)
	if err != nil {
		k := network.KindOf(err)
		if matrix.KindOf(err) != matrix.TooLarge && k != network.Rejected && k != network.Gone {
			return nil, err
		}
		words := network.UserText(err)
		if matrix.KindOf(err) == matrix.TooLarge {
			words = matrix.UserText(err)
		}
		return withoutFile(caption, fmt.Sprintf("File %q could not be shown here: %s", p.Media.Name, words)), nil
	}
	c := mediaContent(p, uri, x.pictureEmoji(ctx, caption, maxText/2))
	if file != nil {
		c.URL, c.File = "", file
	}
	return c, nil
}

// withoutFile is what is shown of a file that cannot be had: what was said with it, and why.
func withoutFile(caption markup.Body, why string) *event.MessageEventContent {
	c := &event.MessageEventContent{MsgType: event.MsgNotice}
	reason := markup.Node{Kind: markup.Paragraph, Children: []markup.Node{{Kind: markup.Text, Text: why}}}
	if len(caption) == 0 {
		setText(c, markup.Plain(why))
		return c
	}
	setText(c, append(slices.Clone(caption), reason))
	return c
}

// transfer streams a file from the network to the homeserver. If it is to be
// encrypted, file says how to read it.
func (x *inbound) transfer(ctx context.Context, m *network.Media, as id.UserID, encrypted bool) (uri id.ContentURI, file *event.EncryptedFileInfo, err error) {
	if strings.HasPrefix(string(m.Ref), "mxc://") {
		uri, err = id.ParseContentURI(string(m.Ref))
		return uri, nil, err
	}
	body, err := x.fetch(ctx, m)
	if err != nil {
		return uri, nil, err
	}
	defer body.Close()
	up := matrix.Upload{Name: m.Name, MIME: m.MIME, Size: m.Size, Body: io.Reader(body)}
	if up.Size <= 0 {
		up.Size = -1
	}
	if !encrypted {
		uri, err = x.hs.Upload(ctx, as, up)
		return uri, nil, err
	}
	return x.uploadEncrypted(ctx, as, up)
}

// uploadEncrypted uploads a file so that only who can read its message can read it.
func (x *inbound) uploadEncrypted(ctx context.Context, as id.UserID, up matrix.Upload) (id.ContentURI, *event.EncryptedFileInfo, error) {
	if up.Size >= 0 {
		up.Body = io.LimitReader(up.Body, up.Size)
	}
	enc := crypt.EncryptFile(up.Body)
	up.Name, up.MIME, up.Body = "", "application/octet-stream", enc
	uri, err := x.hs.Upload(ctx, as, up)
	if err != nil {
		return uri, nil, err
	}
	if _, err := io.Copy(io.Discard, enc); err != nil { // to its end, where its sum is
		return uri, nil, err
	}
	info, err := enc.Info(uri.String())
	if err != nil {
		return uri, nil, err
	}
	var file event.EncryptedFileInfo
	if err := json.Unmarshal(info, &file); err != nil {
		return uri, nil, fmt.Errorf("describe encrypted file: %w", err)
	}
	return uri, &file, nil
}

// fetch opens a file of the network, if it is not too large for the homeserver.
func (x *inbound) fetch(ctx context.Context, m *network.Media) (io.ReadCloser, error) {
	ops, other := x.opener(ctx)
	switch {
	case ops == nil:
		return nil, x.unopened(ctx, m)
	case ops.OpenMedia == nil:
		return nil, network.Errorf(network.Rejected, "files of this network cannot be fetched", "no media opener")
	}
	limit, err := x.hs.MaxUpload(ctx)
	if err != nil {
		return nil, err
	}
	if limit > 0 && m.Size > limit {
		return nil, &matrix.Error{Kind: matrix.TooLarge, Op: "upload", User: fmt.Sprintf("it has %s, this homeserver takes %s", size(m.Size), size(limit))}
	}
	body, err := ops.OpenMedia(ctx, *m)
	if k := network.KindOf(err); err != nil && other && x.sess != nil && (k == network.Rejected || k == network.Gone) {
		x.tellWaits(ctx, m)
		err = waitsFor{x.sess} // what it is called may be known to that login only
	}
	return body, err
}

// mediaContent is the event of an uploaded file. With a caption, body is the
// caption and filename the name (Client-Server API, "Media captions").
func mediaContent(p network.Part, uri id.ContentURI, caption markup.Body) *event.MessageEventContent {
	m := p.Media
	kinds := map[network.MediaKind]event.MessageType{network.Image: event.MsgImage, network.Sticker: event.MsgImage, network.Video: event.MsgVideo, network.Audio: event.MsgAudio, network.Voice: event.MsgAudio}
	kind, ok := kinds[m.Kind]
	if !ok {
		kind = event.MsgFile
	}
	name := m.Name
	if name == "" {
		name = string(m.Kind)
	}
	c := &event.MessageEventContent{
		MsgType: kind, Body: name, URL: uri.CUString(),
		Info: &event.FileInfo{MimeType: m.MIME, Size: int(m.Size), Width: m.Width, Height: m.Height, Duration: int(m.Duration.Milliseconds())},
	}
	if len(caption) > 0 {
		c.FileName = name
		setText(c, caption)
	}
	if m.Kind == network.Voice {
		c.MSC3245Voice = &event.MSC3245Voice{}
		c.MSC1767Audio = &event.MSC1767Audio{Duration: int(m.Duration.Milliseconds()), Waveform: m.Waveform}
	}
	return c
}

// relate adds the reply and thread to what was rendered. A reply goes to the
// first event, a thread to all. What is not known here is left out.
func relate(out []rendered, reply, thread id.EventID) {
	for i, r := range out {
		switch {
		case thread != "":
			last := reply
			if last == "" {
				last = thread
			}
			r.content.RelatesTo = (&event.RelatesTo{}).SetThread(thread, last)
			if reply != "" {
				r.content.RelatesTo.IsFallingBack = false
			}
		case reply != "" && i == 0:
			r.content.RelatesTo = (&event.RelatesTo{}).SetReplyTo(reply)
		}
	}
}

// eventOf is the event of a remote message; "" if it is not known.
func (x *inbound) eventOf(ctx context.Context, ref *network.Ref) (id.EventID, error) {
	if ref == nil {
		return "", nil
	}
	pending := x.mayCome(ctx, *ref) // asked first: what ends meanwhile is in the map
	rows, err := x.messages.remote(ctx, x.p.ID, ref.IDs()...)
	if err != nil {
		return "", err
	}
	if len(rows) == 0 {
		return "", pending
	}
	return id.EventID(rows[0].Event), x.stored(ctx, rows, journal.In)
}

// replaceContent makes content an edit of an event (Client-Server API, "Event
// replacements").
func replaceContent(c *event.MessageEventContent, of id.EventID) {
	inner := *c
	inner.RelatesTo = nil
	c.NewContent = &inner
	c.RelatesTo = (&event.RelatesTo{}).SetReplace(of)
	c.Body = "* " + c.Body
	if c.FormattedBody != "" {
		c.FormattedBody = "* " + c.FormattedBody
	}
}

// pollText is a poll as text.
func pollText(p *network.Poll) markup.Body {
	list := markup.Node{Kind: markup.List, Ordered: true}
	for _, a := range p.Answers {
		list.Children = append(list.Children, markup.Node{Kind: markup.Item, Children: []markup.Node{{Kind: markup.Text, Text: a.Text}}})
	}
	return markup.Body{{Kind: markup.Bold, Children: []markup.Node{{Kind: markup.Text, Text: "Poll: " + p.Question}}}, list}
}

// size is a number of bytes for people.
func size(n int64) string {
	switch {
	case n >= 1<<30:
		return fmt.Sprintf("%.1f GB", float64(n)/(1<<30))
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MB", float64(n)/(1<<20))
	}
	return fmt.Sprintf("%.1f KB", float64(n)/(1<<10))
}
