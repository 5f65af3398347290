package slackfake

import (
	"fmt"
	"maps"
	"slices"
	"sort"
	"strings"
)

// A message is what a conversation holds under a ts.
type message struct {
	ts        string
	body      JSON // as conversations.history shows it, with metadata
	reactions []*reaction
	files     []*file
}

// thread is the ts of the thread that the message is in, or empty.
func (m *message) thread() string { return str(m.body, "thread_ts") }

// reply: in a thread and not its root.
func (m *message) reply() bool { return m.thread() != "" && m.thread() != m.ts }

// listed: in the channel itself, not only in a thread.
func (m *message) listed() bool { return !m.reply() || str(m.body, "subtype") == "thread_broadcast" }

// author is the user who wrote the message, or empty.
func (m *message) author() string { return str(m.body, "user") }

// post makes a message of fields and sends its event. A thread_ts has to exist.
func (s *Server) post(c *channel, fields JSON) *message {
	m := s.addMessage(c, fields)
	s.emitMessage(c, m.body)
	if root := c.byTS[m.thread()]; root != nil && m.reply() {
		s.emit(event{
			body:    JSON{"type": "message", "subtype": "message_replied", "hidden": true, "message": shown(root), "channel": c.ID, "channel_type": c.kind(), "ts": m.ts},
			channel: c, members: true, sessions: true,
		})
	}
	s.alert(c, m)
	return m
}

// alert tells bots that they are mentioned, and of metadata.
func (s *Server) alert(c *channel, m *message) {
	for _, a := range s.sortedApps() {
		for _, in := range a.installs {
			if strings.Contains(str(m.body, "text"), "<@"+in.user) && c.has(in.user) && c.Kind != IM {
				s.emit(event{body: with(shown(m), JSON{"type": "app_mention", "channel": c.ID, "event_ts": m.ts}), only: in.user, scopes: []string{"app_mentions:read"}, apps: true})
			}
		}
	}
	if data := m.body["metadata"]; data != nil {
		s.emit(event{
			body:    JSON{"type": "message_metadata_posted", "app_id": m.body["app_id"], "bot_id": m.body["bot_id"], "user_id": m.body["user"], "team_id": c.Team, "channel_id": c.ID, "message_ts": m.ts, "metadata": data},
			channel: c, members: true, scopes: []string{"metadata.message:read"}, apps: true,
		})
	}
}

// addMessage makes a message of fields, of which nobody hears.
func (s *Server) addMessage(c *channel, fields JSON) *message {
	body := JSON{"type": "message", "ts": s.ts()}
	for k, v := range fields {
		if v != nil && v != "" || k == "text" {
			body[k] = v
		}
	}
	m := &message{ts: str(body, "ts"), body: clone(body)}
	typed := slices.Contains([]string{"", "file_share", "thread_broadcast"}, str(m.body, "subtype"))
	if text := str(m.body, "text"); m.body["blocks"] == nil && typed && text != "" && !strings.ContainsAny(text, "*_~`<>&:") {
		m.body["blocks"] = plainBlocks(s.id(""), text)
	}
	s.insert(c, m)
	if root := c.byTS[m.thread()]; root != nil && m.reply() {
		if u := root.author(); u != "" {
			m.body["parent_user_id"] = u
		}
		s.recount(c, root)
		if str(m.body, "subtype") == "thread_broadcast" {
			m.body["root"] = clone(root.body)
		}
	}
	return m
}

// insert puts a message in its place.
func (s *Server) insert(c *channel, m *message) {
	i := sort.Search(len(c.messages), func(i int) bool { return c.messages[i].ts >= m.ts })
	c.messages = slices.Insert(c.messages, i, m)
	c.byTS[m.ts] = m
}

// plainBlocks are those that clients make of plain text.
func plainBlocks(id, text string) []any {
	return []any{JSON{"type": "rich_text", "block_id": id, "elements": []any{
		JSON{"type": "rich_text_section", "elements": []any{JSON{"type": "text", "text": text}}},
	}}}
}

// recount brings a thread's root up to date.
func (s *Server) recount(c *channel, root *message) {
	var users []string
	count, latest := 0, ""
	for _, m := range c.messages {
		if m.reply() && m.thread() == root.ts {
			count++
			latest = m.ts
			who := m.author()
			if who == "" {
				who = str(m.body, "bot_id")
			}
			if !slices.Contains(users, who) {
				users = append(users, who)
			}
		}
	}
	if count == 0 {
		for _, k := range []string{"thread_ts", "reply_count", "reply_users_count", "latest_reply", "reply_users", "is_locked", "subscribed"} {
			delete(root.body, k)
		}
		return
	}
	maps.Copy(root.body, JSON{
		"thread_ts": root.ts, "reply_count": count, "reply_users_count": len(users), "latest_reply": latest,
		"reply_users": users, "is_locked": false, "subscribed": false,
	})
}

