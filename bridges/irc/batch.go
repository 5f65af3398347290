package irc

import (
	"context"
	"strings"

	"github.com/ergochat/irc-go/ircmsg"
)

// longestBatch is how many lines of a batch are kept; the server decides how
// many come, and memory is ours.
const longestBatch = 20000

// A batch is lines that belong together, https://ircv3.net/specs/extensions/batch.
type batch struct {
	open  ircmsg.Message // BATCH +id kind …
	kind  string
	p     params // behind the kind
	lines []ircmsg.Message
}

func (b *batch) add(m *ircmsg.Message) {
	if len(b.lines) < longestBatch {
		b.lines = append(b.lines, *m)
	}
}

// batch is BATCH: the beginning or end of one.
func (s *session) batch(ctx context.Context, m *ircmsg.Message) error {
	p := params(m.Params)
	id := p.at(0)
	if id == "" {
		return nil
	}
	if begin, ok := strings.CutPrefix(id, "+"); ok {
		if len(s.batches) < 100 {
			s.batches[begin] = &batch{open: *m, kind: p.at(1), p: p[min(2, len(p)):]}
		}
		return nil
	}
	b := s.batches[id[1:]]
	if b == nil {
		return nil
	}
	delete(s.batches, id[1:])
	_, label := b.open.GetTag("label")
	switch b.kind {
	case "chathistory", "draft/chathistory-targets":
		s.historyBatch(b)
		return nil
	case "draft/multiline":
		whole, ok := b.multiline()
		if !ok {
			return nil
		}
		if has, parent := b.open.GetTag("batch"); has && s.batches[parent] != nil {
			s.batches[parent].add(&whole)
			return nil
		}
		return s.event(ctx, &incoming{Message: &whole, p: whole.Params, label: label})
	}
	for i := range b.lines {
		one := &b.lines[i]
		own := label
		if _, l := one.GetTag("label"); l != "" {
			own = l
		}
		if err := s.event(ctx, &incoming{Message: one, p: one.Params, label: own}); err != nil {
			return err
		}
	}
	return nil
}

// multiline joins the lines of a multi-line message, whose tags are on the
// batch; https://ircv3.net/specs/extensions/multiline.
func (b *batch) multiline() (ircmsg.Message, bool) {
	var text strings.Builder
	for i := range b.lines {
		m := &b.lines[i]
		if i > 0 && !m.HasTag("draft/multiline-concat") {
			text.WriteByte('\n')
		}
		text.WriteString(params(m.Params).at(1))
	}
	if len(b.lines) == 0 {
		return ircmsg.Message{}, false
	}
	first := b.lines[0]
	tags := b.open.AllTags()
	delete(tags, "batch")
	delete(tags, "label")
	source := b.open.Source
	if !strings.Contains(source, "!") {
		source = first.Source
	}
	return ircmsg.MakeMessage(tags, source, first.Command, params(first.Params).at(0), text.String()), true
}
