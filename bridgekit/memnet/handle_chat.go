package memnet

import (
	"strconv"
	"strings"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/network"
)

// memberPage is how many members one page lists.
const memberPage = 100

func (s *Server) handleMembers(_ *account, c *chat, r *request) (*response, error) {
	start := 0
	if r.Cursor != "" {
		n, err := strconv.Atoi(r.Cursor)
		if err != nil || n < 0 {
			return nil, network.Errorf(network.Rejected, "that page does not exist", "memnet: members: cursor %q", r.Cursor)
		}
		start = min(n, len(c.members))
	}
	end := min(start+memberPage, len(c.members))
	res := &response{}
	for _, u := range c.members[start:end] {
		res.Members = append(res.Members, network.Member{User: u, Membership: network.Joined, Name: s.person(u).name})
	}
	if end < len(c.members) {
		res.Next = strconv.Itoa(end)
	}
	return res, nil
}

func (s *Server) handleChat(a *account, c *chat, _ *request) (*response, error) {
	return &response{Chat: s.describe(c, a)}, nil
}

func (s *Server) handleUser(_ *account, _ *chat, r *request) (*response, error) {
	p := s.users[r.User]
	if p == nil {
		return nil, errNoUser(r.User)
	}
	return &response{User: s.describeUser(p)}, nil
}

// describeUser is what clients see of a person.
func (s *Server) describeUser(p *person) *network.User {
	moderates := p.moderates
	return &network.User{ID: p.id, Name: p.name, Bot: p.bot, Avatar: p.face, Moderates: &moderates, Identifiers: []string{"memnet:" + string(p.id)}}
}

func (s *Server) handleSearch(_ *account, _ *chat, r *request) (*response, error) {
	return &response{Found: s.search(r.Text, r.Limit)}, nil
}

func (s *Server) handleJoin(a *account, _ *chat, r *request) (*response, error) {
	id := network.ChatID(strings.TrimSpace(r.Text))
	c := s.chats[id]
	switch {
	case c == nil || c.kind != network.Channel:
		return nil, network.Errorf(network.Rejected, "there is no such chat to join", "memnet: join: no channel %q", id)
	case c.standing[a.user] == network.Banned:
		return nil, network.Errorf(network.Rejected, "you are banned from this chat", "memnet: join: banned")
	}
	s.enter(act{chat: c, sender: a.user, origin: a}, a.user)
	return &response{Chat: s.describe(c, a)}, nil
}

// enter makes u a member, if they are not, and tells. Call it with mu held.
func (s *Server) enter(t act, u network.UserID) {
	if t.chat.standing[u] == network.Joined {
		return
	}
	s.person(u)
	t.chat.join(u)
	s.tellMember(t, network.Member{User: u, Membership: network.Joined, Name: s.person(u).name})
}

func (s *Server) tellMember(t act, m network.Member) {
	s.tell(t, func(_ *account, h network.Head) network.Event {
		return &network.MemberChange{Head: h, Members: []network.Member{m}}
	})
}

func (s *Server) handleStart(a *account, _ *chat, r *request) (*response, error) {
	u := network.UserID(strings.TrimSpace(r.Text))
	if s.users[u] == nil || u == a.user {
		return nil, errNoUser(u)
	}
	x, y := a.user, u
	if y < x {
		x, y = y, x
	}
	c := s.chatOf(network.ChatID("dm:"+string(x)+":"+string(y)), network.Direct, []network.UserID{x, y})
	return &response{Chat: s.describe(c, a)}, nil
}

func (s *Server) handleLeave(a *account, c *chat, r *request) (*response, error) {
	s.exit(act{chat: c, sender: a.user, origin: a}, network.Member{User: a.user, Membership: network.Left, Reason: r.Text})
	return done()
}

// exit ends m.User's membership and tells those who stay, and them. Call it
// with mu held.
func (s *Server) exit(t act, m network.Member) {
	t.chat.remove(m.User, m.Membership)
	s.tellMember(t, m)
	a := s.accounts[m.User]
	if a == nil || t.origin == a {
		return
	}
	t.chat.order++
	h := s.head(a, t, "h"+strconv.FormatInt(t.chat.order, 10), t.chat.order, time.Now())
	s.push(a, &network.ChatClosed{Head: h, Reason: m.Reason})
}

func (s *Server) handleMember(a *account, c *chat, r *request) (*response, error) {
	if r.Member == nil || s.users[r.Member.User] == nil {
		return nil, network.Errorf(network.Rejected, "nobody on the network has this name", "memnet: moderate: no such user")
	}
	m := *r.Member
	m.By = a.user
	t := act{chat: c, sender: a.user, origin: a, txn: r.Txn}
	switch m.Membership {
	case network.Joined, network.Invited:
		s.enter(t, m.User)
	case network.Left, network.Banned:
		if c.standing[m.User] == m.Membership {
			return done()
		}
		s.exit(t, m)
	default:
		return nil, network.Errorf(network.Rejected, "the network does not know this", "memnet: moderate: membership %q", m.Membership)
	}
	return done()
}

func (s *Server) handleCreate(a *account, _ *chat, r *request) (*response, error) {
	id := network.ChatID(strings.TrimSpace(r.Text))
	switch {
	case id == "":
		return nil, network.Errorf(network.Rejected, "a chat needs a name", "memnet: create: no name")
	case s.chats[id] != nil:
		return nil, network.Errorf(network.Rejected, "there is a chat of this name already", "memnet: create: chat %q", id)
	}
	kind := network.Channel
	if r.Private {
		kind = network.Group
	}
	c := s.chatOf(id, kind, []network.UserID{a.user})
	s.appeared(c, a.user)
	return &response{Chat: s.describe(c, a)}, nil
}

// appeared tells every account but its maker's that a channel can be found. Call it
// with mu held.
func (s *Server) appeared(c *chat, by network.UserID) {
	for u, a := range s.accounts {
		if u != by && c.kind == network.Channel {
			s.push(a, &network.ChatAppeared{Head: network.Head{Key: "made " + string(c.id), At: time.Now()}, Name: string(c.id)})
		}
	}
	s.changed()
}

func (s *Server) handleEditChat(a *account, c *chat, r *request) (*response, error) {
	if c.archived && (r.Archived == nil || *r.Archived) {
		return nil, errArchived()
	}
	s.editChat(act{chat: c, sender: a.user, origin: a, txn: r.Txn}, &network.ChatChange{
		Name: r.Name, Topic: r.Topic, Purpose: r.Purpose, Avatar: r.Avatar, Expiry: r.Expiry, Archived: r.Archived,
	})
	return done()
}

// editChat makes a change of a chat; nil fields stay. Call it with mu held.
func (s *Server) editChat(t act, change *network.ChatChange) {
	if change.Expiry != nil {
		t.chat.expiry = *change.Expiry
	}
	if change.Name != nil {
		t.chat.name = *change.Name
	}
	if change.Topic != nil {
		t.chat.topic = *change.Topic
	}
	if change.Purpose != nil {
		t.chat.purpose = *change.Purpose
	}
	if change.Avatar != nil {
		t.chat.avatar = change.Avatar
	}
	if change.Archived != nil {
		t.chat.archived = *change.Archived
	}
	s.tell(t, func(_ *account, h network.Head) network.Event {
		told := *change
		told.Head = h
		return &told
	})
}
