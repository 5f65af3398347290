package e2e

import (
	"bytes"
	"fmt"
	"slices"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridges/slack/slackfake"
	"github.com/causeway-chat/causeway/testbed/matrixuser"
)

// rounds is how often a medley is played, each time with another reaction.
const rounds = 4

// A medley is what people do beside plain messages: in each round everybody answers
// in the thread, writes something and edits it, and sends a file; mia, ann and bea
// react to what the thread began with.
type medley struct {
	*workspace
	root  string     // what the thread began with, on Slack
	event id.EventID // and on Matrix
}

func (w *workspace) newMedley() *medley {
	w.t.Helper()
	at := w.you.Mark()
	root := w.slack.Say(w.chat, w.miaID, "the thread of all rounds")
	return &medley{w, root, w.fromSlack(at, "the thread of all rounds").ID}
}

// emojiOf is the reaction of a round, as Slack names it and as Matrix shows it.
func emojiOf(round int) (name, key string) {
	name = []string{"+1", "tada", "rocket", "eyes"}[round]
	return name, map[string]string{"+1": "👍", "tada": "🎉", "rocket": "🚀", "eyes": "👀"}[name]
}

// The texts and names of a round; drafts and finals have other first words than the
// numbered messages.
func answer(by string, round int) string { return fmt.Sprintf("answer %d of %s", round, by) }
func draft(by string, round int) string  { return fmt.Sprintf("draft %d of %s", round, by) }
func final(by string, round int) string  { return fmt.Sprintf("final %d of %s", round, by) }
func named(by string, round int) string  { return fmt.Sprintf("file-%d-of-%s.txt", round, by) }

// content is that of a file: its name, many times.
func content(by string, round int) []byte {
	return bytes.Repeat([]byte(named(by, round)+"\n"), 500)
}

// play is one round. Nobody waits for anything to arrive.
func (m *medley) play(round int) {
	m.t.Helper()
	name, key := emojiOf(round)
	m.slack.Reply(m.chat, m.miaID, m.root, answer("mia", round), false)
	m.slack.Edit(m.chat, m.slack.Say(m.chat, m.miaID, draft("mia", round)), final("mia", round))
	m.slack.React(m.chat, m.root, m.miaID, name)
	m.slack.Upload(m.chat, m.miaID, "", slackfake.File{Name: named("mia", round), Content: content("mia", round)})
	for by, u := range m.writers() {
		m.sent(u.Thread(m.ctx, m.room, m.event, answer(by, round)))
		m.sent(u.Edit(m.ctx, m.room, m.sent(u.Text(m.ctx, m.room, draft(by, round))), final(by, round)))
		m.sent(u.Media(m.ctx, m.room, matrixuser.File{Name: named(by, round), MIME: "text/plain", Data: content(by, round)}))
		if u != m.you { // a relayed person's reaction is the app's, and that has one of each
			m.sent(u.React(m.ctx, m.room, m.event, key))
		}
	}
}

// once waits until something is there once, and not more often.
func (m *medley) once(what string, count func() int) {
	m.t.Helper()
	m.until(what, func() error {
		if count() == 0 {
			return errStill
		}
		return nil
	})
	if n := count(); n != 1 {
		m.t.Errorf("%s: %d times", what, n)
	}
}

// onSlack checks that Slack has each thing of all rounds once.
func (m *medley) onSlack() {
	m.t.Helper()
	count := func(match func(slackfake.JSON) bool) func() int {
		return func() (n int) {
			for _, one := range m.slack.Messages(m.chat) {
				if match(one) {
					n++
				}
			}
			return n
		}
	}
	for round := range rounds {
		name, _ := emojiOf(round)
		for by, u := range m.writers() {
			m.once(answer(by, round)+" in the thread on Slack", count(func(one slackfake.JSON) bool {
				return says(by, answer(by, round))(one) && one["thread_ts"] == m.root
			}))
			m.once(answer(by, round)+" on Slack", count(says(by, answer(by, round))))
			m.once(final(by, round)+" on Slack", count(says(by, final(by, round))))
			if n := count(says(by, draft(by, round)))(); n != 0 {
				m.t.Errorf("%s is on Slack still, %d times", draft(by, round), n)
			}
			m.once(named(by, round)+" on Slack", count(func(one slackfake.JSON) bool { return m.holds(one, named(by, round), content(by, round)) }))
			if u != m.you {
				m.until("the reaction "+name, func() error { return m.reactions(m.root, name, by, true) })
			}
		}
	}
}

// holds reports whether a message on Slack has a file, and this content.
func (w *workspace) holds(one slackfake.JSON, name string, data []byte) bool {
	list, _ := one["files"].([]any)
	return slices.ContainsFunc(list, func(f any) bool {
		file, _ := f.(slackfake.JSON)
		id, _ := file["id"].(string)
		if file["name"] != name {
			return false
		}
		got, _, _ := w.slack.Content(id)
		return bytes.Equal(got, data)
	})
}

// onMatrix checks that you got each of mia's things of all rounds once.
func (m *medley) onMatrix() {
	m.t.Helper()
	count := func(match func(matrixuser.Event) bool) func() int {
		return func() (n int) {
			for _, e := range m.you.Since(0) {
				if e.RoomID == m.room && e.Section == matrixuser.Timeline && match(e) {
					n++
				}
			}
			return n
		}
	}
	message := func(of func(c *event.MessageEventContent) bool) func() int {
		return count(func(e matrixuser.Event) bool { return e.Type == event.EventMessage && of(e.Content.AsMessage()) })
	}
	for round := range rounds {
		_, key := emojiOf(round)
		m.once(answer("mia", round)+" on Matrix", message(func(c *event.MessageEventContent) bool {
			return c.Body == answer("mia", round) && c.RelatesTo.GetThreadParent() == m.event
		}))
		m.once("mia's reaction "+key, count(func(e matrixuser.Event) bool {
			c, ok := e.Content.Parsed.(*event.ReactionEventContent)
			return ok && c.RelatesTo.EventID == m.event && c.RelatesTo.Key == key && e.Sender != m.ann.ID() && e.Sender != m.bea.ID()
		}))
		// What was edited before it was read is there in its last form at once.
		m.once(final("mia", round)+" on Matrix", message(func(c *event.MessageEventContent) bool {
			return c.Body == final("mia", round) || c.NewContent != nil && c.NewContent.Body == final("mia", round)
		}))
		if n := message(func(c *event.MessageEventContent) bool {
			return c.NewContent == nil && (c.Body == draft("mia", round) || c.Body == final("mia", round))
		})(); n != 1 {
			m.t.Errorf("the message with %q came %d times", draft("mia", round), n)
		}
		m.once(named("mia", round)+" on Matrix", message(func(c *event.MessageEventContent) bool {
			return c.MsgType == event.MsgFile && c.GetFileName() == named("mia", round)
		}))
		e := m.seen(0, named("mia", round), func(e matrixuser.Event) bool {
			return e.Type == event.EventMessage && e.RoomID == m.room && e.Content.AsMessage().GetFileName() == named("mia", round)
		})
		got, err := m.you.Download(m.ctx, e)
		check(m.t, err)
		if !bytes.Equal(got, content("mia", round)) {
			m.t.Errorf("%s has %d bytes, want %d", named("mia", round), len(got), len(content("mia", round)))
		}
	}
}
