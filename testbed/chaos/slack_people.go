package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridges/slack/convert"
	"github.com/causeway-chat/causeway/bridges/slack/slackfake"
)

// A slackMouth is a person on Slack in a chat, whose mutex is held.
type slackMouth struct {
	n   *slackNet
	c   *chat
	who string // their ID
}

var _ mouth = slackMouth{}

func (r slackMouth) longest() int { return 13_000 }

func (r slackMouth) say(text string, to network.MessageID) (network.MessageID, error) {
	if to != "" {
		return network.MessageID(r.n.server.Reply(string(r.c.id), r.who, string(to), text, false)), nil
	}
	return network.MessageID(r.n.server.Say(string(r.c.id), r.who, text)), nil
}

func (r slackMouth) edit(id network.MessageID, text string) error {
	r.n.server.Edit(string(r.c.id), string(id), text)
	return nil
}

func (r slackMouth) remove(id network.MessageID) error {
	r.n.server.Delete(string(r.c.id), string(id))
	return nil
}

func (r slackMouth) react(id network.MessageID, emoji string, remove bool) error {
	name, ok := convert.ReactionName(emoji, func(string) bool { return true })
	if !ok {
		return fmt.Errorf("no emoji of Slack for %s", emoji)
	}
	if remove {
		r.n.server.Unreact(string(r.c.id), string(id), r.who, name)
	} else {
		r.n.server.React(string(r.c.id), string(id), r.who, name)
	}
	return nil
}

func (r slackMouth) file(name string, data []byte) (network.MessageID, error) {
	return r.upload(slackfake.File{Name: name, Mime: "application/octet-stream", Content: data})
}

func (r slackMouth) upload(files ...slackfake.File) (network.MessageID, error) {
	return network.MessageID(r.n.server.Upload(string(r.c.id), r.who, "", files...)), nil
}

// many uploads two files at once.
func (r slackMouth) many(m *message) (network.MessageID, error) {
	var files []slackfake.File
	for i := range 2 {
		data := fileOf(m.token, i+1)
		files = append(files, slackfake.File{Name: fmt.Sprintf("%s-%d:.bin", m.token, i), Mime: "application/octet-stream", Content: data})
		m.want = append(m.want, piece{hash: hashOf(data)})
	}
	return r.upload(files...)
}

func (r slackMouth) find(m *message) network.MessageID {
	if shown := r.n.view(r.c).byToken[m.token]; shown != nil {
		return network.MessageID(shown.ids[0])
	}
	return ""
}

// A slackMessage is what a channel holds, as far as it matters.
type slackMessage struct {
	TS        string
	Thread    string `json:"thread_ts"`
	Subtype   string
	User      string
	Username  string
	Text      string
	Files     []struct{ ID, Name string }
	Reactions []struct {
		Name  string
		Users []string
	}
}

// held is what a channel holds.
func (n *slackNet) held(c *chat) (all []slackMessage) {
	for _, body := range n.server.Messages(string(c.id)) {
		var m slackMessage
		raw, err := json.Marshal(body)
		if err == nil {
			err = json.Unmarshal(raw, &m)
		}
		if err != nil {
			m.Text = "not to be read: " + err.Error()
		}
		if len(m.Files) > 0 && m.Text == "" {
			m.Text = m.Files[0].Name
		}
		m.Text = strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&").Replace(m.Text)
		all = append(all, m)
	}
	return all
}

// view is what a channel shows. What people said there is known by its ID.
func (n *slackNet) view(c *chat) *view {
	v := newView()
	said := map[string]bool{}
	for _, m := range c.book[onNetwork] {
		said[string(m.remote)] = true
	}
	for _, m := range n.held(c) {
		if slices.Contains([]string{"tombstone", "channel_join"}, m.Subtype) {
			continue
		}
		token := tokenOf(m.Text)
		switch {
		case token == "":
			v.strange = append(v.strange, "a message without a name: "+m.Text)
			continue
		case said[m.TS]:
			v.ids[m.TS] = token
		default:
			n.addMessage(v, c, m, token)
		}
		for _, r := range m.Reactions {
			emoji, _ := convert.EmojiText(r.Name)
			for _, u := range r.Users {
				v.reacted(token, reaction{n.named(u), emoji})
			}
		}
	}
	return v
}

// addMessage takes in a message of Causeway's, which shows whose it is.
func (n *slackNet) addMessage(v *view, c *chat, m slackMessage, token string) {
	if who := mxid(n.named(m.User)); m.Username == "" && !slices.Contains(c.local, who) || m.Username != "" && m.Username != "eve" && m.Username != "eve (@eve:test)" { // before it is known who is there
		v.strange = append(v.strange, fmt.Sprintf("a message of somebody else, %s %q: %s", m.User, m.Username, m.Text))
	}
	// While the app is not connected Causeway cannot know that it shows names.
	p := piece{text: strings.TrimPrefix(squeeze(m.Text), "<eve>")}
	if len(m.Files) > 0 {
		_, _, sum := n.server.Content(m.Files[0].ID)
		p = piece{hash: sum[:16]}
	}
	thread := m.Thread
	if thread == m.TS {
		thread = ""
	}
	v.add(token, m.TS, thread, p)
}

// lines are for people.
func (n *slackNet) lines(c *chat) (all []string) {
	for _, m := range n.held(c) {
		all = append(all, fmt.Sprintf("%s by %s %q %s in %q: %.100s %v", m.TS, n.named(m.User), m.Username, m.Subtype, m.Thread, m.Text, m.Reactions))
	}
	return all
}
