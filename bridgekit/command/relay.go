package command

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/config"
	"github.com/causeway-chat/causeway/bridgekit/markup"
	"github.com/causeway-chat/causeway/bridgekit/network"
)

// A relayWish is what somebody writes behind set-relay: one of a room's portals, and
// who is to speak there for people without an account.
type relayWish struct {
	portal  PortalView
	account network.LoginID // "": the relay of the configuration
	name    string          // the account's; "" for that relay
}

// through says who speaks for people without an account, if it is not the relay.
func through(account string) string {
	if account == "" {
		return ""
	}
	return ", through " + account
}

// relayWished reads it. reply says what is wrong; nil if nothing is. views are the
// accounts that may be meant, do is a command as it is typed.
func relayWished(name string, args []string, portals []PortalView, networks []network.Info, views []LoginView, do func(string) markup.Node) (w relayWish, reply markup.Body) {
	found := false
	if len(args) > 0 {
		for _, n := range called(networks, args[0]) {
			for _, p := range portals {
				if p.Network == n.ID && !found {
					w.portal, found = p, true
				}
			}
		}
		if found {
			args = args[1:]
		}
	}
	if !found {
		w.portal = portals[0]
		switch {
		case len(portals) > 1 && len(args) > 0, len(args) > 0 && len(called(networks, args[0])) > 0:
			return w, say("This room is not bridged to such a network. ", do("id"), " says to which it is.")
		case len(portals) > 1:
			return w, say("This room is bridged to several networks. Say which: ", do(name+" "+string(w.portal.Network)), ".")
		}
	}
	account := strings.Join(args, " ")
	if account == "" || strings.EqualFold(account, "relay") {
		return w, nil
	}
	var there []LoginView
	for _, l := range views {
		if l.Network == w.portal.Network {
			there = append(there, l)
		}
	}
	switch chosen := accounts(there, account); {
	case len(chosen) == 1:
		w.account, w.name = chosen[0].ID, chosen[0].Name
		return w, nil
	case len(there) == 0:
		return w, say("You have no account there that could speak for others.")
	}
	var items []markup.Body
	for _, l := range there {
		items = append(items, say(do(name+" "+string(l.Network)+" "+string(l.ID)), ": ", l.Name))
	}
	return w, say("Which account?", list(items))
}

// accountsFor are the accounts that somebody may have speak for others: their own, or
// all of an administrator's Causeway.
func (k *call) accountsFor() []LoginView {
	own := k.c.b.Logins(k.in.Sender)
	if k.c.b.Level(k.in.Sender) < config.LevelAdmin {
		return own
	}
	return k.c.b.Logins("")
}

func setRelay(ctx context.Context, k *call) (markup.Body, error) {
	portals, err := k.c.b.Portals(ctx, k.in.Room)
	if err != nil || len(portals) == 0 {
		return say("This room is not bridged, so there is nothing to do."), err
	}
	w, reply := relayWished(k.cmd.name, k.args, portals, k.c.b.Networks(), k.accountsFor(), k.do)
	if reply != nil {
		return reply, nil
	}
	if err := k.c.b.SetRelay(ctx, k.in.Sender, k.in.Room, w.portal.Network, w.account); err != nil {
		return nil, err
	}
	return say("People without an account are heard on ", k.name(w.portal.Network), through(w.name), " from now on. ", k.do("unset-relay"), " ends that."), nil
}

// unsetRelay is for who decides about the room, and for whose account the relay is.
func unsetRelay(ctx context.Context, k *call) (markup.Body, error) {
	portals, err := k.c.b.Portals(ctx, k.in.Room)
	if err != nil || len(portals) == 0 {
		return say("This room is not bridged, so there is nothing to do."), err
	}
	if len(k.args) > 1 {
		return k.usage(), nil
	}
	w, reply := relayWished(k.cmd.name, k.args, portals, k.c.b.Networks(), nil, k.do)
	switch {
	case w.portal.RelayOwner != k.in.Sender && !k.oversees(ctx):
		return say("Only moderators of this room may use ", code("unset-relay"), ", or the person whose account speaks for others."), nil
	case reply != nil:
		return reply, nil
	}
	if err := k.c.b.UnsetRelay(ctx, k.in.Room, w.portal.Network); err != nil {
		return nil, err
	}
	return say("People without an account are not heard on ", k.name(w.portal.Network), " any more."), nil
}

// relayReport and unrelayReport are the program's; its first argument is the room.
func relayReport(ctx context.Context, b Backend, args []string) (Report, error) {
	return relayOperation(ctx, b, "set-relay", args, func(room id.RoomID, w relayWish) (string, error) {
		words := fmt.Sprintf("People without an account are heard on %s%s from now on.", w.portal.Network, through(w.name))
		return words, b.SetRelay(ctx, "", room, w.portal.Network, w.account)
	})
}

func unrelayReport(ctx context.Context, b Backend, args []string) (Report, error) {
	if len(args) > 2 {
		return Report{}, ErrUsage
	}
	return relayOperation(ctx, b, "unset-relay", args, func(room id.RoomID, w relayWish) (string, error) {
		return fmt.Sprintf("People without an account are not heard on %s any more.", w.portal.Network), b.UnsetRelay(ctx, room, w.portal.Network)
	})
}

func relayOperation(ctx context.Context, b Backend, name string, args []string, do func(id.RoomID, relayWish) (string, error)) (Report, error) {
	if len(args) == 0 {
		return Report{}, ErrUsage
	}
	room := id.RoomID(args[0])
	portals, err := b.Portals(ctx, room)
	if err != nil {
		return Report{}, err
	}
	if len(portals) == 0 {
		return Report{}, network.Errorf(network.Rejected, "this room is not bridged", "no portal")
	}
	typed := func(text string) markup.Node {
		return code("causeway " + strings.Replace(text, name, name+" "+args[0], 1))
	}
	w, reply := relayWished(name, args[1:], portals, b.Networks(), b.Logins(""), typed)
	if reply != nil {
		return Report{}, network.Errorf(network.Rejected, reply.String(), "arguments")
	}
	words, err := do(room, w)
	if err != nil {
		return Report{}, err
	}
	items, err := json.Marshal(map[string]any{"room": room, "network": w.portal.Network, "account": w.account})
	if err != nil {
		return Report{}, fmt.Errorf("encode: %w", err)
	}
	return Report{Items: items, Words: words}, nil
}
