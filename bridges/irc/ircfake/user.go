package ircfake

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/ergochat/irc-go/ircmsg"
)

// A User is a person on the server without a connection, for tests and the demo
// to act as. Its methods may be called concurrently.
type User struct {
	s *Server
	u *user
}

// User returns the person with this nick, who comes into being if there is none.
// It panics if the nick belongs to a connection or is not well formed.
func (s *Server) User(nick string) *User {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.users[s.fold(nick)]
	if u != nil && u.conn != nil || !s.nickOK(nick) {
		panic(fmt.Sprintf("ircfake: nick %q is not free", nick))
	}
	if u == nil {
		u = &user{nick: nick, ident: "u", host: s.cfg.Host, real: nick}
		s.users[s.fold(nick)] = u
	}
	return &User{s, u}
}

// Do sends a command as the person would.
func (p *User) Do(command string, params ...string) { p.Tagged(nil, command, params...) }

// Tagged sends a command with tags.
func (p *User) Tagged(tags map[string]string, command string, params ...string) {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	for i := range params {
		params[i] = visible(params[i])
	}
	p.s.dispatch(&call{p.s, p.u, ircmsg.MakeMessage(tags, "", command, params...)})
	p.s.happened()
}

// Say sends a PRIVMSG and returns its message ID, which is empty if it was refused.
func (p *User) Say(target, text string) string { return p.SayTagged(nil, target, text) }

// SayTagged sends a PRIVMSG with client-only tags. Line feeds make it a
// multi-line message.
func (p *User) SayTagged(tags map[string]string, target, text string) string {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	n := len(p.s.said)
	c := &call{p.s, p.u, ircmsg.MakeMessage(tags, "", "PRIVMSG", target, text)}
	c.say("PRIVMSG", target, strings.NewReplacer("\r", "", "\x00", "").Replace(text), tags)
	p.s.happened()
	if len(p.s.said) == n {
		return ""
	}
	return p.s.said[n].ID
}

// Notice sends a NOTICE.
func (p *User) Notice(target, text string) { p.Do("NOTICE", target, text) }

// Action sends a CTCP ACTION.
func (p *User) Action(target, text string) { p.Say(target, "\x01ACTION "+text+"\x01") }

// Join enters channels.
func (p *User) Join(channels ...string) {
	for _, ch := range channels {
		p.Do("JOIN", ch)
	}
}

// Part leaves a channel.
func (p *User) Part(channel, reason string) { p.Do("PART", channel, reason) }

// Quit leaves the server.
func (p *User) Quit(reason string) { p.Do("QUIT", reason) }

// Nick changes the person's nick.
func (p *User) Nick(nick string) { p.Do("NICK", nick) }

// Kick puts somebody out of a channel.
func (p *User) Kick(channel, nick, reason string) { p.Do("KICK", channel, nick, reason) }

// Topic sets a channel's topic.
func (p *User) Topic(channel, topic string) { p.Do("TOPIC", channel, topic) }

// Mode sets modes.
func (p *User) Mode(channel, modes string, args ...string) {
	p.Do("MODE", append([]string{channel, modes}, args...)...)
}

// React adds a reaction to a message, or removes it.
func (p *User) React(target, id, emoji string, remove bool) {
	tag := "+draft/react"
	if remove {
		tag = "+draft/unreact"
	}
	p.Tagged(map[string]string{tag: emoji, "+draft/reply": id}, "TAGMSG", target)
}

// Typing shows that the person types ("active", "paused", "done").
func (p *User) Typing(target, state string) {
	p.Tagged(map[string]string{"+typing": state}, "TAGMSG", target)
}

// Redact removes a message.
func (p *User) Redact(target, id, reason string) { p.Do("REDACT", target, id, reason) }

// SayAs makes another program of a connected nick speak, as behind a bouncer:
// the connection sees its own message too. It returns the message's ID.
func (s *Server) SayAs(nick, target, text string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.users[s.fold(nick)]
	if u == nil {
		return ""
	}
	n := len(s.said)
	c := &call{s, u, ircmsg.MakeMessage(nil, "", "PRIVMSG", target, text)}
	c.say("PRIVMSG", target, text, nil)
	s.happened()
	if len(s.said) == n {
		return ""
	}
	return s.said[n].ID
}

// SetPassword changes an account's password; empty: nobody can sign in to it.
func (s *Server) SetPassword(account, password string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cfg.Accounts[account] = password
}

// Heard are the messages that the server sent to the person, with all tags.
func (p *User) Heard() []ircmsg.Message {
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	return slices.Clone(p.u.heard)
}

// Op makes a nick operator of a channel, with the server's own authority.
func (s *Server) Op(channel, nick string) { s.Mode(channel, "+o", nick) }

// Mode sets modes of a channel with the server's own authority.
func (s *Server) Mode(channel, modes string, args ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ch := s.chans[s.fold(channel)]
	if ch == nil {
		return
	}
	god := &user{nick: s.cfg.Name, ident: "server", host: s.cfg.Name}
	ch.members[god] = "@"
	c := &call{s, god, ircmsg.MakeMessage(nil, "", "MODE", append([]string{channel, modes}, args...)...)}
	c.mode()
	delete(ch.members, god)
	s.happened()
}

// Split makes several people quit at once, as when two servers lose each other.
func (s *Server) Split(people ...*User) {
	for _, p := range people {
		p.Quit(s.cfg.Name + " leaf.test")
	}
}

// Said lists what was said to a channel or nick, in order, without what was
// redacted and without TAGMSG.
func (s *Server) Said(target string) []Line {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Line
	for _, l := range s.said {
		if s.fold(l.Target) == s.fold(target) && !l.Redacted && l.Command != "TAGMSG" {
			out = append(out, *l)
		}
	}
	return out
}

// Tags lists the TAGMSGs to a target, in order.
func (s *Server) Tags(target string) []Line {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Line
	for _, l := range s.said {
		if s.fold(l.Target) == s.fold(target) && l.Command == "TAGMSG" {
			out = append(out, *l)
		}
	}
	return out
}

// Texts are the texts of Said that nick sent.
func (s *Server) Texts(target, nick string) []string {
	var out []string
	for _, l := range s.Said(target) {
		if s.fold(l.From) == s.fold(nick) {
			out = append(out, l.Text)
		}
	}
	return out
}

// WaitText waits until somebody said exactly text to target.
func (s *Server) WaitText(ctx context.Context, target, text string) error {
	return s.Wait(ctx, func() bool {
		return slices.ContainsFunc(s.Said(target), func(l Line) bool { return l.Text == text })
	})
}

// Members are the nicks in a channel with their prefixes, by nick.
func (s *Server) Members(channel string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	ch := s.chans[s.fold(channel)]
	if ch == nil {
		return nil
	}
	var out []string
	for _, u := range ch.order() {
		out = append(out, ch.members[u]+u.nick)
	}
	return out
}

// In reports whether nick is in a channel.
func (s *Server) In(channel, nick string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	ch, u := s.chans[s.fold(channel)], s.users[s.fold(nick)]
	if ch == nil || u == nil {
		return false
	}
	_, ok := ch.members[u]
	return ok
}

// Channel is a channel's topic and whether it exists.
func (s *Server) Channel(name string) (topic string, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ch := s.chans[s.fold(name)]
	if ch == nil {
		return "", false
	}
	return ch.topic, true
}
