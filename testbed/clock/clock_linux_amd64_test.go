package clock_test

import (
	"sync"
	"testing"
	"time"

	"github.com/causeway-chat/causeway/testbed/clock"
)

// Wall time jumps, for everybody at once, and back; monotonic time does not.
func TestSet(t *testing.T) {
	t.Cleanup(func() {
		if err := clock.Set(0); err != nil {
			t.Error(err)
		}
	})
	var was time.Duration // what the clock is ahead by
	for _, d := range []time.Duration{5 * time.Hour, -7 * time.Hour, 0} {
		began, asked := time.Now().Round(0), time.Now()
		if err := clock.Set(d); err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for range 10_000 {
					if e := time.Since(asked); e < 0 || e > time.Minute {
						t.Errorf("%v have passed", e)
						return
					}
				}
			})
		}
		wg.Wait()
		timer := time.NewTimer(time.Millisecond)
		<-timer.C
		moved := time.Now().Round(0).Sub(began)
		if want := d - was; moved < want || moved > want+time.Minute {
			t.Errorf("from %v to %v the clock moved by %v", was, d, moved)
		}
		was = d
	}
}
