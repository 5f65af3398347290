package bridgekit_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/causeway-chat/causeway/bridgekit/markup"
	"github.com/causeway-chat/causeway/bridgekit/matrixtest"
	"github.com/causeway-chat/causeway/bridgekit/network"
)

// shownAs are the texts of a message's event: with formatting and without, and whom
// it mentions.
func shownAs(t *testing.T, e *matrixtest.Event) (html, body string, mentions []string) {
	t.Helper()
	var c struct {
		Body     string `json:"body"`
		HTML     string `json:"formatted_body"`
		Mentions struct {
			Users []string `json:"user_ids"`
		} `json:"m.mentions"`
	}
	if err := json.Unmarshal(e.Content, &c); err != nil {
		t.Fatal(err)
	}
	return c.HTML, c.Body, c.Mentions.Users
}

// What the network's people point at is what the room's people can click on: people,
// those who are signed in by their own accounts, chats, and messages. What is not
// known here stays as it is.
func TestLinksToMatrix(t *testing.T) {
	virtual(t, rigOptions{}, func(r *rig) {
		r.solo()
		room, other := r.portal("team"), r.portal("other")
		id := r.say("carol", "other", "the message")
		r.sees(other, "the message")
		to := r.event(other, "the message").ID
		const base = "https://memnet.example/c/"
		known, unknown := base+"other/m/"+string(id), base+"other/m/none"
		leaf := func(s string) []markup.Node { return []markup.Node{{Kind: markup.Text, Text: s}} }
		say := func(b ...markup.Node) *matrixtest.Event {
			b = append(b, markup.Node{Kind: markup.Text, Text: " end"})
			if _, err := r.net.User("carol").Send("team", network.Rich(b)); err != nil {
				t.Fatal(err)
			}
			var found *matrixtest.Event
			before := len(r.bodies(room))
			r.wait("the message", func() bool { return len(r.bodies(room)) > before })
			for _, e := range r.hs.Room(room).OfType("m.room.message") {
				if e.Sender == ghost("carol") {
					found = e
				}
			}
			return found
		}
		event := "https://matrix.to/#/" + other + "/" + to + "?via=test"
		for name, c := range map[string]struct {
			node       markup.Node
			html, body string
			mentions   []string
		}{
			"a person": {
				markup.Node{Kind: markup.Mention, User: "dave", Text: "Dave"},
				`<a href="https://matrix.to/#/` + ghost("dave") + `">Dave</a> end`, "Dave end", []string{ghost("dave")},
			},
			"somebody who is signed in": {
				markup.Node{Kind: markup.Mention, User: "alice", Text: "Alice"},
				`<a href="https://matrix.to/#/@alice:test">Alice</a> end`, "Alice end", []string{"@alice:test"},
			},
			"a chat": {
				markup.Node{Kind: markup.ChatLink, Chat: "other", Text: "#other"},
				`<a href="https://matrix.to/#/` + other + `?via=test">#other</a> end`, "#other end", nil,
			},
			"a chat without a room": {
				markup.Node{Kind: markup.ChatLink, Chat: "strange", Text: "#strange"}, "", "#strange end", nil,
			},
			"a chat's address": {
				markup.Node{Kind: markup.Text, Text: base + "other"},
				`<a href="https://matrix.to/#/` + other + `?via=test">#other</a> end`, "#other end", nil,
			},
			"a message": {
				markup.Node{Kind: markup.Link, URL: known, Children: leaf("there")},
				`<a href="` + event + `">there</a> end`, "there (" + event + ") end", nil,
			},
			"a message's address":  {markup.Node{Kind: markup.Text, Text: known}, "", event + " end", nil},
			"an unknown message":   {markup.Node{Kind: markup.Text, Text: unknown}, "", unknown + " end", nil},
			"a message's code":     {markup.Node{Kind: markup.Code, Text: known}, "<code>" + known + "</code> end", known + " end", nil},
			"an address elsewhere": {markup.Node{Kind: markup.Text, Text: "https://example.org/"}, "", "https://example.org/ end", nil},
		} {
			html, body, mentions := shownAs(t, say(c.node))
			if html != c.html && strings.ReplaceAll(html, "%21", "!") != c.html || body != c.body || !slices.Equal(mentions, c.mentions) {
				t.Errorf("%s is %q, %q, mentions %q", name, html, body, mentions)
			}
		}
	})
}

