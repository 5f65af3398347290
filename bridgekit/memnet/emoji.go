package memnet

import (
	"bytes"
	"context"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/markup"
	"github.com/causeway-chat/causeway/bridgekit/network"
)

// The network's custom emoji, which all of its accounts may use.

// An emoji is one of them. Server.mu guards it.
type emoji struct {
	network.Emoji
	picture []byte
	removed bool // nothing is called so any more; the picture can still be had
}

// AddEmoji adds a custom emoji, ":party:", and tells all accounts. One of the same
// name makes room for it.
func (s *Server) AddEmoji(name string, picture []byte) network.EmojiID {
	s.mu.Lock()
	defer s.mu.Unlock()
	if old := s.emojiCalled(name); old != nil {
		old.removed = true
	}
	e := &emoji{Emoji: network.Emoji{ID: network.EmojiID("emoji" + s.count()), Name: name}, picture: picture}
	s.emoji = append(s.emoji, e)
	s.emojiChanged()
	return e.ID
}

// RemoveEmoji removes the custom emoji of a name, and tells all accounts.
func (s *Server) RemoveEmoji(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.emojiCalled(name); e != nil {
		e.removed = true
		s.emojiChanged()
	}
}

// RenameEmoji gives a custom emoji another name, and tells all accounts.
func (s *Server) RenameEmoji(name, to string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.emojiCalled(name); e != nil {
		e.Name = to
		s.emojiChanged()
	}
}

// emojiChanged tells all accounts. Call it with mu held.
func (s *Server) emojiChanged() {
	if !s.options.Basic {
		for _, a := range s.accounts {
			s.push(a, &network.EmojiChanged{Head: network.Head{At: time.Now()}})
		}
	}
	s.changed()
}

// emojiCalled is the custom emoji of a name; nil if there is none. Call it with mu held.
func (s *Server) emojiCalled(name string) *emoji {
	for _, e := range s.emoji {
		if e.Name == name && !e.removed {
			return e
		}
	}
	return nil
}

// pictureOf is the picture of the custom emoji of a name; "" if it is none. Call it
// with mu held.
func (s *Server) pictureOf(name string) network.EmojiID {
	if e := s.emojiCalled(name); e != nil {
		return e.ID
	}
	return ""
}

// EmojiFetched is how often the picture of a custom emoji was fetched.
func (s *Server) EmojiFetched(id network.EmojiID) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fetched[id]
}

// SayEmoji posts a text of one custom emoji of the network, between "look " and " !".
func (u User) SayEmoji(chat network.ChatID, name string) (network.MessageID, error) {
	u.s.mu.Lock()
	id := u.s.pictureOf(name)
	u.s.mu.Unlock()
	return u.Send(chat, network.Rich(markup.Body{
		{Kind: markup.Text, Text: "look "}, {Kind: markup.Emoji, URL: string(id), Text: name}, {Kind: markup.Text, Text: " !"},
	}))
}

// EmojiOf lists the network's custom emoji in a content, in order.
func EmojiOf(c network.Content) []network.Emoji {
	var all []network.Emoji
	for _, p := range c.Parts {
		markup.Walk(p.Text, func(n markup.Node) bool {
			if n.Kind == markup.Emoji {
				all = append(all, network.Emoji{ID: network.EmojiID(n.URL), Name: n.Text})
			}
			return true
		})
	}
	return all
}

func (s *Server) handleEmoji(_ *account, _ *chat, r *request) (*response, error) {
	for _, e := range s.emoji {
		if string(e.ID) == r.Text {
			s.fetched[e.ID]++
			s.changed()
			return &response{Data: e.picture}, nil
		}
	}
	return nil, errNoFile()
}

func (s *Server) handleEmojiList(*account, *chat, *request) (*response, error) {
	res := &response{}
	for _, e := range s.emoji {
		if !e.removed {
			res.Emoji = append(res.Emoji, e.Emoji)
		}
	}
	slices.SortFunc(res.Emoji, func(a, b network.Emoji) int { return strings.Compare(a.Name, b.Name) })
	return res, nil
}

var (
	_ network.EmojiOpener = (*fullClient)(nil)
	_ network.EmojiLister = (*fullClient)(nil)
)

// OpenEmoji implements network.EmojiOpener.
func (c *fullClient) OpenEmoji(ctx context.Context, id network.EmojiID) (io.ReadCloser, error) {
	res, err := c.call(ctx, &request{Op: "emoji", Text: string(id)})
	if err != nil {
		return nil, err
	}
	return io.NopCloser(bytes.NewReader(res.Data)), nil
}

// ListEmoji implements network.EmojiLister.
func (c *fullClient) ListEmoji(ctx context.Context) ([]network.Emoji, error) {
	res, err := c.call(ctx, &request{Op: "emoji-list"})
	if err != nil {
		return nil, err
	}
	return res.Emoji, nil
}
