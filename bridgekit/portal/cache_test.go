package portal

import (
	"testing"

	"github.com/causeway-chat/causeway/bridgekit/store"
)

// Whether a message's room has other networks is asked a few times for each message:
// for a room that is known it costs neither a question to the database nor memory.
func TestSeveral(t *testing.T) {
	c := newCache(nil) // a question to the database would be a panic
	for _, p := range []store.Portal{{ID: 1, Room: "one"}, {ID: 2, Room: "two"}, {ID: 3, Room: "two"}} {
		c.put(p)
	}
	c.byRoom["one"], c.byRoom["two"], c.byRoom["none"] = []int64{1}, []int64{2, 3}, []int64{}
	for room, want := range map[string]bool{"one": false, "two": true, "none": false} {
		if got, err := c.several(t.Context(), room); err != nil || got != want {
			t.Errorf("%s: %v, %v", room, got, err)
		}
	}
	if n := testing.AllocsPerRun(100, func() { _, _ = c.several(t.Context(), "one") }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
