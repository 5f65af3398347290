package portal

import (
	"testing"
	"time"
)

// A time that was stored before the clock was set back tells nothing.
func TestLatest(t *testing.T) {
	now := time.Now()
	for _, c := range []struct{ a, b, want time.Time }{
		{now.Add(-time.Hour), now.Add(-time.Minute), now.Add(-time.Minute)},
		{now.Add(-time.Minute), now.Add(-time.Hour), now.Add(-time.Minute)},
		{now.Add(time.Hour), now.Add(-time.Minute), now.Add(-time.Minute)},
		{now.Add(time.Hour), time.Time{}, time.Time{}},
		{now.Add(-time.Hour), time.Time{}, now.Add(-time.Hour)},
	} {
		if got := latest(c.a, c.b); !got.Equal(c.want) {
			t.Errorf("latest(%v, %v) = %v", c.a.Sub(now), c.b.Sub(now), got.Sub(now))
		}
	}
}
