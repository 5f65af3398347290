package irc

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridges/irc/convert"
)

// A rest says how much of a part of several lines was sent when the connection
// was lost. The hash is that of all its lines: if they are cut in another way
// now, the part is sent as a whole.
type rest struct {
	Part int                 `json:"part"`
	Done int                 `json:"done"`
	Hash string              `json:"hash"`
	IDs  []network.MessageID `json:"ids,omitempty"`
}

func restKey(txn network.TxnID) string { return "rest/" + string(txn) }

func hashOf(pieces []string) string {
	sum := sha256.Sum256([]byte(strings.Join(pieces, "\n")))
	return hex.EncodeToString(sum[:12])
}

// resume finds what an earlier try of a part has sent.
func (c *Client) resume(ctx context.Context, txn network.TxnID, part int, w wording) (rest, error) {
	fresh := rest{Part: part, Hash: hashOf(w.pieces)}
	if len(w.pieces) < 2 {
		return fresh, nil
	}
	data, err := c.host.KV.Get(ctx, restKey(txn))
	if err != nil {
		return fresh, fmt.Errorf("read value: %w", err)
	}
	var r rest
	if data == nil || json.Unmarshal(data, &r) != nil || r.Part != part || r.Hash != fresh.Hash || r.Done > len(w.pieces) {
		return fresh, nil
	}
	return r, nil
}

// interrupted stores how much was sent, and is the error to return.
func (c *Client) interrupted(ctx context.Context, txn network.TxnID, r rest, cause error) error {
	if r.Done == 0 {
		return cause
	}
	data, err := json.Marshal(r)
	if err == nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		err = c.host.KV.Set(ctx, restKey(txn), data)
	}
	if err != nil {
		c.host.Log.Warn("cannot store how much of a message was sent", "error", err)
	}
	return cause
}

// A begun says what was begun last in a chat, so that Find knows where to look.
type begun struct {
	Txn  network.TxnID `json:"txn"`
	At   time.Time     `json:"at"` // by the server's clock, before it
	Nick string        `json:"nick"`
	// Last is what was said last in the chat before it, if known.
	Last network.MessageID `json:"last,omitempty"`
	// Bare: what it answers was in sight, so it went without a quote. What is in sight is
	// forgotten with the connection, and its words have to be the same when it is looked for.
	Bare bool `json:"bare,omitempty"`
}

func begunKey(id network.ChatID) string { return "begun/" + string(id) }

// begin notes that m is about to be sent, if it could be found again. It returns m as it
// is to be worded, or was by an earlier try.
func (c *Client) begin(ctx context.Context, m network.Outgoing) (network.Outgoing, error) {
	b := begun{Txn: m.Txn}
	find := false
	err := c.do(ctx, func(s *session) {
		find = s.features().Once == network.OnceFind
		b.At, b.Nick, b.Last = s.clock(), s.nick, s.last[m.Chat]
		b.Bare = s.inSight(m)
	})
	if err != nil || !find {
		return b.worded(m), err
	}
	if known, ok, err := c.begunBefore(ctx, m.Chat, m.Txn); err != nil || ok {
		return known.worded(m), err // an earlier try, which may have arrived
	}
	data, err := json.Marshal(b)
	if err != nil {
		return m, fmt.Errorf("begin: %w", err)
	}
	if err := c.host.KV.Set(ctx, begunKey(m.Chat), data); err != nil {
		return m, fmt.Errorf("store value: %w", err)
	}
	return b.worded(m), nil
}

// worded is m without the words that it answers, if they were in sight.
func (b begun) worded(m network.Outgoing) network.Outgoing {
	if b.Bare && m.Quote != nil {
		q := *m.Quote
		q.Text, m.Quote = nil, &q
	}
	return m
}

// clock is a time that the server's clock has surely passed.
func (s *session) clock() time.Time {
	if s.serverAt.IsZero() {
		return time.Now().Add(-2 * time.Minute)
	}
	return s.serverAt
}

