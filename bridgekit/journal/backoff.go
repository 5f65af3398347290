package journal

import (
	"math/rand/v2"
	"time"
)

// A Backoff spaces attempts: First, doubling, at most Max, each shortened or
// lengthened by up to a quarter so that many do not come back at once.
type Backoff struct{ First, Max time.Duration }

// Wait is how long to wait before attempt n, counted from 1.
func (b Backoff) Wait(n int) time.Duration {
	d := b.First
	for ; n > 1 && d < b.Max; n-- {
		d *= 2
	}
	d = min(d, b.Max)
	return d - d/4 + rand.N(d/2+1)
}
