package command

import (
	"context"
	"fmt"
	"strings"
	"time"

	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/config"
	"github.com/causeway-chat/causeway/bridgekit/hub"
	"github.com/causeway-chat/causeway/bridgekit/markup"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/store"
)

// Hub is what commands need for rooms of several networks. Its methods are part of
// Backend.
type Hub interface {
	// Hub lists the networks of a room.
	Hub(ctx context.Context, room id.RoomID) ([]hub.View, error)
	// SetHub changes a setting of a network's edge of a room, see hub.Policy.Set.
	SetHub(ctx context.Context, room id.RoomID, n network.NetworkID, name, value string) error
	// HubBans is a room's ban list.
	HubBans(ctx context.Context, room id.RoomID) ([]store.HubBan, error)
	// HubBan puts somebody on it; the words, if any, say what could not be done.
	HubBan(ctx context.Context, room id.RoomID, by id.UserID, who hub.Banned, reason string) (string, error)
	// HubUnban takes somebody off it; false if they were not on it. The words, if any,
	// say where they are banned still.
	HubUnban(ctx context.Context, room id.RoomID, who hub.Banned) (bool, string, error)
	// Purge removes what somebody wrote in a room since a time, everywhere, and
	// returns how many messages that were.
	Purge(ctx context.Context, room id.RoomID, who hub.Banned, since time.Time, reason string) (int, error)
}

// hubs is the command hub: what the room's networks are, and what passes between them.
func hubs(ctx context.Context, k *call) (markup.Body, error) {
	if len(k.args) == 0 {
		return k.hubList(ctx)
	}
	verb, rest := strings.ToLower(k.args[0]), k.args[1:]
	if !k.oversees(ctx) {
		return say("Only moderators of this room may use ", code("hub "+verb), ": people who may change the room's settings."), nil
	}
	who := hub.Banned("")
	if len(rest) > 0 {
		who = hub.Banned(rest[0])
	}
	switch {
	case verb == "set" && len(rest) == 3:
		return k.hubSet(ctx, rest)
	case verb == "bans" && len(rest) == 0:
		return k.hubBans(ctx)
	case verb == "ban" && who != "":
		not, err := k.c.b.HubBan(ctx, k.in.Room, k.in.Sender, who, strings.Join(rest[1:], " "))
		if err != nil {
			return nil, err
		}
		if not != "" {
			not = " They are " + not + ", where I may not do that."
		}
		return say("From now on nothing is carried of what they say here.", not, " ", k.do("hub unban …"), " ends that."), nil
	case verb == "unban" && len(rest) == 1:
		was, still, err := k.c.b.HubUnban(ctx, k.in.Room, who)
		if err != nil {
			return nil, err
		}
		if !was {
			return say("They are not on the list. ", k.do("hub bans"), " shows it."), nil
		}
		if still != "" {
			still = " They are " + still + ", where I could not end it."
		}
		return say("They are heard again.", still), nil
	case verb == "purge" && (len(rest) == 1 || len(rest) == 2):
		return k.hubPurge(ctx, who, rest[1:])
	}
	return k.usage(), nil
}

// oversees reports whether the sender may change the room's settings, or administrates
// Causeway.
func (k *call) oversees(ctx context.Context) bool {
	return k.c.b.Level(k.in.Sender) == config.LevelAdmin || k.c.b.Moderator(ctx, k.in.Room, k.in.Sender)
}

