package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/testbed/ircuser"
)

// ircPatience is how long IRC and Causeway may take for something that nothing
// keeps them from.
const ircPatience = 2 * time.Minute

// An ircPerson is somebody on IRC, in all channels.
type ircPerson struct {
	nick string
	user *ircuser.User  // the present connection
	past []ircuser.Line // what was seen on those before
}

// person brings somebody to IRC, or back there.
func (n *ircNet) person(ctx context.Context, nick string) (*ircPerson, error) {
	u, err := ircuser.Dial(ctx, ircuser.Options{
		Addr: n.server.Addr(), Nick: nick, Caps: []string{"message-tags", "server-time", "echo-message"},
	})
	if err != nil {
		return nil, err
	}
	for _, channel := range []string{"#team", "#club"} {
		if err := u.Join(ctx, channel); err != nil {
			u.Close()
			return nil, err
		}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	p := n.crowd[nick]
	if p == nil {
		p = &ircPerson{nick: nick}
		n.crowd[nick] = p
	} else {
		p.user.Close()
		p.past = append(p.past, p.user.Since(0)...)
	}
	p.user = u
	return p, nil
}

// saw is what somebody has seen, on all connections and on the present one.
func (n *ircNet) saw(nick string) (all, now []ircuser.Line) {
	n.mu.Lock()
	defer n.mu.Unlock()
	p := n.crowd[nick]
	now = p.user.Since(0)
	return append(slices.Clone(p.past), now...), now
}

// causeways reports whether a line is by a connection of Causeway.
func causeways(l ircuser.Line) bool {
	_, rest, _ := strings.Cut(l.Source, "!")
	user, _, _ := strings.Cut(rest, "@")
	return strings.TrimPrefix(user, "~") == ircUser
}

// present are Causeway's connections in a channel after these lines of one
// connection, by nick.
func present(lines []ircuser.Line, channel string) map[string]bool {
	in := map[string]bool{}
	for _, l := range lines {
		follow(in, l, channel)
	}
	return in
}

// follow keeps in up to date.
func follow(in map[string]bool, l ircuser.Line, channel string) {
	here := len(l.Params) > 0 && strings.EqualFold(l.Params[0], channel)
	switch {
	case l.Command == "JOIN" && here && causeways(l):
		in[l.Nick()] = true
	case l.Command == "PART" && here, l.Command == "QUIT":
		delete(in, l.Nick())
	case l.Command == "KICK" && here && len(l.Params) > 1:
		delete(in, l.Params[1])
	case l.Command == "NICK" && in[l.Nick()]:
		delete(in, l.Nick())
		in[l.Params[0]] = true
	}
}

// meeting is the channel in which people see whether Causeway's connections are
// there that a chat needs.
func (c *chat) meeting() string {
	if c.kind == network.Direct {
		return "#team"
	}
	return string(c.id)
}

// audience are those in a channel who have Causeway hear what is said in a chat: in
// a direct chat the one who is spoken to, who must be called as usual.
func (c *chat) audience(in map[string]bool) []string {
	var all []string
	for nick := range in {
		if c.kind != network.Direct || nick == string(c.members[0]) {
			all = append(all, nick)
		}
	}
	return all
}

func (n *ircNet) ready(ctx context.Context, c *chat) bool {
	n.life.RLock() // when the server is up
	defer n.life.RUnlock()
	return until(ctx, "Causeway is on IRC", time.Second, func() (bool, error) {
		_, now := n.saw(string(c.remote[0]))
		return len(c.audience(present(now, c.meeting()))) > 0, nil
	}) == nil
}

func (n *ircNet) do(w *world, c *chat, _ side, who network.UserID, d deed, choice int) error {
	switch d {
	case deedLong:
		m := n.new(w, who)
		return n.say(c, m, long(m.token, 200+choice%150), nil)
	case deedMany:
		for range 3 {
			m := n.new(w, who)
			if err := n.say(c, m, line(m.token, 0), nil); err != nil {
				return err
			}
		}
		return nil
	case deedReply:
		if to := c.pick(choice, func(m *message) bool { return n.idOf(c, m) != "" }); to != nil {
			m := n.new(w, who)
			m.reply = to
			return n.say(c, m, line(m.token, 0), map[string]string{"+draft/reply": n.idOf(c, to)})
		}
	}
	m := n.new(w, who)
	return n.say(c, m, line(m.token, 0), nil)
}

func (n *ircNet) new(w *world, who network.UserID) *message {
	return &message{token: w.token(onNetwork), side: onNetwork, who: string(who), plain: true, reactions: map[reaction]string{}}
}

// idOf is a message's ID on IRC, that of its first line; "" if it is not there.
func (n *ircNet) idOf(c *chat, m *message) string {
	if m.side == onNetwork {
		return string(m.remote)
	}
	if shown := n.view(c).byToken[m.token]; shown != nil {
		return shown.ids[0]
	}
	return ""
}

// say says a line, and waits until the server has passed it on and Causeway has
// stored it, or has left meanwhile.
func (n *ircNet) say(c *chat, m *message, text string, tags map[string]string) error {
	n.life.RLock()
	defer n.life.RUnlock()
	n.mu.Lock()
	u, stored := n.crowd[m.who].user, n.stored
	n.mu.Unlock()
	target := string(c.id)
	if c.kind == network.Direct {
		target = string(c.members[0])
	}
	in := present(u.Since(0), c.meeting())
	if len(c.audience(in)) == 0 {
		return nil // Causeway has left since somebody looked: nobody says anything
	}
	m.want = []piece{{text: squeeze(text)}}
	ctx, cancel := context.WithTimeout(context.Background(), ircPatience)
	defer cancel()
	mark := u.Mark()
	if err := u.SendTagged(tags, "PRIVMSG", target, text); err != nil {
		return err
	}
	echo, err := u.Wait(ctx, mark, func(l ircuser.Line) bool {
		return ircuser.Said(m.who, target, text)(l) || l.Command == "401" && len(l.Params) > 1 && l.Params[1] == target
	})
	if err != nil {
		return err
	}
	if echo.Command == "401" {
		return nil // who was spoken to left in this moment
	}
	_, id := echo.GetTag("msgid")
	m.remote = network.MessageID(id)
	c.book[onNetwork] = append(c.book[onNetwork], m)
	return until(ctx, "Causeway stores what "+m.who+" said on IRC", ircPatience, func() (bool, error) {
		// The server tells in order who has left: seen before the look into the
		// journal, so that what arrived just then is found.
		left := c.left(u.Since(0), id)
		if stored(ctx, m.remote) {
			return true, nil
		}
		m.cut = left
		return left, nil
	})
}

// left reports whether all of Causeway's connections have left that were there when
// a message was said.
func (c *chat) left(lines []ircuser.Line, id string) bool {
	in, said := map[string]bool{}, false
	for _, l := range lines {
		if _, other := l.GetTag("msgid"); l.Command == "PRIVMSG" && other == id {
			said = true
		}
		if said && l.Command == "JOIN" {
			continue // it came too late to hear it
		}
		follow(in, l, c.meeting())
	}
	return said && len(c.audience(in)) == 0
}

// restart has the server crash, and everybody come back before Causeway does: what
// they miss nobody can tell them.
func (n *ircNet) restart(ctx context.Context, after time.Duration) error {
	n.life.Lock()
	defer n.life.Unlock()
	n.gate.Shut()
	n.mu.Lock()
	crowd := make([]*ircPerson, 0, len(n.crowd))
	for _, p := range n.crowd {
		crowd = append(crowd, p)
	}
	n.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), after+ircPatience)
	defer cancel()
	for _, p := range crowd { // what it has passed on is with them
		mark := p.user.Mark()
		if err := p.user.Send("PING", "drained"); err != nil {
			return fmt.Errorf("%s: %w", p.nick, err)
		}
		if _, err := p.user.Wait(ctx, mark, func(l ircuser.Line) bool { return l.Command == "PONG" }); err != nil {
			return err
		}
	}
	if err := n.server.Kill(); err != nil {
		return err
	}
	pause(ctx, after)
	if err := n.server.Restart(ctx); err != nil {
		return err
	}
	for _, p := range crowd {
		if _, err := n.person(ctx, p.nick); err != nil {
			return err
		}
	}
	return n.gate.Open()
}
