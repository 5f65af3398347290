package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/markup"
	"github.com/causeway-chat/causeway/bridgekit/network"
)

// A deed is a kind of thing that a speaker does.
type deed string

const (
	deedSay    deed = "say"
	deedLong   deed = "say much"
	deedReply  deed = "reply"
	deedEdit   deed = "edit"
	deedRemove deed = "remove"
	deedReact  deed = "react"
	deedUnsay  deed = "take a reaction back"
	deedFile   deed = "file"
	deedMany   deed = "several parts"
	deedOther  deed = "remove another's"
	deedBurst  deed = "say, edit, say and remove"
)

// deeds are what a speaker does, as often as they are in the list.
func deeds() []deed {
	var all []deed
	add := func(d deed, n int) {
		for range n {
			all = append(all, d)
		}
	}
	add(deedSay, 40)
	add(deedLong, 2)
	add(deedReply, 10)
	add(deedEdit, 12)
	add(deedRemove, 5)
	add(deedReact, 10)
	add(deedUnsay, 4)
	add(deedFile, 5)
	add(deedMany, 4)
	add(deedOther, 3)
	add(deedBurst, 5)
	return all
}

// A speaker says things on one side of one chat.
type speaker struct {
	w      *world
	c      *chat
	side   side
	random *rand.Rand
}

// speak does n things with short pauses.
func (s *speaker) speak(ctx context.Context, n int) error {
	all := deeds()
	for range n {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		d, wait := all[s.random.IntN(len(all))], time.Duration(s.random.IntN(40))*time.Millisecond
		if err := s.do(d); err != nil {
			return fmt.Errorf("%s, %s: %s: %w", s.c.id, s.side, d, err)
		}
		pause(ctx, wait)
	}
	return nil
}

// do does one thing. What does not apply becomes a plain text.
func (s *speaker) do(d deed) error {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	choice, who := s.random.IntN(1000), s.random.IntN(1000)
	if s.side == onNetwork {
		return remote{s.w, s.c, s.c.remote[who%len(s.c.remote)]}.do(d, choice)
	}
	if s.c.room == "" {
		return nil // nobody can speak there yet
	}
	p := s.w.people[s.c.local[who%len(s.c.local)]]
	return local{s.w, s.c, p}.do(d, choice)
}

// emojis of the two sides differ, so that none is put and taken back from both at
// once.
func emojis(s side) []string {
	if s == onNetwork {
		return []string{"👍", "🎉"}
	}
	return []string{"❤️", "😄"}
}

func (w *world) token(s side) string {
	return fmt.Sprintf("%c%d", "nm"[s], w.seq.Add(1))
}

func hashOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:8])
}

// fileOf is the bytes of a message's file.
func fileOf(token string, choice int) []byte {
	b := make([]byte, 100+choice*300) // up to 300 KB
	random := rand.New(rand.NewPCG(uint64(choice), uint64(len(token))))
	for i := range b {
		b[i] = byte(random.Uint32())
	}
	return append([]byte(token), b...)
}

// A remote is a person on the network.
type remote struct {
	w   *world
	c   *chat
	who network.UserID
}

func (r remote) do(d deed, choice int) error {
	switch d {
	case deedLong:
		m := &message{}
		text := long(r.new(m), 30_000+choice*100)
		m.want = []piece{{text: squeeze(text)}}
		return r.post(m, network.Text(text))
	case deedFile:
		return r.file(choice)
	case deedMany:
		return r.many()
	case deedReply:
		if to := r.c.pick(choice, r.known); to != nil {
			return r.say(to)
		}
	case deedEdit:
		if m := r.mine(choice); m != nil {
			return r.edit(m)
		}
	case deedRemove:
		if m := r.mine(choice); m != nil {
			m.gone = true
			return r.w.net.User(r.who).Redact(r.c.id, m.remote)
		}
	case deedOther:
		if m := r.c.pick(choice, func(m *message) bool { return m.plain && m.side == onMatrix && r.known(m) }); m != nil {
			m.gone = true
			return r.w.net.User(r.who).Redact(r.c.id, r.find(m))
		}
	case deedReact, deedUnsay:
		return r.react(choice, d == deedUnsay)
	case deedBurst:
		return r.burst()
	}
	return r.say(nil)
}

