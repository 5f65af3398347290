package conversation

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/causeway-chat/causeway/testbed/ircuser"
)

// view is what the observer saw.
func (s *ircSide) view() (*View, error) { return readIRC(s.script, s.lines()), nil }

// readIRC makes a view of what somebody in the channel saw.
func readIRC(script *Script, lines []ircuser.Line) *View {
	v := newView()
	for _, l := range lines {
		if len(l.Params) == 0 || !strings.EqualFold(l.Params[0], channel) || !strings.Contains(l.Source, "!") {
			continue
		}
		switch l.Command {
		case "PRIVMSG":
			v.line(script, l)
		case "NOTICE":
			v.reacted(l)
		case "TAGMSG":
			v.tagged(l)
		case "REDACT":
			if i := v.byID[l.Params[1]]; i != nil {
				i.Removed = true
			} else {
				v.Strange = append(v.Strange, "what is removed is not there: "+l.Params[1])
			}
		}
	}
	return v
}

// line takes in what somebody said, or Causeway for somebody.
func (v *View) line(script *Script, l ircuser.Line) {
	i := &Item{Own: !causeways(l), Who: l.Nick(), Text: l.Params[1]}
	_, i.ID = l.GetTag("msgid")
	_, i.Reply = l.GetTag("+draft/reply")
	if !i.Own {
		name, text, relayed := strings.Cut(strings.TrimPrefix(i.Text, "<"), "> ")
		if !relayed {
			v.Strange = append(v.Strange, "Causeway says for nobody: "+i.Text)
			return
		}
		i.Who, i.Text = strings.ToLower(name), bareReply(text)
	}
	if v.corrected(script, i) {
		return
	}
	if name, link, ok := strings.Cut(strings.TrimPrefix(i.Text, "sent "), "): http"); ok {
		i.Text, _, _ = strings.Cut(name, " (")
		i.Open = func() (string, error) { return follow("http" + link) }
	}
	var ok bool
	if i.N, i.Rev, ok = nameOf(i.Text); !ok {
		if isWarm(i.Text) {
			return
		}
		v.Strange = append(v.Strange, i.Who+" says "+i.Text)
		return
	}
	v.add(i)
}

// bareReply is a text without whom it answers and what was said, "mona: (“words…”) ".
func bareReply(text string) string {
	if name, rest, ok := strings.Cut(text, ": "); ok && !strings.ContainsAny(name, " /*") {
		text = rest
	}
	if rest, ok := strings.CutPrefix(text, "(“"); ok {
		if _, rest, ok = strings.Cut(rest, "”) "); ok {
			text = rest
		}
	}
	return text
}

// corrected takes in an edit, and reports whether it was one.
func (v *View) corrected(script *Script, i *Item) bool {
	if short := strings.Split(i.Text, "/"); len(short) == 4 && short[0]+short[3] == "s" {
		n, old, was := nameOf(short[1])
		m, rev, is := nameOf(short[2])
		if n != m || !was || !is {
			v.Strange = append(v.Strange, "one message becomes another: "+i.Text)
		}
		v.Edits[n] = append(v.Edits[n], Edited{old, rev})
		return true
	}
	whole, is := strings.CutPrefix(i.Text, "* ")
	n, rev, ok := nameOf(whole)
	if !is || !ok {
		return false
	}
	if whole != script.Text(n, rev) {
		v.Strange = append(v.Strange, "an edit says "+whole)
	}
	v.Edits[n] = append(v.Edits[n], Edited{-1, rev})
	return true
}

// reacted takes in a line that tells of a reaction.
func (v *View) reacted(l ircuser.Line) {
	who, emoji, ok := strings.Cut(l.Params[1], " reacted with ")
	if !causeways(l) || !ok {
		v.Strange = append(v.Strange, l.Nick()+" notes "+l.Params[1])
		return
	}
	_, on := l.GetTag("+draft/reply")
	v.mark(on, Mark{strings.ToLower(who), emoji}, 1)
}

// tagged takes in a reaction. A second one of the same person is the same.
func (v *View) tagged(l ircuser.Line) {
	_, on := l.GetTag("+draft/reply")
	m, remove := Mark{Who: l.Nick()}, false
	if causeways(l) {
		m.Who = relay
	}
	if _, m.Emoji = l.GetTag("+draft/react"); m.Emoji == "" {
		_, m.Emoji = l.GetTag("+draft/unreact")
		remove = true
	}
	i := v.byID[on]
	switch {
	case m.Emoji == "":
		return // somebody types
	case i == nil:
		v.Strange = append(v.Strange, m.Who+" reacts to what is not there: "+on)
	case remove:
		delete(v.Marks[i.N], m)
	default:
		v.mark(on, m, 1-v.Marks[i.N][m])
	}
}

// follow gets the file that a link leads to.
func follow(url string) (string, error) {
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	req.Close = true
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", url, resp.Status)
	}
	return string(data), err
}
