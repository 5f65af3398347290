package irc

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridges/irc/convert"
)

// A person is what is known about somebody on the network.
type person struct {
	nick    string
	mask    string // user@host
	account string
	real    string
}

// notePerson learns from the source of in.
func (s *session) notePerson(in *incoming) {
	nick, mask, ok := strings.Cut(in.Source, "!")
	if !ok || nick == "" || in.history {
		return
	}
	if s.isMe(nick) {
		s.mask = mask
	}
	user := s.net.casemap.user(nick)
	p := s.people[user]
	if p == nil {
		if len(s.people) > 50000 {
			return // a stranger's flood must not fill the memory
		}
		p = &person{}
		s.people[user] = p
	}
	p.nick, p.mask = nick, mask
	if account := in.tag("account"); account != "" {
		p.account = account
	}
	switch in.Command {
	case "JOIN":
		if len(in.p) >= 3 {
			p.account, p.real = strings.TrimPrefix(in.p[1], "*"), in.p[2]
		}
	case "ACCOUNT":
		p.account = strings.TrimPrefix(in.p.at(0), "*")
	case "SETNAME":
		p.real = in.p.at(0)
	case "CHGHOST":
		p.mask = in.p.at(0) + "@" + in.p.at(1)
		if s.isMe(nick) {
			s.mask = p.mask
		}
	}
}

// nickOf is the nick of a user ID as it is written.
func (s *session) nickOf(user network.UserID) string {
	if p := s.people[user]; p != nil && p.nick != "" {
		return p.nick
	}
	return string(user)
}

// joined is JOIN.
func (s *session) joined(ctx context.Context, in *incoming) {
	name, nick := in.p.at(0), in.nick()
	id, user := s.net.casemap.chat(name), s.net.casemap.user(nick)
	if s.isMe(nick) {
		s.weJoined(ctx, name)
		return
	}
	ch := s.chans[id]
	if ch == nil {
		return
	}
	ch.members[user] = ""
	if d := s.gone[user]; d != nil && d.back(id) {
		return // after a netsplit: nobody noticed
	}
	s.change(in, id, network.Member{User: user, Membership: network.Joined, Name: nick})
}

// parted is PART.
func (s *session) parted(in *incoming) {
	id, nick := s.net.casemap.chat(in.p.at(0)), in.nick()
	if s.isMe(nick) {
		s.weLeft(in, id, in.p.at(1))
		return
	}
	s.left(in, id, network.Member{User: s.net.casemap.user(nick), Membership: network.Left, Reason: convert.Strip(in.p.at(1))})
}

// kicked is KICK.
func (s *session) kicked(in *incoming) {
	id, victim := s.net.casemap.chat(in.p.at(0)), in.p.at(1)
	if s.isMe(victim) {
		reason := "removed by " + in.nick()
		if text := convert.Strip(in.p.at(2)); text != "" && text != in.nick() {
			reason += ": " + text
		}
		s.weLeft(in, id, reason)
		return
	}
	m := network.Member{User: s.net.casemap.user(victim), Membership: network.Left, Reason: convert.Strip(in.p.at(2))}
	if in.nick() != "" {
		m.By = s.net.casemap.user(in.nick())
	}
	s.left(in, id, m)
}

// left takes somebody out of a channel.
func (s *session) left(in *incoming, id network.ChatID, m network.Member) {
	ch := s.chans[id]
	if ch == nil {
		return
	}
	delete(ch.members, m.User)
	s.change(in, id, m)
	s.forget(m.User)
}

// forget forgets somebody with whom we share nothing any more.
func (s *session) forget(user network.UserID) {
	if s.direct[network.ChatID(user)] || s.isMe(string(user)) || s.gone[user] != nil {
		return
	}
	for _, ch := range s.chans {
		if _, ok := ch.members[user]; ok {
			return
		}
	}
	delete(s.people, user)
}

// quit is QUIT.
func (s *session) quit(in *incoming) {
	nick, reason := in.nick(), convert.Strip(in.p.at(0))
	user := s.net.casemap.user(nick)
	split := netsplit(reason)
	for id, ch := range s.chans {
		if _, ok := ch.members[user]; !ok {
			continue
		}
		delete(ch.members, user)
		m := network.Member{User: user, Membership: network.Left, Reason: reason}
		if split {
			s.depart(in, id, m)
		} else {
			s.change(in, id, m)
		}
	}
	s.forget(user)
	if s.state.Status == network.Limited && s.net.casemap.fold(nick) == s.net.casemap.fold(s.want) {
		s.regain()
	}
}

