package e2e

import (
	"fmt"
	"strings"
	"testing"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/testbed/ircuser"
	"github.com/causeway-chat/causeway/testbed/matrixuser"
)

// TestPlumb joins a room that is there already to a channel, and ends that.
func TestPlumb(t *testing.T) {
	everywhere(t, func(w *world) {
		ann := w.login("ann")
		room, err := w.you.CreateRoom(w.ctx, "Harbour", w.bot(), ann.ID())
		check(w.t, err)
		var levels event.PowerLevelsEventContent // you are in it only before room version 12
		check(w.t, w.you.Client.StateEvent(w.ctx, room, event.StatePowerLevels, "", &levels))
		levels.SetUserLevel(w.bot(), 50)
		_, err = w.you.Client.SendStateEvent(w.ctx, room, event.StatePowerLevels, "", &levels)
		check(w.t, err)
		_, err = ann.Join(w.ctx, room.String())
		check(w.t, err)
		w.member(0, room, w.bot(), event.MembershipJoin)
		w.plumb(room)
		at, im := w.you.Mark(), w.mia.Mark()

		w.sent(ann.Text(w.ctx, room, "ann is not signed in anywhere"))
		w.said(im, relay, "<ann> ann is not signed in anywhere")
		check(w.t, w.mia.Say(channel, "nor need she be"))
		w.message(at, room, ghost("mia"), event.MsgText, "nor need she be")

		w.topics(room)

		w.sent(w.you.Text(w.ctx, room, "!cw unbridge confirm"))
		w.notice(at, room, "not bridged any more")
		w.member(at, room, ghost("mia"), event.MembershipLeave)
		_, err = w.mia.Wait(w.ctx, im, func(l ircuser.Line) bool { return l.Command == "PART" && l.Nick() == relay })
		check(w.t, err)
	})
}

// plumb bridges a room once Causeway is on IRC.
func (w *world) plumb(room id.RoomID) {
	w.t.Helper()
	w.until("the room is bridged", func() error {
		at := w.you.Mark()
		w.sent(w.you.Text(w.ctx, room, "!cw plumb irc.test "+channel+" confirm"))
		e := w.notice(at, room, "")
		if body := e.Content.AsMessage().Body; !strings.Contains(body, "is bridged to "+channel) {
			return fmt.Errorf("the bot says %q", body)
		}
		return nil
	})
}

// topics sets topics on both sides.
func (w *world) topics(room id.RoomID) {
	w.t.Helper()
	at, im := w.you.Mark(), w.mia.Mark()
	check(w.t, w.mia.Mode(w.ctx, channel, "+o", relay))
	_, err := w.you.Client.SendStateEvent(w.ctx, room, event.StateTopic, "", &event.TopicEventContent{Topic: "high tide"})
	check(w.t, err)
	w.onIRC(w.mia, im, "TOPIC", relay, channel, "high tide")
	check(w.t, w.mia.Topic(w.ctx, channel, "low tide"))
	w.seen(at, "the topic", func(e matrixuser.Event) bool {
		return e.Type == event.StateTopic && e.RoomID == room && e.Content.AsTopic().Topic == "low tide" && e.Sender == w.bot()
	})
}

// TestOwnLogin signs you in with a nick of your own.
func TestOwnLogin(t *testing.T) {
	everywhere(t, func(w *world) {
		talk := w.directChat()
		w.command(talk, "login irc.test nick", "Nick")
		w.command(talk, "bad nick", "is not a nick")
		w.command(talk, "login irc.test nick", "Nick")
		w.command(talk, "skipper", "Signed in: skipper on Test")

		at, im := w.you.Mark(), w.mia.Mark()
		w.until("the channel is joined", func() error { return w.commanded(talk, "join irc.test "+channel, channel) })
		room := w.ownRoom(at, "#town")
		w.sent(w.you.HTML(w.ctx, room, "ahoy, mia", "<b>ahoy</b>, mia"))
		w.said(im, "skipper", "\x02ahoy\x0f, mia")
		check(w.t, w.mia.Say(channel, "skipper: welcome aboard"))
		e := w.seen(at, "the welcome", func(e matrixuser.Event) bool {
			return e.RoomID == room && e.Sender == ghost("mia") && e.Type == event.EventMessage
		})
		if c := e.Content.AsMessage(); c.Mentions == nil || !c.Mentions.Has(w.you.ID()) {
			t.Errorf("%q does not mention you: %+v", c.Body, c.Mentions)
		}
		w.ownReaction(room, e.ID)
		w.direct(talk)
		w.command(talk, "logout skipper on Test", "Signed out")
		_, err := w.mia.Wait(w.ctx, im, func(l ircuser.Line) bool { return l.Command == "QUIT" && l.Nick() == "skipper" })
		check(w.t, err)
	})
}

