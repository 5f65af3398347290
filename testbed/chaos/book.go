package main

import (
	"fmt"
	"strings"
	"sync"

	"github.com/causeway-chat/causeway/bridgekit/network"
)

// A side is where something was said.
type side int

const (
	onNetwork side = iota
	onMatrix
	onSecond // network of a hub
	onThird
	sides // how many there are at most
)

func (s side) String() string {
	return [...]string{"the network", "Matrix", "the second network", "the third network"}[s]
}

// way is the direction in which something goes that is said there, see result.Sent.
func (s side) way() int {
	if s == onMatrix {
		return 1
	}
	return 0
}

// A chatPlan is a chat of every run.
type chatPlan struct {
	name    network.ChatID
	kind    network.ChatKind
	members []network.UserID // with those who speak on the network alone
	remote  []network.UserID // who speaks on the network
	local   []string         // who speaks in Matrix
	owner   string           // who gets the room; of a direct chat the only one
}

// A chat is a conversation on both sides and the book of what was said in it.
type chat struct {
	chatPlan
	id   network.ChatID
	also [][]network.UserID // who speaks on each further network of a hub

	mu   sync.Mutex // guards what follows; held while something is said
	room string     // "" until it is known
	book [sides][]*message
}

// sides are those that a chat has: two, and more in a hub.
func (c *chat) sides() []side {
	return []side{onNetwork, onMatrix, onSecond, onThird}[:2+len(c.also)]
}

// speakers are who speaks on a network of the chat.
func (c *chat) speakers(s side) []network.UserID {
	if s == onNetwork {
		return c.remote
	}
	return c.also[s-onSecond]
}

// all is everything that was said in the chat.
func (c *chat) all() (all []*message) {
	for _, s := range c.sides() {
		all = append(all, c.book[s]...)
	}
	return all
}

// hub reports whether several networks share the chat's room.
func (c *chat) hub() bool { return len(c.also) > 0 }

// A message is something that was said, as it stands when all is said.
type message struct {
	token string // names it in its text: n12, m7
	side  side
	who   string // user of the network or of Matrix
	rev   int    // of the text
	want  []piece
	plain bool // one short text: may be edited, and removed by others
	reply *message
	gone  bool // removed
	stays bool // removed is one network's copy alone
	from  side // the network, then
	// by whom which reactions stand; the value is a Matrix reaction's event
	reactions map[reaction]string

	remote network.MessageID // on the network, if it was said there
	early  bool              // encrypted when nobody was there to get the key
	cut    bool              // Causeway may not have heard it: its connection was cut in this moment
	event  string            // in Matrix, if it was said there
	acts   []string          // Matrix events that are about it, itself too
}

// A piece is one thing that a message shows.
type piece struct {
	text string // without white space
	hash string // of a file's bytes
}

// root is what the first of the answers answers that lead to m.
func (m *message) root() *message {
	for m.reply != nil {
		m = m.reply
	}
	return m
}

type reaction struct{ who, emoji string }

// line is what a short message says.
func line(token string, rev int) string {
	return fmt.Sprintf("%s-%d: what I wanted to say", token, rev)
}

// long is a text in which every stretch of 30 bytes holds the token.
func long(token string, size int) string {
	var b strings.Builder
	for i := 0; b.Len() < size; i++ {
		fmt.Fprintf(&b, "%s-0:%d ", token, i)
	}
	return strings.TrimSpace(b.String())
}

// squeeze removes white space, which may be lost where a text is cut.
func squeeze(s string) string { return strings.Join(strings.Fields(s), "") }

// pick chooses one of the newest messages of all sides that f takes; nil if there
// is none. Call it with mu held.
func (c *chat) pick(choice int, f func(*message) bool) *message {
	const newest = 8
	var found []*message
	for _, s := range c.sides() {
		all := c.book[s]
		for _, m := range all[max(0, len(all)-newest):] {
			if !m.gone && f(m) {
				found = append(found, m)
			}
		}
	}
	if len(found) == 0 {
		return nil
	}
	return found[choice%len(found)]
}
