package memnet

import (
	"fmt"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/markup"
	"github.com/causeway-chat/causeway/bridgekit/network"
)

// A User acts on the network as a person does who uses its own program. If the
// person is one of our accounts, that is another device of theirs. Errors are
// about chats and messages that do not exist. Message IDs are shared ones.
type User struct {
	s  *Server
	id network.UserID
}

// User is the person with an ID, who is made if there is none.
func (s *Server) User(id network.UserID) User {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.person(id)
	return User{s, id}
}

// in calls f with the chat, with Server.mu held.
func (u User) in(id network.ChatID, f func(t act) error) error {
	u.s.mu.Lock()
	defer u.s.mu.Unlock()
	c := u.s.chats[id]
	if c == nil {
		return fmt.Errorf("memnet: no chat %q", id)
	}
	return f(act{chat: c, sender: u.id})
}

// on calls f with a message of the chat, with Server.mu held.
func (u User) on(chat network.ChatID, id network.MessageID, f func(t act, m *message)) error {
	return u.in(chat, func(t act) error {
		m := t.chat.byID[id]
		if m == nil {
			return fmt.Errorf("memnet: no message %q in chat %q", id, chat)
		}
		f(t, m)
		return nil
	})
}

// Say posts a plain text.
func (u User) Say(chat network.ChatID, text string) (network.MessageID, error) {
	return u.Send(chat, network.Content{Parts: []network.Part{{Text: markup.Plain(text)}}})
}

// Tell posts a plain text to the direct chat with another person.
func (u User) Tell(other network.UserID, text string) (network.MessageID, error) {
	return u.Say(u.s.DM(u.id, other), text)
}

// Send posts any content.
func (u User) Send(chat network.ChatID, c network.Content) (id network.MessageID, err error) {
	err = u.in(chat, func(t act) error {
		if c.Expiry == 0 {
			c.Expiry = t.chat.expiry
		}
		id = u.s.post(t, 0, c).id
		return nil
	})
	return id, err
}

// SayFile posts a file.
func (u User) SayFile(chat network.ChatID, kind network.MediaKind, name, mime string, data []byte) (network.MessageID, error) {
	return u.sayBlob(chat, network.Media{Kind: kind, Name: name, MIME: mime}, &blob{data: data, size: int64(len(data))})
}

// SayGenerated posts a file of a size; its bytes are those of Generate and take
// no memory.
func (u User) SayGenerated(chat network.ChatID, kind network.MediaKind, name, mime string, size int64) (network.MessageID, error) {
	return u.sayBlob(chat, network.Media{Kind: kind, Name: name, MIME: mime}, &blob{generated: true, size: size})
}

func (u User) sayBlob(chat network.ChatID, m network.Media, b *blob) (network.MessageID, error) {
	u.s.mu.Lock()
	ref := "blob" + u.s.count()
	u.s.blobs[ref] = b
	u.s.mu.Unlock()
	m.Ref, m.Size = []byte(ref), b.size
	return u.Send(chat, network.Content{Parts: []network.Part{{Media: &m}}})
}

// Edit replaces the text of a message.
func (u User) Edit(chat network.ChatID, id network.MessageID, text string) error {
	return u.EditContent(chat, id, network.Text(text))
}

// EditContent replaces what a message says.
func (u User) EditContent(chat network.ChatID, id network.MessageID, c network.Content) error {
	return u.on(chat, id, func(t act, m *message) { u.s.edit(t, m, c) })
}

// Redact removes a message.
func (u User) Redact(chat network.ChatID, id network.MessageID) error {
	return u.on(chat, id, func(t act, m *message) { u.s.redact(t, m, "") })
}

// Moderate removes a message of anybody's as moderators do on networks that do not tell
// which of them it was.
func (u User) Moderate(chat network.ChatID, id network.MessageID) error {
	return u.on(chat, id, func(t act, m *message) {
		m.redacted, t.sender = true, m.sender
		u.s.tell(t, func(a *account, h network.Head) network.Event {
			return &network.Redaction{Head: h, Target: u.s.ref(a, m), Moderated: true}
		})
	})
}

// React adds or removes a reaction.
func (u User) React(chat network.ChatID, id network.MessageID, emoji string, remove bool) error {
	return u.on(chat, id, func(t act, m *message) { u.s.react(t, m, emoji, remove) })
}

