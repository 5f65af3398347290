package slackfake

import "slices"

// A huddle is a call in a conversation, with its message.
type huddle struct {
	id, channel, ts string
	by              string
	start, end      int64
	now, ever       []string
}

func (s *Server) room(h *huddle) JSON {
	c := s.chans[h.channel]
	return JSON{
		"id": h.id, "name": "", "media_server": "", "created_by": h.by, "date_start": h.start, "date_end": h.end,
		"participants": append([]string{}, h.now...), "participant_history": append([]string{}, h.ever...),
		"participants_camera_on": []any{}, "participants_camera_off": []any{}, "participants_screenshare_on": []any{},
		"participants_screenshare_off": []any{}, "channels": []string{h.channel}, "thread_root_ts": h.ts, "is_dm_call": c.Kind == IM,
		"was_rejected": false, "was_missed": false, "was_accepted": false, "has_ended": h.end != 0, "is_prewarmed": false,
		"is_scheduled": false, "media_backend_type": "free_willy", "display_id": "", "external_unique_id": h.id, "app_id": "A00",
		"call_family": "huddle", "pending_invitees": JSON{}, "last_invite_status_by_user": JSON{}, "knocks": JSON{},
		"huddle_link": "https://app.slack.com/huddle/" + c.Team + "/" + c.ID,
	}
}

// Huddle plays a user who starts a huddle in a conversation, and returns the ts of
// its message.
func (s *Server) Huddle(channel, user string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, u := must(s.chans, channel), must(s.users, user)
	h := &huddle{id: s.id("R"), channel: channel, by: user, start: s.now(), now: []string{user}, ever: []string{user}}
	s.huddles[channel] = h
	m := s.post(c, JSON{
		"subtype": "huddle_thread", "user": "USLACKBOT", "team": c.Team, "text": "A huddle started", "channel": channel, "no_notifications": true,
		"permalink": s.teams[c.Team].url() + "call/" + h.id, "room": s.room(h), "blocks": plainBlocks(s.id(""), "A huddle started"),
	})
	h.ts = m.ts
	s.huddled(h, u, "sh_room_join")
	return h.ts
}

// huddled tells who came or went.
func (s *Server) huddled(h *huddle, u *user, kind string) {
	c := s.chans[h.channel]
	s.emit(event{
		body:    JSON{"type": kind, "room": s.room(h), "user": u.ID, "huddle": JSON{"channel_id": c.ID}},
		channel: c, members: true, sessions: true,
	})
	s.userChanged(u, "user_huddle_changed")
	if m := c.byTS[h.ts]; m != nil {
		s.change(c, m, func(body JSON) { body["room"] = s.room(h) })
	}
}

// JoinHuddle plays a user who comes to it.
func (s *Server) JoinHuddle(channel, user string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := must(s.huddles, channel)
	h.now = append(h.now, user)
	if !slices.Contains(h.ever, user) {
		h.ever = append(h.ever, user)
	}
	s.huddled(h, must(s.users, user), "sh_room_join")
}

// LeaveHuddle plays a user who goes; the huddle ends with the last one.
func (s *Server) LeaveHuddle(channel, user string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := must(s.huddles, channel)
	h.now = slices.DeleteFunc(h.now, func(one string) bool { return one == user })
	if len(h.now) == 0 {
		h.end = max(s.now(), h.start+1)
		delete(s.huddles, channel)
	}
	s.huddled(h, must(s.users, user), "sh_room_leave")
	if h.end == 0 {
		return
	}
	c := s.chans[channel]
	s.emit(event{body: JSON{"type": "sh_room_update", "room": s.room(h), "user": user, "huddle": JSON{"channel_id": c.ID}}, channel: c, members: true, sessions: true})
}
