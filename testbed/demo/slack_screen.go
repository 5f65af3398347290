package main

import (
	"encoding/json"
	"fmt"

	"github.com/causeway-chat/causeway/bridgekit/markup"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridges/slack/convert"
	"github.com/causeway-chat/causeway/bridges/slack/slackfake"
)

// A post is one thing that a channel of Slack shows.
type post struct {
	ts   string // of the message
	file string // its ID; empty if it is none
	text markup.Body
}

// onSlack is what a client of Slack shows of the channel: messages, and the
// reactions behind them.
func (w *workspace) onSlack() (all []post, err error) {
	who := map[convert.TS]string{}
	for _, raw := range w.slack.Messages(w.chat) {
		m, err := parsed(raw)
		if err != nil {
			return nil, err
		}
		c := m.Content(convert.Lookup{})
		who[m.TS] = w.author(m, c)
		head := who[m.TS]
		if m.InThread() {
			head += ", in the thread of " + who[m.Thread]
		}
		if m.Edited != "" {
			head += ", edited"
		}
		for _, p := range c.Parts {
			one, err := shownPart(head, p)
			if err != nil {
				return nil, err
			}
			one.ts = string(m.TS)
			all = append(all, one)
		}
		for _, r := range m.Reactions {
			emoji, _ := convert.EmojiText(r.Name)
			for _, u := range r.Users {
				all = append(all, post{ts: string(m.TS), text: markup.Plain(w.person(u) + " reacts with " + emoji)})
			}
		}
	}
	return all, nil
}

func parsed(raw slackfake.JSON) (*convert.Message, error) {
	data, err := json.Marshal(raw)
	if err != nil {
		return nil, fmt.Errorf("write a message of Slack: %w", err)
	}
	return convert.Parse(data)
}

// author is the name at a message. Slack marks those that an app shows.
func (w *workspace) author(m *convert.Message, c network.Content) string {
	if c.Persona != nil {
		return c.Persona.Name + " [app]"
	}
	return w.person(m.User)
}

// person is the name of a user.
func (w *workspace) person(user string) string {
	if user == w.mia {
		return "mia"
	}
	return user
}

// shownPart is a text or a file, behind whose it is.
func shownPart(head string, p network.Part) (post, error) {
	if p.Media == nil {
		return post{text: said(head+": ", p.Text)}, nil
	}
	ref, err := convert.ParseFileRef(p.Media.Ref)
	if err != nil {
		return post{}, err
	}
	return post{file: ref.ID, text: said(head+": [file] "+p.Media.Name, p.Text)}, nil
}
