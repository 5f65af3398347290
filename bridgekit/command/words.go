package command

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/markup"
	"github.com/causeway-chat/causeway/bridgekit/matrix"
	"github.com/causeway-chat/causeway/bridgekit/network"
)

// What the bot says follows these rules: one or two sentences; what happened
// first, then the next step with the very words to type; no exclamation marks,
// no codes, no names of our own parts. What people wrote is never repeated: it
// may be a secret in the wrong place.

// say makes a reply of strings, nodes and bodies; anything else is formatted.
func say(parts ...any) markup.Body {
	var body markup.Body
	text := func(s string) {
		if last := len(body) - 1; last >= 0 && body[last].Kind == markup.Text {
			body[last].Text += s
		} else if s != "" {
			body = append(body, markup.Node{Kind: markup.Text, Text: s})
		}
	}
	for _, p := range parts {
		switch p := p.(type) {
		case string:
			text(p)
		case markup.Node:
			body = append(body, p)
		case markup.Body:
			body = append(body, p...)
		default:
			text(fmt.Sprint(p))
		}
	}
	return body
}

// code is something to type.
func code(text string) markup.Node { return markup.Node{Kind: markup.Code, Text: text} }

// list makes a list with one item for each body.
func list(items []markup.Body) markup.Node {
	l := markup.Node{Kind: markup.List}
	for _, it := range items {
		l.Children = append(l.Children, markup.Node{Kind: markup.Item, Children: it})
	}
	return l
}

// room is a link to a room.
func room(j Joined) markup.Node {
	return markup.Node{Kind: markup.ChatLink, Chat: string(j.Room), MXID: true, Text: j.Name}
}

// joined puts commas and a last "or" or "and" between names.
func joined(names []string, last string) string {
	switch n := len(names); n {
	case 0:
		return ""
	case 1:
		return names[0]
	default:
		return strings.Join(names[:n-1], ", ") + " " + last + " " + names[n-1]
	}
}

// count is a number with its noun.
func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprint(n, " ", many)
}

// minutes is a duration in words.
func minutes(d time.Duration) string {
	switch {
	case d < time.Minute:
		return "less than a minute"
	case d < 2*time.Hour:
		return count(int(d/time.Minute), "minute", "minutes")
	case d < 48*time.Hour:
		return count(int(d/time.Hour), "hour", "hours")
	}
	return count(int(d/(24*time.Hour)), "day", "days")
}

// ended ends with a full stop.
func ended(s string) string {
	if strings.HasSuffix(s, ".") || strings.HasSuffix(s, "?") || strings.HasSuffix(s, "!") {
		return s
	}
	return s + "."
}

// words are what to tell a person about an error, never its cause.
func words(err error) string {
	var onNetwork *network.Error
	var onMatrix *matrix.Error
	switch {
	case errors.As(err, &onNetwork):
		return network.UserText(err)
	case errors.As(err, &onMatrix):
		return matrix.UserText(err)
	case errors.Is(err, errStopping), errors.Is(err, context.Canceled):
		return "I am restarting; try again in a minute"
	}
	return network.UserText(err)
}

// hopeless reports whether a call to the homeserver can never work.
func hopeless(err error) bool {
	var e *matrix.Error
	if !errors.As(err, &e) {
		return false
	}
	switch e.Kind {
	case matrix.NotJoined, matrix.Banned, matrix.NotAllowed, matrix.RoomGone, matrix.TooLarge, matrix.NotFound:
		return true
	}
	return false
}

// strip cuts the prefix or the bot's name off a message's start; addressed says
// whether there was one. "Causeway, help" and "@causeway:example.org help" are
// for the bot; "Causeway is slow today" is only if the event mentions it.
func (c *Commander) strip(in Incoming) (text string, addressed bool) {
	text = strings.TrimSpace(withoutQuote(in.Body))
	first, rest := text, ""
	if i := strings.IndexAny(text, " \t\n"); i >= 0 {
		first, rest = text[:i], strings.TrimSpace(text[i:])
	}
	if strings.EqualFold(first, c.opts.Prefix) {
		return rest, true
	}
	for _, name := range []struct {
		text string
		sure bool // nobody begins a sentence with it
	}{{string(c.opts.Bot), true}, {"@" + localpart(c.opts.Bot), true}, {"@" + c.opts.Name, true}, {c.opts.Name, false}, {localpart(c.opts.Bot), false}} {
		if rest, ok := named(text, name.text, name.sure || in.Mentioned || in.Management); ok {
			return rest, true
		}
	}
	return text, false
}

func localpart(u id.UserID) string {
	name, _, _ := strings.Cut(strings.TrimPrefix(string(u), "@"), ":")
	return name
}

// named cuts a name off; with sure false a colon or comma has to follow it.
func named(text, name string, sure bool) (string, bool) {
	if len(name) < 2 || len(text) < len(name) || !strings.EqualFold(text[:len(name)], name) {
		return "", false
	}
	rest := text[len(name):]
	switch {
	case rest == "":
		return "", sure
	case rest[0] == ':' || rest[0] == ',':
		after := rest[1:]
		return strings.TrimSpace(after), after == "" || strings.ContainsAny(after[:1], " \t\n")
	case strings.ContainsAny(rest[:1], " \t\n"):
		return strings.TrimSpace(rest), sure
	}
	return "", false
}

// withoutQuote takes off the reply fallback of old clients (removed in Matrix
// 1.13): lines that begin with "> ", the first of which names a sender.
func withoutQuote(body string) string {
	if !strings.HasPrefix(body, "> <@") && !strings.HasPrefix(body, "> * <@") {
		return body
	}
	for strings.HasPrefix(body, ">") {
		_, rest, more := strings.Cut(body, "\n")
		if !more {
			return ""
		}
		body = rest
	}
	return strings.TrimPrefix(body, "\n")
}

func isCancel(text string) bool { return strings.EqualFold(strings.TrimSpace(text), "cancel") }
