package irc

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/network"
)

// Send implements network.Client.
func (c *Client) Send(ctx context.Context, m network.Outgoing) (network.Sent, error) {
	var sent network.Sent
	if err := c.ready(ctx, m.Chat); err != nil {
		return sent, err
	}
	m, err := c.begin(ctx, m)
	if err != nil {
		return sent, err
	}
	for i := m.From; i < len(m.Parts); i++ {
		d, err := c.draftPart(ctx, m, i)
		if err != nil {
			return sent, err
		}
		w, err := c.word(ctx, d)
		if err != nil {
			return sent, err
		}
		ids, at, err := c.transmit(ctx, m.Txn, i, w)
		if err != nil {
			return sent, err
		}
		if len(ids) == 0 {
			ids = []network.MessageID{localIDOf(m.Txn, i)}
		}
		c.noteSaid(ctx, w, ids)
		sent.Parts = append(sent.Parts, ids)
		if sent.At.IsZero() {
			sent.At = at
		}
		sent.Note = first(sent.Note, w.note)
	}
	return sent, nil
}

// noteSaid notes what the first line of a wording, which was said just now, is known
// by. If the connection is gone meanwhile, so are the lines that were noted.
func (c *Client) noteSaid(ctx context.Context, w wording, ids []network.MessageID) {
	_ = c.do(ctx, func(s *session) {
		if ch := s.chans[s.net.casemap.chat(w.target)]; ch != nil && len(w.pieces) > 0 {
			ch.recent.name(s.net.casemap.user(s.nick), w.pieces[0], ids)
		}
	})
}

// localID begins the IDs that we give our own messages where the network gives
// none, so that they can be edited.
const localID = "~"

func localIDOf(txn network.TxnID, part int) network.MessageID {
	return network.MessageID(fmt.Sprintf("%s%s/%d", localID, txn, part))
}

// ready waits until we are in a channel, or says why we are not.
func (c *Client) ready(ctx context.Context, id network.ChatID) error {
	for {
		var wait chan struct{}
		var refused error
		err := c.do(ctx, func(s *session) { wait, refused = s.standing(id) })
		if err != nil || refused != nil || wait == nil {
			return errors.Join(err, refused)
		}
		select {
		case <-wait:
		case <-time.After(c.tune.answer):
			return network.Errorf(network.Unavailable, "the channel is not joined yet", "join takes too long")
		case <-ctx.Done():
			return fmt.Errorf("wait for join: %w", ctx.Err())
		}
	}
}

// standing says whether something can be sent to a chat: now, after wait, or
// not, because of refused.
func (s *session) standing(id network.ChatID) (wait chan struct{}, refused error) {
	name := string(id)
	if !s.net.channel(name) {
		if err := checkNick(name); err != nil {
			return nil, network.Errorf(network.Gone, err.Error(), "send: %w", err)
		}
		return nil, nil
	}
	ch := s.chans[id]
	switch {
	case ch == nil:
		return nil, network.Errorf(network.Gone, "not in "+name, "send: not joined")
	case ch.in:
		return nil, nil
	case ch.joining:
		wait = make(chan struct{})
		ch.waiters = append(ch.waiters, wait)
		return wait, nil
	case ch.failed != nil:
		return nil, network.Errorf(network.Rejected, "cannot join "+name+": "+ch.failed.User, "send: %w", ch.failed)
	}
	return nil, network.Errorf(network.Gone, "not in "+name, "send: not joined")
}

// transmit sends the lines of one part and waits until the server has them. What
// an earlier try has sent is left out.
func (c *Client) transmit(ctx context.Context, txn network.TxnID, part int, w wording) ([]network.MessageID, time.Time, error) {
	rest, err := c.resume(ctx, txn, part, w)
	if err != nil {
		return nil, time.Time{}, err
	}
	if w.pieces = w.pieces[rest.Done:]; rest.Done > 0 {
		w.reply = "" // it is on a line that was sent
	}
	s, err := c.post(ctx, txn, w)
	if err != nil {
		return nil, time.Time{}, err
	}
	done, ids := c.await(ctx, s)
	ids = append(rest.IDs, ids...)
	if s.err != nil {
		rest.Done, rest.IDs = rest.Done+done, ids
		return nil, time.Time{}, c.interrupted(ctx, txn, rest, s.err)
	}
	if rest.Done > 0 {
		if err := c.host.KV.Delete(ctx, restKey(txn)); err != nil {
			c.host.Log.Warn("cannot forget how much of a message was sent", "error", err)
		}
	}
	return ids, s.at, nil
}

