package command

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/journal"
	"github.com/causeway-chat/causeway/bridgekit/markup"
)

const queueAtMost = 20

func queue(ctx context.Context, k *call) (markup.Body, error) {
	verb := "list"
	if len(k.args) > 0 {
		verb = strings.ToLower(k.args[0])
	}
	switch {
	case (verb == "list" || verb == "all") && len(k.args) <= 1:
		return k.entries(ctx, verb == "all")
	case len(k.args) != 2:
		return k.usage(), nil
	}
	entry, err := strconv.ParseInt(strings.TrimPrefix(k.args[1], "#"), 10, 64)
	if err != nil || entry <= 0 {
		return say("An entry has a number, see ", k.do("queue"), "."), nil
	}
	switch verb {
	case "show":
		it, err := k.c.b.QueueItem(ctx, entry)
		if err != nil {
			return nil, err
		}
		return k.entry(it), nil
	case "retry":
		if err := k.c.b.RetryEntry(ctx, entry); err != nil {
			return nil, err
		}
		return say("Entry ", entry, " is queued again, behind what is in its chat by now. ", k.do("queue"), " shows it if it fails once more."), nil
	case "drop":
		if err := k.c.b.DropEntry(ctx, entry); err != nil {
			return nil, err
		}
		return say("Entry ", entry, " is given up and its content erased."), nil
	}
	return k.usage(), nil
}

// entries lists the queue.
func (k *call) entries(ctx context.Context, all bool) (markup.Body, error) {
	items, err := k.c.b.Queue(ctx, all, queueAtMost+1)
	if err != nil {
		return nil, err
	}
	if len(items) == 0 && all {
		return say("Everything is delivered."), nil
	}
	if len(items) == 0 {
		return say("Nothing failed. ", k.do("queue all"), " also lists what is on its way."), nil
	}
	title := "Failed:"
	if all {
		title = "Not delivered yet:"
	}
	more := len(items) > queueAtMost
	var lines []markup.Body
	for _, it := range items[:min(len(items), queueAtMost)] {
		lines = append(lines, say(it.ID, ": ", summary(it)))
	}
	n := strconv.FormatInt(items[0].ID, 10)
	body := say(title, list(lines))
	if more {
		body = say(body, "There are more. ")
	}
	return say(body, "Next: ", k.do("queue show "+n), ", ", k.do("queue retry "+n), " or ", k.do("queue drop "+n), "."), nil
}

// summary is an entry in one line, without its number.
func summary(it journal.Item) string {
	text := fmt.Sprintf("%s %s, %s, %s old", it.Kind, way(it.Lane), it.State, minutes(time.Since(it.Created)))
	switch {
	case it.Reason != "":
		text += ": " + short(it.Reason)
	case it.Cause != "":
		text += ", waits for " + it.Cause
	}
	return text
}

// way says where an entry goes.
func way(l journal.Lane) string {
	switch l.Way() {
	case journal.In:
		return fmt.Sprint("to Matrix, portal ", l.Number())
	case journal.Out:
		return fmt.Sprint("from Matrix, portal ", l.Number())
	case journal.Account:
		return fmt.Sprint("of login ", l.Number())
	}
	return "for the bot"
}

// entry describes one entry.
func (k *call) entry(it journal.Item) markup.Body {
	lines := []markup.Body{
		say("What: ", it.Kind, " ", way(it.Lane)),
		say("State: ", it.State.String(), ", after ", count(it.Attempts, "attempt", "attempts")),
	}
	if it.Reason != "" {
		lines = append(lines, say("Why: ", it.Reason))
	}
	if it.Cause != "" {
		lines = append(lines, say("Waits for: ", it.Cause))
	}
	lines = append(lines, say("From: ", it.Created.UTC().Format("2006-01-02 15:04 MST")))
	body := say("Entry ", it.ID, ":", list(lines))
	if it.State == journal.Failed {
		n := strconv.FormatInt(it.ID, 10)
		body = say(body, "Next: ", k.do("queue retry "+n), " or ", k.do("queue drop "+n), ".")
	}
	return body
}
