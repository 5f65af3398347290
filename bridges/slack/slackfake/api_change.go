package slackfake

import (
	"slices"
	"unicode/utf8"
)

func conversationsCreate(c *call) (JSON, error) {
	name, err := c.nameOf()
	if err != nil {
		return nil, err
	}
	kind := Public
	if c.bool("is_private") {
		kind = Private
	}
	ch := c.s.create(Channel{Name: name, Kind: kind, Team: c.tok.team, Members: []string{c.tok.user}})
	return JSON{"channel": c.s.channelJSON(ch, c.tok.user, c.tok.team)}, nil
}

// conversationsOpen finds or makes the direct chat or group message with users.
func conversationsOpen(c *call) (JSON, error) {
	ids := c.words("users")
	if id := c.str("channel"); id != "" {
		ch, err := c.conversation()
		if err != nil {
			return nil, err
		}
		delete(ch.closed, c.tok.user)
		return c.opened(ch, true), nil
	}
	if len(ids) == 0 {
		return nil, fail("users_list_not_supplied")
	}
	if len(ids) > 8 {
		return nil, fail("too_many_users")
	}
	for _, id := range ids {
		u := c.s.users[id]
		if u == nil || !c.s.known(c.tok, u) {
			return nil, fail("user_not_found")
		}
		if u.Deleted {
			return nil, fail("user_disabled")
		}
	}
	members := []string{c.tok.user}
	for _, id := range ids {
		if !slices.Contains(members, id) {
			members = append(members, id)
		}
	}
	kind := IM
	if len(members) > 2 {
		kind = MPIM
	}
	for _, ch := range c.s.list {
		if ch.Kind == kind && len(ch.Members) == len(members) && !slices.ContainsFunc(members, func(m string) bool { return !ch.has(m) }) {
			return c.opened(ch, true), nil
		}
	}
	if c.bool("prevent_creation") {
		return nil, fail("channel_not_found")
	}
	return c.opened(c.s.create(Channel{Kind: kind, Team: c.tok.team, Members: members}), false), nil
}

// opened is the answer of conversations.open.
func (c *call) opened(ch *channel, before bool) JSON {
	out := JSON{"channel": JSON{"id": ch.ID}}
	if c.bool("return_im") {
		out["channel"] = c.s.channelJSON(ch, c.tok.user, c.tok.team)
	}
	if before {
		out["no_op"], out["already_open"] = true, true
	}
	return out
}

func conversationsClose(c *call) (JSON, error) {
	ch, err := c.conversation()
	if err != nil {
		return nil, err
	}
	if ch.Kind != IM && ch.Kind != MPIM {
		return nil, fail("method_not_supported_for_channel_type")
	}
	ch.closed[c.tok.user] = true
	return nil, nil
}

func conversationsRename(c *call) (JSON, error) {
	ch, err := c.managed()
	if err != nil {
		return nil, err
	}
	if ch.Kind == IM || ch.Kind == MPIM {
		return nil, fail("method_not_supported_for_channel_type")
	}
	name, err := c.nameOf()
	if err != nil {
		return nil, err
	}
	if u := c.s.users[c.tok.user]; ch.Creator != u.ID && !u.Admin && !u.Owner {
		return nil, fail("not_authorized")
	}
	c.s.rename(ch, name, c.tok.user)
	return JSON{"channel": c.s.channelJSON(ch, c.tok.user, c.tok.team)}, nil
}

func conversationsSetTopic(c *call) (JSON, error) {
	ch, err := c.managed()
	if err != nil {
		return nil, err
	}
	if utf8.RuneCountInString(c.str("topic")) > 250 {
		return nil, fail("too_long")
	}
	c.s.setTopic(ch, c.str("topic"), c.tok.user)
	return JSON{"channel": c.s.channelJSON(ch, c.tok.user, c.tok.team)}, nil
}

func conversationsSetPurpose(c *call) (JSON, error) {
	ch, err := c.managed()
	if err != nil {
		return nil, err
	}
	if utf8.RuneCountInString(c.str("purpose")) > 250 {
		return nil, fail("too_long")
	}
	c.s.setPurpose(ch, c.str("purpose"), c.tok.user)
	return JSON{"channel": c.s.channelJSON(ch, c.tok.user, c.tok.team), "purpose": ch.Purpose}, nil
}

func conversationsArchive(c *call) (JSON, error) {
	ch, err := c.conversation()
	switch {
	case err != nil:
		return nil, err
	case ch.Kind == IM || ch.Kind == MPIM:
		return nil, fail("method_not_supported_for_channel_type")
	case ch.General:
		return nil, fail("cant_archive_general")
	case ch.Archived:
		return nil, fail("already_archived")
	case !ch.has(c.tok.user):
		return nil, fail("not_in_channel")
	}
	c.s.setArchived(ch, true, c.tok.user)
	return nil, nil
}

// conversationsUnarchive is not for bots, which are in no archived conversation.
func conversationsUnarchive(c *call) (JSON, error) {
	ch, err := c.conversation()
	switch {
	case err != nil:
		return nil, err
	case !ch.Archived:
		return nil, fail("not_archived")
	case c.tok.kind == botToken || !ch.has(c.tok.user):
		return nil, fail("not_in_channel")
	}
	c.s.setArchived(ch, false, c.tok.user)
	return nil, nil
}

func conversationsMark(c *call) (JSON, error) {
	ch, err := c.conversation()
	if err != nil {
		return nil, err
	}
	if !ch.has(c.tok.user) {
		return nil, fail("not_in_channel")
	}
	ts := padded(c.str("ts"))
	if ts == "" {
		return nil, fail("invalid_timestamp")
	}
	c.s.mark(ch, c.tok.user, ts)
	return nil, nil
}

// mark moves a user's read marker and tells the user's sessions.
func (s *Server) mark(c *channel, user, ts string) {
	c.read[user] = ts
	unread := 0
	for _, m := range c.messages {
		if m.listed() && m.ts > ts && m.author() != user {
			unread++
		}
	}
	kind := map[Kind]string{Public: "channel", Private: "group", IM: "im", MPIM: "mpim"}[c.Kind]
	s.emit(event{
		body: JSON{
			"type": kind + "_marked", "channel": c.ID, "ts": ts, "unread_count": unread, "unread_count_display": unread,
			"num_mentions": 0, "num_mentions_display": 0, "mention_count": 0, "mention_count_display": 0,
		},
		only: user, sessions: true,
	})
}

// Read plays a user who has read a conversation up to a message.
func (s *Server) Read(channel, user, ts string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mark(must(s.chans, channel), must(s.users, user).ID, ts)
}

// ReadUpTo is a user's read marker, or empty.
func (s *Server) ReadUpTo(channel, user string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return must(s.chans, channel).read[user]
}
