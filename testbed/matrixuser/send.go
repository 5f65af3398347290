package matrixuser

import (
	"context"
	"fmt"
	"strings"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

// File is a media file with its name and MIME type.
type File struct {
	Name string
	MIME string
	Data []byte
}

// Send sends a message of any content and returns its event ID.
func (u *User) Send(ctx context.Context, room id.RoomID, c *event.MessageEventContent) (id.EventID, error) {
	resp, err := u.Client.SendMessageEvent(ctx, room, event.EventMessage, c)
	if err != nil {
		return "", fmt.Errorf("send to %s: %w", room, err)
	}
	return resp.EventID, nil
}

func text(body string) *event.MessageEventContent {
	return &event.MessageEventContent{MsgType: event.MsgText, Body: body}
}

// Text sends plain text.
func (u *User) Text(ctx context.Context, room id.RoomID, body string) (id.EventID, error) {
	return u.Send(ctx, room, text(body))
}

// HTML sends formatted text with body as its plain form.
func (u *User) HTML(ctx context.Context, room id.RoomID, body, html string) (id.EventID, error) {
	c := text(body)
	c.Format, c.FormattedBody = event.FormatHTML, html
	return u.Send(ctx, room, c)
}

// Emote sends what the user does, "/me" in most clients.
func (u *User) Emote(ctx context.Context, room id.RoomID, body string) (id.EventID, error) {
	c := text(body)
	c.MsgType = event.MsgEmote
	return u.Send(ctx, room, c)
}

// Reply sends plain text in answer to an event (without the quote in the body
// that clients added before MSC2781).
func (u *User) Reply(ctx context.Context, room id.RoomID, to id.EventID, body string) (id.EventID, error) {
	c := text(body)
	c.RelatesTo = (&event.RelatesTo{}).SetReplyTo(to)
	return u.Send(ctx, room, c)
}

// Thread sends plain text into the thread that root begins (Client-Server API,
// threading).
func (u *User) Thread(ctx context.Context, room id.RoomID, root id.EventID, body string) (id.EventID, error) {
	c := text(body)
	c.RelatesTo = (&event.RelatesTo{}).SetThread(root, root)
	return u.Send(ctx, room, c)
}

// Edit replaces the text of an earlier event by body.
func (u *User) Edit(ctx context.Context, room id.RoomID, of id.EventID, body string) (id.EventID, error) {
	c := text(body)
	c.SetEdit(of)
	return u.Send(ctx, room, c)
}

// React adds a reaction to an event.
func (u *User) React(ctx context.Context, room id.RoomID, to id.EventID, key string) (id.EventID, error) {
	resp, err := u.Client.SendReaction(ctx, room, to, key)
	if err != nil {
		return "", fmt.Errorf("react in %s: %w", room, err)
	}
	return resp.EventID, nil
}

// Redact removes the content of an event, which may be a reaction.
func (u *User) Redact(ctx context.Context, room id.RoomID, what id.EventID) (id.EventID, error) {
	resp, err := u.Client.RedactEvent(ctx, room, what)
	if err != nil {
		return "", fmt.Errorf("redact in %s: %w", room, err)
	}
	return resp.EventID, nil
}

// Media uploads f and sends it as an image, a video, a sound or a file, as its
// MIME type says.
func (u *User) Media(ctx context.Context, room id.RoomID, f File) (id.EventID, error) {
	up, err := u.Client.UploadBytesWithName(ctx, f.Data, f.MIME, f.Name)
	if err != nil {
		return "", fmt.Errorf("upload %s: %w", f.Name, err)
	}
	c := &event.MessageEventContent{
		MsgType: event.MsgFile,
		Body:    f.Name,
		URL:     up.ContentURI.CUString(),
		Info:    &event.FileInfo{MimeType: f.MIME, Size: len(f.Data)},
	}
	kind, _, _ := strings.Cut(f.MIME, "/")
	switch kind {
	case "image":
		c.MsgType = event.MsgImage
	case "video":
		c.MsgType = event.MsgVideo
	case "audio":
		c.MsgType = event.MsgAudio
	}
	return u.Send(ctx, room, c)
}

// Download fetches the data of a media message.
func (u *User) Download(ctx context.Context, e Event) ([]byte, error) {
	uri, err := e.Content.AsMessage().URL.Parse()
	if err != nil {
		return nil, fmt.Errorf("media of %s: %w", e.ID, err)
	}
	return u.Client.DownloadBytes(ctx, uri)
}
