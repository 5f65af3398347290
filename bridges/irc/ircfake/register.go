package ircfake

import (
	"bytes"
	"slices"
	"strings"
)

// capability is CAP, https://ircv3.net/specs/extensions/capability-negotiation.
func (c *call) capability() {
	client := c.u.conn
	switch strings.ToUpper(c.arg(0)) {
	case "LS":
		client.negot = client.negot || !client.welcome
		c.capList(c.arg(1) == "302")
	case "LIST":
		var on []string
		for name := range client.caps {
			on = append(on, name)
		}
		slices.Sort(on)
		c.numericCap("LIST", strings.Join(on, " "))
	case "REQ":
		c.capRequest(strings.Fields(c.arg(1)))
	case "END":
		client.negot = false
		c.register()
	}
}

// numericCap answers CAP, whose second parameter is the nick or "*".
func (c *call) numericCap(params ...string) { c.numeric(c.u, "CAP", params...) }

// capList sends the capabilities, in lines of four if values may be shown.
func (c *call) capList(values bool) {
	var all []string
	for _, one := range c.cfg.Caps {
		if !values {
			one, _, _ = strings.Cut(one, "=")
		}
		all = append(all, one)
	}
	for values && len(all) > 4 {
		c.numericCap("LS", "*", strings.Join(all[:4], " "))
		all = all[4:]
	}
	c.numericCap("LS", strings.Join(all, " "))
}

func (c *call) capRequest(names []string) {
	for _, name := range names {
		name = strings.TrimPrefix(name, "-")
		if !slices.ContainsFunc(c.cfg.Caps, func(have string) bool {
			have, _, _ = strings.Cut(have, "=")
			return have == name
		}) {
			c.numericCap("NAK", strings.Join(names, " "))
			return
		}
	}
	for _, name := range names {
		if off, ok := strings.CutPrefix(name, "-"); ok {
			delete(c.u.conn.caps, off)
		} else {
			c.u.conn.caps[name] = true
		}
	}
	c.numericCap("ACK", strings.Join(names, " "))
}

// authenticate is SASL, https://ircv3.net/specs/extensions/sasl-3.2.
func (c *call) authenticate() {
	client := c.u.conn
	if c.arg(0) == "*" {
		client.mech = ""
		c.numeric(c.u, "906", "SASL authentication aborted")
		return
	}
	if client.mech == "" {
		mech := strings.ToUpper(c.arg(0))
		if mech != "PLAIN" && mech != "EXTERNAL" {
			c.numeric(c.u, "908", "PLAIN,EXTERNAL", "are available SASL mechanisms")
			c.numeric(c.u, "904", "SASL authentication failed")
			return
		}
		client.mech = mech
		c.tell(c.u, nil, "", "AUTHENTICATE", "+")
		return
	}
	done, data, err := client.sasl.Add(c.arg(0))
	if !done {
		return
	}
	mech := client.mech
	client.mech = ""
	var account string
	if err == nil && mech == "PLAIN" {
		account = c.plain(data)
	} else if err == nil {
		account = c.cfg.Certs[client.common()]
	}
	if account == "" {
		c.numeric(c.u, "904", "SASL authentication failed")
		return
	}
	c.u.account = account
	c.numeric(c.u, "900", c.u.mask(), account, "You are now logged in as "+account)
	c.numeric(c.u, "903", "SASL authentication successful")
}

// plain is the account of a SASL PLAIN response, RFC 4616.
func (c *call) plain(data []byte) string {
	f := bytes.Split(data, []byte{0})
	if len(f) != 3 {
		return ""
	}
	return c.login(string(f[1]), string(f[2]))
}

// login is the account if the password is right.
func (s *Server) login(account, password string) string {
	if want, ok := s.cfg.Accounts[account]; ok && want != "" && want == password {
		return account
	}
	return ""
}

// nickOK reports whether a nick is well formed.
func (s *Server) nickOK(nick string) bool {
	return nick != "" && len(nick) <= s.cfg.NickLen && !strings.ContainsAny(nick, " ,*?!@.:#&+$\x00\r\n") &&
		nick[0] != '-' && (nick[0] < '0' || nick[0] > '9')
}

func (c *call) nick() {
	nick := c.arg(0)
	if nick == "" {
		c.numeric(c.u, "431", "No nickname given")
		return
	}
	if !c.nickOK(nick) {
		c.numeric(c.u, "432", visible(strings.ReplaceAll(nick, " ", "_")), "Erroneous nickname")
		return
	}
	if other := c.users[c.fold(nick)]; other != nil && other != c.u {
		c.numeric(c.u, "433", nick, "Nickname is already in use")
		return
	}
	client := c.u.conn
	if client != nil && !client.welcome {
		c.u.nick = nick
		c.register()
		return
	}
	if nick == c.u.nick {
		return
	}
	c.rename(c.u, nick)
}

func (c *call) user() {
	if c.u.conn.welcome {
		c.numeric(c.u, "462", "You may not reregister")
		return
	}
	c.u.ident, c.u.real = "~"+visible(c.arg(0)), c.arg(3)
	if len(c.u.ident) > 10 {
		c.u.ident = c.u.ident[:10]
	}
	c.register()
}

// register welcomes a client that has said everything.
func (c *call) register() {
	client := c.u.conn
	if client.negot || client.welcome || client.dead || c.u.nick == "" || c.u.ident == "" {
		return
	}
	if c.cfg.Password != client.pass && c.cfg.Password != "" {
		c.numeric(c.u, "464", "Password incorrect")
		c.farewell(client, "Bad Password")
		return
	}
	if other := c.users[c.fold(c.u.nick)]; other != nil {
		nick := c.u.nick
		c.u.nick = ""
		c.numeric(c.u, "433", nick, "Nickname is already in use")
		return
	}
	client.welcome = true
	c.users[c.fold(c.u.nick)] = c.u
	c.numeric(c.u, "001", "Welcome to the "+c.cfg.Network+" IRC Network "+c.u.mask())
	c.numeric(c.u, "002", "Your host is "+c.cfg.Name)
	c.numeric(c.u, "003", "This server was created today")
	c.numeric(c.u, "004", c.cfg.Name, "ircfake", "io", "biklmnorstvh")
	c.isupport()
	c.numeric(c.u, "251", "There are some users")
	c.motd(c.u)
}