// netsplit reports whether a reason is that two servers lost each other.
func netsplit(reason string) bool {
	a, b, ok := strings.Cut(reason, " ")
	host := func(s string) bool {
		return strings.Contains(s, ".") && !strings.ContainsAny(s, " /:!?,'") && !strings.HasSuffix(s, ".") && !strings.HasPrefix(s, ".")
	}
	return ok && host(a) && host(b)
}

// renamed is NICK: in each channel somebody leaves and somebody comes.
func (s *session) renamed(in *incoming) {
	old, now := in.nick(), in.p.at(0)
	if checkNick(now) != nil {
		return
	}
	from, to := s.net.casemap.user(old), s.net.casemap.user(now)
	if s.isMe(old) {
		s.nick = now
		s.report()
	}
	p := s.people[from]
	if p == nil {
		p = &person{}
	}
	delete(s.people, from)
	p.nick = now
	s.people[to] = p
	if from == to {
		s.deliver(&network.UserChanged{Head: network.Head{At: s.head(in, network.ChatKey{}).At}, User: to}, nil)
		return
	}
	for id, ch := range s.chans {
		signs, ok := ch.members[from]
		if !ok {
			continue
		}
		delete(ch.members, from)
		ch.members[to] = signs
		h := s.head(in, network.ChatKey{ID: id})
		s.emit(&network.MemberChange{Head: h, Members: []network.Member{
			{User: from, Membership: network.Left, Reason: "is now known as " + now},
			{User: to, Membership: network.Joined, Name: now, Reason: "was known as " + old},
		}}, nil)
		if level := s.net.level(signs); level > 0 {
			s.emit(&network.Roles{Head: network.Head{Chat: h.Chat, At: h.At}, Levels: map[network.UserID]int{from: 0, to: level}}, nil)
		}
	}
	if key := s.chatKey(old); s.direct[key.ID] && !s.isMe(now) {
		s.service(key, old+" is now known as "+now)
	}
	if s.state.Status == network.Limited && s.net.casemap.fold(old) == s.net.casemap.fold(s.want) && !s.isMe(now) {
		s.regain()
	}
}

// changes are a channel's changes of members that were not delivered yet, so
// that many at once become one event. The last one of a person counts.
type changes struct {
	since time.Time
	head  network.Head
	order []network.UserID
	last  map[network.UserID]network.Member
}

// change notes a change of members.
func (s *session) change(in *incoming, id network.ChatID, m network.Member) {
	c := s.changes[id]
	if c == nil {
		h := s.head(in, network.ChatKey{ID: id})
		c = &changes{since: time.Now(), head: network.Head{Chat: h.Chat, At: h.At}, last: map[network.UserID]network.Member{}}
		s.changes[id] = c
	}
	if _, ok := c.last[m.User]; ok {
		c.order = slices.DeleteFunc(c.order, func(u network.UserID) bool { return u == m.User })
	}
	c.order = append(c.order, m.User)
	c.last[m.User] = m
}

// flushChat delivers the changes of one chat.
func (s *session) flushChat(id network.ChatID) {
	c := s.changes[id]
	if c == nil {
		return
	}
	delete(s.changes, id)
	ev := &network.MemberChange{Head: c.head}
	for _, user := range c.order {
		ev.Members = append(ev.Members, c.last[user])
	}
	if len(ev.Members) == 1 {
		ev.Sender = ev.Members[0].User
		if by := ev.Members[0].By; by != "" {
			ev.Sender = by
		}
	}
	s.emit(ev, nil)
}

// flushChanges delivers the changes that have waited long enough, and those who
// did not come back from a netsplit.
func (s *session) flushChanges(now time.Time) {
	for user, d := range s.gone {
		if now.Sub(d.since) < s.tune.split && len(d.chats) > 0 {
			continue
		}
		delete(s.gone, user)
		for id, m := range d.chats {
			if ch := s.chans[id]; ch != nil {
				s.change(d.in, id, m)
			}
		}
		s.forget(user)
	}
	for id, c := range s.changes {
		if now.Sub(c.since) >= s.tune.damp {
			s.flushChat(id)
		}
	}
}

// A departure is somebody lost in a netsplit, who most likely comes back.
type departure struct {
	since time.Time
	in    *incoming
	chats map[network.ChatID]network.Member
}

func (s *session) depart(in *incoming, id network.ChatID, m network.Member) {
	d := s.gone[m.User]
	if d == nil {
		d = &departure{since: time.Now(), in: in, chats: map[network.ChatID]network.Member{}}
		s.gone[m.User] = d
	}
	d.chats[id] = m
}

// back reports whether somebody comes back to a chat, and forgets that they left it.
func (d *departure) back(id network.ChatID) bool {
	_, ok := d.chats[id]
	delete(d.chats, id)
	return ok
}
