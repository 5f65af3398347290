package slackfake

import (
	"strings"
	"time"
	"unicode/utf8"
)

// own reports whether a message is the caller's.
func (c *call) own(m *message) bool {
	if c.tok.kind == botToken {
		return str(m.body, "bot_id") == c.tok.bot
	}
	return m.author() == c.tok.user
}

// message is the conversation and the message that the call is about.
func (c *call) message(name string) (*channel, *message, error) {
	ch, err := c.conversation()
	if err != nil {
		return nil, nil, err
	}
	m := ch.byTS[c.str(name)]
	if m == nil || str(m.body, "subtype") == "tombstone" {
		return nil, nil, fail("message_not_found")
	}
	return ch, m, nil
}

// late reports whether a window after a message has ended; 0: there is none.
func (c *call) late(m *message, window time.Duration) bool {
	sent, _, _ := strings.Cut(m.ts, ".")
	return window != 0 && float64(c.s.now())-atof(sent) > window.Seconds()
}

func chatUpdate(c *call) (JSON, error) {
	ch, m, err := c.message("ts")
	if err != nil {
		return nil, err
	}
	switch {
	case ch.Archived:
		return nil, fail("is_inactive")
	case !c.own(m):
		return nil, fail("cant_update_message")
	case c.late(m, c.s.teams[c.tok.team].EditWindow):
		return nil, fail("edit_window_closed")
	}
	fields, err := c.content()
	if err != nil {
		return nil, err
	}
	// https://docs.slack.dev/reference/methods/chat.update: text takes the place of blocks.
	if text := c.str("text"); text == "" && fields["blocks"] == nil {
		delete(fields, "text")
	} else if utf8.RuneCountInString(text) > maxUpdate {
		return nil, fail("msg_too_long")
	}
	c.s.edit(ch, m, c.tok.user, fields)
	return JSON{"channel": ch.ID, "ts": m.ts, "text": m.body["text"], "message": shown(m)}, nil
}

func chatDelete(c *call) (JSON, error) {
	ch, m, err := c.message("ts")
	if err != nil {
		return nil, err
	}
	u := c.s.users[c.tok.user]
	admin := c.tok.kind != botToken && (u.Admin || u.Owner || u.PrimaryOwner)
	switch {
	case !admin && (!c.own(m) || c.late(m, c.s.teams[c.tok.team].DeleteWindow)):
		return nil, fail("cant_delete_message")
	case ch.Archived:
		return nil, fail("is_archived")
	}
	c.s.remove(ch, m)
	return JSON{"channel": ch.ID, "ts": m.ts}, nil
}

func meMessage(c *call) (JSON, error) {
	ch, err := c.writable()
	if err != nil {
		return nil, err
	}
	if c.str("text") == "" {
		return nil, fail("no_text")
	}
	m := c.s.post(ch, JSON{"user": c.tok.user, "team": c.tok.team, "subtype": "me_message", "text": c.str("text")})
	return JSON{"channel": ch.ID, "ts": m.ts}, nil
}

// permalink is the address of a message.
func (s *Server) permalink(c *channel, m *message, team string) string {
	link := s.teams[team].url() + "archives/" + c.ID + "/p" + strings.ReplaceAll(m.ts, ".", "")
	if m.thread() != "" {
		link += "?thread_ts=" + m.thread() + "&cid=" + c.ID
	}
	return link
}

func getPermalink(c *call) (JSON, error) {
	ch, m, err := c.message("message_ts")
	if err != nil {
		return nil, err
	}
	return JSON{"channel": ch.ID, "permalink": c.s.permalink(ch, m, c.tok.team)}, nil
}

func postEphemeral(c *call) (JSON, error) {
	ch, err := c.writable()
	if err != nil {
		return nil, err
	}
	fields, err := c.content()
	if err != nil {
		return nil, err
	}
	user := c.str("user")
	if !ch.has(user) {
		return nil, fail("user_not_in_channel")
	}
	ts := c.s.ts()
	c.s.ephemeral = append(c.s.ephemeral, clone(with(fields, JSON{"channel": ch.ID, "user": user, "ts": ts, "bot_id": c.tok.bot})))
	return JSON{"message_ts": ts}, nil
}

// Ephemeral are the messages that single users were shown: with channel and user.
func (s *Server) Ephemeral() []JSON {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]JSON(nil), s.ephemeral...)
}
