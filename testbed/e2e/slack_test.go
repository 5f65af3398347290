package e2e

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridges/slack/slackfake"
	"github.com/causeway-chat/causeway/testbed/matrixuser"
)

// errStill is that something is not yet as it should be.
var errStill = errors.New("not yet")

// TestSlack has mia on Slack, ann and bea with their accounts, and you through the relay talk
// with all that a message can have.
func TestSlack(t *testing.T) {
	workspaces(t, func(w *workspace) {
		w.start()
		w.enter()
		w.slackTexts()
		w.slackThreads()
		w.slackChanges()
		w.slackReactions()
		w.slackFiles()
		w.slackPins()
		w.slackTopic()
		w.slackPresence()
		w.slackMembers()
	})
}

// slackTexts: everybody hears everybody, under the right name.
func (w *workspace) slackTexts() {
	w.t.Helper()
	at := w.you.Mark()
	w.slack.Say(w.chat, w.miaID, "hello *Matrix*, <@"+w.annID+">")
	e := w.fromSlack(at, "hello Matrix, ann")
	if html := e.Content.AsMessage().FormattedBody; !strings.Contains(html, "<strong>Matrix</strong>") || !strings.Contains(html, "matrix.to/#/"+string(w.ann.ID())) {
		w.t.Errorf("mia's message is %q", html)
	}
	w.sent(w.you.Text(w.ctx, w.room, "you are relayed"))
	w.posted("your message", says("you", "you are relayed"))
	w.sent(w.ann.Text(w.ctx, w.room, "ann is herself"))
	w.posted("ann's message", says(w.annID, "ann is herself"))
	w.slack.Say(w.chat, w.annID, "from ann's phone")
	if e := w.fromSlack(at, "from ann's phone"); e.Sender != w.ann.ID() {
		w.t.Errorf("ann's message from her phone is of %s", e.Sender)
	}
}

// slackThreads cross both ways.
func (w *workspace) slackThreads() {
	w.t.Helper()
	at := w.you.Mark()
	root := w.slack.Say(w.chat, w.miaID, "a thread begins")
	first := w.fromSlack(at, "a thread begins")
	w.slack.Reply(w.chat, w.miaID, root, "and goes on", false)
	e := w.fromSlack(at, "and goes on")
	if rel := e.Content.AsMessage().RelatesTo; rel == nil || rel.Type != event.RelThread || rel.EventID != first.ID {
		w.t.Errorf("the reply is in %+v, not in the thread of %s", rel, first.ID)
	}
	for by, u := range w.writers() {
		w.sent(u.Thread(w.ctx, w.room, first.ID, "in the thread too, "+by))
		if m := w.posted("the reply of "+by, says(by, "in the thread too, "+by)); m["thread_ts"] != root {
			w.t.Errorf("the reply of %s is in thread %v, not %s", by, m["thread_ts"], root)
		}
	}
}

// slackChanges: edits and deletions cross both ways.
func (w *workspace) slackChanges() {
	w.t.Helper()
	at := w.you.Mark()
	ts := w.slack.Say(w.chat, w.miaID, "to be edited")
	of := w.fromSlack(at, "to be edited")
	w.slack.Edit(w.chat, ts, "was edited")
	w.seen(at, "the edit", func(e matrixuser.Event) bool {
		c, ok := e.Content.Parsed.(*event.MessageEventContent)
		return ok && c.RelatesTo.GetReplaceID() == of.ID && c.NewContent != nil && c.NewContent.Body == "was edited"
	})
	w.slack.Delete(w.chat, ts)
	w.redacted(at, of.ID)

	for by, u := range w.writers() {
		mine := w.sent(u.Text(w.ctx, w.room, "to be edited, "+by))
		m := w.posted("the message of "+by, says(by, "to be edited, "+by))
		w.sent(u.Edit(w.ctx, w.room, mine, "was edited, "+by))
		if now := w.posted("the edit of "+by, says(by, "was edited, "+by)); now["ts"] != m["ts"] {
			w.t.Errorf("the edit of %s is a message of its own: %v", by, now)
		}
		w.sent(u.Redact(w.ctx, w.room, mine))
		w.until("it is deleted", func() error {
			if slices.ContainsFunc(w.slack.Messages(w.chat), says(by, "was edited, "+by)) {
				return errStill
			}
			return nil
		})
	}
}

// redacted waits until you saw that an event was redacted.
func (w *workspace) redacted(mark int, what id.EventID) {
	w.t.Helper()
	w.seen(mark, "the deletion", func(e matrixuser.Event) bool {
		return e.Type == event.EventRedaction && (e.Redacts == what || e.Content.AsRedaction().Redacts == what)
	})
}

// slackReactions cross both ways, with Slack's names for them.
func (w *workspace) slackReactions() {
	w.t.Helper()
	at := w.you.Mark()
	ts := w.slack.Say(w.chat, w.miaID, "react to me")
	to := w.fromSlack(at, "react to me")
	w.slack.React(w.chat, ts, w.miaID, "tada")
	w.reacted(at, to.Sender, to.ID, "🎉")
	mine := w.sent(w.ann.React(w.ctx, w.room, to.ID, "👍"))
	w.until("ann's reaction", func() error { return w.reactions(ts, "+1", w.annID, true) })
	w.sent(w.ann.Redact(w.ctx, w.room, mine))
	w.until("ann's reaction is gone", func() error { return w.reactions(ts, "+1", w.annID, false) })
}

// reactions is an error if a user's reaction is not as it should be.
func (w *workspace) reactions(ts, name, user string, there bool) error {
	list, _ := w.slack.Message(w.chat, ts)["reactions"].([]any)
	is := false
	for _, r := range list {
		one, _ := r.(slackfake.JSON)
		users, _ := one["users"].([]any)
		is = is || one["name"] == name && slices.Contains(users, any(user))
	}
	if is != there {
		return errStill
	}
	return nil
}

// slackFiles: files cross both ways, and the relay's have a name.
func (w *workspace) slackFiles() {
	w.t.Helper()
	at := w.you.Mark()
	data := bytes.Repeat([]byte("file of mia\n"), 1000)
	w.slack.Upload(w.chat, w.miaID, "a file", slackfake.File{Name: "mia.txt", Content: data})
	e := w.seen(at, "mia's file", func(e matrixuser.Event) bool {
		return e.RoomID == w.room && e.Type == event.EventMessage && e.Section == matrixuser.Timeline && e.Content.AsMessage().MsgType == event.MsgFile
	})
	got, err := w.you.Download(w.ctx, e)
	check(w.t, err)
	if !bytes.Equal(got, data) {
		w.t.Errorf("mia's file has %d bytes, want %d", len(got), len(data))
	}
	for by, u := range w.writers() {
		name := "file of " + by + ".txt"
		w.sent(u.Media(w.ctx, w.room, matrixuser.File{Name: name, MIME: "text/plain", Data: []byte("file of " + by)}))
		var file string
		w.until(name, func() error {
			for _, m := range w.slack.Messages(w.chat) {
				list, _ := m["files"].([]any)
				for _, f := range list {
					if one, _ := f.(slackfake.JSON); one["name"] == name {
						file, _ = one["id"].(string)
						return nil
					}
				}
			}
			return errStill
		})
		if content, _, _ := w.slack.Content(file); string(content) != "file of "+by {
			w.t.Errorf("%s holds %q", name, content)
		}
	}
}