func (k *call) hubList(ctx context.Context) (markup.Body, error) {
	views, err := k.c.b.Hub(ctx, k.in.Room)
	if err != nil {
		return nil, err
	}
	var items []markup.Body
	for _, v := range views {
		item := say(v.Chat, " on ", k.name(v.Network), ": ", fares(network.LoginState{Status: network.Status(v.Status), Words: v.Words}))
		if !v.Relay {
			item = say(item, "; people without an account there are not heard there")
		} else if v.Through != "" {
			item = say(item, "; people without an account there are heard through ", v.Through)
		}
		if v.Waiting > 0 {
			item = say(item, "; ", count(v.Waiting, "message waits", "messages wait"))
		}
		switch {
		case v.Last.IsZero():
			item = say(item, "; no message yet")
		case v.Heard:
			item = say(item, "; the last message came from there ", minutes(time.Since(v.Last)), " ago")
		default:
			item = say(item, "; the last message went there ", minutes(time.Since(v.Last)), " ago")
		}
		item = say(item, "; ", settings(v))
		items = append(items, item)
	}
	return say("The networks of this room:", list(items), "To change what passes: ", k.do("hub set <network> <setting> <value>"), "."), nil
}

// settings are a network's, in the order of help, and where they come from.
func settings(v hub.View) string {
	why := map[string]string{hub.FromRoom: " (set here)", hub.FromFile: " (from the configuration)"}
	var all []string
	for _, s := range (*hub.Policy)(nil).Settings() {
		all = append(all, s.Name+" "+v.Settings[s.Name]+why[v.Why[s.Name]])
	}
	return strings.Join(all, ", ")
}

func (k *call) hubSet(ctx context.Context, rest []string) (markup.Body, error) {
	found := called(k.c.b.Networks(), rest[0])
	if len(found) != 1 {
		return say("I do not know this network.", k.networks()), nil
	}
	name, value := strings.ToLower(rest[1]), strings.ToLower(rest[2])
	if err := k.c.b.SetHub(ctx, k.in.Room, found[0].ID, name, value); err != nil {
		return nil, err
	}
	return say("For ", k.name(found[0].ID), " ", name, " is ", hub.Said(value), " from now on."), nil
}

func (k *call) hubBans(ctx context.Context) (markup.Body, error) {
	all, err := k.c.b.HubBans(ctx, k.in.Room)
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return say("Nobody is on this room's ban list."), nil
	}
	var items []markup.Body
	for _, b := range all {
		item := say(code(string(b.Who)), ", by ", b.By)
		if b.Reason != "" {
			item = say(item, ": ", b.Reason)
		}
		items = append(items, item)
	}
	return say("What these say is not carried:", list(items)), nil
}

// defaultPurge is how far back a purge goes.
const defaultPurge = time.Hour

func (k *call) hubPurge(ctx context.Context, who hub.Banned, rest []string) (markup.Body, error) {
	since := defaultPurge
	if len(rest) > 0 {
		d, err := parseSpan(rest[0])
		if err != nil {
			return say("Say how far back, such as ", code("30m"), ", ", code("6h"), " or ", code("2d"), "."), nil
		}
		since = d
	}
	n, err := k.c.b.Purge(ctx, k.in.Room, who, time.Now().Add(-since), "")
	if err != nil {
		return nil, err
	}
	if n == 0 {
		return say("I know no message of theirs in this room of the last ", span(since), "."), nil
	}
	return say("Removed here and on all networks of this room: ", count(n, "message", "messages"), "."), nil
}

// span is a time as parseSpan takes it.
func span(d time.Duration) string {
	if d%(24*time.Hour) == 0 {
		return fmt.Sprintf("%dd", d/(24*time.Hour))
	}
	return strings.TrimSuffix(strings.TrimSuffix(d.String(), "0s"), "0m")
}

// parseSpan reads a time of at most 30 days: "30m", "6h", "2d".
func parseSpan(s string) (time.Duration, error) {
	unit := "h"
	if days, ok := strings.CutSuffix(s, "d"); ok {
		s, unit = days, "d"
	}
	if unit == "d" {
		d, err := time.ParseDuration(s + "h")
		s = (24 * d).String()
		if err != nil {
			return 0, err
		}
	}
	d, err := time.ParseDuration(s)
	if err == nil && (d <= 0 || d > 30*24*time.Hour) {
		err = fmt.Errorf("%s is out of range", s)
	}
	return d, err
}
