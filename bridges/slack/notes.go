package slack

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/causeway-chat/causeway/bridgekit/network"
)

// What is noted durably of a chat before a call that must not be made twice. The core
// sends to a chat one after another, so nobody else changes a chat's notes meanwhile.
const (
	maxUploads = 20 // of a chat that are remembered, of those that are shown
	maxUnshown = 200
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

// note stores such a list.
func note[T any](ctx context.Context, c *Client, key string, all []T) error {
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
