package ircfake

import (
	"slices"
	"strconv"
	"strings"
)

// motd sends the message of the day.
func (s *Server) motd(u *user) {
	if s.cfg.MOTD == nil {
		s.numeric(u, "422", "MOTD File is missing")
		return
	}
	s.numeric(u, "375", "- "+s.cfg.Name+" Message of the day -")
	for _, line := range s.cfg.MOTD {
		s.numeric(u, "372", "- "+line)
	}
	s.numeric(u, "376", "End of /MOTD command")
}

// list is LIST, with a mask if one is given.
func (c *call) list() {
	c.numeric(c.u, "321", "Channel", "Users  Name")
	var names []string
	for key := range c.chans {
		names = append(names, key)
	}
	slices.Sort(names)
	for _, key := range names {
		ch := c.chans[key]
		if ch.flags['s'] || c.arg(0) != "" && !match(c.fold(c.arg(0)), key) {
			continue
		}
		c.numeric(c.u, "322", ch.name, strconv.Itoa(len(ch.members)), ch.topic)
	}
	c.numeric(c.u, "323", "End of /LIST")
}

func (c *call) who() {
	if ch := c.chans[c.fold(c.arg(0))]; ch != nil {
		for _, u := range ch.order() {
			c.numeric(c.u, "352", ch.name, u.ident, u.host, c.cfg.Name, u.nick, "H"+ch.members[u], "0 "+u.real)
		}
	}
	c.numeric(c.u, "315", visible(c.arg(0)), "End of /WHO list")
}

func (c *call) whois() {
	nick := c.arg(len(c.m.Params) - 1)
	u := c.users[c.fold(nick)]
	if u == nil {
		c.numeric(c.u, "401", visible(nick), "No such nick/channel")
		c.numeric(c.u, "318", visible(nick), "End of /WHOIS list")
		return
	}
	c.numeric(c.u, "311", u.nick, u.ident, u.host, "*", u.real)
	c.numeric(c.u, "312", u.nick, c.cfg.Name, "fake")
	if u.account != "" {
		c.numeric(c.u, "330", u.nick, u.account, "is logged in as")
	}
	if u.away != "" {
		c.numeric(c.u, "301", u.nick, u.away)
	}
	c.numeric(c.u, "318", u.nick, "End of /WHOIS list")
}

func (c *call) ison() {
	var on []string
	for _, nick := range strings.Fields(strings.Join(c.m.Params, " ")) {
		if u := c.users[c.fold(nick)]; u != nil {
			on = append(on, u.nick)
		}
	}
	c.numeric(c.u, "303", strings.Join(on, " "))
}

func (c *call) userhost() {
	var all []string
	for _, nick := range c.m.Params {
		if u := c.users[c.fold(nick)]; u != nil {
			all = append(all, u.nick+"=+"+u.ident+"@"+u.host)
		}
	}
	c.numeric(c.u, "302", strings.Join(all, " "))
}

func (c *call) away() {
	c.u.away = c.arg(0)
	if c.u.away == "" {
		c.numeric(c.u, "305", "You are no longer marked as being away")
		return
	}
	c.numeric(c.u, "306", "You have been marked as being away")
}

func (c *call) setname() {
	c.u.real = c.arg(0)
	c.tell(c.u, nil, c.u.mask(), "SETNAME", c.u.real)
}
