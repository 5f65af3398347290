package memnet

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/causeway-chat/causeway/bridgekit/network"
)

// A handler carries out a request with Server.mu held. c is nil unless the
// request names a chat; then it is one that the account is in.
type handler func(s *Server, a *account, c *chat, r *request) (*response, error)

// handlers are the requests of a signed-in client, but "next". Their names are
// those of network.Ops where there is one.
func handlers() map[string]handler {
	return map[string]handler{
		"send": (*Server).handleSend, "find": (*Server).handleFind, "edit": (*Server).handleEdit,
		"redact": (*Server).handleRedact, "react": (*Server).handleReact, "type": (*Server).handleType,
		"read": (*Server).handleRead, "history": (*Server).handleHistory, "members": (*Server).handleMembers,
		"chat": (*Server).handleChat, "user": (*Server).handleUser, "search": (*Server).handleSearch,
		"join": (*Server).handleJoin, "create": (*Server).handleCreate, "start": (*Server).handleStart, "leave": (*Server).handleLeave,
		"moderate": (*Server).handleMember, "edit-chat": (*Server).handleEditChat, "pin": (*Server).handlePin,
		"upload": (*Server).handleUpload, "media": (*Server).handleMedia,
		"emoji": (*Server).handleEmoji, "emoji-list": (*Server).handleEmojiList,
		"ping": func(*Server, *account, *chat, *request) (*response, error) { return &response{}, nil },
	}
}

// handle answers one request of a connection.
func (s *Server) handle(ctx context.Context, c *conn, r *request) (*response, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("memnet: %s: %w", r.Op, err)
	}
	switch r.Op {
	case "connect":
		return s.connect(ctx, c, r)
	case "login":
		return s.handleLogin(r)
	case "probe":
		return s.handleProbe(), nil
	}
	s.mu.Lock()
	signedIn, cut := c.account != nil, c.cut
	s.mu.Unlock()
	switch {
	case cut:
		return nil, c.cause
	case !signedIn:
		return nil, errSignedOut()
	case r.Op == "next":
		return s.next(ctx, c, r)
	}
	if err := s.before(ctx, c, r); err != nil {
		return nil, err
	}
	res, err := s.carryOut(c, r)
	if err == nil {
		err = s.after(ctx, c, r)
	}
	return res, err
}

