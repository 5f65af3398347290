package journal

import (
	"context"
	"database/sql"
	"sync/atomic"
	"time"
)

// counters count what happened since the start.
type counters struct {
	in, done, retries, fails atomic.Int64
	lag                      atomic.Int64 // sum of milliseconds from stored to delivered
}

func (c *counters) appended() { c.in.Add(1) }
func (c *counters) retried()  { c.retries.Add(1) }
func (c *counters) failed()   { c.fails.Add(1) }
func (c *counters) delivered(e *Entry) {
	c.done.Add(1)
	c.lag.Add(time.Since(e.Created).Milliseconds())
}

// Stats describe the journal for health and metrics.
type Stats struct {
	Appended, Delivered, Retries, Failures int64          // since the start
	Lag                                    time.Duration  // mean time from stored to delivered, since the start
	Lanes                                  int            // with work in this process
	Parked                                 map[string]int // lanes by cause
}

// Stats returns the current figures. It is cheap.
func (j *Journal) Stats() Stats {
	s := Stats{Appended: j.counts.in.Load(), Delivered: j.counts.done.Load(), Retries: j.counts.retries.Load(), Failures: j.counts.fails.Load(), Parked: map[string]int{}}
	if s.Delivered > 0 {
		s.Lag = time.Duration(j.counts.lag.Load()/s.Delivered) * time.Millisecond
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	s.Lanes = len(j.lanes)
	for cause, set := range j.parked {
		s.Parked[cause] = len(set)
	}
	return s
}

// Depth counts the undelivered entries by state and the age of the oldest.
func (j *Journal) Depth(ctx context.Context) (byState map[State]int, oldest time.Duration, err error) {
	byState = map[State]int{}
	err = j.db.All(ctx, "SELECT state, COUNT(*), MIN(created) FROM entry WHERE state < 5 GROUP BY state", nil, func(r *sql.Rows) error {
		var s State
		var n int
		var created int64
		if err := r.Scan(&s, &n, &created); err != nil {
			return err
		}
		byState[s] = n
		if s != Failed {
			oldest = max(oldest, time.Since(time.UnixMilli(created)))
		}
		return nil
	})
	return byState, oldest, err
}
