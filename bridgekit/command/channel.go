package command

import (
	"context"
	"strings"

	"github.com/causeway-chat/causeway/bridgekit/markup"
	"github.com/causeway-chat/causeway/bridgekit/network"
)

// create makes a chat of a network.
func create(ctx context.Context, k *call) (markup.Body, error) {
	n, _, reply := k.reach()
	if reply != nil {
		return reply, nil
	}
	c := network.NewChat{Name: k.args[0]}
	switch {
	case len(k.args) == 2 && strings.EqualFold(k.args[1], "private"):
		c.Private = true
	case len(k.args) > 1:
		return k.usage(), nil
	}
	j, err := k.c.b.Create(ctx, k.in.Sender, n.ID, c)
	if err != nil {
		return nil, err
	}
	what := "Everybody there can find it."
	if c.Private {
		what = "Only who is invited can find it."
	}
	return say("I made ", room(j), " on ", n.Name, ". ", what, " I invited you to its room."), nil
}

// purpose describes the chats of a room.
func purpose(ctx context.Context, k *call) (markup.Body, error) {
	words := strings.Join(k.args, " ")
	if len(k.args) == 1 && strings.EqualFold(words, "off") {
		words = ""
	}
	if err := k.c.b.SetPurpose(ctx, k.in.Sender, k.in.Room, words); err != nil {
		return nil, err
	}
	return say("I asked the network for it. When it has changed, the topic of this room says so."), nil
}

// archive archives the chats of a room, or ends that.
func archive(ctx context.Context, k *call) (markup.Body, error) {
	archived := k.cmd.name == "archive"
	sure := len(k.args) == 1 && strings.EqualFold(k.args[0], "confirm")
	if len(k.args) > 0 && !sure {
		return k.usage(), nil
	}
	if !sure {
		return k.archivePreview(ctx, archived)
	}
	if err := k.c.b.SetArchived(ctx, k.in.Sender, k.in.Room, archived); err != nil {
		return nil, err
	}
	return say("I asked the network for it. When it is so, this room is told."), nil
}

// archivePreview says what archiving means.
func (k *call) archivePreview(ctx context.Context, archived bool) (markup.Body, error) {
	portals, err := k.c.b.Portals(ctx, k.in.Room)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, p := range portals {
		names = append(names, p.Name+" on "+k.name(p.Network))
	}
	what := " becomes readable only, for everybody there too, until somebody ends that. "
	if !archived {
		what = " can be written to again, if it was archived. "
	}
	return say(joined(names, "and"), what, "To do it: ", k.do(k.cmd.name+" confirm"), "."), nil
}
