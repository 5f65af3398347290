package command

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/causeway-chat/causeway/bridgekit/config"
	"github.com/causeway-chat/causeway/bridgekit/journal"
	"github.com/causeway-chat/causeway/bridgekit/markup"
	"github.com/causeway-chat/causeway/bridgekit/network"
)

// where is a kind of room; they are ored.
type where int

const (
	management where = 1 << iota // a direct chat with the bot
	portal                       // a bridged room
	plain                        // any other room

	rooms    = portal | plain
	anywhere = management | rooms
)

// A power is what a command needs of a person beyond their level.
type power int

const (
	none      power = iota
	moderator       // may change the room's settings; also for administrators of Causeway
	overseer        // may change the room's settings, or administrates Causeway
)

// A command is one row of the table.
type command struct {
	name    string
	aliases []string
	args    string // as help shows them: <must>, [may]
	least   int    // how many arguments it needs at least
	help    string // one line
	level   config.Level
	power   power
	where   where
	run     func(ctx context.Context, k *call) (markup.Body, error)
}

// commands is the table, in the order of help.
func commands() []command {
	user, admin := config.LevelUser, config.LevelAdmin
	return []command{
		{"help", []string{"h", "?", "commands"}, "[command]", 0, "what I can do", config.LevelRelay, none, anywhere, help},
		{"version", nil, "", 0, "which version of Causeway this is", config.LevelRelay, none, anywhere, version},

		{"login", []string{"signin"}, "[network] [way]", 0, "sign in to a network", user, none, management, login},
		{"cancel", []string{"stop"}, "", 0, "end a sign-in that is under way", user, none, management, cancel},
		{"logins", []string{"list-logins", "status"}, "", 0, "your accounts and how they fare", user, none, management, listLogins},
		{"logout", []string{"signout"}, "<account>", 1, "sign out of an account", user, none, management, logout},

		{"search", []string{"find"}, "<network> <words>", 1, "find chats by name", user, none, management, search},
		{"join", nil, "<network> <chat>", 1, "enter a chat", user, none, anywhere, join},
		{"create", []string{"create-channel"}, "<network> <name> [private]", 1, "make a chat, private if you say so, and its room", user, none, anywhere, create},
		{"pm", []string{"dm", "msg", "query"}, "<network> <user>", 1, "write to one person", user, none, management, pm},

		{"id", []string{"portal"}, "", 0, "what this room is bridged to, and whether it works", config.LevelRelay, none, rooms, about},
		{"plumb", []string{"bridge"}, "<network> <chat> | <number> | confirm | back", 1, "bridge this room to a chat, which is searched for; shows first what would happen; for moderators of the room", user, moderator, rooms, plumb},
		{"unbridge", nil, "[confirm [delete]]", 0, "end the bridging of this room; shows first what would happen", config.LevelRelay, none, portal, unbridge},
		{"set-relay", []string{"relay"}, "[network] [account]", 0, "let people without an account be heard there too, through the relay or an account of yours; for moderators", config.LevelRelay, overseer, portal, setRelay},
		{"unset-relay", []string{"unrelay"}, "[network]", 0, "end that; for moderators, and for whose account it is", config.LevelRelay, none, portal, unsetRelay},

		{"vanish", []string{"disappear"}, "<time> | off", 1, "have new messages of this room vanish some time after they are sent, such as 1d; for moderators", config.LevelRelay, overseer, portal, vanish},
		{"purpose", nil, "<words> | off", 1, "describe the chat of this room, where its network keeps that beside the topic; for moderators", config.LevelRelay, overseer, portal, purpose},
		{"archive", nil, "[confirm]", 0, "archive the chat of this room, where its network can; shows first what that means; for moderators", config.LevelRelay, overseer, portal, archive},
		{"unarchive", nil, "[confirm]", 0, "end that", config.LevelRelay, overseer, portal, archive},
		{"hub", nil, "[set <network> <setting> <value> | bans | ban <who> [reason] | unban <who> | purge <who> [time]]", 0, "the networks of this room, and what passes between them; changes are for moderators", config.LevelRelay, none, portal, hubs},

		{"double-puppet", []string{"puppet"}, "[@user] [on | off]", 0, "whether what you write elsewhere shows as yours here", user, none, management, forSomebody},
		{"export", nil, "[@user]", 0, "all that is stored about you, as a file", config.LevelRelay, none, management, export},
		{"forget", nil, "[@user] [confirm]", 0, "removes what is stored about you; shows first what that is", config.LevelRelay, none, management, forSomebody},

		{"users", nil, "[words]", 0, "who uses Causeway, and how", admin, none, management, operated},
		{"portals", nil, "[network]", 0, "what is bridged to what", admin, none, management, operated},
		{"health", nil, "", 0, "how the homeserver, the accounts and the queue fare", admin, none, management, operated},
		{"bridge-all", nil, "[@user] <network> [patterns] [confirm]", 1, "bridge many chats of a network at once, into a space; patterns choose by name, such as team-*,!team-x; shows first which", admin, none, management, forSomebody},
		{"unbridge-many", nil, "[network] [inactive <time>] [delete] [confirm]", 1, "end the bridging of many chats at once, such as those that were silent for long; shows first which", admin, none, management, unbridgeMany},
		{"orphans", nil, "[clean]", 0, "rooms and bridged people that were left behind", admin, none, management, orphans},
		{"cleanups", nil, "", 0, "rooms that bridged people leave one after another", admin, none, management, cleanups},
		{"queue", nil, "[list | all | show N | retry N | drop N]", 0, "what could not be delivered", admin, none, management, queue},
	}
}