func (s *Server) carryOut(c *conn, r *request) (*response, error) {
	h := s.handlers[r.Op]
	if h == nil {
		return nil, network.Errorf(network.Rejected, "the network does not understand this", "memnet: unknown request %q", r.Op)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.cut {
		return nil, c.cause
	}
	var ch *chat
	if r.Chat != "" {
		if ch = s.chats[r.Chat]; ch == nil || ch.standing[c.account.user] != network.Joined {
			return nil, errNoChat(r.Chat)
		}
	}
	return h(s, c.account, ch, r)
}

// done is a result without content.
func done() (*response, error) { return &response{}, nil }

func (s *Server) handleSend(a *account, c *chat, r *request) (*response, error) {
	f := s.featuresOf(c)
	switch {
	case r.Content == nil || len(r.Content.Parts) != 1:
		return nil, network.Errorf(network.Rejected, "there is nothing to send", "memnet: send: no part")
	case c.archived:
		return nil, errArchived()
	case f.ReadOnly:
		return nil, network.Errorf(network.Rejected, "you may not speak in this chat", "memnet: send: read only")
	}
	if f.Once == network.OnceAlways {
		if ids := s.sentPart(a, r.Txn, r.Part); ids != nil {
			return &response{IDs: ids}, nil
		}
	}
	res := &response{IDs: []network.MessageID{}}
	for _, piece := range split(*r.Content, f.MaxText) {
		m := s.post(act{chat: c, sender: a.user, origin: a, txn: r.Txn}, r.Part, piece)
		if id := s.idFor(a.user, m.id); id != "" {
			res.IDs = append(res.IDs, id)
		}
		res.At = m.at
	}
	return res, nil
}

// sentPart are the IDs of a part that was sent before, nil if it was not.
func (s *Server) sentPart(a *account, txn network.TxnID, part int) []network.MessageID {
	var ids []network.MessageID
	for _, m := range a.sent[txn] {
		if m.part != part {
			continue
		}
		if ids == nil {
			ids = []network.MessageID{}
		}
		if id := s.idFor(a.user, m.id); id != "" {
			ids = append(ids, id)
		}
	}
	return ids
}

// split makes several contents of one whose text is longer than limit bytes.
// They have no formatting.
func split(c network.Content, limit int) []network.Content {
	text := c.Parts[0].Text.String()
	if limit <= 0 || len(text) <= limit {
		return []network.Content{c}
	}
	var all []network.Content
	for text != "" {
		n := min(limit, len(text))
		for n < len(text) && n > 1 && !utf8.RuneStart(text[n]) {
			n--
		}
		piece := c
		piece.Parts = slices.Clone(c.Parts)
		piece.Parts[0].Text = network.Text(text[:n]).Parts[0].Text
		if len(all) > 0 {
			piece.Parts[0].Media = nil
		}
		all, text = append(all, piece), text[n:]
	}
	return all
}

// handleFind returns the parts from r.Part on that arrived, up to the first gap.
func (s *Server) handleFind(a *account, _ *chat, r *request) (*response, error) {
	res := &response{}
	for part := r.Part; ; part++ {
		ids := s.sentPart(a, r.Txn, part)
		if ids == nil {
			return res, nil
		}
		res.Parts = append(res.Parts, ids)
		for _, m := range a.sent[r.Txn] {
			if m.part == part {
				res.At = m.at
			}
		}
	}
}

func (s *Server) handleEdit(a *account, c *chat, r *request) (*response, error) {
	m := s.target(c, a.user, r.Target)
	if m == nil {
		return nil, errNoMessage()
	}
	if m.sender != a.user {
		return nil, network.Errorf(network.Rejected, "that message is not yours", "memnet: edit: message of %q", m.sender)
	}
	if r.Content == nil || len(r.Content.Parts) == 0 {
		return nil, network.Errorf(network.Rejected, "there is nothing to say", "memnet: edit: no part")
	}
	m.old = r.Old
	s.edit(act{chat: c, sender: a.user, origin: a, txn: r.Txn}, m, *r.Content)
	res := &response{At: m.at}
	if id := s.idFor(a.user, m.id); id != "" {
		res.IDs = append(res.IDs, id)
	}
	return res, nil
}

// edit replaces a message's content. Call it with mu held.
func (s *Server) edit(t act, m *message, content network.Content) {
	content.Reply, content.Thread = m.content.Reply, m.content.Thread // an edit does not move a message
	content.Broadcast = content.Broadcast || m.content.Broadcast
	content.Expiry = m.content.Expiry
	m.content = content
	m.edits++
	version := int64(m.edits)
	s.tell(t, func(a *account, h network.Head) network.Event {
		return &network.Edit{Head: h, Target: s.ref(a, m), Version: version, Content: content}
	})
}

// ref is a reference to a message as an account knows it.
func (s *Server) ref(a *account, m *message) network.Ref {
	return network.Ref{ID: s.idFor(a.user, m.id), Part: -1, Sender: m.sender}
}

func (s *Server) handleRedact(a *account, c *chat, r *request) (*response, error) {
	m := s.target(c, a.user, r.Target)
	if m == nil {
		return nil, errNoMessage()
	}
	s.redact(act{chat: c, sender: a.user, origin: a, txn: r.Txn}, m, r.Text)
	return done()
}

// redact removes a message. Call it with mu held.
func (s *Server) redact(t act, m *message, reason string) {
	m.redacted = true
	s.tell(t, func(a *account, h network.Head) network.Event {
		return &network.Redaction{Head: h, Target: s.ref(a, m), Reason: reason}
	})
}

func (s *Server) handleReact(a *account, c *chat, r *request) (*response, error) {
	m := s.target(c, a.user, r.Target)
	if m == nil {
		return nil, errNoMessage()
	}
	s.react(act{chat: c, sender: a.user, origin: a, txn: r.Txn}, m, r.Text, r.Remove)
	return done()
}

// react adds or removes a reaction; doing it twice does nothing. Call it with mu held.
func (s *Server) react(t act, m *message, emoji string, remove bool) {
	one := reaction{t.sender, emoji}
	if slices.Contains(m.reactions, one) != remove {
		return
	}
	if remove {
		m.reactions = slices.DeleteFunc(m.reactions, func(r reaction) bool { return r == one })
	} else {
		m.reactions = append(m.reactions, one)
	}
	s.tell(t, func(a *account, h network.Head) network.Event {
		return &network.Reaction{Head: h, Target: s.ref(a, m), Emoji: emoji, Remove: remove, Custom: s.pictureOf(emoji)}
	})
}

func (s *Server) handleType(a *account, c *chat, r *request) (*response, error) {
	s.others(act{chat: c, sender: a.user, origin: a}, func(_ *account, h network.Head) network.Event {
		return &network.Typing{Head: h, For: r.For}
	})
	return done()
}

// others tells everybody in the chat but the sender.
func (s *Server) others(t act, make func(a *account, h network.Head) network.Event) {
	for _, u := range t.chat.members {
		if a := s.accounts[u]; a != nil && u != t.sender {
			s.push(a, make(a, network.Head{Chat: t.chat.key(a), Sender: t.sender}))
		}
	}
}

func (s *Server) handleRead(a *account, c *chat, r *request) (*response, error) {
	m := s.target(c, a.user, r.Target)
	if m == nil {
		return nil, errNoMessage()
	}
	s.read(act{chat: c, sender: a.user, origin: a}, m)
	return done()
}

// read notes that a person has read up to m, and tells the chat, their own account
// too if it was with another program. Call it with mu held.
func (s *Server) read(t act, m *message) {
	if t.chat.read == nil {
		t.chat.read = map[network.UserID]network.MessageID{}
	}
	t.chat.read[t.sender] = m.id
	for _, u := range t.chat.members {
		if a := s.accounts[u]; a != nil && a != t.origin {
			s.push(a, &network.Receipt{Head: network.Head{Chat: t.chat.key(a), Sender: t.sender}, UpTo: s.ref(a, m)})
		}
	}
}

func (s *Server) handleHistory(a *account, c *chat, r *request) (*response, error) {
	var before int64
	if r.Cursor != "" {
		n, err := strconv.ParseInt(r.Cursor, 10, 64)
		if err != nil {
			return nil, network.Errorf(network.Rejected, "that page does not exist", "memnet: history: %w", err)
		}
		before = n
	}
	events, next := s.history(a, c, before, r.Limit)
	res := &response{Events: events}
	if next > 0 {
		res.Next = strconv.FormatInt(next, 10)
	}
	return res, nil
}

func (s *Server) handleProbe() *response {
	s.mu.Lock()
	defer s.mu.Unlock()
	return &response{Text: fmt.Sprintf("%s: %d chats, %d people", s.options.Name, len(s.chats), len(s.users))}
}

// handleLogin makes a session for a user and a password.
func (s *Server) handleLogin(r *request) (*response, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.accounts[r.User]
	if a == nil || a.password != r.Text {
		return nil, network.Errorf(network.Rejected, "the user name or the password is wrong", "memnet: login: wrong password")
	}
	login := s.signIn(a)
	return &response{Text: login.Name, Data: login.Data, User: s.describeUser(s.person(a.user))}, nil
}
