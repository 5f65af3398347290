package irc

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/causeway-chat/causeway/bridgekit/markup"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridges/irc/convert"
)

// A draft is one part of a message on its way to lines.
type draft struct {
	chat    network.ChatID
	key     string // names the part, for a link to its whole text
	style   network.Style
	lines   []convert.Line
	text    string // the whole text, for a link
	persona *network.Persona
	reply   network.MessageID
}

// A wording is what is sent for a draft.
type wording struct {
	target  string
	command string // PRIVMSG or NOTICE
	pieces  []string
	reply   network.MessageID
	note    string // for the sender
}

// word makes the lines for a draft: within the length that the server passes on,
// and not too many of them; what is more becomes a link.
func (c *Client) word(ctx context.Context, d draft) (wording, error) {
	w, all, err := c.fit(ctx, d)
	if err != nil || len(all) <= c.set.MaxLines {
		w.pieces = all
		return w, err
	}
	url, err := c.publish(ctx, d)
	if errors.Is(err, network.ErrNotPublic) {
		if w.pieces = all; len(all) > c.set.HardLines {
			w.pieces = all[:c.set.HardLines]
			w.note = fmt.Sprintf("shortened: %d of %d lines were sent; with a public address the rest would be a link", c.set.HardLines, len(all))
		}
		return w, nil
	}
	if err != nil {
		return w, fmt.Errorf("publish: %w", err)
	}
	tail := fmt.Sprintf(" … (%d lines: %s)", len(all), url)
	d.lines = shorten(d.lines, len(tail)+150)
	d.lines[0] = d.lines[0].Append(tail)
	w, all, err = c.fit(ctx, d)
	w.pieces, w.note = all, "shortened; full text at "+url
	return w, err
}

// shorten is the first line, cut so that a tail of n bytes fits behind it.
func shorten(lines []convert.Line, n int) []convert.Line {
	text := lines[0].Plain()
	limit := max(40, 400-n)
	if len(text) <= limit {
		return lines[:1:1]
	}
	for limit > 0 && !utf8.RuneStart(text[limit]) {
		limit--
	}
	if i := strings.LastIndexByte(text[:limit], ' '); i > limit/2 {
		limit = i
	}
	return []convert.Line{convert.PlainLine(text[:limit])}
}

// publish makes a link to the whole text of a draft.
func (c *Client) publish(ctx context.Context, d draft) (string, error) {
	if c.host.Publish == nil {
		return "", network.ErrNotPublic
	}
	data := []byte(d.text)
	if len(data) > 1<<20 {
		data = data[:1<<20]
	}
	url, _, err := c.host.Publish(ctx, d.key, network.Page{Name: "message.txt", MIME: "text/plain; charset=utf-8", Data: data})
	return url, err
}

// fit cuts a draft's lines to what the server passes on.
func (c *Client) fit(ctx context.Context, d draft) (w wording, pieces []string, err error) {
	err = c.do(ctx, func(s *session) {
		w = wording{target: s.targetName(d.chat), command: "PRIVMSG", reply: d.reply}
		if d.style == network.Notice {
			w.command = "NOTICE"
		}
		lead, more := "", ""
		action := d.style == network.Emote
		if d.persona != nil {
			name := s.faceName(d.persona, d.chat)
			lead, more, action = "<"+name+"> ", "<"+name+"> ", false
			if d.style == network.Emote {
				lead = "* " + name + " "
			}
		}
		room := s.room(w.command, w.target) - len(lead)
		if action {
			room -= len("\x01ACTION \x01")
		}
		for _, line := range d.lines {
			for _, piece := range line.Fit(room) {
				piece = lead + piece
				if action {
					piece = "\x01ACTION " + piece + "\x01"
				}
				pieces = append(pieces, piece)
				if more != "" {
					lead = more
				}
			}
		}
	})
	return w, pieces, err
}

// targetName is how a chat is addressed.
func (s *session) targetName(id network.ChatID) string {
	if ch := s.chans[id]; ch != nil {
		return ch.name
	}
	return s.nickOf(network.UserID(id))
}

// room is how many bytes of text a line to target can have: to other people the
// server sends it with our name, user and host before it.
func (s *session) room(command, target string) int {
	mask := s.mask
	if mask == "" {
		mask = longestUser + "@" + strings.Repeat("h", 63)
	}
	nick := max(len(s.nick), len(s.want))
	return s.net.lineLen - len(":!   :\r\n") - nick - len(mask) - len(command) - len(target)
}

// faceName is how a relayed person is called in a chat: nobody's nick, so that
// nobody is called by it.
func (s *session) faceName(p *network.Persona, id network.ChatID) string {
	local, _, _ := strings.Cut(strings.TrimPrefix(p.MXID, "@"), ":")
	name := first(convert.Name(p.Name), convert.Name(local), "somebody")
	return convert.AntiPing(name, s.lookup(id))
}

// render makes the lines of a text.
func (c *Client) render(ctx context.Context, b markup.Body) (lines []convert.Line, err error) {
	err = c.do(ctx, func(s *session) {
		lines = convert.Render(b, convert.Options{Nick: func(user string) string {
			if p := s.people[network.UserID(user)]; p != nil {
				return p.nick
			}
			return ""
		}})
	})
	return lines, err
}

