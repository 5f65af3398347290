package slackfake

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
	case "presence_sub", "presence_query", "tickle":
	default:
		s.unknown["rtm "+str(m, "type")]++
	}
}

// typing tells the sessions in a conversation that somebody types.
func (s *Server) typing(c *channel, user, thread string) {
	e := JSON{"type": "user_typing", "channel": c.ID, "user": user, "id": s.seq}
	if thread != "" {
		e["thread_ts"] = thread
	}
	s.emit(event{body: e, channel: c, members: true, sessions: true})
}
