package ircfake

import (
	"strconv"
	"strings"
	"time"

	"github.com/ergochat/irc-go/ircmsg"
)

// A Line is a message that the server took: PRIVMSG, NOTICE or TAGMSG. Text of
// a multi-line message has line feeds.
type Line struct {
	ID       string
	From     string // nick
	Mask     string
	Account  string
	Command  string
	Target   string // channel or nick
	Text     string
	Tags     map[string]string // client-only ones
	At       time.Time
	Redacted bool
}

// An inBatch is a multi-line message on its way in.
type inBatch struct {
	id, target, label, command string
	tags                       map[string]string
	text                       string
	any                        bool
}

// message is PRIVMSG, NOTICE and TAGMSG.
func (c *call) message() {
	target, text := c.arg(0), c.arg(1)
	client := c.u.conn
	if client != nil && client.batch != nil {
		if has, id := c.m.GetTag("batch"); has && id == client.batch.id {
			client.batch.add(&c.m, text)
			return
		}
	}
	switch {
	case target == "":
		c.numeric(c.u, "411", "No recipient given")
		return
	case text == "" && c.m.Command != "TAGMSG":
		c.numeric(c.u, "412", "No text to send")
		return
	case c.m.Command == "TAGMSG" && client != nil && !client.caps["message-tags"]:
		c.numeric(c.u, "421", "TAGMSG", "Unknown command")
		return
	}
	c.say(c.m.Command, target, text, c.m.ClientOnlyTags())
}

// add takes a line of a multi-line message.
func (b *inBatch) add(m *ircmsg.Message, text string) {
	if b.any && !m.HasTag("draft/multiline-concat") {
		b.text += "\n"
	}
	b.any, b.command = true, m.Command
	b.text += text
}

// inBatch is BATCH from a client: draft/multiline only.
func (c *call) inBatch() {
	client := c.u.conn
	id := c.arg(0)
	switch {
	case strings.HasPrefix(id, "+") && c.arg(1) == "draft/multiline" && client != nil:
		client.batch = &inBatch{id: id[1:], target: c.arg(2), command: "PRIVMSG", tags: c.m.ClientOnlyTags()}
	case strings.HasPrefix(id, "-") && client != nil && client.batch != nil:
		b := client.batch
		client.batch = nil
		if b.label != "" {
			client.label, client.replies = b.label, []ircmsg.Message{}
		}
		c.say(b.command, b.target, b.text, b.tags)
	default:
		c.tell(c.u, nil, c.cfg.Name, "FAIL", "BATCH", "INVALID", "Unknown batch")
	}
}

// say takes a message and tells everybody whom it concerns.
func (c *call) say(command, target, text string, tags map[string]string) {
	if c.refused(target) {
		return
	}
	l := &Line{
		From: c.u.nick, Mask: c.u.mask(), Account: c.u.account, Command: command, Target: target, Text: text,
		Tags: map[string]string{}, At: c.now(), ID: "m" + strconv.Itoa(c.next()),
	}
	for k, v := range tags {
		l.Tags[k] = v
	}
	bare := strings.TrimLeft(target, "@%+")
	if isChannel(bare) {
		c.sayChannel(l, bare, target[:len(target)-len(bare)])
		return
	}
	to := c.users[c.fold(target)]
	if to == nil {
		c.numeric(c.u, "401", visible(target), "No such nick")
		return
	}
	l.Target = to.nick
	c.said = append(c.said, l)
	if to.away != "" && command == "PRIVMSG" {
		c.numeric(c.u, "301", to.nick, to.away)
	}
	if to != c.u {
		c.show(to, l, false)
	}
	c.show(c.u, l, true)
	if to.service {
		c.service(to, text)
	}
}

// refused answers a message that the test wants to be turned down.
func (c *call) refused(target string) bool {
	if c.u.conn == nil || c.m.Command == "TAGMSG" || len(c.refusals) == 0 {
		return false
	}
	r := &c.refusals[0]
	if r.skip > 0 {
		r.skip--
		return false
	}
	c.numeric(c.u, r.numeric, visible(target), r.text)
	c.refusals = c.refusals[1:]
	return true
}

func (c *call) sayChannel(l *Line, name, status string) {
	ch := c.chans[c.fold(name)]
	if ch == nil {
		c.numeric(c.u, "403", visible(name), "No such channel")
		return
	}
	prefix, in := ch.members[c.u]
	if !in && ch.flags['n'] || ch.flags['m'] && prefix == "" {
		c.numeric(c.u, "404", ch.name, "Cannot send to channel")
		return
	}
	l.Target = status + ch.name
	c.said = append(c.said, l)
	for _, u := range ch.order() {
		if u != c.u && (status == "" || strings.ContainsAny(ch.members[u], status)) {
			c.show(u, l, false)
		}
	}
	c.show(c.u, l, true)
}