// A call is a command as somebody wrote it.
type call struct {
	c    *Commander
	in   Incoming
	cmd  *command
	args []string
}

// do is a command to type, with the prefix where it needs one.
func (k *call) do(text string) markup.Node { return k.c.typed(k.in, text) }

func (c *Commander) typed(in Incoming, text string) markup.Node {
	if !in.Management {
		text = c.opts.Prefix + " " + text
	}
	return code(text)
}

// execute does what a text says and returns the reply. An error of the command becomes
// words, and its cause is logged; execute fails only if ctx is done before the command.
func (c *Commander) execute(ctx context.Context, in Incoming, text string) (markup.Body, error) {
	fields := strings.Fields(text)
	if len(fields) == 0 {
		fields = []string{"help"}
	}
	cmd := c.find(strings.ToLower(fields[0]))
	if cmd == nil {
		return c.unknown(in, strings.ToLower(fields[0])), nil
	}
	k := &call{c: c, in: in, cmd: cmd, args: fields[1:]}
	if body := k.refused(ctx); body != nil {
		return body, nil
	}
	if len(k.args) < cmd.least {
		return k.usage(), nil
	}
	patience, done := context.WithTimeout(ctx, commandTime)
	defer done()
	body, err := k.run(patience)
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, fmt.Errorf("command %s: %w", cmd.name, ctx.Err())
	case errors.Is(err, journal.ErrNoEntry):
		return say("There is no such failed entry. ", k.do("queue"), " lists those that there are."), nil
	case err != nil:
		c.log.Warn("command failed", "command", cmd.name, "room", in.Room, "user", in.Sender, "kind", network.KindOf(err).String(), "err", err)
		return say("That did not work: ", ended(words(err))), nil
	}
	return body, nil
}

// run calls the handler; a panic is an error.
func (k *call) run(ctx context.Context) (body markup.Body, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("command %s panicked: %v\n%s", k.cmd.name, r, debug.Stack())
		}
	}()
	return k.cmd.run(ctx, k)
}

// find is the command of a name; nil if there is none.
func (c *Commander) find(name string) *command {
	for i := range c.table {
		if cmd := &c.table[i]; cmd.name == name || slices.Contains(cmd.aliases, name) {
			return cmd
		}
	}
	return nil
}

