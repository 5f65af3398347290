package slack

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridges/slack/convert"
)

const (
	meSkew   = 30 * time.Second // how far our clock may be ahead of Slack's
	maxTries = 20               // of a chat that are remembered
)

// A try is that a part was about to be sent which cannot carry metadata: what a person's
// session posts, and /me. It is looked for by its client_msg_id, which /me has not, and
// by its text among what came after Since.
type try struct {
	Txn   network.TxnID `json:"txn"`
	Part  int           `json:"part"`
	Since convert.TS    `json:"since"`
}

// tries notes them, the last ones of each chat. The core sends to a chat one after
// another.
type tries struct {
	mu     sync.Mutex
	posted map[network.ChatID]convert.TS // the last message that we know to be ours; guarded by mu
}

// ours notes a message that was sent, so that a later one of the same text is not
// mistaken for it.
func (t *tries) ours(chat network.ChatID, id network.MessageID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.posted == nil {
		t.posted = map[network.ChatID]convert.TS{}
	}
	t.posted[chat] = convert.TS(id)
}

// since is behind what a message that is sent now will be.
func (t *tries) since(chat network.ChatID) convert.TS {
	t.mu.Lock()
	defer t.mu.Unlock()
	since := convert.At(time.Now().Add(-meSkew))
	if last := t.posted[chat]; last.Compare(since) > 0 {
		return last
	}
	return since
}

// unmarked reports whether a draft is posted without a mark that can be read again.
func (c *Client) unmarked(d convert.Draft) bool { return d.Me || c.cred.Kind == kindPerson }

func triesKey(chat network.ChatID) string { return "tries/" + string(chat) }

// tried are the tries of a chat that were noted, the oldest first.
func (c *Client) tried(ctx context.Context, chat network.ChatID) ([]try, error) {
	return notes[try](ctx, c, triesKey(chat))
}

// noteTry notes that a part is about to be sent. The first try of it stands.
func (c *Client) noteTry(ctx context.Context, m *network.Outgoing, part int) error {
	all, err := c.tried(ctx, m.Chat)
	if err != nil {
		return err
	}
	for _, t := range all {
		if t.Txn == m.Txn && t.Part == part {
			return nil
		}
	}
	all = append(all, try{m.Txn, part, c.tries.since(m.Chat)})
	return note(ctx, c, triesKey(m.Chat), all[max(0, len(all)-maxTries):])
}

// byText are the pieces of a part that has no marks: those with the client_msg_id that
// we gave them or, where Slack kept none, for each draft the first of our messages behind
// the one before that has its text.
func (c *Client) byText(ctx context.Context, m *network.Outgoing, part int, drafts []convert.Draft, mine []*convert.Message) (map[int]piece, error) {
	all, err := c.tried(ctx, m.Chat)
	if err != nil {
		return nil, err
	}
	var since convert.TS
	for _, t := range all {
		if t.Txn == m.Txn && t.Part == part {
			since = t.Since
		}
	}
	if since == "" {
		return nil, nil // it was never tried
	}
	found := map[int]piece{}
	for k := range drafts {
		id := mark{Txn: m.Txn, Part: part, Piece: k}.clientID()
		if i := slices.IndexFunc(mine, func(said *convert.Message) bool { return said.ClientMsgID == id }); i >= 0 {
			found[k] = piece{mine[i].TS.ID(), len(drafts)}
		}
	}
	if len(found) > 0 {
		return found, nil
	}
	for _, said := range mine {
		k := len(found)
		if k < len(drafts) && said.TS.Compare(since) > 0 && said.Text == drafts[k].Text && drafts[k].Me == (said.Subtype == "me_message") {
			found[k] = piece{said.TS.ID(), len(drafts)}
		}
	}
	return found, nil
}