// Read shows that the person has read up to a message.
func (u User) Read(chat network.ChatID, id network.MessageID) error {
	return u.on(chat, id, func(t act, m *message) { u.s.read(t, m) })
}

// Type shows that the person types, for a time; 0 stops it.
func (u User) Type(chat network.ChatID, d time.Duration) error {
	return u.in(chat, func(t act) error {
		u.s.others(t, func(_ *account, h network.Head) network.Event { return &network.Typing{Head: h, For: d} })
		return nil
	})
}

// Appear shows to all accounts that the person is there, or not, with a status text.
func (u User) Appear(online bool, words string) {
	u.s.mu.Lock()
	defer u.s.mu.Unlock()
	for name, a := range u.s.accounts {
		if name != u.id {
			u.s.push(a, &network.Presence{Head: network.Head{Sender: u.id}, Online: online, Words: words})
		}
	}
}

// SetTopic changes a chat's topic.
func (u User) SetTopic(chat network.ChatID, topic string) error {
	return u.in(chat, func(t act) error {
		u.s.editChat(t, &network.ChatChange{Topic: &topic})
		return nil
	})
}

// SetName changes a chat's name.
func (u User) SetName(chat network.ChatID, name string) error {
	return u.in(chat, func(t act) error {
		u.s.editChat(t, &network.ChatChange{Name: &name})
		return nil
	})
}

// Create makes a channel, of which every account hears.
func (u User) Create(chat network.ChatID) {
	u.s.mu.Lock()
	defer u.s.mu.Unlock()
	u.s.appeared(u.s.chatOf(chat, network.Channel, []network.UserID{u.id}), u.id)
}

// SetPurpose changes what a chat is described as.
func (u User) SetPurpose(chat network.ChatID, purpose string) error {
	return u.in(chat, func(t act) error {
		u.s.editChat(t, &network.ChatChange{Purpose: &purpose})
		return nil
	})
}

// SetBookmarks changes a chat's bookmarks.
func (u User) SetBookmarks(chat network.ChatID, all ...network.Bookmark) error {
	return u.in(chat, func(t act) error {
		u.s.editChat(t, &network.ChatChange{Bookmarks: &all})
		return nil
	})
}

// SetArchived archives a chat, or ends that.
func (u User) SetArchived(chat network.ChatID, archived bool) error {
	return u.in(chat, func(t act) error {
		u.s.editChat(t, &network.ChatChange{Archived: &archived})
		return nil
	})
}

// SetExpiry changes how long new messages of a chat live; 0: for ever.
func (u User) SetExpiry(chat network.ChatID, life time.Duration) error {
	return u.in(chat, func(t act) error {
		u.s.editChat(t, &network.ChatChange{Expiry: &life})
		return nil
	})
}

// Join enters a chat.
func (u User) Join(chat network.ChatID) error {
	return u.in(chat, func(t act) error {
		u.s.enter(t, u.id)
		return nil
	})
}

// Leave leaves a chat.
func (u User) Leave(chat network.ChatID) error { return u.Remove(chat, u.id, network.Left) }

// Remove kicks (network.Left) or bans a person.
func (u User) Remove(chat network.ChatID, whom network.UserID, to network.Membership) error {
	return u.in(chat, func(t act) error {
		u.s.exit(t, network.Member{User: whom, Membership: to, By: u.id})
		return nil
	})
}

// Rename gives the person another name and tells the accounts that share a
// chat with them.
func (u User) Rename(name string) { u.change(func(p *person) { p.name = name }) }

// SetModerates says whether the person moderates all chats but direct ones, and tells
// the accounts that share a chat with them.
func (u User) SetModerates(on bool) { u.change(func(p *person) { p.moderates = on }) }

// change changes the person and tells the accounts that share a chat with them.
func (u User) change(f func(p *person)) {
	u.s.mu.Lock()
	defer u.s.mu.Unlock()
	f(u.s.person(u.id))
	for _, a := range u.s.accounts {
		for _, c := range u.s.chats {
			if c.standing[a.user] == network.Joined && c.standing[u.id] == network.Joined {
				u.s.push(a, &network.UserChanged{Head: network.Head{Sender: u.id, At: time.Now()}, User: u.id})
				break
			}
		}
	}
}

// SetBot says whether the person is a bot.
func (u User) SetBot(bot bool) {
	u.s.mu.Lock()
	defer u.s.mu.Unlock()
	u.s.person(u.id).bot = bot
}
