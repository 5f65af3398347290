package portal

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"path"
	"strings"
	"time"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/markup"
	"github.com/causeway-chat/causeway/bridgekit/markup/html"
	"github.com/causeway-chat/causeway/bridgekit/matrix"
	"github.com/causeway-chat/causeway/bridgekit/network"
)

// fromMatrix turns an event's content into what a network is asked to send. It
// is a function of the event, of who is signed in, and of what the room knows.
func (o *outbound) fromMatrix(ctx context.Context, raw json.RawMessage) (*network.Content, error) {
	var c event.MessageEventContent
	if err := json.Unmarshal(raw, &c); err != nil {
		return nil, network.Errorf(network.Rejected, "this message is not well-formed", "content: %w", err)
	}
	if o.evt.Type == event.EventSticker.Type {
		c.MsgType = event.MsgImage
	}
	part, err := o.fromPart(ctx, &c)
	if err != nil {
		return nil, err
	}
	if err := o.asLink(ctx, &part); err != nil {
		return nil, err
	}
	out := &network.Content{Parts: []network.Part{part}, Persona: o.persona(ctx)}
	if o.introducedAlready() {
		out.Persona = nil
	} else if strange := o.stranger(ctx); out.Persona != nil && (strange || !o.showsPersonas(ctx)) {
		o.prefix(&out.Parts[0], out.Persona)
		if strange {
			out.Persona = nil
		}
	}
	if err := o.relations(ctx, &c, out); err != nil {
		return nil, err
	}
	return out, nil
}

func (o *outbound) fromPart(ctx context.Context, c *event.MessageEventContent) (network.Part, error) {
	part := network.Part{}
	switch c.MsgType {
	case event.MsgNotice:
		part.Style = network.Notice
	case event.MsgEmote:
		part.Style = network.Emote
	}
	switch c.MsgType {
	case event.MsgImage, event.MsgVideo, event.MsgAudio, event.MsgFile:
		media, caption, err := o.fromMedia(ctx, c)
		if err != nil {
			return part, err
		}
		part.Media, part.Text = media, caption
		return part, nil
	case event.MsgLocation:
		part.Location = parseGeo(c.GeoURI, c.Body)
		if part.Location == nil {
			part.Text = markup.Plain(c.Body)
		}
		return part, nil
	}
	var err error
	if part.Text, err = o.fromText(ctx, c); err != nil {
		return part, err
	}
	if len(part.Text) == 0 {
		return part, network.Errorf(network.Rejected, "this message has no text", "message type %q without text", c.MsgType)
	}
	return part, nil
}

// fromText is a message's rich text with the people, chats and messages in it as
// the network knows them.
func (o *outbound) fromText(ctx context.Context, c *event.MessageEventContent) (markup.Body, error) {
	var b markup.Body
	if c.Format == event.FormatHTML && c.FormattedBody != "" {
		b = html.Parse(c.FormattedBody)
	} else {
		text := c.Body
		if c.RelatesTo != nil && c.RelatesTo.GetReplyTo() != "" {
			text = html.StripReplyFallback(text)
		}
		b = markup.Plain(text)
	}
	if may, err := o.callsEveryone(ctx, c); err != nil {
		return nil, err
	} else if may {
		b = markup.MarkEveryone(b, "@room")
	}
	return o.bodyFromMatrix(ctx, b)
}

