package command

import (
	"context"
	"strings"

	"github.com/causeway-chat/causeway/bridgekit/config"
	"github.com/causeway-chat/causeway/bridgekit/markup"
	"github.com/causeway-chat/causeway/bridgekit/network"
)

func about(ctx context.Context, k *call) (markup.Body, error) {
	portals, err := k.c.b.Portals(ctx, k.in.Room)
	if err != nil {
		return nil, err
	}
	if len(portals) == 0 {
		left, err := k.leaving(ctx)
		return say("This room is not bridged. ", left, k.do("plumb <network> <chat>"), " bridges it."), err
	}
	var items []markup.Body
	for _, p := range portals {
		item := say(k.chat(p), ": ", fares(p.State))
		if p.Relay {
			item = say(item, "; people without an account are heard too", through(p.Through))
		}
		if p.Waiting > 0 {
			item = say(item, "; ", count(p.Waiting, "message waits", "messages wait"))
		}
		items = append(items, item)
	}
	return say("This room is bridged to:", list(items)), nil
}

// leaving says how far the bridged people are who leave this room.
func (k *call) leaving(ctx context.Context) (markup.Body, error) {
	all, err := k.c.b.Cleanups(ctx, true)
	for _, c := range all {
		if c.Room == k.in.Room && c.Total > 0 {
			return say(c.Done, " of ", count(c.Total, "bridged person has left", "bridged people have left"), "; the others follow. "), err
		}
	}
	return nil, err
}

// chat names a portal's chat.
func (k *call) chat(p PortalView) string {
	text := p.Name + " on " + k.name(p.Network)
	if p.Owner != "" {
		text += ", a private chat of " + string(p.Owner)
	}
	return text
}

// name is a network's display name with its ID.
func (k *call) name(n network.NetworkID) string {
	for _, info := range k.c.b.Networks() {
		if info.ID == n && info.Name != "" {
			return info.Name + " (" + string(n) + ")"
		}
	}
	return string(n)
}

func unbridge(ctx context.Context, k *call) (markup.Body, error) {
	confirm, remove := len(k.args) > 0, len(k.args) > 1
	if len(k.args) > 2 || confirm && !strings.EqualFold(k.args[0], "confirm") || remove && !strings.EqualFold(k.args[1], "delete") {
		return k.usage(), nil
	}
	p, err := k.c.b.PreviewUnbridge(ctx, k.in.Room)
	if err != nil {
		return nil, err
	}
	switch {
	case len(p.Portals) == 0:
		return say("This room is not bridged, so there is nothing to do."), nil
	case !k.decides(ctx, p):
		return say("Only moderators of this room may use ", code("unbridge"), ", or the person whose private chat it is."), nil
	case !confirm:
		return k.preview(p), nil
	case remove && !p.Made:
		return say("This room was not made by me, so I cannot delete it. ", k.do("unbridge confirm"), " ends the bridging and keeps the room."), nil
	}
	if err := k.c.b.Unbridge(ctx, k.in.Sender, k.in.Room, remove); err != nil {
		return nil, err
	}
	if remove {
		return nil, nil // nobody is left to read an answer
	}
	return say("This room is not bridged any more. The bridged people leave one after another. ", k.do("plumb <network> <chat>"), " bridges it again."), nil
}

// decides reports whether the sender may unbridge the room: a moderator, an
// administrator, or the owner of all that it is bridged to.
func (k *call) decides(ctx context.Context, p Preview) bool {
	own := true
	for _, v := range p.Portals {
		own = own && v.Owner == k.in.Sender
	}
	return own || k.c.b.Level(k.in.Sender) == config.LevelAdmin || k.c.b.Moderator(ctx, k.in.Room, k.in.Sender)
}

// preview says what unbridging would do.
func (k *call) preview(p Preview) markup.Body {
	var items []markup.Body
	for _, v := range p.Portals {
		items = append(items, say("Nothing passes any more between this room and ", k.chat(v), "."))
	}
	if p.Ghosts > 0 {
		items = append(items, say(count(p.Ghosts, "bridged person leaves", "bridged people leave"), " this room."))
	}
	if p.Waiting > 0 {
		items = append(items, say(count(p.Waiting, "message that is", "messages that are"), " not delivered yet never will be."))
	}
	items = append(items, say("The room and what was written in it stay."))
	body := say("This is what unbridging does:", list(items), "To do it: ", k.do("unbridge confirm"), ".")
	if p.Made {
		body = say(body, " To remove everybody from the room as well: ", k.do("unbridge confirm delete"), ".")
	}
	return body
}
