package main

import (
	"fmt"

	"github.com/causeway-chat/causeway/bridgekit/markup"
	"github.com/causeway-chat/causeway/bridgekit/memnet"
	"github.com/causeway-chat/causeway/bridgekit/network"
)

// A memMouth is a person on memnet.
type memMouth struct {
	m    *mem
	chat network.ChatID
	who  network.UserID
}

var _ mouth = memMouth{}

func (r memMouth) user() memnet.User { return r.m.server.User(r.who) }

func (r memMouth) longest() int { return 130_000 }

func (r memMouth) say(text string, to network.MessageID) (network.MessageID, error) {
	c := network.Text(text)
	if to != "" {
		ref := network.Whole(to)
		c.Reply = &ref
	}
	return r.user().Send(r.chat, c)
}

func (r memMouth) edit(id network.MessageID, text string) error {
	return r.user().Edit(r.chat, id, text)
}

func (r memMouth) remove(id network.MessageID) error { return r.user().Redact(r.chat, id) }

func (r memMouth) react(id network.MessageID, emoji string, remove bool) error {
	return r.user().React(r.chat, id, emoji, remove)
}

func (r memMouth) file(name string, data []byte) (network.MessageID, error) {
	return r.user().SayFile(r.chat, network.File, name, "application/octet-stream", data)
}

// many says three texts in one message.
func (r memMouth) many(m *message) (network.MessageID, error) {
	var c network.Content
	for i := range 3 {
		text := fmt.Sprintf("%s-0: part %d", m.token, i)
		m.want = append(m.want, piece{text: squeeze(text)})
		c.Parts = append(c.Parts, network.Part{Text: markup.Plain(text)})
	}
	return r.user().Send(r.chat, c)
}

func (r memMouth) find(m *message) network.MessageID {
	for _, x := range r.m.server.Messages(r.chat) {
		if !x.Redacted && tokenOf(contentText(x.Content)) == m.token {
			return x.ID
		}
	}
	return ""
}
