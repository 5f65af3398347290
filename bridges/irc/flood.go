package irc

import "time"

// A bucket holds what may be sent at once: it fills at a steady rate up to its
// size. It is used by one goroutine.
type bucket struct {
	rate  float64 // per second
	size  float64
	level float64
	at    time.Time // when level was right
}

func newBucket(f Flood, now time.Time) *bucket {
	return &bucket{rate: f.Lines, size: float64(f.Burst), level: float64(f.Burst), at: now}
}

// take takes cost out and returns 0, or says how long to wait before there is
// enough. A cost beyond the size needs a full bucket.
func (b *bucket) take(now time.Time, cost int) time.Duration {
	if now.After(b.at) {
		b.level = min(b.size, b.level+b.rate*now.Sub(b.at).Seconds())
		b.at = now
	}
	need := min(float64(cost), b.size)
	if b.level < need {
		return time.Duration((need-b.level)/b.rate*float64(time.Second)) + time.Millisecond
	}
	b.level -= float64(cost) // below zero for a long batch, which is paid back
	return 0
}
