package slackfake

import "slices"

// rtm handles what a client of RTM sends.
func (s *Server) rtm(c *socket, m JSON) {
	switch str(m, "type") {
	case "ping":
		c.send(with(m, JSON{"type": "pong", "reply_to": m["id"]}))
	case "typing":
		if ch := s.chans[str(m, "channel")]; ch != nil && ch.has(c.tok.user) {
			s.typing(ch, c.tok.user, str(m, "thread_ts"))
		}
	case "message":
		ch := s.chans[str(m, "channel")]
		if ch == nil || !ch.has(c.tok.user) {
			c.send(JSON{"ok": false, "reply_to": m["id"], "error": JSON{"code": 2, "msg": "message text is missing"}})
			return
		}
		one := s.post(ch, JSON{"user": c.tok.user, "text": str(m, "text"), "team": c.tok.team, "thread_ts": m["thread_ts"]})
		c.send(JSON{"ok": true, "reply_to": m["id"], "ts": one.ts, "text": str(m, "text")})
	case "presence_sub":
		c.watched = ids(m)
	case "presence_query":
		for _, id := range ids(m) {
			if u := s.users[id]; u != nil {
				c.tellPresence(u)
			}
		}
	case "tickle":
	default:
		s.unknown["rtm "+str(m, "type")]++
	}
}

// ids are those of a message.
func ids(m JSON) []string {
	list, _ := m["ids"].([]any)
	var out []string
	for _, v := range list {
		if id, ok := v.(string); ok {
			out = append(out, id)
		}
	}
	return out
}

// present tells the sessions that asked for it whether a user is there.
func (s *Server) present(u *user) {
	for c := range s.sockets {
		if c.rtm && slices.Contains(c.watched, u.ID) {
			c.tellPresence(u)
		}
	}
	s.happened()
}

// tellPresence says whether a user is there, in the shape that the client asked for
// (batch_presence_aware, https://docs.slack.dev/reference/methods/rtm.connect).
func (c *socket) tellPresence(u *user) {
	e := JSON{"type": "presence_change", "presence": u.presence()}
	if c.batch {
		e["users"] = []string{u.ID}
	} else {
		e["user"] = u.ID
	}
	c.send(e)
}

// typing tells the sessions in a conversation that somebody types.
func (s *Server) typing(c *channel, user, thread string) {
	e := JSON{"type": "user_typing", "channel": c.ID, "user": user, "id": s.seq}
	if thread != "" {
		e["thread_ts"] = thread
	}
	s.emit(event{body: e, channel: c, members: true, sessions: true})
}
