package command

import (
	"context"
	"slices"
	"strings"

	"github.com/causeway-chat/causeway/bridgekit/markup"
	"github.com/causeway-chat/causeway/bridgekit/network"
)

const foundAtMost = 20

// reach is network plus a check that the person can reach it, and that an
// argument is left.
func (k *call) reach() (network.Info, string, markup.Body) {
	n, reply := k.network()
	if reply != nil {
		return n, "", reply
	}
	if len(k.args) == 0 {
		return n, "", k.usage()
	}
	mine := func(l LoginView) bool { return l.Network == n.ID }
	if n.Relay == nil && !slices.ContainsFunc(k.c.b.Logins(k.in.Sender), mine) {
		return n, "", say("You are not signed in to ", n.Name, ". Sign in with ", code("login "+string(n.ID)), k.direct(), ".")
	}
	return n, strings.Join(k.args, " "), nil
}

// direct adds where to sign in, unless it is here.
func (k *call) direct() string {
	if k.in.Management {
		return ""
	}
	return " in a direct chat with me, " + string(k.c.opts.Bot)
}

func search(ctx context.Context, k *call) (markup.Body, error) {
	n, query, reply := k.reach()
	if reply != nil {
		return reply, nil
	}
	found, err := k.c.b.Search(ctx, k.in.Sender, n.ID, query, foundAtMost)
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return say("Nothing found on ", n.Name, ". Try fewer or other words."), nil
	}
	var items []markup.Body
	for _, f := range found {
		item := say(code(f.Name))
		if f.Members > 0 {
			item = say(item, ", ", count(f.Members, "member", "members"))
		}
		if topic := short(f.Topic); topic != "" {
			item = say(item, ": ", topic)
		}
		items = append(items, item)
	}
	title := "Found on " + n.Name + ":"
	if len(found) >= foundAtMost {
		title = "The first that I found on " + n.Name + ":"
	}
	return say(title, list(items), "Enter one with ", k.do("join "+string(n.ID)+" "+found[0].Name), "."), nil
}

// short is one line of at most 100 characters.
func short(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > 100 {
		s = strings.TrimRight(string(r[:99]), " ") + "…"
	}
	return s
}

func join(ctx context.Context, k *call) (markup.Body, error) {
	n, name, reply := k.reach()
	if reply != nil {
		return reply, nil
	}
	j, err := k.c.b.Join(ctx, k.in.Sender, n.ID, name)
	if err != nil {
		return nil, err
	}
	return say("You are in ", room(j), " on ", n.Name, ". I invited you to the room."), nil
}

func pm(ctx context.Context, k *call) (markup.Body, error) {
	n, user, reply := k.reach()
	if reply != nil {
		return reply, nil
	}
	j, err := k.c.b.Start(ctx, k.in.Sender, n.ID, user)
	if err != nil {
		return nil, err
	}
	return say("Write to ", room(j), " on ", n.Name, " in the room that I invited you to."), nil
}
