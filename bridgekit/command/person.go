package command

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/config"
	"github.com/causeway-chat/causeway/bridgekit/journal"
	"github.com/causeway-chat/causeway/bridgekit/markup"
	"github.com/causeway-chat/causeway/bridgekit/network"
)

// A Footprint counts what is stored about somebody.
type Footprint struct {
	Logins   []LoginView
	Private  int // rooms that are theirs alone
	Shared   int // other rooms that their logins are in
	Messages int // rows of the message map that name them
	Failed   int // what they wrote that could not be delivered
	Facts    int // what is known about them at the homeserver
	Spoken   int // rooms in which a relay has spoken for them
	Settings bool
	Room     id.RoomID // in which the bot talks to them
}

// none reports whether there is nothing.
func (f Footprint) none() bool {
	return len(f.Logins)+f.Private+f.Shared+f.Messages+f.Failed+f.Facts+f.Spoken == 0 && !f.Settings && f.Room == ""
}

// whom takes a Matrix ID off the arguments of a command that people use for
// themselves; administrators may name others. Without one it is the sender.
func (k *call) whom() (u id.UserID, reply markup.Body) {
	u = k.in.Sender
	for i, a := range k.args {
		if !strings.HasPrefix(a, "@") {
			continue
		}
		k.args = append(append([]string{}, k.args[:i]...), k.args[i+1:]...)
		if id.UserID(a) != u && k.c.b.Level(u) != config.LevelAdmin {
			return u, say("Only administrators of Causeway may use ", code(k.cmd.name), " for others.")
		}
		return id.UserID(a), nil
	}
	return u, nil
}

// forSomebody runs an operator's command for the sender or whom they name.
func forSomebody(ctx context.Context, k *call) (markup.Body, error) {
	u, reply := k.whom()
	if reply != nil {
		return reply, nil
	}
	k.args = append([]string{string(u)}, k.args...)
	return operated(ctx, k)
}

// person takes the Matrix ID off an operation's arguments.
func person(args []string, most int) (id.UserID, []string, error) {
	if len(args) == 0 || len(args) > most {
		return "", nil, ErrUsage
	}
	if err := config.CheckUserID(args[0]); err != nil {
		return "", nil, network.Errorf(network.Rejected, "that is no Matrix ID; write it like @you:example.org", "%w", err)
	}
	return id.UserID(args[0]), args[1:], nil
}

func puppetReport(ctx context.Context, b Backend, args []string) (Report, error) {
	u, args, err := person(args, 2)
	if err != nil {
		return Report{}, err
	}
	if len(args) == 1 {
		on := strings.EqualFold(args[0], "on")
		if !on && !strings.EqualFold(args[0], "off") {
			return Report{}, ErrUsage
		}
		if err := b.SetPuppet(ctx, u, on); err != nil {
			return Report{}, err
		}
	}
	state, why, err := b.Puppet(ctx, u)
	if err != nil {
		return Report{}, err
	}
	items, err := json.Marshal(map[string]any{"user": u, "double_puppet": state, "why": why})
	if err != nil {
		return Report{}, fmt.Errorf("encode: %w", err)
	}
	return Report{Items: items, Words: puppetWords(u, state, why)}, nil
}

// puppetWords says what a matrix.PuppetState means for somebody.
func puppetWords(u id.UserID, state, why string) string {
	text := map[string]string{
		"on":          "What %s writes and reads elsewhere shows under their own account here. double-puppet off ends that.",
		"off":         "%s does not want a double puppet: what they write elsewhere shows under another name here. double-puppet on changes that.",
		"elsewhere":   "%s has no account on this homeserver, so what they write elsewhere shows under another name here.",
		"not set up":  "Double puppets are not set up here, so what %s writes elsewhere shows under another name. The administrator can change that: appservice.double_puppet.",
		"refused":     "The homeserver does not let me speak as %s. I ask it again every minute when there is something to say.",
		"not checked": "Whether I may speak as %s is not known: the homeserver did not answer.",
	}[state]
	if text == "" {
		text = "The double puppet of %s is " + state + "."
	}
	text = fmt.Sprintf(text, u)
	if why != "" {
		text += " What is wrong: " + ended(why)
	}
	return text
}

func forgetReport(ctx context.Context, b Backend, args []string) (Report, error) {
	u, args, err := person(args, 2)
	if err != nil {
		return Report{}, err
	}
	if len(args) == 1 && args[0] != "confirm" {
		return Report{}, ErrUsage
	}
	f, err := b.Footprint(ctx, u)
	if err != nil {
		return Report{}, err
	}
	if f.none() {
		return Report{Words: fmt.Sprintf("Nothing is stored about %s.", u)}, nil
	}
	if len(args) == 0 {
		return Report{Words: fmt.Sprintf("What is stored about %s:\n%s\nIt cannot be brought back. What stays: which event is which message on the other network, without the name, so that others can still answer and remove it; and what is in rooms and on the networks, which is not mine to remove. To do it: forget %s confirm.", u, listed(f), u)}, nil
	}
	if err := b.Forget(ctx, u); err != nil {
		return Report{}, err
	}
	return Report{Words: fmt.Sprintf("Forgotten: %s. Rooms that were theirs alone are no longer bridged. If they write to me or in a bridged room again, I begin to know them anew.", u)}, nil
}

// listed are the parts of a footprint, a line each.
func listed(f Footprint) string {
	var lines []string
	line := func(n int, one, many string) {
		if n > 0 {
			lines = append(lines, "- "+count(n, one, many))
		}
	}
	for _, l := range f.Logins {
		lines = append(lines, "- the account "+l.Name+" ("+string(l.Network)+") with its password or keys: it is signed out")
	}
	line(f.Private, "room of a private chat: it is no longer bridged", "rooms of private chats: they are no longer bridged")
	line(f.Shared, "other bridged room that an account is in", "other bridged rooms that accounts are in")
	line(f.Spoken, "room in which a relay has spoken for them", "rooms in which a relay has spoken for them")
	line(f.Messages, "message that is known as theirs", "messages that are known as theirs")
	line(f.Failed, "message that could not be delivered: it is erased", "messages that could not be delivered: they are erased")
	line(f.Facts, "note about them at the homeserver", "notes about them at the homeserver")
	if f.Settings {
		lines = append(lines, "- what they have chosen")
	}
	if f.Room != "" {
		lines = append(lines, "- which room they talk to me in")
	}
	return strings.Join(lines, "\n")
}

func exportReport(ctx context.Context, b Backend, args []string) (Report, error) {
	u, _, err := person(args, 1)
	if err != nil {
		return Report{}, err
	}
	data, err := b.Export(ctx, u)
	return Report{Items: data}, err
}

// export sends what is stored about somebody as a file.
func export(ctx context.Context, k *call) (markup.Body, error) {
	u, reply := k.whom()
	if reply != nil {
		return reply, nil
	}
	if len(k.args) > 0 {
		return k.usage(), nil
	}
	r, err := exportReport(ctx, k.c.b, []string{string(u)})
	if err != nil {
		return nil, err
	}
	name := "causeway-" + localpart(u) + ".json"
	if err := k.c.b.SendFile(ctx, k.in.Room, name, "application/json", r.Items, journal.Key("export", string(k.in.Key))); err != nil {
		return nil, err
	}
	return say("That is all that I store about ", string(u), ". Passwords and keys are not in it."), nil
}
