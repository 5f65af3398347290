package turns

import (
	"context"
	"sync"
)

// Turns are the turns at things that a K names. The zero value is ready; methods
// may be called concurrently.
type Turns[K comparable] struct {
	mu   sync.Mutex // guards held
	held map[K]*turn
}

type turn struct {
	free  chan struct{} // holds one token while nobody works
	users int           // working or waiting; guarded by Turns.mu
}

// Take waits until nobody else has the turn at key, and returns the function that
// ends ours. It is called once. An error is that of a ctx which has ended first.
func (t *Turns[K]) Take(ctx context.Context, key K) (done func(), err error) {
	one := t.enter(key)
	select {
	case <-one.free:
		return func() { one.free <- struct{}{}; t.leave(key, one) }, nil
	case <-ctx.Done():
		t.leave(key, one)
		return nil, ctx.Err()
	}
}

func (t *Turns[K]) enter(key K) *turn {
	t.mu.Lock()
	defer t.mu.Unlock()
	one := t.held[key]
	if one == nil {
		if t.held == nil {
			t.held = map[K]*turn{}
		}
		one = &turn{free: make(chan struct{}, 1)}
		one.free <- struct{}{}
		t.held[key] = one
	}
	one.users++
	return one
}

func (t *Turns[K]) leave(key K, one *turn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if one.users--; one.users == 0 {
		delete(t.held, key)
	}
}
