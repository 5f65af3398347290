//go:build goolm

package crypt

import (
	"context"
	"fmt"
	"time"
)

// hashTime is how long a message between devices is remembered, to know one that
// comes twice. The homeserver repeats only what the last answer held.
const hashTime = 7 * 24 * time.Hour

// tidy deletes keys that are too old or too many, and what belongs to sessions that
// are gone. Sessions for what ghosts send end by themselves; those that nobody has
// used since are deleted here.
func (c *Crypt) tidy(ctx context.Context) error {
	give, err := c.own(ctx)
	if err != nil {
		return err
	}
	defer give()
	now := time.Now().UTC()
	return c.txn(ctx, func(ctx context.Context) error {
		for _, s := range []struct {
			query string
			args  []any
		}{
			{"DELETE FROM crypto_megolm_inbound_session WHERE received_at < $1", []any{now.Add(-c.o.KeepKeys)}},
			{`DELETE FROM crypto_megolm_inbound_session WHERE session_id IN (
				SELECT session_id FROM crypto_megolm_inbound_session ORDER BY received_at DESC LIMIT 1000000000 OFFSET $1)`, []any{c.o.MaxKeys}},
			{"DELETE FROM crypto_message_index WHERE session_id NOT IN (SELECT session_id FROM crypto_megolm_inbound_session)", nil},
			{"DELETE FROM crypto_megolm_outbound_session WHERE last_used < $1", []any{now.Add(-c.o.KeepKeys)}},
			{"DELETE FROM crypto_megolm_outbound_session_shared WHERE session_id NOT IN (SELECT session_id FROM crypto_megolm_inbound_session)", nil},
			{"DELETE FROM crypto_olm_message_hash WHERE received_at < $1", []any{now.Add(-hashTime).UnixMilli()}},
		} {
			if _, err := c.db.Exec(ctx, s.query, s.args...); err != nil {
				return fmt.Errorf("delete old keys: %w", err)
			}
		}
		return nil
	})
}
