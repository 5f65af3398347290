package slackfake

import (
	"fmt"
)

// Say plays a user who writes, and returns the message's ts.
func (s *Server) Say(channel, user, text string) string {
	return s.Post(channel, user, JSON{"text": text})
}

// Reply plays a user who writes in a thread; broadcast shows it in the channel too.
func (s *Server) Reply(channel, user, root, text string, broadcast bool) string {
	fields := JSON{"text": text, "thread_ts": root}
	if broadcast {
		fields["subtype"] = "thread_broadcast"
	}
	return s.Post(channel, user, fields)
}

// Post plays a user who writes a message of fields: text, blocks, attachments,
// files, thread_ts, subtype and so on. It returns the ts, which fields may give.
func (s *Server) Post(channel, user string, fields JSON) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, u := must(s.chans, channel), must(s.users, user)
	return s.post(c, s.written(c, u, fields)).ts
}

// Past is Post, of which nobody hears: a message that was there before. Fields
// may give a ts of long ago.
func (s *Server) Past(channel, user string, fields JSON) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, u := must(s.chans, channel), must(s.users, user)
	return s.addMessage(c, s.written(c, u, fields)).ts
}

// written are the fields of a message that a user writes with a client of Slack.
func (s *Server) written(c *channel, u *user, fields JSON) JSON {
	if root := str(fields, "thread_ts"); root != "" {
		must(c.byTS, root)
	}
	out := with(JSON{"user": u.ID, "team": u.Team, "client_msg_id": s.clientID(), "text": ""}, fields)
	if u.Team != c.Team {
		out["user_team"], out["source_team"] = u.Team, u.Team
		p := s.profile(u, false)
		out["user_profile"] = JSON{
			"avatar_hash": p["avatar_hash"], "image_72": p["image_72"], "first_name": p["first_name"], "real_name": u.RealName,
			"display_name": u.DisplayName, "team": u.Team, "name": u.Name, "is_restricted": u.Restricted, "is_ultra_restricted": u.UltraRestricted,
		}
	}
	return out
}

// clientID is a UUID as clients give one to each message.
func (s *Server) clientID() string {
	s.seq++
	return fmt.Sprintf("c0ffee00-0000-4000-8000-%012x", s.seq)
}

// Edit plays the author who edits a message.
func (s *Server) Edit(channel, ts, text string) { s.EditWith(channel, ts, JSON{"text": text}) }

// EditWith is Edit with fields; null takes one away.
func (s *Server) EditWith(channel, ts string, fields JSON) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := must(s.chans, channel)
	m := must(c.byTS, ts)
	s.edit(c, m, m.author(), fields)
}

// Change changes a message without an edit, as an unfurled link does.
func (s *Server) Change(channel, ts string, fields JSON) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := must(s.chans, channel)
	s.change(c, must(c.byTS, ts), func(body JSON) {
		for k, v := range fields {
			body[k] = v
		}
	})
}

// Delete plays the author, or an administrator, who deletes a message.
func (s *Server) Delete(channel, ts string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := must(s.chans, channel)
	s.remove(c, must(c.byTS, ts))
}

// Typing plays a user who types, in a thread if root is not empty.
func (s *Server) Typing(channel, user, root string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.typing(must(s.chans, channel), must(s.users, user).ID, root)
}