// callsEveryone reports whether a message calls the whole room, which its sender needs the
// power for (Matrix client-server API, "m.room.power_levels", notifications.room; servers
// let everybody send such a message, and clients ignore it).
func (o *outbound) callsEveryone(ctx context.Context, c *event.MessageEventContent) (bool, error) {
	if c.Mentions == nil || !c.Mentions.Room {
		return false, nil
	}
	levels, err := o.hs.Levels(ctx, o.evt.Room)
	if matrix.KindOf(err) == matrix.NotFound {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return levels.GetUserLevel(o.evt.Sender) >= levels.Notifications.Room(), nil
}

func (o *outbound) fromMedia(ctx context.Context, c *event.MessageEventContent) (*network.Media, markup.Body, error) {
	address, file := c.URL, json.RawMessage(nil)
	if c.File != nil {
		var err error
		if file, err = json.Marshal(c.File); err != nil {
			return nil, nil, network.Errorf(network.Rejected, "this file cannot be read", "encrypted file: %w", err)
		}
		address = c.File.URL
	}
	uri, err := address.Parse()
	if err != nil || uri.IsEmpty() {
		return nil, nil, network.Errorf(network.Rejected, "this file has no address, and cannot be bridged", "media without mxc URI")
	}
	name, caption := c.Body, markup.Body(nil)
	if c.FileName != "" && c.FileName != c.Body {
		name = c.FileName
		if caption, err = o.fromText(ctx, c); err != nil {
			return nil, nil, err
		}
	}
	name = path.Base(strings.ReplaceAll(name, "\\", "/"))
	m := &network.Media{Kind: network.File, Name: name}
	switch c.MsgType {
	case event.MsgImage:
		m.Kind = network.Image
	case event.MsgVideo:
		m.Kind = network.Video
	case event.MsgAudio:
		m.Kind = network.Audio
		if c.MSC3245Voice != nil {
			m.Kind = network.Voice
		}
	}
	if o.evt.Type == event.EventSticker.Type {
		m.Kind = network.Sticker
	}
	if c.Info != nil {
		m.MIME, m.Size, m.Width, m.Height = c.Info.MimeType, int64(c.Info.Size), c.Info.Width, c.Info.Height
		m.Duration = time.Duration(c.Info.Duration) * time.Millisecond
	}
	m.Source = &mediaSource{o: o, uri: uri, name: name, mime: m.MIME, file: file}
	return m, caption, nil
}

// A mediaSource gives a network the bytes of, or a link to, a file of the
// homeserver.
type mediaSource struct {
	o          *outbound
	uri        id.ContentURI
	name, mime string
	file       json.RawMessage // of an encrypted file
}

var _ network.Source = (*mediaSource)(nil)

func (m *mediaSource) Open(ctx context.Context) (io.ReadCloser, error) {
	return m.o.open(ctx, m.uri, m.file)
}

func (m *mediaSource) Link(ctx context.Context) (string, time.Time, error) {
	if m.o.opts.Link == nil {
		return "", time.Time{}, network.ErrNotPublic
	}
	return m.o.opts.Link(ctx, m.uri, m.name, m.mime, m.file)
}

// relations adds what the message answers and which thread it is in.
func (o *outbound) relations(ctx context.Context, c *event.MessageEventContent, out *network.Content) error {
	if c.RelatesTo == nil {
		return nil
	}
	if thread := c.RelatesTo.GetThreadParent(); thread != "" && features(o.p).Threads {
		ref, rows, err := o.ref(ctx, thread)
		if err != nil {
			return err
		}
		if len(rows) > 0 {
			out.Thread = &ref
		}
	}
	reply := c.RelatesTo.GetReplyTo()
	if features(o.p).Threads {
		reply = c.RelatesTo.GetNonFallbackReplyTo()
	}
	if reply == "" {
		return nil
	}
	ref, rows, err := o.ref(ctx, reply)
	if err != nil {
		return err
	}
	if len(rows) > 0 {
		out.Reply = &ref
		if isBroadcast(rows[0]) && out.Thread == nil && features(o.p).Threads {
			if out.Thread, err = o.threadOf(ctx, reply); err != nil {
				return err
			}
		}
	}
	if !features(o.p).Quotes {
		return nil
	}
	out.Quote, err = o.quote(ctx, reply)
	return err
}

// quote is what a reply answers, for networks that show it as text.
func (o *outbound) quote(ctx context.Context, target id.EventID) (*network.Quote, error) {
	evt, err := o.hs.GetEvent(ctx, o.evt.Room, target)
	if err != nil {
		if harmless(err) {
			return nil, nil // a reply to what is gone is a message
		}
		return nil, err
	}
	var c event.MessageEventContent
	if json.Unmarshal(o.content(ctx, evt), &c) != nil {
		return nil, nil
	}
	text, err := o.fromText(ctx, &c)
	if err != nil {
		return nil, err
	}
	q := &network.Quote{Text: text}
	if n, user, ok := o.hs.ParseGhost(evt.Sender); ok && n == string(o.p.Network) {
		q.User, q.Name = network.UserID(user), user
		return q, nil
	}
	for _, sess := range o.logins.Of(string(evt.Sender)) {
		if sess.Network == o.p.Network {
			q.User = sess.User()
		}
	}
	q.Name = o.displayName(ctx, evt.Sender)
	return q, nil
}

// displayName is a person's name in the room; their localpart if they have none
// or it cannot be had.
func (o *outbound) displayName(ctx context.Context, u id.UserID) string {
	key := memberName(o.evt.Room, u)
	if !o.names.prepared(key) {
		var c struct {
			Name string `json:"displayname"`
		}
		if err := o.hs.State(ctx, o.evt.Room, event.StateMember, string(u), &c); err != nil {
			return u.Localpart()
		}
		o.names.put(key, c.Name)
	}
	if name := o.names.get(key); name != "" {
		return name
	}
	return u.Localpart()
}

// parseGeo reads a geo URI (RFC 5870); nil if it is none.
func parseGeo(uri, name string) *network.Location {
	var l network.Location
	if n, err := fmt.Sscanf(strings.SplitN(uri, ";", 2)[0], "geo:%f,%f", &l.Lat, &l.Lon); n != 2 || err != nil {
		return nil
	}
	l.Name = name
	return &l
}
