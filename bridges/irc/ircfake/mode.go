package ircfake

import (
	"slices"
	"strconv"
	"strings"
)

// prefixes are the modes of members and their signs, the highest first.
const (
	prefixModes = "ohv"
	prefixSigns = "@%+"
)

// mode is MODE for channels, and for one's own user modes.
func (c *call) mode() {
	if !isChannel(c.arg(0)) {
		if c.fold(c.arg(0)) == c.fold(c.u.nick) && c.arg(1) != "" {
			c.u.modes += strings.Trim(c.arg(1), "+-")
			c.tell(c.u, nil, c.u.mask(), "MODE", c.u.nick, c.arg(1))
		}
		return
	}
	if c.arg(1) == "" {
		if ch := c.here(c.arg(0)); ch != nil {
			c.numeric(c.u, "324", ch.name, "+"+ch.letters())
		}
		return
	}
	ch := c.operator(c.arg(0))
	if ch == nil {
		return
	}
	args, add := c.m.Params[2:], true
	var did strings.Builder
	var with []string
	for _, m := range []byte(c.arg(1)) {
		if m == '+' || m == '-' {
			add = m == '+'
			continue
		}
		arg := ""
		if strings.IndexByte("bohvk", m) >= 0 || m == 'l' && add {
			if len(args) == 0 {
				continue
			}
			arg, args = args[0], args[1:]
		}
		if !c.set(ch, m, add, arg) {
			continue
		}
		did.WriteString(map[bool]string{true: "+", false: "-"}[add] + string(m))
		if arg != "" {
			with = append(with, arg)
		}
	}
	if did.Len() > 0 {
		c.toAll(ch, c.u.mask(), "MODE", append([]string{ch.name, did.String()}, with...)...)
	}
}

// letters are the flags of a channel.
func (ch *channel) letters() string {
	var all []byte
	for m, on := range ch.flags {
		if on {
			all = append(all, m)
		}
	}
	slices.Sort(all)
	return string(all)
}

// set changes one mode and reports whether that worked.
func (c *call) set(ch *channel, m byte, add bool, arg string) bool {
	switch {
	case strings.IndexByte(prefixModes, m) >= 0:
		return c.setMember(ch, m, add, arg)
	case m == 'b' && add:
		ch.bans = append(ch.bans, arg)
	case m == 'b':
		ch.bans = slices.DeleteFunc(ch.bans, func(b string) bool { return b == arg })
	case m == 'k' && add:
		ch.key = arg
	case m == 'k':
		ch.key = ""
	case m == 'l' && add:
		ch.limit, _ = strconv.Atoi(arg)
	case m == 'l':
		ch.limit = 0
	default:
		ch.flags[m] = add
	}
	return true
}

// setMember gives or takes a member's prefix.
func (c *call) setMember(ch *channel, m byte, add bool, nick string) bool {
	u := c.users[c.fold(nick)]
	if u == nil {
		c.numeric(c.u, "401", visible(nick), "No such nick")
		return false
	}
	have, ok := ch.members[u]
	if !ok {
		c.numeric(c.u, "441", u.nick, ch.name, "They aren't on that channel")
		return false
	}
	sign := prefixSigns[strings.IndexByte(prefixModes, m)]
	var now []byte
	for _, p := range []byte(prefixSigns) {
		if p == sign && add || p != sign && strings.IndexByte(have, p) >= 0 {
			now = append(now, p)
		}
	}
	ch.members[u] = string(now)
	return true
}
