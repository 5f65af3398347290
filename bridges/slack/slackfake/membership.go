package slackfake

import "slices"

// join makes a user a member and tells it.
func (s *Server) join(c *channel, u *user, inviter string) {
	if c.has(u.ID) {
		return
	}
	c.Members = append(c.Members, u.ID)
	c.in[u.ID] = true
	delete(c.closed, u.ID)
	kind, own := "C", "channel_joined"
	if c.private() {
		kind, own = "G", "group_joined"
	}
	e := JSON{"type": "member_joined_channel", "user": u.ID, "channel": c.ID, "channel_type": kind, "team": u.Team}
	said := JSON{"subtype": "channel_join", "user": u.ID, "text": "<@" + u.ID + "> has joined the channel"}
	if inviter != "" {
		e["inviter"], said["inviter"] = inviter, inviter
	}
	s.emit(event{body: e, channel: c, members: true, scopes: readers(c)})
	s.emit(event{body: JSON{"type": own, "channel": s.channelJSON(c, u.ID, u.Team)}, only: u.ID, sessions: true})
	s.post(c, said)
}

// leave ends a membership; by is who removed the user, or empty.
func (s *Server) leave(c *channel, u *user, by string) {
	i := slices.Index(c.Members, u.ID)
	if i < 0 {
		return
	}
	kind, own := "C", "channel_left"
	if c.private() {
		kind, own = "G", "group_left"
	}
	e := event{
		body:    JSON{"type": "member_left_channel", "user": u.ID, "channel": c.ID, "channel_type": kind, "team": u.Team},
		channel: c, members: true, scopes: readers(c),
	}
	s.emit(e) // the one who leaves hears it too
	c.Members = slices.Delete(c.Members, i, i+1)
	delete(c.in, u.ID)
	actor := by
	if actor == "" {
		actor = u.ID
		s.post(c, JSON{"subtype": "channel_leave", "user": u.ID, "text": "<@" + u.ID + "> has left the channel"})
	}
	s.emit(event{body: JSON{"type": own, "channel": c.ID, "actor_id": actor}, only: u.ID, scopes: readers(c)})
}

// readers are the scopes of those who hear of a conversation's changes.
func readers(c *channel) []string { return []string{prefix(c) + ":read"} }

// Join plays a user who joins, or is invited by somebody.
func (s *Server) Join(channel, user, inviter string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.join(must(s.chans, channel), must(s.users, user), inviter)
}

// Leave plays a user who leaves.
func (s *Server) Leave(channel, user string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.leave(must(s.chans, channel), must(s.users, user), "")
}

// Kick plays by, who removes a user.
func (s *Server) Kick(channel, user, by string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.leave(must(s.chans, channel), must(s.users, user), must(s.users, by).ID)
}

// membershipMethods are those about members.
func membershipMethods() map[string]method {
	write := []string{"*:write"}
	return map[string]method{
		"conversations.members": {tier: tier4, scopes: []string{"*:read"}, run: conversationsMembers},
		"conversations.invite":  {tier: tier3, scopes: append(write, "*:write.invites"), run: conversationsInvite},
		"conversations.kick":    {tier: tier3, scopes: write, run: conversationsKick},
		"conversations.leave":   {tier: tier3, scopes: write, run: conversationsLeave},
		"conversations.join":    {tier: tier3, scopes: []string{"channels:join", "channels:write"}, run: conversationsJoin},
	}
}

func conversationsMembers(c *call) (JSON, error) {
	ch, err := c.conversation()
	if err != nil {
		return nil, err
	}
	list, meta, err := page(c, ch.Members, 100, 1000)
	return JSON{"members": list, "response_metadata": meta}, err
}

// managed is a conversation that the caller is in and that can change.
func (c *call) managed() (*channel, error) {
	ch, err := c.conversation()
	switch {
	case err != nil:
		return nil, err
	case ch.Archived:
		return nil, fail("is_archived")
	case !ch.has(c.tok.user):
		return nil, fail("not_in_channel")
	}
	return ch, nil
}

func conversationsInvite(c *call) (JSON, error) {
	ch, err := c.managed()
	if err != nil {
		return nil, err
	}
	if ch.Kind == IM || ch.Kind == MPIM {
		return nil, fail("method_not_supported_for_channel_type")
	}
	ids := c.words("users")
	if len(ids) == 0 {
		return nil, fail("no_user")
	}
	var wrong []JSON
	for _, id := range ids {
		u := c.s.users[id]
		switch {
		case u == nil || !c.s.inTeam(ch, u.Team):
			wrong = append(wrong, JSON{"user": id, "ok": false, "error": "user_not_found"})
		case id == c.tok.user:
			wrong = append(wrong, JSON{"user": id, "ok": false, "error": "cant_invite_self"})
		case u.Deleted:
			wrong = append(wrong, JSON{"user": id, "ok": false, "error": "user_is_deactivated"})
		case ch.has(id):
			wrong = append(wrong, JSON{"user": id, "ok": false, "error": "already_in_channel"})
		}
	}
	if len(wrong) > 0 && (!c.bool("force") || len(wrong) == len(ids)) {
		return nil, &failure{code: str(wrong[0], "error"), more: JSON{"errors": wrong}}
	}
	for _, id := range ids {
		if u := c.s.users[id]; u != nil {
			c.s.join(ch, u, c.tok.user)
		}
	}
	return JSON{"channel": c.s.channelJSON(ch, c.tok.user, c.tok.team)}, nil
}

func conversationsKick(c *call) (JSON, error) {
	ch, err := c.managed()
	if err != nil {
		return nil, err
	}
	u := c.s.users[c.str("user")]
	switch {
	case u == nil:
		return nil, fail("user_not_found")
	case u.ID == c.tok.user:
		return nil, fail("cant_kick_self")
	case ch.General:
		return nil, fail("cant_kick_from_general")
	case !ch.has(u.ID):
		return nil, fail("not_in_channel")
	}
	c.s.leave(ch, u, c.tok.user)
	return JSON{"errors": JSON{}}, nil
}

func conversationsLeave(c *call) (JSON, error) {
	ch, err := c.conversation()
	switch {
	case err != nil:
		return nil, err
	case ch.Kind == IM:
		return nil, fail("method_not_supported_for_channel_type")
	case ch.General:
		return nil, fail("cant_leave_general")
	case !ch.has(c.tok.user):
		return JSON{"not_in_channel": true}, nil
	case ch.Kind == Private && len(ch.Members) == 1:
		return nil, fail("last_member")
	}
	c.s.leave(ch, c.s.users[c.tok.user], "")
	return nil, nil
}

func conversationsJoin(c *call) (JSON, error) {
	ch, err := c.conversation()
	switch {
	case err != nil:
		return nil, err
	case ch.Kind != Public:
		return nil, fail("method_not_supported_for_channel_type")
	case ch.Archived:
		return nil, fail("is_archived")
	}
	out := JSON{}
	if ch.has(c.tok.user) {
		out["warning"], out["response_metadata"] = "already_in_channel", JSON{"warnings": []string{"already_in_channel"}}
	}
	c.s.join(ch, c.s.users[c.tok.user], "")
	out["channel"] = c.s.channelJSON(ch, c.tok.user, c.tok.team)
	return out, nil
}
