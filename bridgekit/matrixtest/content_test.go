package matrixtest

import (
	"encoding/json"
	"reflect"
	"testing"
)

// FuzzDraft checks that what is accepted is the same JSON, compact, and that
// nothing that is not an object is.
func FuzzDraft(f *testing.F) {
	for _, s := range []string{
		`{}`, ` { "a" : [ 1 , -2 ] } `, `{"a":"\"1.5\\"}`, `{"m.relates_to":{"rel_type":"m.annotation","event_id":"$x","key":"y"}}`,
		`{"m.relates_to":[]}`, `{"a":1.5}`, `[]`, `{"a":"\ud800"}`, `{"m.mentions":{"room":true}}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		d, err := newDraft("x.y", "@a:test", nil, append([]byte(nil), in...), 1)
		if err != nil {
			return
		}
		var was, is map[string]any
		if json.Unmarshal(in, &was) != nil || json.Unmarshal(d.content, &is) != nil || !reflect.DeepEqual(was, is) {
			t.Errorf("%q became %q", in, d.content)
		}
		e := &Event{ID: "$e", Type: "x.y", Sender: "@a:test", Content: d.content}
		if raw, err := e.MarshalJSON(); err != nil || !json.Valid(raw) {
			t.Errorf("%q encodes as %q", in, raw)
		}
	})
}

func TestPrune(t *testing.T) {
	key := ""
	for _, tt := range []struct{ typ, version, in, want string }{
		{"m.room.create", "11", `{"creator":"x","a":1}`, `{"creator":"x","a":1}`},
		{"m.room.create", "10", `{"creator":"x","a":1}`, `{"creator":"x"}`},
		{"m.room.power_levels", "10", `{"invite":1,"ban":2}`, `{"ban":2}`},
		{"m.room.power_levels", "11", `{"invite":1,"ban":2}`, `{"ban":2,"invite":1}`},
		{"m.room.join_rules", "7", `{"join_rule":"x","allow":[]}`, `{"join_rule":"x"}`},
		{"m.room.join_rules", "8", `{"join_rule":"x","allow":[]}`, `{"allow":[],"join_rule":"x"}`},
		{"m.room.history_visibility", "11", `{"history_visibility":"x","a":1}`, `{"history_visibility":"x"}`},
		{"m.room.redaction", "11", `{"redacts":"x","reason":"y"}`, `{"redacts":"x"}`},
		{"m.room.redaction", "10", `{"redacts":"x","reason":"y"}`, `{}`},
		{"m.room.aliases", "5", `{"aliases":[],"a":1}`, `{"aliases":[]}`},
		{"m.room.aliases", "6", `{"aliases":[],"a":1}`, `{}`},
		{"m.room.member", "8", `{"membership":"join","join_authorised_via_users_server":"x"}`, `{"membership":"join"}`},
		{"m.room.name", "11", `{"name":"x"}`, `{}`},
	} {
		e := &Event{Type: tt.typ, StateKey: &key, Content: json.RawMessage(tt.in)}
		if got := string(prune(e, tt.version)); got != tt.want {
			t.Errorf("%s in version %s: %s, want %s", tt.typ, tt.version, got, tt.want)
		}
	}
}
