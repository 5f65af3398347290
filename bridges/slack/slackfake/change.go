package slackfake

import (
	"fmt"
	"regexp"
	"unicode/utf8"
)

var channelName = regexp.MustCompile(`^[\p{Ll}\p{Lo}\p{N}_-]+$`)

// told sends an event about a conversation: type channel_what, or group_what.
func (s *Server) told(c *channel, what string, e JSON) {
	kind := "channel_"
	if c.private() {
		kind = "group_"
	}
	c.updated = s.now() * 1000
	s.emit(event{body: with(JSON{"type": kind + what}, e), channel: c, scopes: readers(c)})
}

func (s *Server) rename(c *channel, name, by string) {
	old := c.Name
	c.previous = append([]string{old}, c.previous...)
	c.Name = name
	s.told(c, "rename", JSON{"channel": JSON{
		"id": c.ID, "is_channel": c.Kind == Public, "is_mpim": false, "name": name, "name_normalized": name, "created": c.created,
	}})
	s.post(c, JSON{"subtype": "channel_name", "user": by, "old_name": old, "name": name, "text": fmt.Sprintf("has renamed the channel from %q to %q", old, name)})
}

func (s *Server) setTopic(c *channel, topic, by string) {
	c.Topic, c.topicBy, c.topicAt = topic, by, s.now()
	text := "set the channel topic: " + topic
	if topic == "" {
		text = "cleared the channel topic"
	}
	s.post(c, JSON{"subtype": "channel_topic", "user": by, "topic": topic, "text": text})
}

func (s *Server) setPurpose(c *channel, purpose, by string) {
	c.Purpose, c.purposeBy, c.purposeAt = purpose, by, s.now()
	text := "set the channel description: " + purpose
	if purpose == "" {
		text = "cleared the channel description"
	}
	s.post(c, JSON{"subtype": "channel_purpose", "user": by, "purpose": purpose, "text": text})
}

func (s *Server) setArchived(c *channel, archived bool, by string) {
	c.Archived = archived
	what := "unarchive"
	if archived {
		what = "archive"
	}
	s.told(c, what, JSON{"channel": c.ID, "user": by, "is_moved": 0})
	s.post(c, JSON{"subtype": "channel_" + what, "user": by, "text": what + "d the channel"})
}

func (s *Server) create(c Channel) *channel {
	one := s.addChannel(c)
	switch one.Kind {
	case Public:
		s.emit(event{
			body: JSON{"type": "channel_created", "channel": JSON{
				"id": one.ID, "is_channel": true, "name": one.Name, "name_normalized": one.Name, "created": one.created, "creator": one.Creator,
				"is_shared": false, "is_org_shared": false, "context_team_id": one.Team, "is_private": false,
			}},
			channel: one, scopes: readers(one),
		})
	case MPIM:
		s.emit(event{body: JSON{"type": "mpim_joined", "channel": s.channelJSON(one, "", one.Team)}, channel: one, sessions: true})
	case IM:
		for _, m := range one.Members {
			s.emit(event{body: JSON{"type": "im_created", "user": m, "channel": s.channelJSON(one, m, one.Team)}, only: m, scopes: readers(one)})
		}
	}
	return one
}

// Create plays the first member, who makes a conversation with the others.
func (s *Server) Create(c Channel) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	one := s.create(c)
	return one.ID
}

// Rename plays a user who renames a conversation.
func (s *Server) Rename(channel, user, name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rename(must(s.chans, channel), name, must(s.users, user).ID)
}

// SetTopic plays a user who sets the topic.
func (s *Server) SetTopic(channel, user, topic string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.setTopic(must(s.chans, channel), topic, must(s.users, user).ID)
}

// SetPurpose plays a user who sets the purpose, which clients call the description.
func (s *Server) SetPurpose(channel, user, purpose string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.setPurpose(must(s.chans, channel), purpose, must(s.users, user).ID)
}

// Archive plays a user who archives a conversation.
func (s *Server) Archive(channel, user string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.setArchived(must(s.chans, channel), true, must(s.users, user).ID)
}

// Unarchive plays a user who brings it back.
func (s *Server) Unarchive(channel, user string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.setArchived(must(s.chans, channel), false, must(s.users, user).ID)
}

// SetReadOnly lets only administrators post from now on; they are not played.
func (s *Server) SetReadOnly(channel string, on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	must(s.chans, channel).ReadOnly = on
}

// DeleteChannel plays an administrator who deletes a conversation for ever.
func (s *Server) DeleteChannel(channel string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := must(s.chans, channel)
	s.told(c, "deleted", JSON{"channel": c.ID})
	c.deleted = true
}

// Share makes a conversation one of another workspace too (Slack Connect).
func (s *Server) Share(channel, team string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := must(s.chans, channel)
	c.SharedWith = append(c.SharedWith, must(s.teams, team).ID)
	s.emit(event{body: JSON{"type": "channel_shared", "connected_team_id": team, "channel": c.ID}, channel: c, scopes: readers(c)})
}

// ChangeID gives a conversation another ID, as sharing a private one does.
func (s *Server) ChangeID(channel, id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := must(s.chans, channel)
	delete(s.chans, c.ID)
	c.ID = id
	s.chans[id] = c
	s.emit(event{body: JSON{"type": "channel_id_changed", "old_channel_id": channel, "new_channel_id": id}, channel: c, scopes: readers(c)})
}

// nameOf is a name for a conversation that the call gives.
func (c *call) nameOf() (string, error) {
	name := c.str("name")
	switch {
	case name == "":
		return "", fail("invalid_name_required")
	case utf8.RuneCountInString(name) > 80:
		return "", fail("invalid_name_maxlength")
	case !channelName.MatchString(name):
		return "", fail("invalid_name_specials")
	}
	for _, ch := range c.s.list {
		if ch.Name == name && ch.Team == c.tok.team && !ch.deleted {
			return "", fail("name_taken")
		}
	}
	return name, nil
}

// changeMethods are those that change conversations.
func changeMethods() map[string]method {
	write := []string{"*:write"}
	topic := append(write, "*:write.topic")
	return map[string]method{
		"conversations.create":     {tier: tier2, scopes: write, run: conversationsCreate},
		"conversations.open":       {tier: tier3, scopes: write, run: conversationsOpen},
		"conversations.close":      {tier: tier2, scopes: write, run: conversationsClose},
		"conversations.rename":     {tier: tier2, scopes: write, run: conversationsRename},
		"conversations.setTopic":   {tier: tier2, scopes: topic, run: conversationsSetTopic},
		"conversations.setPurpose": {tier: tier2, scopes: topic, run: conversationsSetPurpose},
		"conversations.archive":    {tier: tier2, scopes: write, run: conversationsArchive},
		"conversations.unarchive":  {tier: tier2, scopes: write, run: conversationsUnarchive},
		"conversations.mark":       {tier: tier3, scopes: write, run: conversationsMark},
	}
}
