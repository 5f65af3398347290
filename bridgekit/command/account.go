package command

import (
	"cmp"
	"context"
	"strings"

	"github.com/causeway-chat/causeway/bridgekit/config"
	"github.com/causeway-chat/causeway/bridgekit/markup"
	"github.com/causeway-chat/causeway/bridgekit/network"
)

func login(ctx context.Context, k *call) (markup.Body, error) {
	n, reply := k.network()
	if reply != nil {
		return reply, nil
	}
	flows := k.c.b.Flows(n.ID)
	if len(flows) == 0 {
		return say(n.Name, " has no accounts to sign in to: ", k.do("join "+string(n.ID)+" <chat>"), " works without."), nil
	}
	flow := flows[0]
	switch {
	case len(k.args) > 0:
		ok := false
		for _, f := range flows {
			if strings.EqualFold(f.ID, k.args[0]) {
				flow, ok = f, true
			}
		}
		if !ok {
			return say("I do not know this way to sign in to ", n.Name, ". Choose one:", k.ways(n, flows)), nil
		}
	case len(flows) > 1:
		return say("How do you want to sign in to ", n.Name, "?", k.ways(n, flows)), nil
	}
	v := &conversation{
		c: k.c, place: place{k.in.Room, k.in.Sender}, info: n, flow: flow, key: k.in.Key,
		again: k.do("login " + string(n.ID) + " " + flow.ID), heard: make(chan string, 1),
	}
	ok, err := k.c.converse(ctx, v)
	if err == nil && !ok {
		return say("Another sign-in is under way here. Finish it, or write ", k.do("cancel"), " first."), nil
	}
	return nil, err // the flow's first question is the answer
}

// ways lists login flows as commands to type.
func (k *call) ways(n network.Info, flows []network.LoginFlow) markup.Node {
	var items []markup.Body
	for _, f := range flows {
		items = append(items, say(k.do("login "+string(n.ID)+" "+f.ID), ": ", f.Name))
	}
	return list(items)
}

func cancel(_ context.Context, k *call) (markup.Body, error) {
	v := k.c.talk(place{k.in.Room, k.in.Sender})
	if v == nil {
		return say("There is nothing to cancel."), nil
	}
	v.end(errCancelled)
	return say("Sign-in cancelled."), nil
}

func listLogins(_ context.Context, k *call) (markup.Body, error) {
	owner, title := k.in.Sender, "Your accounts:"
	if len(k.args) == 1 && strings.EqualFold(k.args[0], "all") && k.c.b.Level(owner) == config.LevelAdmin {
		owner, title = "", "All accounts:"
	}
	views := k.c.b.Logins(owner)
	if owner == "" {
		views = append(k.c.b.Relays(), views...)
	}
	switch {
	case len(views) == 0 && owner == "":
		return say("Nobody is signed in."), nil
	case len(views) == 0:
		return say("You are not signed in to any network. Sign in with ", k.do("login"), "."), nil
	}
	var items []markup.Body
	for _, l := range views {
		item := say(l.Name, " (", string(l.Network), "): ", fares(l.State))
		if owner == "" {
			item = say(item, ", of ", cmp.Or(string(l.Owner), "the configuration"))
		}
		if l.Owner != "" && l.State.Status == network.Dead {
			item = say(item, "; sign in again with ", k.do("login "+string(l.Network)))
		}
		items = append(items, item)
	}
	return say(title, list(items)), nil
}

// fares is a login's state in words.
func fares(s network.LoginState) string {
	text := map[network.Status]string{
		network.Connecting: "connecting", network.Online: "connected", network.Limited: "connected, with limits",
		network.Offline: "not connected, I keep trying", network.Dead: "signed out",
	}[s.Status]
	if text == "" {
		text = "no connection"
	}
	if s.Words != "" {
		text += " (" + strings.TrimSuffix(s.Words, ".") + ")"
	}
	return text
}

func logout(ctx context.Context, k *call) (markup.Body, error) {
	own := k.c.b.Logins(k.in.Sender)
	found := accounts(own, strings.Join(k.args, " "))
	if len(found) == 0 && k.c.b.Level(k.in.Sender) == config.LevelAdmin {
		found = accounts(k.c.b.Logins(""), strings.Join(k.args, " "))
	}
	switch {
	case len(found) == 0 && len(own) == 0:
		return say("You have no account here. Sign in with ", k.do("login"), "."), nil
	case len(found) == 0:
		return say("You have no such account. You have:", k.logouts(own)), nil
	case len(found) > 1:
		return say("Which one?", k.logouts(found)), nil
	}
	l := found[0]
	if err := k.c.b.RemoveLogin(ctx, l.Owner, l.Network, l.ID); err != nil {
		return nil, err
	}
	return say("Signed out: ", l.Name, ". Its chats are no longer bridged for you. To go on in them: ", k.do("login "+string(l.Network)), "."), nil
}

// logouts lists accounts as commands to type.
func (k *call) logouts(views []LoginView) markup.Node {
	var items []markup.Body
	for _, l := range views {
		items = append(items, say(k.do("logout "+string(l.Network)+" "+string(l.ID)), ": ", l.Name))
	}
	return list(items)
}

// accounts are the logins that a person may mean: by "network id", else by id or
// name, else by network.
func accounts(views []LoginView, name string) []LoginView {
	for _, same := range []func(l LoginView) bool{
		func(l LoginView) bool { return strings.EqualFold(name, string(l.Network)+" "+string(l.ID)) },
		func(l LoginView) bool {
			return strings.EqualFold(name, string(l.ID)) || strings.EqualFold(name, l.Name)
		},
		func(l LoginView) bool {
			_, short, _ := strings.Cut(string(l.Network), ".")
			return strings.EqualFold(name, string(l.Network)) || strings.EqualFold(name, short)
		},
	} {
		var found []LoginView
		for _, l := range views {
			if same(l) {
				found = append(found, l)
			}
		}
		if len(found) > 0 {
			return found
		}
	}
	return nil
}
