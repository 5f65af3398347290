package main

import (
	"net/http"
	"net/url"
	"strconv"
)

// A local is a person in the room of a chat.
type local struct {
	w   *world
	c   *chat
	who string // Matrix ID
}

type object = map[string]any

func (l local) do(d deed, choice int) error {
	switch d {
	case deedLong:
		m := &message{}
		text := long(l.new(m), 6_000+choice*10)
		m.want = []piece{{text: squeeze(text)}}
		return l.post(m, object{"msgtype": "m.text", "body": text})
	case deedFile:
		return l.file(choice)
	case deedReply:
		if to := l.c.pick(choice, l.answerable); to != nil {
			return l.say(to)
		}
	case deedEdit:
		if m := l.mine(choice); m != nil {
			return l.edit(m)
		}
	case deedRemove:
		if m := l.mine(choice); m != nil {
			return l.remove(m, m.event)
		}
	case deedOther:
		m := l.c.pick(choice, func(m *message) bool { return m.plain && m.side != onMatrix && l.known(m) })
		if m != nil && powerIn(l.w.home.room(l.c.room), l.who) >= 50 {
			return l.remove(m, l.find(m))
		}
	case deedReact:
		return l.react(choice)
	case deedUnsay:
		return l.unreact(choice)
	case deedBurst:
		return l.burst()
	}
	return l.say(nil)
}

func (l local) new(m *message) string {
	m.token, m.side, m.who, m.reactions = l.w.token(onMatrix), onMatrix, l.who, map[reaction]string{}
	return m.token
}

// send puts an event into the room.
func (l local) send(kind string, content any) (string, error) {
	kind, content, err := l.w.home.seal(l.who, l.c.room, kind, content)
	if err != nil {
		return "", err
	}
	return l.put("send/"+url.PathEscape(kind), content)
}

func (l local) put(what string, content any) (string, error) {
	var out struct {
		EventID string `json:"event_id"`
	}
	txn := "c" + strconv.FormatInt(l.w.seq.Add(1), 10)
	err := l.w.home.do(l.who, http.MethodPut, "rooms/"+url.PathEscape(l.c.room)+"/"+what+"/"+txn, content, &out)
	return out.EventID, err
}

func (l local) post(m *message, content object) (err error) {
	m.event, err = l.send("m.room.message", content)
	m.acts = append(m.acts, m.event)
	l.c.book[onMatrix] = append(l.c.book[onMatrix], m)
	return err
}

func (l local) say(to *message) error {
	m := &message{plain: true, reply: to}
	text := line(l.new(m), 0)
	m.want = []piece{{text: squeeze(text)}}
	content := object{"msgtype": "m.text", "body": text}
	switch {
	case to != nil && l.w.far.threads():
		m.reply = to.root()
		id := l.find(m.reply)
		content["m.relates_to"] = object{"rel_type": "m.thread", "event_id": id, "is_falling_back": true, "m.in_reply_to": object{"event_id": id}}
	case to != nil:
		content["m.relates_to"] = object{"m.in_reply_to": object{"event_id": l.find(to)}}
	}
	return l.post(m, content)
}

func (l local) edit(m *message) error {
	m.rev++
	text := line(m.token, m.rev)
	m.want = []piece{{text: squeeze(text)}}
	id, err := l.send("m.room.message", object{
		"msgtype": "m.text", "body": "* " + text,
		"m.new_content": object{"msgtype": "m.text", "body": text},
		"m.relates_to":  object{"rel_type": "m.replace", "event_id": m.event},
	})
	m.acts = append(m.acts, id)
	return err
}

// remove redacts a message.
func (l local) remove(m *message, event string) error {
	m.gone = true
	id, err := l.put("redact/"+url.PathEscape(event), object{})
	m.acts = append(m.acts, id)
	return err
}

func (l local) burst() error {
	if err := l.say(nil); err != nil {
		return err
	}
	if err := l.edit(l.last()); err != nil {
		return err
	}
	if err := l.say(nil); err != nil {
		return err
	}
	m := l.last()
	return l.remove(m, m.event)
}

func (l local) last() *message {
	all := l.c.book[onMatrix]
	return all[len(all)-1]
}

func (l local) file(choice int) error {
	m := &message{}
	data := fileOf(l.new(m), choice)
	m.want = []piece{{hash: hashOf(data)}}
	name := m.token + "-0:.bin"
	content, err := l.w.home.attach(l.who, l.c.room, name, data)
	if err != nil {
		return err
	}
	content["msgtype"], content["body"], content["filename"] = "m.file", name, name
	content["info"] = object{"mimetype": "application/octet-stream", "size": len(data)}
	return l.post(m, content)
}

// react puts a reaction, unless this person is relayed: then it would be the
// relay's, and does not cross.
func (l local) react(choice int) error {
	emoji := emojis(onMatrix)[choice%2]
	k := reaction{l.who, emoji}
	m := l.c.pick(choice, func(m *message) bool { _, stands := m.reactions[k]; return !stands && l.known(m) })
	if m == nil || l.who == mxid("eve") && !l.c.hub() {
		return l.say(nil)
	}
	id, err := l.send("m.reaction", object{"m.relates_to": object{"rel_type": "m.annotation", "event_id": l.find(m), "key": emoji}})
	m.reactions[k] = id
	m.acts = append(m.acts, id)
	return err
}

func (l local) unreact(choice int) error {
	k := reaction{l.who, emojis(onMatrix)[choice%2]}
	m := l.c.pick(choice, func(m *message) bool { return m.reactions[k] != "" })
	if m == nil {
		return l.say(nil)
	}
	event := m.reactions[k]
	delete(m.reactions, k)
	id, err := l.put("redact/"+url.PathEscape(event), object{})
	m.acts = append(m.acts, id)
	return err
}

func (l local) mine(choice int) *message {
	return l.c.pick(choice, func(m *message) bool { return m.plain && m.side == onMatrix && m.who == l.who })
}

func (l local) known(m *message) bool { return l.find(m) != "" }

// answerable reports whether a message can be answered.
func (l local) answerable(m *message) bool {
	if l.w.far.threads() {
		m = m.root()
	}
	return !m.gone && l.known(m)
}

// find is a message's event; "" if it is not in the room.
func (l local) find(m *message) string {
	if m.side == onMatrix {
		return m.event
	}
	for _, e := range l.w.home.room(l.c.room).OfType("m.room.message") {
		if relationOf(e).Type != "m.replace" && tokenOf(e.Body()) == m.token && e.Sender != botID {
			return e.ID
		}
	}
	return ""
}

// The network may call a person's account otherwise than Matrix: this is how the
// book names who reacts.
func accountOf(mxid string) string {
	switch mxid {
	case "@alice:test":
		return "alice"
	case "@bob:test":
		return "bob"
	}
	return string(relayUser)
}