// What people of Matrix point at is what the network's people can click on.
func TestLinksFromMatrix(t *testing.T) {
	virtual(t, rigOptions{}, func(r *rig) {
		r.solo()
		room, other := r.portal("team"), r.portal("other")
		id := r.say("carol", "other", "the message")
		r.sees(other, "the message")
		own := r.alice.SendText(other, "my message")
		r.hears("other", "alice", "my message")
		mine := r.message("other", "my message").ID
		const base = "https://memnet.example/c/"
		link := func(event string) string { return "https://matrix.to/#/" + other + "/" + event + "?via=test" }
		theirs, ours := link(r.event(other, "the message").ID), link(own)
		uri := "matrix:roomid/" + strings.TrimPrefix(other, "!") + "/e/" + strings.TrimPrefix(own, "$")
		toRoom, strange := "https://matrix.to/#/"+other, "https://matrix.to/#/!strange:test/$event"
		leaf := func(s string) []markup.Node { return []markup.Node{{Kind: markup.Text, Text: s}} }
		end := func(n ...markup.Node) markup.Body { return append(n, markup.Node{Kind: markup.Text, Text: " end"}) }
		href := func(to, label string) string { return `<a href="` + to + `">` + label + "</a> end" }
		address := func(m network.MessageID, label string) markup.Body {
			to := base + "other/m/" + string(m)
			if label == "" {
				label = to
			}
			return end(markup.Node{Kind: markup.Link, URL: to, Children: leaf(label)})
		}
		chat := func(label string) markup.Body {
			return end(markup.Node{Kind: markup.ChatLink, Chat: "other", Text: label})
		}
		for name, c := range map[string]struct {
			body, html string
			want       markup.Body
		}{
			"an event":            {"x", href(theirs, "there"), address(id, "there")},
			"an own event":        {"x", href(ours, "there"), address(mine, "there")},
			"an event's address":  {theirs + " end", "", address(id, "")},
			"an event's URI":      {uri + " end", "", address(mine, "")},
			"a room":              {"x", href(toRoom, "that room"), chat("that room")},
			"a room's address":    {toRoom + " end", "", chat("#other")},
			"a ghost":             {"x", href("https://matrix.to/#/"+ghost("carol"), "Carol"), end(markup.Node{Kind: markup.Mention, User: "carol", Text: "Carol"})},
			"a ghost's address":   {"https://matrix.to/#/" + ghost("carol") + " end", "", end(markup.Node{Kind: markup.Mention, User: "carol", Text: "carol"})},
			"an unknown event":    {"x", href(strange, "there"), end(markup.Node{Kind: markup.Link, URL: strange, Children: leaf("there")})},
			"an unknown room":     {"https://matrix.to/#/!strange:test end", "", markup.Plain("https://matrix.to/#/!strange:test end")},
			"a stranger's":        {"https://matrix.to/#/@bob:test end", "", markup.Plain("https://matrix.to/#/@bob:test end")},
			"an address as code":  {"x", "<code>" + theirs + "</code> end", end(markup.Node{Kind: markup.Code, Text: theirs})},
			"an alias of nothing": {"https://matrix.to/#/%23none:test end", "", markup.Plain("https://matrix.to/#/%23none:test end")},
		} {
			content := map[string]any{"msgtype": "m.text", "body": c.body}
			if c.html != "" {
				content["format"], content["formatted_body"] = "org.matrix.custom.html", c.html
			}
			before := len(r.net.Messages("team"))
			r.alice.Send(room, "m.room.message", content)
			r.waitNet(name, func() bool { return len(r.net.Messages("team")) > before })
			r.equal(name, markup.Normalize(c.want), r.net.Messages("team")[before].Content.Parts[0].Text)
		}
	})
}
