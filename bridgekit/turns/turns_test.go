package turns

import (
	"context"
	"errors"
	"sync"
	"testing"
)

// One at a time works on a thing, others on other things, and nothing stays in memory.
func TestTurns(t *testing.T) {
	var all Turns[string]
	ctx := t.Context()
	done, err := all.Take(ctx, "a")
	if err != nil {
		t.Fatal(err)
	}
	other, err := all.Take(ctx, "b")
	if err != nil {
		t.Fatal("another thing:", err)
	}
	other()
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := all.Take(ended, "a"); !errors.Is(err, context.Canceled) {
		t.Error("while it is taken:", err)
	}
	var inside, most int
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			done, err := all.Take(ctx, "a")
			if err != nil {
				t.Error(err)
				return
			}
			defer done()
			inside++ // the race detector sees it if two are inside
			most = max(most, inside)
			inside--
		})
	}
	done()
	wg.Wait()
	if most != 1 || len(all.held) != 0 {
		t.Errorf("%d at once, %d left in memory", most, len(all.held))
	}
}
