package slack

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/network"
)

// What is noted durably of a chat before a call that must not be made twice. The core
// sends to a chat one after another, so nobody else changes a chat's notes meanwhile.
const (
	maxUploads = 20 // of a chat that are remembered, of those that are shown
	maxUnshown = 200
	maxRests   = 20                  // of long texts of a chat that were sent in part
	restKept   = 30 * 24 * time.Hour // as long as the core keeps what failed
)

// notes are the values of a list under a key of the login; none if there is no list.
func notes[T any](ctx context.Context, c *Client, key string) ([]T, error) {
	data, err := c.host.KV.Get(ctx, key)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", key, err)
	}
	var all []T
	if len(data) > 0 {
		if err := json.Unmarshal(data, &all); err != nil {
			return nil, fmt.Errorf("read %s: %w", key, err)
		}
	}
	return all, nil
}

// note stores such a list; an empty one is removed.
func note[T any](ctx context.Context, c *Client, key string, all []T) error {
	if len(all) == 0 {
		if err := c.host.KV.Delete(ctx, key); err != nil {
			return fmt.Errorf("forget %s: %w", key, err)
		}
		return nil
	}
	data, err := json.Marshal(all)
	if err != nil {
		return fmt.Errorf("note %s: %w", key, err)
	}
	if err := c.host.KV.Set(ctx, key, data); err != nil {
		return fmt.Errorf("note %s: %w", key, err)
	}
	return nil
}

// An uploaded is as what the file of a part was uploaded.
type uploaded struct {
	Txn   network.TxnID `json:"txn"`
	Part  int           `json:"part"`
	File  string        `json:"file"`
	Shown bool          `json:"shown,omitempty"` // it is in the chat
}

func uploadsKey(chat network.ChatID) string { return "files/" + string(chat) }

// uploadOf is as what a part was uploaded; empty: it was not.
func (c *Client) uploadOf(ctx context.Context, m *network.Outgoing, part int) (string, error) {
	all, err := notes[uploaded](ctx, c, uploadsKey(m.Chat))
	for _, u := range slices.Backward(all) {
		if u.Txn == m.Txn && u.Part == part {
			return u.File, err
		}
	}
	return "", err
}

// noteUpload notes as what a part was uploaded. It is forgotten some files after it was
// shown: the core may ask for it until it has stored that it was sent.
func (c *Client) noteUpload(ctx context.Context, m *network.Outgoing, u uploaded) error {
	all, err := notes[uploaded](ctx, c, uploadsKey(m.Chat))
	if err != nil {
		return err
	}
	all = append(slices.DeleteFunc(all, func(o uploaded) bool { return o.Txn == u.Txn && o.Part == u.Part }), u)
	for excess := len(all) - maxUploads; excess > 0; excess-- {
		i := slices.IndexFunc(all, func(o uploaded) bool { return o.Shown })
		if i < 0 {
			break
		}
		all = slices.Delete(all, i, i+1)
	}
	return note(ctx, c, uploadsKey(m.Chat), all[max(0, len(all)-maxUnshown):])
}

// A rest is what was sent of a part that needs several messages, before something went
// wrong.
type rest struct {
	Txn  network.TxnID       `json:"txn"`
	Part int                 `json:"part"`
	At   time.Time           `json:"at"`
	IDs  []network.MessageID `json:"ids"`
}

func restKey(chat network.ChatID) string { return "rest/" + string(chat) }

// restOf is what an earlier attempt has sent of a part of n messages.
func (c *Client) restOf(ctx context.Context, m *network.Outgoing, part, n int) ([]network.MessageID, error) {
	if n < 2 {
		return nil, nil
	}
	all, err := notes[rest](ctx, c, restKey(m.Chat))
	for _, r := range all {
		if r.Txn == m.Txn && r.Part == part {
			return r.IDs[:min(len(r.IDs), n)], err
		}
	}
	return nil, err
}

// noteRest notes what was sent of a part, also while the call is being given up; without
// ids that nothing is left to be sent. What failed for good is forgotten with time.
func (c *Client) noteRest(ctx context.Context, m *network.Outgoing, part int, ids []network.MessageID) error {
	ctx = context.WithoutCancel(ctx)
	all, err := notes[rest](ctx, c, restKey(m.Chat))
	if err != nil {
		return err
	}
	all = slices.DeleteFunc(all, func(r rest) bool { return r.Txn == m.Txn && r.Part == part || time.Since(r.At) > restKept })
	if len(ids) > 0 {
		all = append(all, rest{m.Txn, part, time.Now(), ids})
	}
	return note(ctx, c, restKey(m.Chat), all[max(0, len(all)-maxRests):])
}
