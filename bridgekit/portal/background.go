package portal

import (
	"context"
	"fmt"
	"sync"
)

// backgroundWorkers is how many tasks run at once.
const backgroundWorkers = 8

// A background runs small tasks past the lanes, so that who asks for them need
// not wait. They end with Service.Run; what has not begun then is forgotten.
type background struct {
	mu    sync.Mutex // guards queue
	queue []func(ctx context.Context)
	wake  bell
}

func newBackground() *background { return &background{wake: newBell()} }

// add queues a task; one that may be dropped is if others wait.
func (b *background) add(droppable bool, f func(ctx context.Context)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if droppable && len(b.queue) >= backgroundWorkers {
		return
	}
	b.queue = append(b.queue, f)
	b.wake.ring()
}

func (b *background) take() func(ctx context.Context) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.queue) == 0 {
		return nil
	}
	f := b.queue[0]
	if b.queue = b.queue[1:]; len(b.queue) > 0 {
		b.wake.ring() // let another worker have the next
	}
	return f
}

// run works until ctx is done.
func (b *background) run(ctx context.Context) error {
	var wg sync.WaitGroup
	for range backgroundWorkers {
		wg.Go(func() {
			for ctx.Err() == nil {
				if f := b.take(); f != nil {
					f(ctx)
					continue
				}
				select {
				case <-b.wake:
				case <-ctx.Done():
				}
			}
		})
	}
	wg.Wait()
	return fmt.Errorf("background: %w", ctx.Err())
}
