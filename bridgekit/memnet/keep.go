package memnet

import (
	"slices"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/network"
)

// What is pinned in a chat, how people keep it, and who they are.

func (s *Server) handlePin(a *account, c *chat, r *request) (*response, error) {
	m := s.target(c, a.user, r.Target)
	if m == nil {
		return nil, errNoMessage()
	}
	s.pin(act{chat: c, sender: a.user, origin: a, txn: r.Txn}, m, r.Remove)
	return done()
}

// pin pins or unpins a message; doing it twice does nothing. Call it with mu held.
func (s *Server) pin(t act, m *message, remove bool) {
	c := t.chat
	if slices.Contains(c.pinned, m.id) != remove {
		return
	}
	if remove {
		c.pinned = slices.DeleteFunc(c.pinned, func(id network.MessageID) bool { return id == m.id })
	} else {
		c.pinned = append(c.pinned, m.id)
	}
	now := slices.Clone(c.pinned)
	s.tell(t, func(a *account, h network.Head) network.Event {
		ev := &network.Pins{Head: h}
		for _, id := range now {
			if m := c.byID[id]; m != nil {
				ev.Pinned = append(ev.Pinned, s.ref(a, m))
			}
		}
		return ev
	})
}

// Pin pins a message, or unpins it.
func (u User) Pin(chat network.ChatID, id network.MessageID, remove bool) error {
	return u.on(chat, id, func(t act, m *message) { u.s.pin(t, m, remove) })
}

// Pinned lists the pinned messages of a chat, by their shared IDs.
func (s *Server) Pinned(id network.ChatID) []network.MessageID {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.chats[id]; c != nil {
		return slices.Clone(c.pinned)
	}
	return nil
}

// ReadUpTo is the shared ID of the message up to which a person has read a chat,
// empty if none.
func (s *Server) ReadUpTo(id network.ChatID, user network.UserID) network.MessageID {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.chats[id]; c != nil {
		return c.read[user]
	}
	return ""
}

// Keep mutes or tags a chat for the person, who must have an account.
func (u User) Keep(chat network.ChatID, k network.Kept) error {
	return u.in(chat, func(t act) error {
		if t.chat.kept == nil {
			t.chat.kept = map[network.UserID]network.Kept{}
		}
		t.chat.kept[u.id] = k
		if a := u.s.accounts[u.id]; a != nil {
			t.chat.order++
			h := u.s.head(a, t, "k"+u.s.count(), t.chat.order, time.Now())
			u.s.push(a, &network.ChatKept{Head: h, Kept: k})
		}
		u.s.changed()
		return nil
	})
}

// SetAvatar gives the person a picture and tells the accounts that share a chat with
// them; nil takes it away.
func (u User) SetAvatar(data []byte) {
	u.s.mu.Lock()
	u.s.person(u.id).face = u.s.image(data)
	name := u.s.person(u.id).name
	u.s.mu.Unlock()
	u.Rename(name)
}

// SetAvatar gives a chat a picture.
func (s *Server) SetAvatar(id network.ChatID, by network.UserID, data []byte) error {
	return s.User(by).in(id, func(t act) error {
		s.editChat(t, &network.ChatChange{Avatar: s.image(data)})
		return nil
	})
}

// image stores a picture; nil for none. Call it with mu held.
func (s *Server) image(data []byte) *network.Media {
	if data == nil {
		return nil
	}
	ref := "blob" + s.count()
	s.blobs[ref] = &blob{data: data, size: int64(len(data))}
	return &network.Media{Kind: network.Image, Name: "picture.png", MIME: "image/png", Ref: []byte(ref), Size: int64(len(data))}
}

// Avatar is a chat's picture; nil for none.
func (s *Server) Avatar(id network.ChatID) []byte {
	s.mu.Lock()
	var m *network.Media
	if c := s.chats[id]; c != nil {
		m = c.avatar
	}
	s.mu.Unlock()
	if m == nil {
		return nil
	}
	return s.File(m.Ref)
}

// Merge tells an account that two people are one.
func (s *Server) Merge(account, from, into network.UserID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a := s.accounts[account]; a != nil {
		s.push(a, &network.UserMerged{Head: network.Head{Key: "merge " + string(from), At: time.Now()}, From: from, Into: into})
	}
}