// draftPart makes a draft of part i of a message.
func (c *Client) draftPart(ctx context.Context, m network.Outgoing, i int) (draft, error) {
	p := m.Parts[i]
	d := draft{chat: m.Chat, key: fmt.Sprintf("%s/%d", m.Txn, i), style: p.Style, persona: m.Persona, text: p.Text.String()}
	head, err := c.special(ctx, p, m.Persona != nil)
	if err != nil {
		return d, err
	}
	if d.lines, err = c.render(ctx, p.Text); err != nil {
		return d, err
	}
	if head != "" {
		d.lines = append([]convert.Line{convert.PlainLine(head)}, d.lines...)
		d.text = head + "\n" + d.text
	}
	if len(d.lines) == 0 {
		return d, network.Errorf(network.Rejected, "there is nothing in this message that IRC can show", "compose: empty part")
	}
	if i == 0 {
		if m.Reply != nil {
			d.reply = m.Reply.ID
		}
		// A server without message IDs knows no reply, but people can read one.
		if err := c.replyTo(ctx, &d, m); err != nil {
			return d, err
		}
	}
	return d, nil
}

// special is the line for what is not text, empty if there is none.
func (c *Client) special(ctx context.Context, p network.Part, relayed bool) (string, error) {
	switch {
	case p.Media != nil:
		return mediaLine(ctx, p.Media, relayed)
	case p.Location != nil:
		l := p.Location
		name := first(l.Name, "location")
		return fmt.Sprintf("%s: https://www.openstreetmap.org/?mlat=%.5f&mlon=%.5f", name, l.Lat, l.Lon), nil
	case p.Contact != nil:
		return contactLine(p.Contact), nil
	case p.Poll != nil:
		text := "poll: " + p.Poll.Question
		for i, a := range p.Poll.Answers {
			text += fmt.Sprintf(" (%d) %s", i+1, a.Text)
		}
		return text, nil
	}
	return "", nil
}

// mediaLine is the link to a file with what people want to know before they open it.
func mediaLine(ctx context.Context, m *network.Media, relayed bool) (string, error) {
	if m.Source == nil {
		return "", network.Errorf(network.Rejected, "the file has no content", "compose: media without source")
	}
	url, _, err := m.Source.Link(ctx)
	if errors.Is(err, network.ErrNotPublic) {
		return "", &network.Error{Kind: network.Rejected, User: "files go to IRC as links, and Causeway has no public address: ask the administrator to set one", Err: err}
	}
	if err != nil {
		return "", fmt.Errorf("link to media: %w", err)
	}
	line := first(m.Name, string(m.Kind), "file")
	if relayed {
		line = "sent " + line
	}
	if m.Size > 0 {
		line += " (" + size(m.Size) + ")"
	}
	return line + ": " + url, nil
}

// size is a number of bytes for people.
func size(n int64) string {
	v, unit := float64(n), "B"
	for _, u := range []string{"kB", "MB", "GB", "TB"} {
		if v < 1000 {
			break
		}
		v, unit = v/1000, u
	}
	if unit == "B" || v >= 100 {
		return fmt.Sprintf("%.0f %s", v, unit)
	}
	return fmt.Sprintf("%.1f %s", v, unit)
}

// contactLine is a name and the telephone numbers and addresses of a card.
func contactLine(c *network.Contact) string {
	line := "contact: " + c.Name
	for _, l := range strings.Split(c.VCard, "\n") {
		key, value, ok := strings.Cut(strings.TrimSpace(l), ":")
		if up := strings.ToUpper(key); ok && (strings.HasPrefix(up, "TEL") || strings.HasPrefix(up, "EMAIL")) {
			line += ", " + value
		}
	}
	return line
}

// firstLine is the first line of what is quoted.
func firstLine(q *network.Quote) string {
	line, _, _ := strings.Cut(strings.TrimSpace(q.Text.String()), "\n")
	return line
}

// inSight reports whether what m answers is on people's screens.
func (s *session) inSight(m network.Outgoing) bool {
	ch := s.chans[m.Chat]
	if m.Quote == nil || ch == nil {
		return false
	}
	var target network.MessageID
	if m.Reply != nil {
		target = m.Reply.ID
	}
	return ch.recent.has(m.Quote.User, firstLine(m.Quote), target)
}

// replyTo puts before the first line whom it answers, and a few words of what if there
// are any: see begin.
func (c *Client) replyTo(ctx context.Context, d *draft, m network.Outgoing) error {
	q := m.Quote
	if q == nil {
		return nil
	}
	return c.do(ctx, func(s *session) {
		name := convert.Name(q.Name)
		if p := s.people[q.User]; p != nil && !s.isMe(p.nick) {
			name = p.nick
		}
		if name == "" {
			return
		}
		lead := name + ": "
		if quoted := firstLine(q); quoted != "" && s.chans[m.Chat] != nil {
			lead += "(“" + few(convert.Clean(quoted, false)) + "”) "
		}
		plain := d.lines[0].Plain()
		if strings.HasPrefix(plain, name+":") || strings.HasPrefix(plain, name+",") {
			return // it says so already
		}
		d.lines[0] = d.lines[0].Prefix(lead)
	})
}

// few is the first words of a text.
func few(text string) string {
	const limit = 40
	if utf8.RuneCountInString(text) <= limit {
		return text
	}
	cut := string([]rune(text)[:limit])
	if i := strings.LastIndexByte(cut, ' '); i > limit/2 {
		cut = cut[:i]
	}
	return cut + "…"
}
