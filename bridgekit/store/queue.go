package store

import (
	"context"
	"fmt"
	"sync"

	"golang.org/x/sync/semaphore"
)

const (
	maxQueue = 4096 // weight of operations of one urgency that may wait
	maxGroup = 512  // weight of one commit's operations that somebody waits for
	// maxLater is the weight of one commit's operations that nobody waits for:
	// an append that comes meanwhile is not held up for long.
	maxLater = 128
)

// An Urgency says who waits for an operation.
type Urgency int

const (
	// InTurn: a caller waits, and the operation sees what was queued before it.
	InTurn Urgency = iota
	// Ahead: a caller waits, and the operation has nothing to do with those that
	// are queued as Later; it is done before them.
	Ahead
	// Later: nobody waits. It may be done a moment later, with others.
	Later
)

// A queue holds what waits for the writer. It is bounded by weight, for each
// urgency apart: what nobody waits for keeps nobody from queueing.
type queue struct {
	soon, late *semaphore.Weighted
	wake       chan struct{} // holds a token if there may be something new

	mu          sync.Mutex // guards what follows
	closed      bool
	urgent      []*Op // InTurn and Ahead, oldest first
	later       []*Op
	laterWeight int
	number      int64 // of the operation queued last
}

func newQueue() *queue {
	return &queue{soon: semaphore.NewWeighted(maxQueue), late: semaphore.NewWeighted(maxQueue), wake: make(chan struct{}, 1)}
}

func (q *queue) bound(op *Op) *semaphore.Weighted {
	if op.Urgency == Later {
		return q.late
	}
	return q.soon
}

// put waits for room and queues op.
func (q *queue) put(ctx context.Context, op *Op) error {
	op.Weight = min(max(op.Weight, 1), maxQueue)
	if err := q.bound(op).Acquire(ctx, int64(op.Weight)); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		q.bound(op).Release(int64(op.Weight))
		return ErrClosed
	}
	q.number++
	op.number = q.number
	if op.Urgency == Later {
		q.later = append(q.later, op)
		q.laterWeight += op.Weight
	} else {
		q.urgent = append(q.urgent, op)
	}
	select {
	case q.wake <- struct{}{}:
	default:
	}
	return nil
}

// done gives an operation's room back.
func (q *queue) done(op *Op) { q.bound(op).Release(int64(op.Weight)) }

// take returns the operations of the next commit, in their order; none if there
// are none, or only some that can wait and all is false.
func (q *queue) take(all bool) []*Op {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.urgent) == 0 && !all && q.laterWeight < maxLater {
		return nil
	}
	var group []*Op
	weight := 0
	room := func(most int) bool { return len(group) == 0 || weight < most }
	for len(q.urgent) > 0 && room(maxGroup) {
		op := q.urgent[0]
		if op.Urgency == InTurn && len(q.later) > 0 && q.later[0].number < op.number {
			op = q.later[0] // it is among what op has to see
		}
		q.pop(op)
		group = append(group, op)
		weight += op.Weight
	}
	// However much is urgent, some of the others go along: they must not wait for ever.
	for most := weight + maxLater; len(q.later) > 0 && room(most); {
		op := q.later[0]
		q.pop(op)
		group = append(group, op)
		weight += op.Weight
	}
	return group
}

// pop removes an operation that is first among its own.
func (q *queue) pop(op *Op) {
	if op.Urgency == Later {
		q.later[0], q.later = nil, q.later[1:]
		q.laterWeight -= op.Weight
		return
	}
	q.urgent[0], q.urgent = nil, q.urgent[1:]
}

// waiting reports whether any operation that can wait does.
func (q *queue) waiting() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.later) > 0
}

// close refuses what comes from now on.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
}
