package ircfake

import (
	"strconv"
	"strings"

	"github.com/ergochat/irc-go/ircmsg"
)

// A call is one command of one user.
type call struct {
	*Server
	u *user
	m ircmsg.Message
}

// arg is parameter i, empty if there is none.
func (c *call) arg(i int) string {
	if i < len(c.m.Params) {
		return c.m.Params[i]
	}
	return ""
}

type handler struct {
	params int // at least
	early  bool
	run    func(c *call)
}

// handlers are the commands.
func handlers() map[string]handler {
	return map[string]handler{
		"CAP":          {params: 1, early: true, run: (*call).capability},
		"AUTHENTICATE": {params: 1, early: true, run: (*call).authenticate},
		"PASS":         {params: 1, early: true, run: func(c *call) { c.u.conn.pass = c.arg(0) }},
		"NICK":         {early: true, run: (*call).nick},
		"USER":         {params: 4, early: true, run: (*call).user},
		"QUIT":         {early: true, run: (*call).quit},
		"PING":         {params: 1, early: true, run: (*call).ping},
		"PONG":         {early: true, run: func(*call) {}},
		"JOIN":         {params: 1, run: (*call).join},
		"PART":         {params: 1, run: (*call).part},
		"KICK":         {params: 2, run: (*call).kick},
		"TOPIC":        {params: 1, run: (*call).topic},
		"INVITE":       {params: 2, run: (*call).invite},
		"MODE":         {params: 1, run: (*call).mode},
		"NAMES":        {params: 1, run: func(c *call) { c.names(c.u, c.arg(0)) }},
		"LIST":         {run: (*call).list},
		"WHO":          {params: 1, run: (*call).who},
		"WHOIS":        {params: 1, run: (*call).whois},
		"ISON":         {params: 1, run: (*call).ison},
		"USERHOST":     {params: 1, run: (*call).userhost},
		"AWAY":         {run: (*call).away},
		"MOTD":         {run: func(c *call) { c.motd(c.u) }},
		"PRIVMSG":      {run: (*call).message},
		"NOTICE":       {run: (*call).message},
		"TAGMSG":       {run: (*call).message},
		"BATCH":        {params: 1, run: (*call).inBatch},
		"REDACT":       {params: 2, run: (*call).redact},
		"CHATHISTORY":  {params: 1, run: (*call).history},
		"SETNAME":      {params: 1, run: (*call).setname},
	}
}

// handle runs a client's command and answers a labelled one as
// https://ircv3.net/specs/extensions/labeled-response asks for.
func (s *Server) handle(c *conn, m ircmsg.Message) {
	if has, label := m.GetTag("label"); has && c.caps["labeled-response"] {
		c.label, c.replies = label, []ircmsg.Message{}
	}
	s.dispatch(&call{s, c.user, m})
	if c.label == "" {
		return
	}
	label, replies := c.label, c.replies
	c.label, c.replies = "", nil
	if c.batch != nil && m.Command == "BATCH" && strings.HasPrefix(m.Params[0], "+") {
		c.batch.label = label
		return
	}
	s.answer(c, label, replies)
}

// answer sends the replies to a labelled command.
func (s *Server) answer(c *conn, label string, replies []ircmsg.Message) {
	if len(replies) == 0 {
		replies = []ircmsg.Message{ircmsg.MakeMessage(nil, s.cfg.Name, "ACK")}
	}
	if len(replies) == 1 || !c.caps["batch"] || replies[0].Command == "BATCH" {
		replies[0].SetTag("label", label)
		for _, m := range replies {
			s.put(c, m)
		}
		return
	}
	id := "L" + strconv.Itoa(s.next())
	s.put(c, ircmsg.MakeMessage(map[string]string{"label": label}, s.cfg.Name, "BATCH", "+"+id, "labeled-response"))
	for _, m := range replies {
		if !m.HasTag("batch") {
			m.SetTag("batch", id)
		}
		s.put(c, m)
	}
	s.put(c, ircmsg.MakeMessage(nil, s.cfg.Name, "BATCH", "-"+id))
}

func (s *Server) dispatch(c *call) {
	h, ok := s.handlers[c.m.Command]
	client := c.u.conn
	switch {
	case !ok, c.m.Command == "CAP" && s.cfg.Caps == nil:
		s.numeric(c.u, "421", c.m.Command, "Unknown command")
	case client != nil && !client.welcome && !h.early:
		s.numeric(c.u, "451", "You have not registered")
	case len(c.m.Params) < h.params:
		s.numeric(c.u, "461", c.m.Command, "Not enough parameters")
	default:
		h.run(c)
	}
}

func (c *call) ping() {
	if !c.cfg.NoPong {
		c.tell(c.u, nil, c.cfg.Name, "PONG", c.cfg.Name, c.arg(0))
	}
}

func (c *call) quit() {
	if c.u.conn != nil {
		c.leaveAll(c.u, "Quit: "+c.arg(0))
		c.farewell(c.u.conn, "Quit: "+c.arg(0))
		return
	}
	c.leaveAll(c.u, c.arg(0))
	delete(c.users, c.fold(c.u.nick))
}
