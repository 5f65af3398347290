package irc

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridges/irc/convert"
)

var (
	_ network.Editor = (*Client)(nil)
	_ network.Typer  = (*Client)(nil)
)

// Edit implements network.Editor: IRC has no edits, so people are told in the
// way they know: "s/old/new/" for a few words, else "* " and the new text. These are
// lines like any other, so where the server keeps them a repeated call looks for them.
func (c *Client) Edit(ctx context.Context, e network.OutgoingEdit) (network.Sent, error) {
	var sent network.Sent
	if err := c.ready(ctx, e.Chat); err != nil {
		return sent, err
	}
	mine, err := c.corrected(ctx, e)
	if err != nil {
		return sent, err
	}
	if mine == nil { // an earlier try has found it
		if err := c.exists(ctx, e.Chat, e.Target.ID); err != nil {
			return sent, err
		}
	}
	for i := range e.Parts {
		w, err := c.correct(ctx, e, i)
		if err != nil {
			return sent, err
		}
		if len(w.pieces) == 0 {
			continue
		}
		r, at := matchPieces(&mine, i, w)
		ids := r.IDs
		if r.Done < len(w.pieces) {
			if err := c.interrupted(ctx, e.Txn, r, nil); err != nil {
				return sent, err
			}
			if ids, at, err = c.transmit(ctx, e.Txn, i, w); err != nil {
				return sent, err
			}
		}
		sent.Parts, sent.At, sent.Note = append(sent.Parts, ids), at, first(sent.Note, w.note)
	}
	return sent, nil
}

// corrected is what we said in the chat since an earlier try of an edit, if there was
// one and the server keeps that. If there was none it notes that there is now.
func (c *Client) corrected(ctx context.Context, e network.OutgoingEdit) ([]mineLine, error) {
	can, target := false, ""
	if err := c.do(ctx, func(s *session) {
		can, target = s.features().Once == network.OnceFind, s.targetName(e.Chat)
	}); err != nil || !can {
		return nil, err
	}
	b, ok, err := c.begunBefore(ctx, e.Chat, e.Txn)
	if err != nil {
		return nil, err
	}
	if !ok {
		_, err := c.begin(ctx, network.Outgoing{Txn: e.Txn, Chat: e.Chat})
		return nil, err
	}
	return c.said(ctx, target, b)
}

// correct is how part i of an edit is told; without pieces if people would see no
// difference.
func (c *Client) correct(ctx context.Context, e network.OutgoingEdit, i int) (w wording, err error) {
	m := network.Outgoing{Txn: e.Txn, Chat: e.Chat, Content: e.Content}
	m.Reply, m.Quote = nil, nil
	d, err := c.draftPart(ctx, m, i)
	if err != nil {
		return w, err
	}
	if e.Old != nil && i < len(e.Old.Parts) {
		old, err := c.render(ctx, e.Old.Parts[i].Text)
		if err != nil {
			return w, err
		}
		if sameLines(old, d.lines) && sameFile(e.Old.Parts[i].Media, m.Parts[i].Media) {
			return w, nil
		}
		d.lines = correction(old, d.lines)
	} else {
		d.lines = correction(nil, d.lines)
	}
	d.style = network.Normal
	return c.word(ctx, d)
}

func sameFile(a, b *network.Media) bool {
	return a == nil && b == nil || a != nil && b != nil && a.Name == b.Name && a.Size == b.Size
}

// sameLines reports whether people would see no difference.
func sameLines(a, b []convert.Line) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].Plain() != b[i].Plain() {
			return false
		}
	}
	return true
}

// correction is how a change is told.
func correction(old, now []convert.Line) []convert.Line {
	if len(old) == 1 && len(now) == 1 {
		if short := substitution(old[0].Plain(), now[0].Plain()); short != "" {
			return []convert.Line{convert.PlainLine(short)}
		}
	}
	now[0] = now[0].Prefix("* ")
	return now
}

// substitution is "s/old/new/" if a few words next to each other changed and
// that says it clearly and shorter, else empty.
func substitution(old, now string) string {
	a, b := strings.Fields(old), strings.Fields(now)
	head := 0
	for head < len(a) && head < len(b) && a[head] == b[head] {
		head++
	}
	tail := 0
	for tail < len(a)-head && tail < len(b)-head && a[len(a)-1-tail] == b[len(b)-1-tail] {
		tail++
	}
	was, is := strings.Join(a[head:len(a)-tail], " "), strings.Join(b[head:len(b)-tail], " ")
	const most = 3
	switch {
	case was == "" || is == "" || head+tail == 0,
		len(a)-head-tail > most || len(b)-head-tail > most,
		strings.Contains(was+is, "/"),
		strings.Count(" "+strings.Join(a, " ")+" ", " "+was+" ") != 1,
		len(was)+len(is)+4 > len(now)+2:
		return ""
	}
	return "s/" + was + "/" + is + "/"
}

