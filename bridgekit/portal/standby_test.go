package portal

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/causeway-chat/causeway/bridgekit/matrix"
)

// Who types is not told long after; what was read is.
func TestDropStale(t *testing.T) {
	const typing, receipt = `{"type":"m.typing"}`, `{"type":"m.receipt"}`
	for name, test := range map[string]struct {
		age  time.Duration
		want []string
	}{
		"at once":         {time.Second, []string{typing, receipt, "no event"}},
		"a minute behind": {time.Minute, []string{receipt, "no event"}},
	} {
		t.Run(name, func(t *testing.T) {
			tr := matrix.Transaction{Ephemeral: []json.RawMessage{[]byte(typing), []byte(receipt), []byte("no event")}}
			dropStale(&tr, test.age)
			var got []string
			for _, raw := range tr.Ephemeral {
				got = append(got, string(raw))
			}
			if d := cmp.Diff(test.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}
