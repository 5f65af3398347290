package portal

import (
	"testing"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/journal"
	"github.com/causeway-chat/causeway/bridgekit/network"
)

// Late is what was set aside because its key was missing, and not what the homeserver
// kept while Causeway was away.
func TestMarkLate(t *testing.T) {
	said := time.Now().Add(-time.Hour)
	for name, one := range map[string]struct {
		encrypted, tried bool
		created          time.Time
		want             string
	}{
		"its key came late":           {true, true, said.Add(10 * time.Minute), said.UTC().Format("(late, from 15:04 UTC) ") + "hello"},
		"the homeserver had kept it":  {true, false, said.Add(10 * time.Minute), "hello"},
		"tried again in time":         {true, true, said.Add(time.Second), "hello"},
		"never encrypted, and failed": {false, true, said.Add(10 * time.Minute), "hello"},
	} {
		o := &outbound{encrypted: one.encrypted, e: &journal.Entry{Tried: one.tried, Created: one.created}, evt: &rawEvent{TS: said.UnixMilli()}}
		c := network.Text("hello")
		if o.markLate(&c); c.Parts[0].Text.String() != one.want {
			t.Errorf("%s: it says %q, not %q", name, c.Parts[0].Text.String(), one.want)
		}
	}
}