// redact removes a message, https://ircv3.net/specs/extensions/message-redaction.
func (c *Client) redact(ctx context.Context, r network.OutgoingRedaction) error {
	if err := c.ready(ctx, r.Chat); err != nil {
		return err
	}
	if err := c.needs(ctx, capRedact, r.Target.ID, "this IRC network cannot remove messages: people there still see it"); err != nil {
		return err
	}
	params := []string{string(r.Target.ID)}
	if reason := few(convert.Clean(r.Reason, false)); reason != "" {
		params = append(params, reason)
	}
	return c.one(ctx, r.Txn, r.Chat, redactionText(r.Target.ID), nil, "REDACT", params...)
}

// needs checks that the server has a capability and the target an ID. Before the first
// connection nobody knew that it has not.
func (c *Client) needs(ctx context.Context, name string, target network.MessageID, words string) error {
	on := false
	if err := c.do(ctx, func(s *session) { on = s.caps.on[name] }); err != nil {
		return err
	}
	if !on || target == "" {
		return network.Errorf(network.Rejected, words, "the server has no %s, or the message no ID: %w", name, errors.ErrUnsupported)
	}
	if strings.ContainsAny(string(target), " \r\n\x00") || target[0] == ':' {
		return network.Errorf(network.Rejected, "there is no such message", "malformed message ID")
	}
	return nil
}

// react adds or removes a reaction, https://ircv3.net/specs/client-tags/react.
func (c *Client) react(ctx context.Context, r network.OutgoingReaction) error {
	if err := c.ready(ctx, r.Chat); err != nil {
		return err
	}
	if err := c.needs(ctx, capTags, r.Target.ID, "this IRC network cannot show reactions"); err != nil {
		return err
	}
	if err := c.exists(ctx, r.Chat, r.Target.ID); err != nil {
		return err
	}
	emoji := convert.Clean(r.Key, false)
	if emoji == "" || len(emoji) > 200 {
		return network.Errorf(network.Rejected, "this cannot be a reaction", "react: key")
	}
	tags := map[string]string{"+draft/reply": string(r.Target.ID), "+draft/react": emoji}
	text := reactionText(emoji, "")
	if r.Remove {
		delete(tags, "+draft/react")
		tags["+draft/unreact"] = emoji
		text = reactionText("", emoji)
	}
	return c.one(ctx, r.Txn, r.Chat, text, tags, "TAGMSG")
}

// Type implements network.Typer, https://ircv3.net/specs/client-tags/typing. On a
// server without tags it does nothing: nobody there expects it.
func (c *Client) Type(ctx context.Context, chat network.ChatID, d time.Duration) error {
	var refused error
	err := c.do(ctx, func(s *session) {
		wait, err := s.standing(chat)
		if refused = err; err != nil || wait != nil || !s.caps.on[capTags] {
			return
		}
		state := "active"
		if d <= 0 {
			state = "done"
		}
		now := time.Now()
		if state == s.typed[chat].state && now.Sub(s.typed[chat].at) < 3*time.Second {
			return // the specification allows one in three seconds
		}
		target := s.targetName(chat)
		s.typed[chat] = typed{state, now}
		if data, err := encodeLine(map[string]string{"+typing": state}, "TAGMSG", target); err == nil {
			s.out.command("", data)
		}
	})
	return errors.Join(err, refused)
}

// exists says if the server does not know a message, as far as that can be
// found out: it was seen on this connection, or the server is asked.
func (c *Client) exists(ctx context.Context, chat network.ChatID, id network.MessageID) error {
	if id == "" || strings.HasPrefix(string(id), localID) {
		return nil
	}
	ask, target := false, ""
	if err := c.do(ctx, func(s *session) {
		target = s.targetName(chat)
		ask = !s.ids.has(id) && s.caps.on[capHistory] && s.caps.on[capBatch]
	}); err != nil || !ask {
		return err
	}
	gone := network.Errorf(network.Rejected, "the network does not know this message any more", "exists: not in the history: %w", network.ErrNoMessage)
	if strings.ContainsAny(string(id), " \r\n\x00") {
		return gone
	}
	lines, err := c.page(ctx, "AROUND", target, "msgid="+string(id), 1)
	if err != nil && network.KindOf(err) != network.Rejected {
		return err
	}
	for _, in := range lines {
		if in.tag("msgid") == string(id) {
			return nil
		}
	}
	return gone
}

// typed is when typing was last shown in a chat.
type typed struct {
	state string
	at    time.Time
}
