package journal

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/store"
)

// Erase gives up the dead letters for whose content is true, and returns how many
// there were. A letter that cannot be unsealed is left alone.
func (j *Journal) Erase(ctx context.Context, is func(l Lane, payload []byte) bool) (int, error) {
	ids, err := j.failed(ctx, is)
	if err != nil || len(ids) == 0 {
		return 0, err
	}
	err = j.db.Write(ctx, len(ids), func(tx *store.Tx) error {
		for _, id := range ids {
			_, err := tx.Exec("UPDATE entry SET state = ?, payload = NULL, target = '', changed = ? WHERE id = ? AND state = 4", Done, time.Now().UnixMilli(), id)
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("erase dead letters: %w", err)
	}
	return len(ids), nil
}

// CountFailed counts the dead letters for whose content is true.
func (j *Journal) CountFailed(ctx context.Context, is func(l Lane, payload []byte) bool) (int, error) {
	ids, err := j.failed(ctx, is)
	return len(ids), err
}

func (j *Journal) failed(ctx context.Context, is func(l Lane, payload []byte) bool) (ids []int64, err error) {
	err = j.db.All(ctx, "SELECT id, lane, payload FROM entry WHERE state = 4", nil, func(r *sql.Rows) error {
		var id int64
		var l Lane
		var sealed []byte
		if err := r.Scan(&id, &l, &sealed); err != nil {
			return err
		}
		if payload, err := j.db.Seal().Open(sealed, sealContext); err == nil && is(l, payload) {
			ids = append(ids, id)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read dead letters: %w", err)
	}
	return ids, nil
}
