package e2e

import (
	"fmt"
	"slices"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridges/slack/slackfake"
	"github.com/causeway-chat/causeway/testbed/matrixuser"
)

// slackPins cross both ways.
func (w *workspace) slackPins() {
	w.t.Helper()
	at := w.you.Mark()
	ts := w.slack.Say(w.chat, w.miaID, "pin me")
	of := w.fromSlack(at, "pin me")
	pinned := func(what string, is bool) {
		w.seen(at, what, func(e matrixuser.Event) bool {
			c, ok := e.Content.Parsed.(*event.PinnedEventsEventContent)
			return ok && e.RoomID == w.room && slices.Contains(c.Pinned, of.ID) == is
		})
	}
	w.slack.Pin(w.chat, ts, w.miaID)
	pinned("the pin", true)
	at = w.you.Mark()
	w.slack.Unpin(w.chat, ts, w.miaID)
	pinned("that it is unpinned", false)
	_, err := w.you.Client.SendStateEvent(w.ctx, w.room, event.StatePinnedEvents, "", &event.PinnedEventsEventContent{Pinned: []id.EventID{of.ID}})
	check(w.t, err)
	w.until("your pin", func() error { return must(slices.Contains(w.slack.Pins(w.chat), ts)) })
}

// slackTopic: topic and purpose cross both ways.
func (w *workspace) slackTopic() {
	w.t.Helper()
	at := w.you.Mark()
	topic := func(want string) {
		w.seen(at, fmt.Sprintf("the topic %q", want), func(e matrixuser.Event) bool {
			c, ok := e.Content.Parsed.(*event.TopicEventContent)
			return ok && e.RoomID == w.room && c.Topic == want
		})
	}
	w.slack.SetTopic(w.chat, w.miaID, "tides")
	topic("tides")
	w.slack.SetPurpose(w.chat, w.miaID, "who swims when")
	topic("tides\n\nAbout: who swims when")
	_, err := w.you.Client.SendStateEvent(w.ctx, w.room, event.StateTopic, "", &event.TopicEventContent{Topic: "ebb\n\nAbout: who walks when"})
	check(w.t, err)
	w.until("your topic and purpose", func() error {
		c := w.slack.Channel(w.chat)
		return must(c.Topic == "ebb" && c.Purpose == "who walks when")
	})
}

// slackPresence: that mia types, and what ann reads on Slack, shows on Matrix; an app
// hears of neither, so it is ann's session that does.
func (w *workspace) slackPresence() {
	w.t.Helper()
	at, anns := w.you.Mark(), w.ann.Mark()
	ts := w.slack.Say(w.chat, w.miaID, "read me")
	of := w.fromSlack(at, "read me")
	w.until("mia types", func() error {
		w.slack.Typing(w.chat, w.miaID, "")
		return must(slices.ContainsFunc(w.you.Since(at), func(e matrixuser.Event) bool {
			c, ok := e.Content.Parsed.(*event.TypingEventContent)
			return ok && e.RoomID == w.room && slices.Contains(c.UserIDs, of.Sender)
		}))
	})
	w.slack.Read(w.chat, w.annID, ts)
	w.seenBy(w.ann, anns, "what ann has read", func(e matrixuser.Event) bool {
		c, ok := e.Content.Parsed.(*event.ReceiptEventContent)
		if !ok || e.RoomID != w.room {
			return false
		}
		for _, readers := range (*c)[of.ID] {
			if _, hers := readers[w.ann.ID()]; hers {
				return true
			}
		}
		return false
	})
}

// slackMembers: who leaves the channel leaves the room, and the other way round.
func (w *workspace) slackMembers() {
	w.t.Helper()
	at := w.you.Mark()
	joe := w.slack.JoinTeam(slackfake.User{Name: "joe"})
	w.slack.Join(w.chat, joe, "")
	w.slack.Say(w.chat, joe, "here I am")
	ghost := w.fromSlack(at, "here I am").Sender
	w.slack.Leave(w.chat, joe)
	w.member(at, w.room, ghost, event.MembershipLeave)
	at = w.you.Mark()
	w.slack.Join(w.chat, joe, "")
	w.slack.Say(w.chat, joe, "back again")
	w.fromSlack(at, "back again")
	w.member(at, w.room, ghost, event.MembershipJoin)
	check(w.t, w.you.Kick(w.ctx, w.room, ghost, "enough"))
	w.until("joe is removed", func() error { return must(!slices.Contains(w.slack.Members(w.chat), joe)) })
}

// must is an error if something is not yet so.
func must(is bool) error {
	if !is {
		return errStill
	}
	return nil
}
