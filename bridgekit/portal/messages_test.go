package portal

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/store"
)

// The map's memory is said to hold all rows of a message only if it does: not of one
// that an earlier process may have mapped, nor of one whose rows have left the ring.
func TestMessagesCovered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMessageMap(nil)
		made := time.Now()
		check := func(what string, at time.Time, want bool) {
			t.Helper()
			if got := m.covers(at); got != want {
				t.Errorf("%s: %v", what, got)
			}
		}
		check("older than the process", made.Add(-time.Hour), false)
		time.Sleep(time.Minute)
		sent := time.Now()
		check("new", sent, true)
		for i := range recentRows + 1 {
			m.put(store.Message{Portal: 1, Event: fmt.Sprint(i), Remote: network.MessageID(fmt.Sprint(i))})
		}
		if m.recent(1, "0") {
			t.Fatal("the ring holds more than it should")
		}
		check("of the time of a row that has left", sent, false)
		time.Sleep(time.Minute)
		again := time.Now()
		check("new again", again, true)
		for i := range 2*recentRows + 1 {
			m.putNamed(store.Message{Portal: 1, Event: fmt.Sprint("n", i), Remote: network.MessageID(fmt.Sprint("n", i))})
		}
		check("of the time of a row that the journal knows", again, true)
	})
}