// new fills in what every message has and returns its token.
func (r remote) new(m *message) string {
	m.token, m.side, m.who, m.reactions = r.w.token(onNetwork), onNetwork, string(r.who), map[reaction]string{}
	return m.token
}

func (r remote) post(m *message, c network.Content) (err error) {
	m.remote, err = r.w.net.User(r.who).Send(r.c.id, c)
	r.c.book[onNetwork] = append(r.c.book[onNetwork], m)
	return err
}

func (r remote) say(to *message) error {
	m := &message{plain: true, reply: to}
	text := line(r.new(m), 0)
	m.want = []piece{{text: squeeze(text)}}
	c := network.Text(text)
	if to != nil {
		ref := network.Whole(r.find(to))
		c.Reply = &ref
	}
	return r.post(m, c)
}

func (r remote) edit(m *message) error {
	m.rev++
	text := line(m.token, m.rev)
	m.want = []piece{{text: squeeze(text)}}
	return r.w.net.User(r.who).Edit(r.c.id, m.remote, text)
}

func (r remote) burst() error {
	if err := r.say(nil); err != nil {
		return err
	}
	if err := r.edit(r.last()); err != nil {
		return err
	}
	if err := r.say(nil); err != nil {
		return err
	}
	m := r.last()
	m.gone = true
	return r.w.net.User(r.who).Redact(r.c.id, m.remote)
}

func (r remote) last() *message {
	all := r.c.book[onNetwork]
	return all[len(all)-1]
}

func (r remote) file(choice int) (err error) {
	m := &message{}
	data := fileOf(r.new(m), choice)
	m.want = []piece{{hash: hashOf(data)}}
	m.remote, err = r.w.net.User(r.who).SayFile(r.c.id, network.File, m.token+"-0:.bin", "application/octet-stream", data)
	r.c.book[onNetwork] = append(r.c.book[onNetwork], m)
	return err
}

// many says three texts in one message.
func (r remote) many() error {
	m := &message{}
	r.new(m)
	var c network.Content
	for i := range 3 {
		text := fmt.Sprintf("%s-0: part %d", m.token, i)
		m.want = append(m.want, piece{text: squeeze(text)})
		c.Parts = append(c.Parts, network.Part{Text: markup.Plain(text)})
	}
	return r.post(m, c)
}

func (r remote) react(choice int, remove bool) error {
	emoji := emojis(onNetwork)[choice%2]
	k := reaction{string(r.who), emoji}
	m := r.c.pick(choice, func(m *message) bool {
		_, stands := m.reactions[k]
		return stands == remove && r.known(m)
	})
	if m == nil {
		return r.say(nil)
	}
	if remove {
		delete(m.reactions, k)
	} else {
		m.reactions[k] = ""
	}
	return r.w.net.User(r.who).React(r.c.id, r.find(m), emoji, remove)
}

// mine chooses a message that this person may change.
func (r remote) mine(choice int) *message {
	return r.c.pick(choice, func(m *message) bool { return m.plain && m.side == onNetwork && m.who == string(r.who) })
}

// known reports whether a message is on the network.
func (r remote) known(m *message) bool { return r.find(m) != "" }

// find is a message's ID on the network; "" if it is not there.
func (r remote) find(m *message) network.MessageID {
	if m.side == onNetwork {
		return m.remote
	}
	for _, x := range r.w.net.Messages(r.c.id) {
		if !x.Redacted && tokenOf(contentText(x.Content)) == m.token {
			return x.ID
		}
	}
	return ""
}