// find looks for a message in what the server keeps.
func (c *Client) find(ctx context.Context, m network.Outgoing) (network.Sent, error) {
	var sent network.Sent
	if err := c.ready(ctx, m.Chat); err != nil {
		return sent, err
	}
	can, target := false, ""
	if err := c.do(ctx, func(s *session) {
		can, target = s.features().Once == network.OnceFind, s.targetName(m.Chat)
	}); err != nil {
		return sent, err
	}
	if !can {
		return sent, network.Errorf(network.Unsure, "this network cannot tell whether it arrived", "find: no history")
	}
	b, ok, err := c.begunBefore(ctx, m.Chat, m.Txn)
	if err != nil || !ok {
		return sent, err // it was never begun
	}
	mine, err := c.said(ctx, target, b)
	if err != nil {
		return sent, err
	}
	return c.match(ctx, b.worded(m), mine)
}

// A line that we said.
type mineLine struct {
	id   network.MessageID
	text string
	at   time.Time
}

// said lists our lines in a chat since b.
func (c *Client) said(ctx context.Context, target string, b begun) ([]mineLine, error) {
	var mine []mineLine
	known := map[string]bool{}
	for at, more := b.At, true; more; {
		lines, err := c.page(ctx, "AFTER", target, "timestamp="+at.Add(-time.Millisecond).UTC().Format(historyTime), historyPage)
		if err != nil {
			return nil, err
		}
		more = false
		for _, in := range lines {
			id := in.tag("msgid")
			if t, ok := in.at(); ok && t.After(at) {
				at = t
			}
			if known[id] {
				continue
			}
			known[id], more = true, true
			if id == string(b.Last) && id != "" {
				mine = nil // all up to here was before it
				continue
			}
			if in.Command == "PRIVMSG" || in.Command == "NOTICE" {
				if fold := rfc1459.fold(in.nick()); fold == rfc1459.fold(b.Nick) {
					for i, text := range strings.Split(in.p.at(1), "\n") {
						line := mineLine{text: convert.Strip(text)}
						if i == 0 {
							line.id = network.MessageID(id)
						}
						line.at, _ = in.at()
						mine = append(mine, line)
					}
				}
			}
		}
	}
	return mine, nil
}

// match finds the parts of m in what we said, and remembers a part that is there
// in part.
func (c *Client) match(ctx context.Context, m network.Outgoing, mine []mineLine) (network.Sent, error) {
	var sent network.Sent
	for i := m.From; i < len(m.Parts); i++ {
		d, err := c.draftPart(ctx, m, i)
		if err != nil {
			return sent, err
		}
		w, err := c.word(ctx, d)
		if err != nil {
			return sent, err
		}
		r, at := matchPieces(&mine, i, w)
		if sent.At.IsZero() {
			sent.At = at
		}
		if r.Done < len(w.pieces) {
			return sent, c.interrupted(ctx, m.Txn, r, nil)
		}
		sent.Parts = append(sent.Parts, r.IDs)
		sent.Note = first(sent.Note, w.note)
	}
	return sent, nil
}

// matchPieces finds the pieces of a part in what we said, which it takes up to the last
// of them, and when the first was said.
func matchPieces(mine *[]mineLine, part int, w wording) (r rest, at time.Time) {
	r = rest{Part: part, Hash: hashOf(w.pieces)}
	for len(*mine) > 0 && r.Done < len(w.pieces) {
		one := (*mine)[0]
		*mine = (*mine)[1:]
		if one.text != convert.Strip(w.pieces[r.Done]) {
			continue
		}
		if r.Done++; one.id != "" {
			r.IDs = append(r.IDs, one.id)
		}
		if at.IsZero() {
			at = one.at
		}
	}
	return r, at
}

// begunBefore is what was noted when a transaction was begun; false if it was not, or
// something else has been begun in the chat since.
func (c *Client) begunBefore(ctx context.Context, chat network.ChatID, txn network.TxnID) (begun, bool, error) {
	var b begun
	data, err := c.host.KV.Get(ctx, begunKey(chat))
	if err != nil {
		return b, false, fmt.Errorf("read value: %w", err)
	}
	return b, data != nil && json.Unmarshal(data, &b) == nil && b.Txn == txn, nil
}
