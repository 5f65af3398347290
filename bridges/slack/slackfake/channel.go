package slackfake

import (
	"slices"
	"strings"
)

// A Kind of conversation.
type Kind int

// The kinds.
const (
	Public Kind = iota
	Private
	IM
	MPIM
)

// A Channel is a conversation.
type Channel struct {
	ID, Team       string // by default made; the first workspace
	Kind           Kind
	Name           string
	Topic, Purpose string
	Creator        string // default: the first member
	Members        []string
	Archived       bool
	General        bool // everybody's, which nobody leaves
	ReadOnly       bool // people may not post: restricted_action
	// SharedWith are other workspaces in a shared channel (Slack Connect).
	SharedWith []string
}

type channel struct {
	Channel
	created            int64
	updated            int64
	topicBy, purposeBy string
	topicAt, purposeAt int64
	previous           []string   // names
	messages           []*message // by ts
	byTS               map[string]*message
	read               map[string]string // ts by user
	closed             map[string]bool   // direct chats that users have put away
	pins               []pin             // newest first
	bookmarks          []*bookmark
	in                 map[string]bool // the members
	deleted            bool
}

// AddChannel makes a conversation, of which nobody hears, and returns its ID.
func (s *Server) AddChannel(c Channel) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range c.Members {
		must(s.users, id)
	}
	return s.addChannel(c).ID
}

func (s *Server) addChannel(c Channel) *channel {
	c.Team = s.teamID(c.Team)
	if c.ID == "" {
		c.ID = s.id(map[Kind]string{Public: "C", Private: "C", IM: "D", MPIM: "C"}[c.Kind])
	}
	c.Members = slices.Clone(c.Members)
	if c.Creator == "" && len(c.Members) > 0 {
		c.Creator = c.Members[0]
	}
	if c.Kind == MPIM && c.Name == "" {
		var names []string
		for _, m := range c.Members {
			names = append(names, s.users[m].Name)
		}
		c.Name = "mpdm-" + strings.Join(names, "--") + "-1"
	}
	one := &channel{Channel: c, created: s.now(), updated: s.now() * 1000, in: map[string]bool{}, byTS: map[string]*message{}, read: map[string]string{}, closed: map[string]bool{}}
	for _, m := range c.Members {
		one.in[m] = true
	}
	one.topicBy, one.purposeBy = c.Creator, c.Creator
	s.chans[c.ID] = one
	s.list = append(s.list, one)
	return one
}

func (c *channel) has(user string) bool { return c.in[user] }

// private: only members know of it.
func (c *channel) private() bool { return c.Kind != Public }

// teams are the workspaces that have the channel.
func (c *channel) teams() []string { return append([]string{c.Team}, c.SharedWith...) }

// kind is channel_type in events.
func (c *channel) kind() string {
	return [...]string{"channel", "group", "im", "mpim"}[c.Kind]
}

// channelJSON is the conversation as a user sees it.
func (s *Server) channelJSON(c *channel, viewer, team string) JSON {
	o := JSON{
		"id": c.ID, "created": c.created, "is_archived": c.Archived, "is_im": c.Kind == IM, "is_org_shared": false,
		"context_team_id": team, "updated": c.updated,
	}
	if c.Kind == IM {
		o["user"], o["is_user_deleted"], o["priority"] = "", false, 0
		for _, m := range c.Members {
			if m != viewer || len(c.Members) == 1 {
				o["user"], o["is_user_deleted"] = m, s.users[m].Deleted
			}
		}
		return o
	}
	shared := len(c.SharedWith) > 0
	previous := c.previous
	if previous == nil {
		previous = []string{}
	}
	o = with(o, JSON{
		"name": c.Name, "name_normalized": c.Name, "is_channel": c.Kind == Public || c.Kind == Private, "is_group": c.Kind == MPIM,
		"is_mpim": c.Kind == MPIM, "is_private": c.private(), "is_general": c.General, "unlinked": 0,
		"is_shared": shared, "is_ext_shared": shared, "is_pending_ext_shared": false, "pending_shared": []any{},
		"shared_team_ids": c.teams(), "pending_connected_team_ids": []any{}, "parent_conversation": nil,
		"creator": c.Creator, "is_member": c.has(viewer), "is_frozen": false, "is_read_only": c.ReadOnly,
		"topic":          JSON{"value": c.Topic, "creator": c.topicBy, "last_set": c.topicAt},
		"purpose":        JSON{"value": c.Purpose, "creator": c.purposeBy, "last_set": c.purposeAt},
		"previous_names": previous, "properties": JSON{},
	})
	if shared {
		o["conversation_host_id"], o["connected_team_ids"], o["internal_team_ids"] = c.Team, c.SharedWith, []string{c.Team}
	}
	return o
}

// Members are the members' IDs in the order in which they came.
func (s *Server) Members(channel string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(must(s.chans, channel).Members)
}

// Channel is the conversation as it is now.
func (s *Server) Channel(id string) Channel {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := must(s.chans, id).Channel
	c.Members = slices.Clone(c.Members)
	return c
}

// ChannelNamed is the ID of the conversation of that name, or empty.
func (s *Server) ChannelNamed(name string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.list {
		if c.Name == name && !c.deleted {
			return c.ID
		}
	}
	return ""
}
