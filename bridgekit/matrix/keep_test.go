package matrix

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What is listed among the direct chats stays, whatever it is.
func TestListDirect(t *testing.T) {
	tests := map[string]struct {
		before, after string
		changed, odd  bool
	}{
		"empty":            {before: `{}`, after: `{"@g:test":["!r:test"]}`, changed: true},
		"another's":        {before: `{"@x:test":["!a:test"]}`, after: `{"@g:test":["!r:test"],"@x:test":["!a:test"]}`, changed: true},
		"theirs":           {before: `{"@g:test":["!a:test"]}`, after: `{"@g:test":["!a:test","!r:test"]}`, changed: true},
		"there":            {before: `{"@g:test":["!r:test"]}`, after: `{"@g:test":["!r:test"]}`},
		"under another":    {before: `{"@x:test":["!r:test"]}`, after: `{"@x:test":["!r:test"]}`},
		"an odd neighbour": {before: `{"@x:test":7}`, after: `{"@g:test":["!r:test"],"@x:test":7}`, changed: true},
		"odd":              {before: `{"@g:test":"x"}`, after: `{"@g:test":"x"}`, odd: true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			all := map[string]json.RawMessage{}
			if err := json.Unmarshal([]byte(test.before), &all); err != nil {
				t.Fatal(err)
			}
			changed, err := listDirect(all, "@g:test", "!r:test")
			after, merr := json.Marshal(all)
			if merr != nil {
				t.Fatal(merr)
			}
			if d := cmp.Diff(test.after, string(after)); d != "" || changed != test.changed && !test.odd || (err != nil) != test.odd {
				t.Errorf("changed %v, err %v: %s", changed, err, d)
			}
		})
	}
}