// post queues the lines of a wording.
func (c *Client) post(ctx context.Context, txn network.TxnID, w wording) (*sending, error) {
	s := &sending{txn: txn, done: make(chan struct{})}
	var failed error
	err := c.do(ctx, func(live *session) {
		s.target = live.net.casemap.fold(w.target)
		if s.lines, failed = live.outLines(w); failed == nil {
			live.out.post(s)
			if ch := live.chans[live.net.casemap.chat(w.target)]; ch != nil && !live.caps.on[capEcho] {
				for _, p := range w.pieces {
					ch.recent.add(live.net.casemap.user(live.nick), p)
				}
			}
		}
		s.out = live.out
	})
	return s, errors.Join(err, failed)
}

// await waits for the end of s, and returns how many of its pieces were taken
// and their IDs.
func (c *Client) await(ctx context.Context, s *sending) (done int, ids []network.MessageID) {
	select {
	case <-s.done:
	case <-ctx.Done():
		s.out.cancel(s, fmt.Errorf("send: %w", ctx.Err()))
		<-s.done
	}
	for _, l := range s.lines {
		if l.state != taken {
			break
		}
		done += l.pieces
		if l.id != "" {
			ids = append(ids, l.id)
		}
	}
	return done, ids
}

// outLines makes the lines to write, as one multi-line message if the server
// has such.
func (s *session) outLines(w wording) ([]*outLine, error) {
	if lines, bytes := s.caps.multiline(); lines > 1 && len(w.pieces) > 1 && !strings.HasPrefix(w.pieces[0], "\x01") {
		return s.outBatches(w, lines, bytes)
	}
	var out []*outLine
	for i, piece := range w.pieces {
		tags := map[string]string{}
		if i == 0 {
			s.replyTag(tags, w.reply)
		}
		l := &outLine{cost: 1, pieces: 1, text: piece}
		var err error
		if l.label = s.label(); l.label != "" {
			tags["label"] = l.label
		}
		if l.data, err = encodeLine(tags, w.command, w.target, piece); err != nil {
			return nil, err
		}
		out = append(out, l)
	}
	return out, nil
}

func (s *session) replyTag(tags map[string]string, id network.MessageID) {
	if id != "" && s.caps.on[capTags] {
		tags["+draft/reply"] = string(id)
	}
}

// label makes a label if the connection has such.
func (s *session) label() string {
	if s.caps.labels() {
		return s.out.label()
	}
	return ""
}

// outBatches makes multi-line messages of at most maxLines lines and maxBytes bytes.
func (s *session) outBatches(w wording, maxLines, maxBytes int) ([]*outLine, error) {
	var out []*outLine
	for pieces := w.pieces; len(pieces) > 0; {
		n, size := 1, len(pieces[0])
		for n < len(pieces) && n < maxLines && size+1+len(pieces[n]) <= maxBytes {
			size += 1 + len(pieces[n])
			n++
		}
		l, err := s.outBatch(w, pieces[:n], len(out) == 0)
		if err != nil {
			return nil, err
		}
		out = append(out, l)
		pieces = pieces[n:]
	}
	return out, nil
}

// outBatch makes one multi-line message, https://ircv3.net/specs/extensions/multiline.
func (s *session) outBatch(w wording, pieces []string, first bool) (*outLine, error) {
	tags := map[string]string{}
	if first {
		s.replyTag(tags, w.reply)
	}
	l := &outLine{cost: len(pieces), pieces: len(pieces), text: strings.Join(pieces, "\n")}
	if l.label = s.label(); l.label != "" {
		tags["label"] = l.label
	}
	s.batchNo++
	id := "cw" + strconv.Itoa(s.batchNo)
	add := func(tags map[string]string, command string, params ...string) error {
		data, err := encodeLine(tags, command, params...)
		l.data = append(l.data, data...)
		return err
	}
	err := add(tags, "BATCH", "+"+id, capMultiline, w.target)
	for _, piece := range pieces {
		err = errors.Join(err, add(map[string]string{"batch": id}, w.command, w.target, piece))
	}
	return l, errors.Join(err, add(nil, "BATCH", "-"+id))
}

// one sends a single line that is no message and waits until the server has it.
func (c *Client) one(ctx context.Context, txn network.TxnID, chat network.ChatID, text string, tags map[string]string, command string, params ...string) error {
	s := &sending{txn: txn, done: make(chan struct{})}
	var failed error
	err := c.do(ctx, func(live *session) {
		target := live.targetName(chat)
		s.target, s.out = live.net.casemap.fold(target), live.out
		l := &outLine{cost: 1, pieces: 1, text: text}
		tags := cloned(tags)
		if l.label = live.label(); l.label != "" {
			tags["label"] = l.label
		}
		if l.data, failed = encodeLine(tags, command, slices.Insert(slices.Clone(params), 0, target)...); failed == nil {
			s.lines = []*outLine{l}
			live.out.post(s)
		}
	})
	if err := errors.Join(err, failed); err != nil {
		return err
	}
	c.await(ctx, s)
	return s.err
}

func cloned(tags map[string]string) map[string]string {
	out := map[string]string{}
	for k, v := range tags {
		out[k] = v
	}
	return out
}
