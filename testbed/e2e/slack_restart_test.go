package e2e

import (
	"fmt"
	"strings"
	"testing"

	"maunium.net/go/mautrix/event"
)

// last is the number of everybody's last message.
const last = 40

// TestSlackRestarts kills Causeway three times, once with a restart of Slack, and
// restarts Slack alone once, while mia, ann, bea and you write, answer in a thread,
// edit, react and send files: nothing is lost, nothing comes twice, and the order holds.
func TestSlackRestarts(t *testing.T) {
	path := build(t)
	workspaces(t, func(w *workspace) {
		p := w.launch(path)
		w.enter()
		m := w.newMedley()
		for i := range rounds {
			w.all(10*i+1, 10*i+6)
			m.play(i)
			if i == rounds-1 {
				check(t, w.slack.Restart())
				continue
			}
			w.fromSlack(0, fmt.Sprintf("mia %d", 10*i+2)) // some are on their way
			check(t, p.Kill())
			w.all(10*i+7, 10*i+8)
			if i == 1 {
				check(t, w.slack.Restart())
			}
			p = w.launch(path)
			w.all(10*i+9, 10*i+10)
		}
		w.all(37, last)
		w.fromSlack(0, fmt.Sprint("mia ", last))
		w.counted("mia's on Matrix", complete(w.fromMia(), last, 0))
		for by, name := range map[string]string{"you": "you", w.annID: "ann", w.beaID: "bea"} {
			w.posted(name+"'s last message", says(by, fmt.Sprint(name, " ", last)))
			w.counted(name+"'s on Slack", complete(w.onSlack(name), last, 0))
		}
		m.onSlack()
		m.onMatrix()
		if n := w.slack.Unknown(); len(n) > 0 {
			t.Errorf("calls that Slack does not know: %v", n)
		}
	})
}

// all has everybody write the messages of these numbers.
func (w *workspace) all(from, to int) {
	w.t.Helper()
	for i := from; i <= to; i++ {
		w.slack.Say(w.chat, w.miaID, fmt.Sprintf("mia %d", i))
		w.sent(w.you.Text(w.ctx, w.room, fmt.Sprintf("you %d", i)))
		w.sent(w.ann.Text(w.ctx, w.room, fmt.Sprintf("ann %d", i)))
		w.sent(w.bea.Text(w.ctx, w.room, fmt.Sprintf("bea %d", i)))
	}
}

// fromMia are the numbers of mia's messages, as you got them.
func (w *workspace) fromMia() (numbers []int) {
	w.t.Helper()
	for _, e := range w.you.Since(0) {
		if e.RoomID == w.room && e.Type == event.EventMessage {
			numbers = w.number(numbers, "mia ", e.Content.AsMessage().Body)
		}
	}
	return numbers
}

// onSlack are the numbers of somebody's messages as the channel shows them.
func (w *workspace) onSlack(who string) (numbers []int) {
	w.t.Helper()
	for _, m := range w.slack.Messages(w.chat) {
		if text, _ := m["text"].(string); strings.HasPrefix(text, who+" ") {
			numbers = w.number(numbers, who+" ", text)
		}
	}
	return numbers
}
