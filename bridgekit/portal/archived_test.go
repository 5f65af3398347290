package portal

import (
	"maps"
	"testing"

	"maunium.net/go/mautrix/event"

	"github.com/causeway-chat/causeway/bridgekit/store"
)

// What it takes to speak is given back when a chat is not archived any more, unless
// somebody changed it meanwhile.
func TestOpenLevels(t *testing.T) {
	for _, c := range []struct {
		closed, now, want map[string]int // "": the default
	}{
		{map[string]int{"": 0}, map[string]int{"": 100}, map[string]int{"": 0}},
		{map[string]int{"": 10, "m.sticker": 20}, map[string]int{"": 100, "m.sticker": 100}, map[string]int{"": 10, "m.sticker": 20}},
		{map[string]int{"": 0, "m.sticker": 20}, map[string]int{"": 7, "m.sticker": 30}, map[string]int{"": 7, "m.sticker": 30}},
		{map[string]int{"": 0, "m.sticker": 20}, map[string]int{"": 100}, map[string]int{"": 0}},
		{nil, map[string]int{"": 100}, map[string]int{"": 100}}, // it was so before
	} {
		events := maps.Clone(c.now)
		delete(events, "")
		l := &event.PowerLevelsEventContent{EventsDefault: c.now[""], Events: events}
		x := &inbound{p: store.Portal{Info: store.PortalInfo{Closed: c.closed}}}
		if err := x.openLevels(t.Context(), l); err != nil {
			t.Fatal(err)
		}
		got := maps.Clone(l.Events)
		got[""] = l.EventsDefault
		if !maps.Equal(got, c.want) {
			t.Errorf("%v with %v becomes %v, want %v", c.now, c.closed, got, c.want)
		}
	}
}

// A topic is taken apart as it was put together.
func TestSplitTopic(t *testing.T) {
	about := func(s string) *string { return &s }
	for _, c := range []struct {
		text, topic string
		purpose     *string
	}{
		{"", "", nil},
		{"sails", "sails", nil},
		{roomTopic("sails", "ships"), "sails", about("ships")},
		{roomTopic("", "ships\nand boats"), "", about("ships\nand boats")},
		{"sails\nAbout:", "sails", about("")},
		{"All About: this", "All About: this", nil},
	} {
		topic, purpose := splitTopic(c.text)
		if topic != c.topic || (purpose == nil) != (c.purpose == nil) || purpose != nil && *purpose != *c.purpose {
			t.Errorf("%q is %q and %v", c.text, topic, purpose)
		}
	}
}
