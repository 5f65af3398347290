package slack

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// TestPacerKeepsTiers counts how many calls a method gets through in five minutes.
func TestPacerKeepsTiers(t *testing.T) {
	for method, most := range map[string]int{"conversations.history": 50*5 + 25, "users.list": 20*5 + 10, "users.info": 100*5 + 100, "pins.add": 20*5 + 10, "bots.info": 50*5 + 25} {
		synctest.Test(t, func(t *testing.T) {
			p := newPacer(1)
			n, start := 0, time.Now()
			for time.Since(start) < 5*time.Minute {
				if wait := p.take(method); wait > 0 {
					time.Sleep(wait)
					continue
				}
				n++
			}
			if n > most+1 || n < most-25 {
				t.Errorf("%s was called %d times in five minutes, at most %d are allowed", method, n, most)
			}
		})
	}
}

// TestPacerObeys waits as long as Slack asks, with that method only.
func TestPacerObeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPacer(0)
		p.refused("chat.postMessage", 30*time.Second)
		p.refused("chat.postMessage", time.Second) // shorter: the longer one stands
		if wait := p.take("users.info"); wait != 0 {
			t.Errorf("another method waits for %v", wait)
		}
		if wait := p.take("chat.postMessage"); wait != 30*time.Second {
			t.Errorf("it waits for %v, want 30s", wait)
		}
		time.Sleep(30 * time.Second)
		if wait := p.take("chat.postMessage"); wait != 0 {
			t.Errorf("it waits for %v more", wait)
		}
	})
}

func TestPatience(t *testing.T) {
	if got := patienceOf(t.Context()); got != usualPatience {
		t.Errorf("the usual patience is %v", got)
	}
	if got := patienceOf(patient(context.Background(), time.Hour)); got != time.Hour {
		t.Errorf("patience is %v, want an hour", got)
	}
}
