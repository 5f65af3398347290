package command

import (
	"context"
	"strings"

	"github.com/causeway-chat/causeway/bridgekit/config"
	"github.com/causeway-chat/causeway/bridgekit/markup"
)

func help(_ context.Context, k *call) (markup.Body, error) {
	level := k.c.b.Level(k.in.Sender)
	if len(k.args) > 0 {
		cmd := k.c.find(strings.ToLower(k.args[0]))
		if cmd == nil || cmd.level > level {
			return say("I do not know this command. ", k.do("help"), " lists what I can do."), nil
		}
		return k.explain(cmd), nil
	}
	var items []markup.Body
	for i := range k.c.table {
		cmd := &k.c.table[i]
		if cmd.level <= level && cmd.where&k.in.place() != 0 {
			items = append(items, say(k.do(strings.TrimSpace(cmd.name+" "+cmd.args)), ": ", cmd.help))
		}
	}
	body := say("What I can do here:", list(items))
	switch {
	case level < config.LevelUser:
		body = append(body, say("What you write in bridged rooms is passed on for you. To sign in with own accounts, ask the administrator of Causeway.")...)
	case k.in.Management && len(k.c.b.Logins(k.in.Sender)) == 0:
		body = append(body, say("Begin with ", k.do("login"), ".")...)
	case k.in.Management:
		body = append(body, say("In other rooms, begin with ", code(k.c.opts.Prefix), ".")...)
	default:
		body = append(body, say("More is possible in a direct chat with me: ", string(k.c.opts.Bot), ".")...)
	}
	return body, nil
}

// explain is the help on one command.
func (k *call) explain(cmd *command) markup.Body {
	body := say(k.do(strings.TrimSpace(cmd.name+" "+cmd.args)), ": ", ended(cmd.help))
	switch cmd.where {
	case management:
		body = append(body, say(" In a direct chat with me.")...)
	case portal:
		body = append(body, say(" In bridged rooms.")...)
	}
	if len(cmd.aliases) > 0 {
		body = append(body, say(" Also: ", strings.Join(cmd.aliases, ", "), ".")...)
	}
	if strings.Contains(cmd.args, "network") {
		body = append(body, k.networks()...)
	}
	return say(body)
}

func version(_ context.Context, k *call) (markup.Body, error) {
	return say("This is Causeway ", k.c.b.Version(), "."), nil
}
