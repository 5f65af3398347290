package convert

import (
	"fmt"
	"strings"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/markup"
)

// A Kind says what is to be done with a message.
type Kind int

const (
	Said    Kind = iota // somebody said it: show Content
	Notice              // Slack itself says it: show Content as a notice
	Changed             // Inner is what message Target says now
	Deleted             // message Target is gone
	Altered             // the channel or its members changed: see Change
	Nothing             // not for people, or told by other messages and events
)

// Kind says what is to be done with m. A subtype that is not known was said by
// somebody, unless Slack hides it.
func (m *Message) Kind() Kind {
	if m.Type != "" && m.Type != "message" {
		return Nothing
	}
	switch m.Subtype {
	case "message_changed":
		switch {
		case m.Inner == nil || !m.Inner.TS.Valid():
			return Nothing
		case m.Inner.Subtype == "tombstone": // a thread's first message, whose replies stay
			return Deleted
		}
		return Changed
	case "message_deleted":
		return Deleted
	case "channel_join", "channel_leave", "group_join", "group_leave", "channel_topic", "group_topic", "channel_purpose", "group_purpose",
		"channel_name", "group_name", "channel_archive", "group_archive", "channel_unarchive", "group_unarchive":
		return Altered
	case "message_replied", "reply_broadcast", "tombstone", "pinned_item", "unpinned_item":
		// The reply is a message itself; what is gone is not shown; pins have events.
		return Nothing
	case "huddle_thread", "sh_room_created", "sh_room_shared", "reminder_add", "reminder_delete", "bot_add", "bot_remove", "bot_enable", "bot_disable",
		"channel_convert_to_private", "channel_convert_to_public", "group_convert_to_public", "group_convert_to_private",
		"channel_posting_permissions", "ekm_access_denied", "app_conversation_join", "app_conversation_leave",
		"joiner_notification", "joiner_notification_for_inviter", "tabbed_canvas_updated", "channel_canvas_updated":
		return Notice
	}
	if m.Hidden {
		return Nothing
	}
	return Said
}

// Target is the message that a Changed or Deleted message is about.
func (m *Message) Target() TS {
	switch {
	case m.Subtype == "message_deleted" && m.DeletedTS != "":
		return m.DeletedTS
	case m.Inner != nil && m.Inner.TS != "":
		return m.Inner.TS
	case m.Previous != nil:
		return m.Previous.TS
	}
	return m.DeletedTS
}

// Rewritten reports whether a Changed message was edited so that it shows something
// else: not if Slack only counted replies, or found a preview for a link. Files that
// have to be asked about (Unchecked) need not be filled in: they are the same before
// and after if their IDs are.
func (m *Message) Rewritten(l Lookup) bool {
	if m.Inner == nil || m.Previous == nil {
		return m.Inner != nil
	}
	return fmt.Sprintf("%+v", shown(m.Inner, l)) != fmt.Sprintf("%+v", shown(m.Previous, l))
}

// shown is what readers see of a message, as values that print alike if they are.
func shown(m *Message, l Lookup) []any {
	out := []any{m.Broadcast()}
	for _, p := range m.parts(l) {
		out = append(out, p.Style, p.Text)
		if p.Media != nil {
			ref, err := ParseFileRef(p.Media.Ref)
			out = append(out, p.Media.Name, p.Media.Kind, ref.ID, ref.Public, err)
		}
	}
	return out
}

// A Change is what a message of the kind Altered tells. Nil and empty is what did
// not change.
type Change struct {
	Topic, Purpose, Name *string
	OldName              string
	Archived             *bool
	Joined, Left         string // a user ID
	By                   string // who invited who joined
}

// Change reads a message of the kind Altered. The Events API tells the same of
// names, archives, joins and leaves in events of their own; topics and purposes it
// tells by messages alone. Archives of exports and histories have nothing else.
func (m *Message) Change() Change {
	str := func(key string) *string {
		s := unescape(m.body.str(key))
		return &s
	}
	var c Change
	_, what, _ := strings.Cut(m.Subtype, "_")
	switch what {
	case "topic":
		c.Topic = str("topic")
	case "purpose":
		c.Purpose = str("purpose")
	case "name":
		if c.Name = str("name"); *c.Name == "" {
			c.Name = nil
		}
		c.OldName = m.body.str("old_name")
	case "archive", "unarchive":
		archived := what == "archive"
		c.Archived = &archived
	case "join":
		c.Joined, c.By = m.User, m.body.str("inviter")
	case "leave":
		c.Left = m.User
	}
	return c
}

// notice is what a message of the kind Notice says, and false if its text does.
func (m *Message) notice(l Lookup) ([]markup.Node, bool) {
	if m.Kind() != Notice && m.Subtype != "tombstone" {
		return nil, false
	}
	switch m.Subtype {
	case "huddle_thread", "sh_room_created", "sh_room_shared":
		return m.huddle(l), true
	case "ekm_access_denied":
		return nodes(text("A message that is withheld: its encryption key is not available.")), true
	case "tombstone":
		return nodes(text("This message was deleted.")), true
	}
	words := trimLines(m.words(&blockReader{l: l}))
	if m.User != "" && m.User != "USLACKBOT" && len(words) > 0 && words[0].Kind != markup.Mention { // "set up a reminder"
		words = append([]markup.Node{text(ask(l.User, m.User, m.User) + " ")}, words...)
		words[1].Text = strings.TrimLeft(words[1].Text, " ")
	}
	if strings.TrimSpace(markup.Body(words).String()) == "" {
		words = nodes(text(strings.ReplaceAll(m.Subtype, "_", " ")))
	}
	return silent(words), true
}

// huddle tells of a huddle: who is or was in it, how long it was, and how to join.
func (m *Message) huddle(l Lookup) []markup.Node {
	room := m.body.obj("room")
	if room == nil {
		room = m.body.obj("call")
	}
	start, end := int64(room.num("date_start")), int64(room.num("date_end"))
	over := room.bool("has_ended") || end > 0
	people := room.strs("participants")
	if over || len(people) == 0 {
		people = append(room.strs("participant_history"), people...)
	}
	words := "🎧 A huddle is on"
	if over {
		words = "🎧 A huddle took place"
		if start > 0 && end > start {
			words += " (" + strings.TrimSuffix(time.Duration((end-start+59)/60*int64(time.Minute)).String(), "0s") + ")"
		}
	}
	if room.bool("was_missed") || room.bool("was_rejected") {
		words = "🎧 A huddle was missed"
	}
	var names []string
	seen := map[string]bool{}
	for _, id := range people {
		if !seen[id] {
			names = append(names, ask(l.User, id, id))
		}
		seen[id] = true
	}
	if len(names) > 0 {
		words += ": " + strings.Join(names, ", ")
	}
	out := []markup.Node{text(words)}
	if link := first(room.str("huddle_link"), room.str("join_url"), m.body.str("permalink")); link != "" && !over {
		out = append(out, text(" · "), l.link(link, "Join in Slack", nil))
	}
	return out
}
