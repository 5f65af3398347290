package portal

import (
	"testing"

	"github.com/causeway-chat/causeway/bridgekit/network"
)

// TestSuperseded: an older version of a message is not shown over a newer one; what the
// network does not count is.
func TestSuperseded(t *testing.T) {
	s := &Service{}
	for _, c := range []struct {
		portal  int64
		id      network.MessageID
		version int64
		want    bool
	}{
		{1, "a", 5, false}, {1, "a", 5, false}, {1, "a", 4, true}, {1, "a", 6, false}, {1, "a", 5, true},
		{2, "a", 4, false}, {1, "b", 4, false}, {1, "a", 0, false},
	} {
		ed := &network.Edit{Target: network.Whole(c.id), Version: c.version}
		if got := s.superseded(c.portal, ed); got != c.want {
			t.Errorf("version %d of %s in %d: %v, want %v", c.version, c.id, c.portal, got, c.want)
		}
	}
}
