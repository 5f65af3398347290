package main

import (
	"strings"

	"github.com/ergochat/irc-go/ircmsg"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/markup"
	"github.com/causeway-chat/causeway/bridgekit/markup/html"
	"github.com/causeway-chat/causeway/bridges/irc/convert"
	"github.com/causeway-chat/causeway/testbed/ircuser"
	"github.com/causeway-chat/causeway/testbed/matrixuser"
)

// onIRC is what an IRC client shows for a line in a channel; nothing for those
// that it does not show.
func onIRC(m ircuser.Line, channel string) markup.Body {
	who := m.Nick()
	if len(m.Params) == 0 || !strings.EqualFold(m.Params[0], channel) {
		return nil
	}
	switch m.Command {
	case "PRIVMSG":
		if action, ok := strings.CutPrefix(m.Params[1], "\x01ACTION "); ok {
			return said("* "+who+" ", convert.Parse(strings.TrimSuffix(action, "\x01"), nil))
		}
		return said("<"+who+"> ", convert.Parse(m.Params[1], nil))
	case "TOPIC":
		return said(who+" sets the topic: ", markup.Plain(m.Params[1]))
	case "TAGMSG":
		if emoji := tag(m, "+draft/react"); emoji != "" {
			return markup.Plain(who + " reacts with " + emoji)
		}
	}
	return nil
}

func tag(m ircmsg.Message, name string) string {
	_, value := m.GetTag(name)
	return value
}

// said is a text behind who says it.
func said(head string, text markup.Body) markup.Body {
	return markup.Normalize(append(markup.Plain(head), text...))
}

// A window is what a person of Matrix sees of a room.
type window struct {
	you  *matrixuser.User
	room id.RoomID
}

// onMatrix is what a Matrix client shows for an event of the room.
func (w window) onMatrix(e matrixuser.Event) markup.Body {
	if e.RoomID != w.room || e.Section != matrixuser.Timeline {
		return nil
	}
	switch who := w.name(e.Sender); e.Type {
	case event.EventMessage:
		return w.message(who, e.Content.AsMessage())
	case event.EventReaction:
		return markup.Plain(who + " reacts with " + e.Content.AsReaction().RelatesTo.Key)
	case event.StateTopic:
		return markup.Plain("the topic is now: " + e.Content.AsTopic().Topic)
	}
	return nil
}

func (w window) message(who string, c *event.MessageEventContent) markup.Body {
	relation := c.RelatesTo
	switch {
	case relation != nil && relation.GetReplaceID() != "" && c.NewContent != nil:
		who, c = who+", edited", c.NewContent
	case relation != nil && relation.Type == event.RelThread:
		who += ", in the thread of " + w.name(w.author(relation.EventID))
	case relation != nil && relation.GetReplyTo() != "":
		who += ", in reply to " + w.name(w.author(relation.GetReplyTo()))
	}
	text := markup.Plain(c.Body)
	if c.Format == event.FormatHTML {
		text = html.Parse(c.FormattedBody)
	}
	switch c.MsgType {
	case event.MsgEmote:
		return said("* "+who+" ", text)
	case event.MsgFile:
		return said(who+": [file] ", text)
	}
	return said(who+": ", text)
}

// shown is what a Matrix client shows of all events from mark on.
func (w window) shown(mark int) (lines []string) {
	for _, e := range w.you.Since(mark) {
		if line := plain(w.onMatrix(e)); line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}

// author is who sent an event of the room.
func (w window) author(of id.EventID) id.UserID {
	for _, e := range w.you.Since(0) {
		if e.RoomID == w.room && e.ID == of {
			return e.Sender
		}
	}
	return ""
}

// name is a person's display name, as their membership tells it.
func (w window) name(u id.UserID) string {
	name := u.String()
	for _, e := range w.you.Since(0) {
		if e.RoomID == w.room && e.Type == event.StateMember && e.GetStateKey() == u.String() && e.Content.AsMember().Displayname != "" {
			name = e.Content.AsMember().Displayname
		}
	}
	return name
}
