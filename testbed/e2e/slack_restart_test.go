package e2e

import (
	"fmt"
	"strings"
	"testing"

	"maunium.net/go/mautrix/event"
)

// TestSlackRestarts kills Causeway three times, and restarts Slack once, while mia,
// ann and you write: nothing is lost, nothing comes twice, and the order holds.
func TestSlackRestarts(t *testing.T) {
	path := build(t)
	workspaces(t, func(w *workspace) {
		p := w.launch(path)
		w.enter()
		for i := range 4 {
			w.all(20*i+1, 20*i+12)
			if i == 3 {
				check(t, w.slack.Restart())
				continue
			}
			w.fromSlack(0, fmt.Sprintf("mia %d", 20*i+4)) // some are on their way
			check(t, p.Kill())
			w.all(20*i+13, 20*i+16)
			p = w.launch(path)
			w.all(20*i+17, 20*i+20)
		}
		w.all(73, 80)
		w.fromSlack(0, "mia 80")
		w.posted("your last message", says("you", "you 80"))
		w.posted("ann's last message", says(w.annID, "ann 80"))
		w.counted("mia's on Matrix", complete(w.fromMia(), 80, 0))
		w.counted("yours on Slack", complete(w.onSlack("you"), 80, 0))
		w.counted("ann's on Slack", complete(w.onSlack("ann"), 80, 0))
	})
}

// all has everybody write the messages first to last.
func (w *workspace) all(first, last int) {
	w.t.Helper()
	for i := first; i <= last; i++ {
		w.slack.Say(w.chat, w.miaID, fmt.Sprintf("mia %d", i))
		w.sent(w.you.Text(w.ctx, w.room, fmt.Sprintf("you %d", i)))
		w.sent(w.ann.Text(w.ctx, w.room, fmt.Sprintf("ann %d", i)))
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