// show sends a message to u, whole or line by line. An echo goes to its sender.
func (c *call) show(u *user, l *Line, echo bool) {
	if echo && (u.conn == nil || !u.conn.caps["echo-message"]) {
		return
	}
	if echo && c.drop > 0 {
		c.drop--
		if u.conn.label != "" {
			u.conn.label, u.conn.replies = "", nil
		}
		return
	}
	if l.Command == "TAGMSG" && u.conn != nil && !u.conn.caps["message-tags"] {
		return
	}
	c.showTagged(u, l, l.tags())
}

// tags are what the server says about a message.
func (l *Line) tags() map[string]string {
	tags := map[string]string{"time": l.At.Format("2006-01-02T15:04:05.000Z"), "msgid": l.ID}
	if l.Account != "" {
		tags["account"] = l.Account
	}
	for k, v := range l.Tags {
		tags[k] = v
	}
	return tags
}

// showTagged sends a message with tags, as a batch if it has lines and u can
// read that.
func (s *Server) showTagged(u *user, l *Line, tags map[string]string) {
	if l.Command == "TAGMSG" {
		s.tell(u, tags, l.Mask, "TAGMSG", l.Target)
		return
	}
	lines := strings.Split(l.Text, "\n")
	if len(lines) == 1 || u.conn == nil {
		s.tell(u, tags, l.Mask, l.Command, l.Target, l.Text)
		return
	}
	if !u.conn.caps["draft/multiline"] || !u.conn.caps["batch"] {
		for _, line := range lines {
			if line != "" {
				s.tell(u, tags, l.Mask, l.Command, l.Target, line)
			}
			delete(tags, "msgid") // only the first line carries it
		}
		return
	}
	id := "M" + strconv.Itoa(s.next())
	s.tell(u, tags, l.Mask, "BATCH", "+"+id, "draft/multiline", l.Target)
	for _, line := range lines {
		s.tell(u, map[string]string{"batch": id}, l.Mask, l.Command, l.Target, line)
	}
	s.tell(u, nil, s.cfg.Name, "BATCH", "-"+id)
}

// service answers what is said to NickServ.
func (c *call) service(to *user, text string) {
	f := strings.Fields(text)
	reply := "Unknown command"
	if len(f) > 1 && strings.EqualFold(f[0], "IDENTIFY") {
		account, password := c.u.nick, f[1]
		if len(f) > 2 {
			account, password = f[1], f[2]
		}
		reply = "Invalid password for " + account + "."
		if account := c.login(account, password); account != "" {
			c.u.account = account
			reply = "You are now identified for " + account + "."
			c.numeric(c.u, "900", c.u.mask(), account, "You are now logged in as "+account)
		}
	}
	c.tell(c.u, c.stamp(""), to.mask(), "NOTICE", c.u.nick, reply)
}

// redact is REDACT, https://ircv3.net/specs/extensions/message-redaction.
func (c *call) redact() {
	target, id := c.arg(0), c.arg(1)
	var l *Line
	for _, one := range c.said {
		if one.ID == id && c.fold(one.Target) == c.fold(target) {
			l = one
		}
	}
	switch {
	case l == nil:
		c.tell(c.u, nil, c.cfg.Name, "FAIL", "REDACT", "UNKNOWN_MSGID", visible(target), visible(id), "This message does not exist or is too old")
		return
	case l.Mask != c.u.mask() && !c.isOperator(target):
		c.tell(c.u, nil, c.cfg.Name, "FAIL", "REDACT", "REDACT_FORBIDDEN", visible(target), visible(id), "You are not authorised to delete this message")
		return
	}
	l.Redacted = true
	params := []string{l.Target, id}
	if c.arg(2) != "" {
		params = append(params, c.arg(2))
	}
	tags := c.stamp(c.u.account)
	for _, u := range c.audience(l) {
		if u.conn == nil || u.conn.caps["draft/message-redaction"] && (u != c.u || u.conn.caps["echo-message"]) {
			c.tell(u, tags, c.u.mask(), "REDACT", params...)
		}
	}
}

func (c *call) isOperator(name string) bool {
	ch := c.chans[c.fold(name)]
	return ch != nil && strings.Contains(ch.members[c.u], "@")
}

// audience are the people who saw a message.
func (s *Server) audience(l *Line) []*user {
	if ch := s.chans[s.fold(l.Target)]; ch != nil {
		return ch.order()
	}
	var all []*user
	for _, nick := range []string{l.Target, l.From} {
		if u := s.users[s.fold(nick)]; u != nil {
			all = append(all, u)
		}
	}
	return all
}
