package conversation

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/testbed/foreign"
	"github.com/causeway-chat/causeway/testbed/matrixuser"
)

// A person is somebody on Matrix. What is encrypted goes through nio.
type person struct {
	user *matrixuser.User
	nio  *foreign.Client // nil: the room is not encrypted
}

// A matrixSide is the room with the people of Matrix.
type matrixSide struct {
	crowd  map[string]*person
	room   id.RoomID
	bot    id.UserID
	script *Script

	readers []string // who has to be able to read what is encrypted
	from    int      // of the log, where the conversation begins

	mu   sync.Mutex // guards read
	read map[id.EventID]*message
}

// object is JSON.
type object = map[string]any

// say is the content of a text.
func say(text string) object { return object{"msgtype": "m.text", "body": text} }

// send sends a message.
func (m *matrixSide) send(ctx context.Context, who string, content object) error {
	p := m.crowd[who]
	if p.nio != nil {
		_, err := p.nio.Send(ctx, m.room.String(), event.EventMessage.Type, content)
		return err
	}
	_, err := p.user.Client.SendMessageEvent(ctx, m.room, event.EventMessage, content)
	return err
}

// do carries out an act.
func (m *matrixSide) do(ctx context.Context, a Act) error {
	p := m.crowd[a.Who]
	switch a.Kind {
	case Say:
		return m.send(ctx, a.Who, say(m.script.Text(a.N, 0)))
	case File:
		return m.file(ctx, a)
	}
	v, err := m.view()
	if err != nil {
		return err
	}
	if a.Kind == Unreact {
		for evt, made := range v.reactions {
			if made.act(m.script) == a.Of {
				_, err := p.user.Redact(ctx, m.room, evt)
				return err
			}
		}
		return fmt.Errorf("matrix: reaction %d is not there", a.Of)
	}
	target := v.find(a.Of)
	if target == nil {
		return fmt.Errorf("matrix: message %d is not there any more", a.Of)
	}
	switch a.Kind {
	case Remove:
		_, err = p.user.Redact(ctx, m.room, id.EventID(target.ID))
	case React:
		_, err = p.user.React(ctx, m.room, id.EventID(target.ID), a.Emoji)
	case Edit:
		text := m.script.Text(a.Of, a.Rev)
		c := say("* " + text)
		c["m.new_content"], c["m.relates_to"] = say(text), object{"rel_type": "m.replace", "event_id": target.ID}
		err = m.send(ctx, a.Who, c)
	default:
		c := say(m.script.Text(a.N, 0))
		c["m.relates_to"] = object{"m.in_reply_to": object{"event_id": target.ID}}
		err = m.send(ctx, a.Who, c)
	}
	return err
}

// file sends a file.
func (m *matrixSide) file(ctx context.Context, a Act) error {
	p, name, data := m.crowd[a.Who], m.script.FileName(a.N), m.script.FileData(a.N)
	if p.nio != nil {
		_, err := p.nio.File(ctx, m.room.String(), name, data)
		return err
	}
	_, err := p.user.Media(ctx, m.room, matrixuser.File{Name: name, MIME: "text/plain", Data: []byte(data)})
	return err
}

// content is what an event says, in clear. It is an error if somebody cannot read it now.
func (m *matrixSide) content(e matrixuser.Event) (*message, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if c := m.read[e.ID]; c != nil {
		return c, nil
	}
	c := &message{kind: e.Type.Type}
	clear := e.Content.VeryRaw
	if c.kind == event.EventEncrypted.Type {
		raw, err := json.Marshal(e.Event)
		if err != nil {
			return nil, err
		}
		for _, name := range m.readers {
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			got, err := m.crowd[name].nio.Read(ctx, m.room.String(), raw)
			cancel()
			if err != nil {
				return nil, fmt.Errorf("%s cannot read %s of %s: %w", name, e.ID, e.Sender, err)
			}
			c.kind = got.Source.Type
			if clear, err = json.Marshal(got.Source.Content); err != nil {
				return nil, err
			}
		}
	}
	if err := json.Unmarshal(clear, c); err != nil {
		return nil, fmt.Errorf("%s of %s: %w", e.ID, e.Sender, err)
	}
	m.read[e.ID] = c
	return c, nil
}

// fetch downloads a file.
func (m *matrixSide) fetch(e matrixuser.Event, c *message) (string, error) {
	p := m.crowd[people(Matrix)[0]]
	if c.File != nil {
		return p.nio.Fetch(context.Background(), c.File)
	}
	uri, err := id.ParseContentURI(c.URL)
	if err != nil {
		return "", fmt.Errorf("file of %s: %w", e.ID, err)
	}
	data, err := p.user.Client.DownloadBytes(context.Background(), uri)
	return string(data), err
}
