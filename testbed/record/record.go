package record

import (
	"context"
	"fmt"
	"sync"
)

// Log is an ordered list that only grows. The zero value is ready for use.
type Log[T any] struct {
	mu      sync.Mutex // guards all below
	entries []T
	grown   chan struct{} // closed at the next change; nil if nobody waits
	err     error         // set by Close: nothing follows
}

// Append adds entries at the end and wakes who waits.
func (l *Log[T]) Append(entries ...T) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entries = append(l.entries, entries...)
	l.wake()
}

// Close says that nothing will follow, because of err. Waits for what is not
// there return err from then on; entries can still be read. Only the first call
// counts.
func (l *Log[T]) Close(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err == nil {
		l.err = err
	}
	l.wake()
}

// wake is called with mu held.
func (l *Log[T]) wake() {
	if l.grown != nil {
		close(l.grown)
		l.grown = nil
	}
}

// Mark returns the number of entries: the place where the next one will be.
func (l *Log[T]) Mark() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.entries)
}

// Since returns a copy of the entries from mark on, oldest first.
func (l *Log[T]) Since(mark int) []T {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]T(nil), l.entries[min(mark, len(l.entries)):]...)
}

// Wait returns the first entry from mark on that match accepts, and the mark
// after it. It waits for it until ctx is done or the log is closed; the error
// then says how many entries were looked at in vain. match is called once per
// entry, without a lock held.
func (l *Log[T]) Wait(ctx context.Context, mark int, match func(T) bool) (T, int, error) {
	from := mark
	for {
		entries, grown, closed := l.after(mark)
		for _, e := range entries {
			mark++
			if match(e) {
				return e, mark, nil
			}
		}
		if len(entries) > 0 {
			continue
		}
		var none T
		if closed != nil {
			return none, mark, fmt.Errorf("none of %d entries fits: %w", mark-from, closed)
		}
		select {
		case <-grown:
		case <-ctx.Done():
			return none, mark, fmt.Errorf("none of %d entries fits: %w", mark-from, ctx.Err())
		}
	}
}

// after returns the entries from mark on, a channel that is closed when there
// are more, and the reason if there never will be.
func (l *Log[T]) after(mark int) ([]T, <-chan struct{}, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.grown == nil {
		l.grown = make(chan struct{})
	}
	// Entries are never changed, so readers may share them.
	return l.entries[min(mark, len(l.entries)):], l.grown, l.err
}
