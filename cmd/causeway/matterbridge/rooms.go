package matterbridge

import (
	"fmt"
	"slices"
	"strings"
)

// An end is a channel in a gateway.
type end struct {
	account, channel string // account in lower case
	key              string
	in, out          bool // messages come from there; go there
	net              *net // nil: of Matrix, or of what Causeway does not have
}

func (e *end) name() string { return e.channel + " of " + e.account }

// gateways turns each gateway that is on into rooms.
func (c *conversion) gateways() {
	for i, g := range c.doc.Gateways {
		name := g.Name.s
		if name == "" {
			name = fmt.Sprint("number ", i+1)
		}
		if !g.Enable.yes() {
			c.lost("gateway %s is off (enable), and left out", name)
			continue
		}
		var ends []*end
		for _, b := range g.In {
			ends = c.end(ends, end{account: b.Account.s, channel: b.Channel.s, key: b.Options.Key.s, in: true})
		}
		for _, b := range g.Out {
			ends = c.end(ends, end{account: b.Account.s, channel: b.Channel.s, key: b.Options.Key.s, out: true})
		}
		for _, b := range g.InOut {
			ends = c.end(ends, end{account: b.Account.s, channel: b.Channel.s, key: b.Options.Key.s, in: true, out: true})
		}
		c.gateway(name, ends)
	}
	for _, g := range c.doc.Same {
		if !g.Enable.yes() {
			c.lost("samechannelgateway %s is off (enable), and left out", g.Name.s)
			continue
		}
		for _, ch := range g.Channels {
			var ends []*end
			for _, a := range g.Accounts {
				ends = c.end(ends, end{account: a.s, channel: ch.s, in: true, out: true})
			}
			c.gateway(g.Name.s+", "+ch.s, ends)
		}
	}
}

// end adds a channel to those of a gateway, or the other direction to one that is there.
func (c *conversion) end(ends []*end, e end) []*end {
	e.account = strings.ToLower(e.account)
	e.net = c.byAccount[e.account]
	if e.net != nil {
		id, isID := strings.CutPrefix(e.channel, "ID:")
		switch {
		case isID:
			e.channel = id
		case strings.HasPrefix(e.net.id, "irc."):
			e.channel = strings.ToLower(e.channel)
		case !strings.HasPrefix(e.channel, "#"):
			e.channel = "#" + e.channel
		}
	}
	i := slices.IndexFunc(ends, func(o *end) bool { return o.account == e.account && o.channel == e.channel })
	if i < 0 {
		return append(ends, &e)
	}
	ends[i].in, ends[i].out = ends[i].in || e.in, ends[i].out || e.out
	return ends
}

// gateway says which room becomes of a gateway, and what of it does not.
func (c *conversion) gateway(name string, all []*end) {
	var nets, rooms []*end
	for _, e := range all {
		protocol, label, _ := strings.Cut(e.account, ".")
		switch {
		case e.net != nil:
			nets = append(nets, e)
		case protocol == "matrix":
			rooms = append(rooms, e)
		case protocol == "irc" || protocol == "slack":
			c.lost("gateway %s: there is no section [%s.%s]", name, protocol, label)
		default:
			c.lost("gateway %s: %s stays behind; %s", name, e.name(), noProtocol(protocol))
		}
	}
	c.room("Gateway %s:", name)
	switch {
	case len(nets) == 0:
		c.room("  nothing of it can be carried over.")
		return
	case len(rooms) == 0 && len(nets) == 1:
		c.room("  only %s is left, with nothing to join it to. To have a room of it, write to the bot:", nets[0].name())
		c.room("    join %s %s", nets[0].net.id, nets[0].channel)
		return
	case len(rooms) == 0:
		c.room("  make a room for it, in which the networks meet; its people read and are heard.")
	default:
		c.room("  in the room %s", rooms[0].channel)
	}
	c.plumb(name, nets)
	c.directions(name, rooms, nets)
	for _, e := range rooms[min(1, len(rooms)):] {
		c.lost("gateway %s: %s is a second Matrix room, and a chat has one room in Causeway: ask its people into %s", name, e.channel, rooms[0].channel)
	}
}

// plumb says what to write in the room.
func (c *conversion) plumb(name string, nets []*end) {
	for i, e := range nets {
		chat := e.net.id + " " + e.channel
		if in, taken := c.plumbed[chat]; taken {
			c.lost("gateway %s: %s is in gateway %s too, and a chat has one room in Causeway: bridge what shall hear each other in one room", name, e.name(), in)
		} else {
			c.plumbed[chat] = name
		}
		if e.key != "" {
			c.keyed(e)
		}
		for _, o := range nets[:i] {
			meet(e.net, o.net)
			meet(o.net, e.net)
		}
		c.room("    !cw plumb %s exactly %s", e.net.id, e.channel)
	}
}

// keyed has the relay enter a channel by its key.
func (c *conversion) keyed(e *end) {
	s := &e.net.section
	if slices.ContainsFunc(s.Channels, func(o channel) bool { return o.Name == e.channel }) {
		return
	}
	what := fmt.Sprintf("key-%d", len(s.Channels)+1)
	s.Channels = append(s.Channels, channel{e.channel, c.secret(e.net, what, "the key of "+e.name())})
}

// meet notes that the operators of a have to let it meet b, if both are of IRC.
func meet(a, b *net) {
	if strings.HasPrefix(a.id, "irc.") && strings.HasPrefix(b.id, "irc.") && !slices.Contains(a.meets, b.id) {
		a.meets = append(a.meets, b.id)
	}
}

// directions says what to set where a channel is only read, or only written to.
func (c *conversion) directions(name string, rooms, nets []*end) {
	said := map[*net]*end{}
	hears, heard := false, false // any network
	for _, e := range nets {
		hears, heard = hears || e.out, heard || e.in
		if o := said[e.net]; o != nil {
			if o.in != e.in || o.out != e.out {
				c.lost("gateway %s: %s and %s take messages in different directions, and in Causeway a network has one direction in a room", name, o.name(), e.name())
			}
			continue
		}
		said[e.net] = e
		switch {
		case !e.out:
			c.room("    !cw hub set %s direction in", e.net.id)
		case !e.in:
			c.room("    !cw hub set %s direction out", e.net.id)
		}
		if e.net.joins {
			c.room("    !cw hub set %s joins yes", e.net.id)
		}
	}
	for _, e := range rooms {
		switch {
		case !e.in && hears:
			c.lost("gateway %s: %s is only written to; in Causeway whoever may write in the room is heard by the networks that hear it", name, e.channel)
		case !e.out && heard:
			c.lost("gateway %s: %s is only read; in Causeway a room shows every network that is heard", name, e.channel)
		}
	}
}