// directChat opens a direct chat with the bot.
func (w *world) directChat() id.RoomID {
	w.t.Helper()
	resp, err := w.you.Client.CreateRoom(w.ctx, &mautrix.ReqCreateRoom{IsDirect: true, Preset: "trusted_private_chat", Invite: []id.UserID{w.bot()}})
	check(w.t, err)
	w.notice(0, resp.RoomID, "Hello")
	return resp.RoomID
}

// command writes to the bot and waits for an answer with a text in it.
func (w *world) command(talk id.RoomID, text, answer string) {
	w.t.Helper()
	check(w.t, w.commanded(talk, text, answer))
}

// commanded is command for what may not work yet.
func (w *world) commanded(talk id.RoomID, text, answer string) error {
	w.t.Helper()
	at := w.you.Mark()
	w.sent(w.you.Text(w.ctx, talk, text))
	for seen := ""; ; {
		e, err := w.you.Wait(w.ctx, at, func(e matrixuser.Event) bool {
			return e.RoomID == talk && e.Sender == w.bot() && e.Type == event.EventMessage && !strings.Contains(seen, e.ID.String())
		})
		if err != nil {
			return fmt.Errorf("%q was not answered with %q but with %s: %w", text, answer, seen, err)
		}
		if body := e.Content.AsMessage().Body; strings.Contains(body, answer) {
			return nil
		} else if strings.Contains(body, "did not work") {
			return fmt.Errorf("%q was answered with %q", text, body)
		}
		seen += fmt.Sprintf("%s %q, ", e.ID, e.Content.AsMessage().Body)
	}
}

// ownRoom waits until you are in a room with this name.
func (w *world) ownRoom(mark int, name string) id.RoomID {
	w.t.Helper()
	return w.seen(mark, "room "+name, func(e matrixuser.Event) bool {
		return e.Type == event.StateRoomName && e.Section != matrixuser.Invite && e.Content.AsRoomName().Name == name
	}).RoomID
}

// ownReaction reacts to what mia said.
func (w *world) ownReaction(room id.RoomID, to id.EventID) {
	w.t.Helper()
	im := w.mia.Mark()
	w.sent(w.you.React(w.ctx, room, to, "👍"))
	if !w.tags {
		return
	}
	_, err := w.mia.Wait(w.ctx, im, func(l ircuser.Line) bool {
		_, emoji := l.GetTag("+draft/react")
		return l.Command == "TAGMSG" && l.Nick() == "skipper" && emoji == "👍"
	})
	check(w.t, err)
}

// direct has direct chats that either side begins.
func (w *world) direct(talk id.RoomID) {
	w.t.Helper()
	at, im := w.you.Mark(), w.mia.Mark()
	check(w.t, w.mia.Say("skipper", "psst"))
	room := w.seen(at, "the direct message", func(e matrixuser.Event) bool {
		return e.Sender == ghost("mia") && e.Section == matrixuser.Timeline && e.Type == event.EventMessage && e.Content.AsMessage().Body == "psst"
	}).RoomID
	w.sent(w.you.Emote(w.ctx, room, "listens"))
	w.onIRC(w.mia, im, "PRIVMSG", "skipper", "mia", "\x01ACTION listens\x01")

	joe := w.person("joe")
	at, im = w.you.Mark(), joe.Mark()
	w.command(talk, "pm irc.test joe", "joe")
	room = w.ownRoom(at, "joe")
	w.sent(w.you.Text(w.ctx, room, "are you there?"))
	w.onIRC(joe, im, "PRIVMSG", "skipper", "joe", "are you there?")
	check(w.t, joe.Say("skipper", "I am"))
	w.message(at, room, ghost("joe"), event.MsgText, "I am")
}
