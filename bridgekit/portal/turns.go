package portal

import (
	"context"
	"sync"
)

// turns let one at a time do something about a portal, and others meanwhile the
// same about other portals. The zero value is ready.
type turns struct {
	mu   sync.Mutex              // guards busy
	busy map[int64]chan struct{} // closed when the one whose turn it is has done
}

// take waits until nobody else has the portal's turn. The caller calls the
// returned function at its end.
func (t *turns) take(ctx context.Context, portalID int64) (func(), error) {
	for {
		t.mu.Lock()
		other, taken := t.busy[portalID]
		if !taken {
			mine := make(chan struct{})
			if t.busy == nil {
				t.busy = map[int64]chan struct{}{}
			}
			t.busy[portalID] = mine
			t.mu.Unlock()
			return func() {
				t.mu.Lock()
				defer t.mu.Unlock()
				delete(t.busy, portalID)
				close(mine)
			}, nil
		}
		t.mu.Unlock()
		select {
		case <-other:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}