// unknown answers what is no command.
func (c *Commander) unknown(in Incoming, name string) markup.Body {
	if c.talk(place{in.Room, in.Sender}) != nil {
		return say("I am still busy with your sign-in. Wait for the next question, or write ", c.typed(in, "cancel"), ".")
	}
	var names []string
	for _, cmd := range c.table {
		if c.b.Level(in.Sender) >= cmd.level && cmd.where&in.place() != 0 {
			names = append(names, cmd.name)
			names = append(names, cmd.aliases...)
		}
	}
	if best := nearest(name, names); best != "" {
		return say("I do not know this command. Did you mean ", c.typed(in, c.find(best).name), "? ", c.typed(in, "help"), " lists all.")
	}
	return say("I do not know this command. ", c.typed(in, "help"), " lists what I can do.")
}

// place is the kind of room a message is in.
func (in Incoming) place() where {
	switch {
	case in.Management:
		return management
	case in.Portal:
		return portal
	}
	return plain
}

// refused says why a person may not use the command here; nil if they may.
func (k *call) refused(ctx context.Context) markup.Body {
	cmd, in, b := k.cmd, k.in, k.c.b
	level := b.Level(in.Sender)
	if level < cmd.level {
		if cmd.level == config.LevelAdmin {
			return say("Only administrators of Causeway may use ", code(cmd.name), ".")
		}
		return say("You may not use ", code(cmd.name), ". Ask the administrator of Causeway to let you sign in with own accounts.")
	}
	if cmd.where&in.place() == 0 {
		return k.misplaced()
	}
	if cmd.power == none || cmd.power == overseer && level == config.LevelAdmin || b.Moderator(ctx, in.Room, in.Sender) {
		return nil
	}
	return say("Only moderators of this room may use ", code(cmd.name), ": people who may change the room's settings.")
}

// misplaced says where the command works.
func (k *call) misplaced() markup.Body {
	switch {
	case k.cmd.where == management:
		return say("Use ", code(k.cmd.name), " in a direct chat with me: start one with ", string(k.c.opts.Bot), ".")
	case k.in.Management:
		return say("Use ", code(k.c.opts.Prefix+" "+k.cmd.name), " in the room that you mean.")
	}
	return say("This room is not bridged, so there is nothing to do. ", k.do("plumb <network> <chat>"), " bridges it.")
}

// usage says how to write the command.
func (k *call) usage() markup.Body {
	body := say("Write it like this: ", k.do(strings.TrimSpace(k.cmd.name+" "+k.cmd.args)), ".")
	if strings.Contains(k.cmd.args, "network") {
		body = append(body, k.networks()...)
	}
	return body
}

// networks lists what can stand for <network>.
func (k *call) networks() markup.Body {
	var names []string
	for _, n := range k.c.b.Networks() {
		names = append(names, string(n.ID))
	}
	if len(names) == 0 {
		return say(" No network is configured yet.")
	}
	return say(" Networks here: ", joined(names, "and"), ".")
}

// network takes the network off the arguments. It may be left out if there is
// only one. If reply is not nil, it says what is wrong.
func (k *call) network() (n network.Info, reply markup.Body) {
	all := k.c.b.Networks()
	if len(k.args) > 0 {
		found := called(all, k.args[0])
		if len(found) > 1 {
			return n, say("There are several networks of that name.", k.networks())
		}
		if len(found) == 1 {
			k.args = k.args[1:]
			return found[0], nil
		}
	}
	switch {
	case len(all) == 0:
		return n, say("No network is configured yet. The administrator adds them to the configuration.")
	case len(all) == 1:
		return all[0], nil
	case len(k.args) == 0:
		return n, say("Say which network: ", k.do(strings.TrimSpace(k.cmd.name+" "+k.cmd.args)), ".", k.networks())
	}
	return n, say("I do not know this network.", k.networks())
}

// called are the networks that a person may mean by a name: the ID, else its
// part behind the dot, its display name or its protocol.
func called(all []network.Info, name string) []network.Info {
	var found []network.Info
	for _, n := range all {
		_, short, _ := strings.Cut(string(n.ID), ".")
		switch {
		case strings.EqualFold(name, string(n.ID)):
			return []network.Info{n}
		case strings.EqualFold(name, short), strings.EqualFold(name, n.Name), strings.EqualFold(name, n.Protocol):
			found = append(found, n)
		}
	}
	return found
}
