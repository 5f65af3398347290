package irc

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/network"
)

// mailboxFull is how many events may wait for the core before no more lines are
// read.
const mailboxFull = 256

// A mailbox is the events on their way from the loop to the core.
type mailbox struct {
	wake chan struct{} // has room for one: something to deliver
	room chan struct{} // has room for one: not full any more

	mu    sync.Mutex // guards the rest
	batch network.Batch
	busy  bool // a batch is being delivered, or was refused
}

func newMailbox() *mailbox {
	return &mailbox{wake: make(chan struct{}, 1), room: make(chan struct{}, 1)}
}

// put adds an event and the cursors that it moves.
func (b *mailbox) put(ev network.Event, cursor map[string][]byte) {
	b.mu.Lock()
	b.batch.Events = append(b.batch.Events, ev)
	if cursor != nil {
		if b.batch.Cursor == nil {
			b.batch.Cursor = map[string][]byte{}
		}
		maps.Copy(b.batch.Cursor, cursor)
	}
	b.mu.Unlock()
	signal(b.wake)
}

func signal(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default: // it is told already
	}
}

// full reports whether the loop must wait for room.
func (b *mailbox) full() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.batch.Events) >= mailboxFull
}

// deliver gives everything that waits to the sink.
func (b *mailbox) deliver(ctx context.Context, sink network.Sink) error {
	b.mu.Lock()
	batch := b.batch
	b.batch = network.Batch{}
	b.busy = len(batch.Events) > 0
	b.mu.Unlock()
	signal(b.room)
	if len(batch.Events) == 0 {
		return nil
	}
	if err := sink.Deliver(ctx, batch); err != nil {
		return fmt.Errorf("deliver: %w", err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.busy = false
	return nil
}

// empty reports whether everything that was put in is stored.
func (b *mailbox) empty() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.batch.Events) == 0 && !b.busy
}

// run delivers until ctx is done, and then what is left: it was read, and no
// server says it again.
func (b *mailbox) run(ctx context.Context, sink network.Sink, patience time.Duration) error {
	for {
		select {
		case <-b.wake:
			if err := b.deliver(ctx, sink); err != nil {
				return err
			}
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
			defer cancel()
			return b.deliver(last, sink)
		}
	}
}
