package main

import (
	"fmt"

	"github.com/causeway-chat/causeway/bridgekit/markup"
	"github.com/causeway-chat/causeway/bridgekit/network"
)

// A remote is a person on memnet.
type remote struct {
	m   *mem
	w   *world
	c   *chat
	on  side // that m is
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
			return r.m.server.User(r.who).Redact(r.c.id, m.remote)
		}
	case deedOther:
		if m := r.c.pick(choice, r.others); m != nil {
			m.gone, m.stays, m.from = true, r.c.hub() && r.who != moderator, r.on
			return r.m.server.User(r.who).Redact(r.c.id, r.find(m))
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
	m.token, m.side, m.who, m.reactions = r.w.token(r.on), r.on, string(r.who), map[reaction]string{}
	return m.token
}

func (r remote) post(m *message, c network.Content) (err error) {
	m.remote, err = r.m.server.User(r.who).Send(r.c.id, c)
	r.c.book[r.on] = append(r.c.book[r.on], m)
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
	return r.m.server.User(r.who).Edit(r.c.id, m.remote, text)
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
	return r.m.server.User(r.who).Redact(r.c.id, m.remote)
}

func (r remote) last() *message {
	all := r.c.book[r.on]
	return all[len(all)-1]
}

func (r remote) file(choice int) (err error) {
	m := &message{}
	data := fileOf(r.new(m), choice)
	m.want = []piece{{hash: hashOf(data)}}
	m.remote, err = r.m.server.User(r.who).SayFile(r.c.id, network.File, m.token+"-0:.bin", "application/octet-stream", data)
	r.c.book[r.on] = append(r.c.book[r.on], m)
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
	emoji := emojis(r.on)[choice%2]
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
	return r.m.server.User(r.who).React(r.c.id, r.find(m), emoji, remove)
}

// mine chooses a message that this person may change.
func (r remote) mine(choice int) *message {
	return r.c.pick(choice, func(m *message) bool { return m.plain && m.side == r.on && m.who == string(r.who) })
}

// others reports whether a message came here from elsewhere, and from somebody else.
func (r remote) others(m *message) bool {
	return m.plain && m.side != r.on && (!r.c.hub() || m.who != string(r.who) && m.who != mxid(string(r.who))) && r.known(m)
}

// known reports whether a message is on the network.
func (r remote) known(m *message) bool { return r.find(m) != "" }

// find is a message's ID on the network; "" if it is not there.
func (r remote) find(m *message) network.MessageID {
	if m.side == r.on {
		return m.remote
	}
	for _, x := range r.m.server.Messages(r.c.id) {
		if !x.Redacted && tokenOf(contentText(x.Content)) == m.token {
			return x.ID
		}
	}
	return ""
}