// readable is a body with the part of its metadata that a token may read: without the
// scope, the type alone.
func (t *token) readable(body JSON) JSON {
	data, ok := body["metadata"].(JSON)
	if !ok || t.has("metadata.message:read") {
		return body
	}
	return with(body, JSON{"metadata": JSON{"event_type": data["event_type"]}})
}

// shown is a message without what has to be asked for.
func shown(m *message) JSON {
	out := maps.Clone(m.body)
	delete(out, "metadata")
	return out
}

// emitMessage sends a message event of a body.
func (s *Server) emitMessage(c *channel, body JSON) {
	e := maps.Clone(body)
	e["channel"], e["channel_type"] = c.ID, c.kind()
	if e["event_ts"] == nil {
		e["event_ts"] = e["ts"]
	}
	sub := "message." + map[Kind]string{Public: "channels", Private: "groups", IM: "im", MPIM: "mpim"}[c.Kind]
	s.emit(event{body: e, subscription: sub, channel: c, members: true, scopes: []string{prefix(c) + ":history"}})
}

// change edits a message with f and sends message_changed.
func (s *Server) change(c *channel, m *message, f func(JSON)) {
	before := clone(shown(m))
	f(m.body)
	m.body = clone(m.body)
	s.emitMessage(c, JSON{
		"type": "message", "subtype": "message_changed", "hidden": true, "ts": s.ts(),
		"message": shown(m), "previous_message": before,
	})
}

// edit gives a message a new text, and what is in fields.
func (s *Server) edit(c *channel, m *message, by string, fields JSON) {
	s.change(c, m, func(body JSON) {
		if text, ok := fields["text"].(string); ok && fields["blocks"] == nil {
			delete(body, "blocks")
			if !strings.ContainsAny(text, "*_~`<>&:") && text != "" {
				body["blocks"] = plainBlocks(s.id(""), text)
			}
		}
		for k, v := range fields {
			if v == nil {
				delete(body, k)
			} else {
				body[k] = v
			}
		}
		// A whole second and, of an app, its bot, as in
		// https://docs.slack.dev/reference/methods/conversations.replies: two edits may look the same.
		if bot := str(body, "bot_id"); bot != "" && by == body["user"] {
			by = bot
		}
		body["edited"] = JSON{"user": by, "ts": fmt.Sprintf("%d.000000", s.now())}
	})
}

// remove deletes a message. The root of a thread stays as a tombstone.
func (s *Server) remove(c *channel, m *message) {
	if s.replies(c, m.ts) > 0 {
		s.change(c, m, func(body JSON) {
			for _, k := range []string{"blocks", "files", "attachments", "reactions", "pinned_to", "pinned_info", "edited", "bot_id", "app_id", "bot_profile", "username", "icons", "metadata", "client_msg_id"} {
				delete(body, k)
			}
			body["subtype"], body["user"], body["text"], body["hidden"] = "tombstone", "USLACKBOT", "This message was deleted.", true
		})
		return
	}
	c.messages = slices.DeleteFunc(c.messages, func(o *message) bool { return o == m })
	delete(c.byTS, m.ts)
	c.pins = slices.DeleteFunc(c.pins, func(p pin) bool { return p.ts == m.ts })
	before := shown(m)
	if root := c.byTS[m.thread()]; root != nil {
		s.recount(c, root)
	}
	s.emitMessage(c, JSON{
		"type": "message", "subtype": "message_deleted", "hidden": true, "ts": s.ts(), "deleted_ts": m.ts, "previous_message": before,
	})
}

// replies is how many replies a root has.
func (s *Server) replies(c *channel, root string) int {
	n := 0
	for _, m := range c.messages {
		if m.reply() && m.thread() == root {
			n++
		}
	}
	return n
}

// Messages are all messages of a conversation, by ts, threads included, with
// their metadata.
func (s *Server) Messages(channel string) []JSON {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []JSON
	for _, m := range must(s.chans, channel).messages {
		out = append(out, clone(m.body))
	}
	return out
}

// Message is one message, or nil.
func (s *Server) Message(channel, ts string) JSON {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := must(s.chans, channel).byTS[ts]
	if m == nil {
		return nil
	}
	return clone(m.body)
}

// Texts are the texts of [Server.Messages].
func (s *Server) Texts(channel string) []string {
	var out []string
	for _, m := range s.Messages(channel) {
		out = append(out, str(m, "text"))
	}
	return out
}
