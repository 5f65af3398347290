package command

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/config"
	"github.com/causeway-chat/causeway/bridgekit/markup"
	"github.com/causeway-chat/causeway/bridgekit/network"
)

// linesAtMost is how many lines of a list the bot shows.
const linesAtMost = 20

// A wish is what somebody writes behind unbridge-many.
type wish struct {
	network  network.NetworkID
	inactive time.Duration
	remove   bool
	confirm  bool
}

// wished reads it; false if it makes no sense.
func (k *call) wished() (w wish, ok bool) {
	for i := 0; i < len(k.args); i++ {
		switch arg := strings.ToLower(k.args[i]); {
		case arg == "delete":
			w.remove = true
		case arg == "confirm":
			w.confirm = true
		case arg == "inactive" && i+1 < len(k.args):
			i++
			d, err := config.ParseDuration(k.args[i])
			if err != nil || d <= 0 {
				return w, false
			}
			w.inactive = d
		default:
			found := called(k.c.b.Networks(), arg)
			if len(found) != 1 || w.network != "" {
				return w, false
			}
			w.network = found[0].ID
		}
	}
	return w, w.network != "" || w.inactive > 0
}

// unbridgeMany lists the portals that are chosen, or ends them.
func unbridgeMany(ctx context.Context, k *call) (markup.Body, error) {
	w, ok := k.wished()
	if !ok {
		return k.usage(), nil
	}
	all, err := k.c.b.ListPortals(ctx, w.network, w.inactive)
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return say("There are no such portals."), nil
	}
	if w.confirm {
		var numbers []int64
		for _, p := range all {
			numbers = append(numbers, p.ID)
		}
		n, err := k.c.b.UnbridgePortals(ctx, numbers, w.remove)
		if err != nil {
			return nil, err
		}
		return say(count(n, "portal is", "portals are"), " ended. People leave the rooms one after another: ", k.do("cleanups"), " shows how far that is."), nil
	}
	var items []markup.Body
	for _, p := range all[:min(len(all), linesAtMost)] {
		items = append(items, say(p.Name, " on ", k.name(p.Network), ", silent for ", minutes(p.Silent)))
	}
	title := count(len(all), "portal:", "portals:")
	what := "Bridged people leave their rooms, which stay."
	if w.remove {
		what = "Everybody leaves the rooms that I made; of the others, bridged people."
	}
	return say("This ends ", title, list(items), more(len(all)), what, " What is not delivered yet never will be. To do it: ", k.do(strings.Join(append([]string{"unbridge-many"}, k.args...), " ")+" confirm"), "."), nil
}

// more says that a list was cut.
func more(n int) string {
	if n <= linesAtMost {
		return ""
	}
	return fmt.Sprint("There are ", n-linesAtMost, " more. ")
}

// orphans lists what was left behind, or cleans it up.
func orphans(ctx context.Context, k *call) (markup.Body, error) {
	clean := len(k.args) == 1 && strings.EqualFold(k.args[0], "clean")
	if len(k.args) > 0 && !clean {
		return k.usage(), nil
	}
	all, err := k.c.b.Orphans(ctx, clean)
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return say("Nothing is left behind."), nil
	}
	var items []markup.Body
	for _, o := range all[:min(len(all), linesAtMost)] {
		name := string(o.Room)
		if o.Name != "" {
			name = o.Name + " (" + name + ")"
		}
		items = append(items, say(name, ": ", o.Why, "; ", count(o.Ghosts, "bridged person", "bridged people"), ", ", count(o.People, "person", "people"), " of Matrix"))
	}
	if clean {
		return say("I clean up:", list(items), more(len(all)), k.do("cleanups"), " shows how far that is."), nil
	}
	return say("Left behind:", list(items), more(len(all)), "To have the bridged people leave: ", k.do("orphans clean"), ". People of Matrix stay."), nil
}

// cleanups lists the rooms that people leave.
func cleanups(ctx context.Context, k *call) (markup.Body, error) {
	all, err := k.c.b.Cleanups(ctx, false)
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return say("No room is being cleaned up."), nil
	}
	var items []markup.Body
	for _, c := range all[:min(len(all), linesAtMost)] {
		item := say(c.Name, " (", string(c.Room), "): ")
		switch {
		case c.Total < 0:
			item = say(item, "not begun")
		default:
			item = say(item, c.Done, " of ", c.Total, " have left")
		}
		if c.Finished {
			item = say(item, ", done")
		}
		if c.Trouble != "" {
			item = say(item, "; not all could: ", c.Trouble)
		}
		items = append(items, item)
	}
	return say("Cleaned up:", list(items), more(len(all))), nil
}

// vanish sets how long new messages of a room live.
func vanish(ctx context.Context, k *call) (markup.Body, error) {
	life := time.Duration(0)
	if len(k.args) != 1 {
		return k.usage(), nil
	}
	if !strings.EqualFold(k.args[0], "off") {
		var err error
		if life, err = config.ParseDuration(k.args[0]); err != nil || life <= 0 {
			return say("Say how long, with a unit: ", k.do("vanish 1d"), ", ", k.do("vanish 12h"), " or ", k.do("vanish off"), "."), nil
		}
	}
	if err := k.c.b.SetExpiry(ctx, k.in.Sender, k.in.Room, life); err != nil {
		return nil, err
	}
	return say("I asked the network for it. When it has changed, this room is told."), nil
}
