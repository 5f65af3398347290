package matrix

import (
	"context"
	"strings"
	"time"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

func pictureFact(of string) string { return "picture " + of }

// KeepAvatar gives a ghost the picture that source names, in the caller's words; ""
// takes it away. What was uploaded for the same source before is used again; else
// upload is called. It returns the picture's URI.
func (h *Homeserver) KeepAvatar(ctx context.Context, u id.UserID, source string, upload func(context.Context) (id.ContentURI, error)) (id.ContentURI, error) {
	unlock, err := h.lock(ctx, "profile "+string(u))
	if err != nil {
		return id.ContentURI{}, err
	}
	defer unlock()
	uri, err := h.picture(ctx, string(u), source, upload)
	if err != nil {
		return uri, err
	}
	return uri, h.setAvatar(ctx, u, uri)
}

// KeepRoomAvatar is KeepAvatar for a room, which the bot gives it unless it has it;
// shown is the URI of the picture that it has now.
func (h *Homeserver) KeepRoomAvatar(ctx context.Context, room id.RoomID, shown, source string, upload func(context.Context) (id.ContentURI, error)) (id.ContentURI, error) {
	unlock, err := h.lock(ctx, "picture "+string(room))
	if err != nil {
		return id.ContentURI{}, err
	}
	defer unlock()
	uri, err := h.picture(ctx, string(room), source, upload)
	if err != nil {
		return uri, err
	}
	text := ""
	if !uri.IsEmpty() {
		text = uri.String()
	}
	if text == shown {
		return uri, nil
	}
	content := &event.RoomAvatarEventContent{}
	if !uri.IsEmpty() {
		content.URL = uri.CUString()
	}
	_, err = h.SendState(ctx, room, h.BotID(), event.StateRoomAvatar, "", content, time.Time{})
	return uri, err
}

// picture is what a source was uploaded as.
func (h *Homeserver) picture(ctx context.Context, of, source string, upload func(context.Context) (id.ContentURI, error)) (id.ContentURI, error) {
	if source == "" {
		return id.ContentURI{}, nil
	}
	known, err := h.fact(ctx, pictureFact(of))
	if err != nil {
		return id.ContentURI{}, err
	}
	if from, text, ok := strings.Cut(known, " "); ok && from == source {
		return id.ParseContentURI(text)
	}
	uri, err := upload(ctx)
	if err != nil {
		return uri, err
	}
	return uri, h.setFact(ctx, pictureFact(of), source+" "+uri.String())
}
