package main

import "github.com/causeway-chat/causeway/bridgekit/network"

// A mouth is what a person can do in a chat of a network. IDs are the network's.
type mouth interface {
	say(text string, to network.MessageID) (network.MessageID, error)
	file(name string, data []byte) (network.MessageID, error)
	edit(id network.MessageID, text string) error
	remove(id network.MessageID) error
	react(id network.MessageID, emoji string, remove bool) error
	// find is what the network calls a message of elsewhere; "" if it is not there.
	find(m *message) network.MessageID
	// many says something of several parts, and fills in what they are.
	many(m *message) (network.MessageID, error)
	// longest is how long a text may be.
	longest() int
}

// A remote is a person on a network.
type remote struct {
	mouth
	w   *world
	c   *chat
	on  side // that the network is
	who network.UserID
}

func (r remote) do(d deed, choice int) error {
	switch d {
	case deedLong:
		m := &message{}
		text := long(r.new(m), r.longest()*(300+choice)/1300)
		m.want = []piece{{text: squeeze(text)}}
		return r.post(m, func() (network.MessageID, error) { return r.mouth.say(text, "") })
	case deedFile:
		return r.file(choice)
	case deedMany:
		m := &message{}
		r.new(m)
		return r.post(m, func() (network.MessageID, error) { return r.many(m) })
	case deedReply:
		if to := r.c.pick(choice, r.answerable); to != nil {
			return r.say(to)
		}
	case deedEdit:
		if m := r.mine(choice); m != nil {
			return r.edit(m)
		}
	case deedRemove:
		if m := r.mine(choice); m != nil {
			m.gone = true
			return r.remove(m.remote)
		}
	case deedOther:
		if m := r.c.pick(choice, r.others); m != nil {
			m.gone, m.stays, m.from = true, r.c.hub() && r.who != moderator, r.on
			return r.remove(r.find(m))
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

func (r remote) post(m *message, say func() (network.MessageID, error)) (err error) {
	m.remote, err = say()
	r.c.book[r.on] = append(r.c.book[r.on], m)
	return err
}

func (r remote) say(to *message) error {
	m := &message{plain: true, reply: to}
	text := line(r.new(m), 0)
	m.want = []piece{{text: squeeze(text)}}
	var id network.MessageID
	if to != nil {
		if r.w.far.threads() {
			m.reply = to.root()
		}
		id = r.find(m.reply)
	}
	return r.post(m, func() (network.MessageID, error) { return r.mouth.say(text, id) })
}

func (r remote) edit(m *message) error {
	m.rev++
	text := line(m.token, m.rev)
	m.want = []piece{{text: squeeze(text)}}
	return r.mouth.edit(m.remote, text)
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
	return r.remove(m.remote)
}

func (r remote) last() *message {
	all := r.c.book[r.on]
	return all[len(all)-1]
}

func (r remote) file(choice int) error {
	m := &message{}
	data := fileOf(r.new(m), choice)
	m.want = []piece{{hash: hashOf(data)}}
	return r.post(m, func() (network.MessageID, error) { return r.mouth.file(m.token+"-0:.bin", data) })
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
	return r.mouth.react(r.find(m), emoji, remove)
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

// answerable reports whether a message can be answered.
func (r remote) answerable(m *message) bool {
	if r.w.far.threads() {
		m = m.root()
	}
	return !m.gone && r.known(m)
}

// find is a message's ID on the network; "" if it is not there.
func (r remote) find(m *message) network.MessageID {
	if m.side == r.on {
		return m.remote
	}
	return r.mouth.find(m)
}
