package matrixtest

import (
	"encoding/json"
	"strconv"
	"time"
	"unicode/utf8"
)

// An Event is one event of a room. It is immutable and shared: do not change
// what its pointers lead to.
type Event struct {
	ID       string
	Room     string
	Type     string
	Sender   string
	StateKey *string         // nil: not a state event
	Content  json.RawMessage // compact; pruned if the event was redacted
	TS       int64           // origin_server_ts, in milliseconds since 1970
	Pos      int64           // order of arrival over all rooms, from 1
	Redacts  string          // of m.room.redaction: the event it removed
	// RedactedBy is the redaction that removed this event's content, and
	// Original the content before it.
	RedactedBy *Event
	Original   json.RawMessage

	rel        relation
	membership string // of m.room.member
	prev       *Event // the state event that this one replaced
	txn        string // transaction ID of the sender's request
	txnScope   string // and whose it was
}

// Time is origin_server_ts.
func (e *Event) Time() time.Time { return time.UnixMilli(e.TS) }

// Decode reads the content, of a redacted event what remains, into v.
func (e *Event) Decode(v any) error { return json.Unmarshal(e.Content, v) }

// Text returns a string of the content by its key, "" if there is none.
func (e *Event) Text(key string) string { return textOf(e.Content, key) }

// Body returns the text of a message.
func (e *Event) Body() string { return e.Text("body") }

// MarshalJSON encodes the event as clients get it.
func (e *Event) MarshalJSON() ([]byte, error) {
	return appendEvent(nil, e, eventForm{room: true}), nil
}

// An eventForm says what goes into an encoded event beside its fields.
type eventForm struct {
	room   bool              // room_id; /sync leaves it out
	now    int64             // for unsigned.age; 0 leaves it out
	scope  string            // whose transaction IDs may be shown
	invite []json.RawMessage // stripped state for the person invited
}

func appendEvent(b []byte, e *Event, f eventForm) []byte {
	b = append(b, `{"type":`...)
	b = appendString(b, e.Type)
	b = append(b, `,"sender":`...)
	b = appendString(b, e.Sender)
	b = append(b, `,"event_id":`...)
	b = appendString(b, e.ID)
	if f.room {
		b = append(b, `,"room_id":`...)
		b = appendString(b, e.Room)
	}
	if e.StateKey != nil {
		b = append(b, `,"state_key":`...)
		b = appendString(b, *e.StateKey)
	}
	if e.Redacts != "" {
		b = append(b, `,"redacts":`...)
		b = appendString(b, e.Redacts)
	}
	b = append(b, `,"origin_server_ts":`...)
	b = strconv.AppendInt(b, e.TS, 10)
	b = append(b, `,"content":`...)
	b = append(b, e.Content...)
	b = appendUnsigned(b, e, f)
	return append(b, '}')
}

func appendUnsigned(b []byte, e *Event, f eventForm) []byte {
	start := len(b)
	b = append(b, `,"unsigned":{`...)
	empty := len(b)
	field := func(name string) {
		if len(b) > empty {
			b = append(b, ',')
		}
		b = append(b, '"')
		b = append(b, name...)
		b = append(b, '"', ':')
	}
	if f.now != 0 {
		field("age")
		b = strconv.AppendInt(b, f.now-e.TS, 10)
	}
	if e.prev != nil {
		field("replaces_state")
		b = appendString(b, e.prev.ID)
		field("prev_sender")
		b = appendString(b, e.prev.Sender)
		field("prev_content")
		b = append(b, e.prev.Content...)
	}
	if e.RedactedBy != nil {
		field("redacted_by")
		b = appendString(b, e.RedactedBy.ID)
		field("redacted_because")
		b = appendEvent(b, e.RedactedBy, eventForm{room: f.room})
	}
	if e.txn != "" && f.scope == e.txnScope {
		field("transaction_id")
		b = appendString(b, e.txn)
	}
	if f.invite != nil {
		field("invite_room_state")
		list, _ := json.Marshal(f.invite) // valid by construction
		b = append(b, list...)
	}
	if len(b) == empty {
		return b[:start]
	}
	return append(b, '}')
}

// appendString appends s as JSON.
func appendString(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			quoted, _ := json.Marshal(s) // a string: cannot fail
			return append(b, quoted...)
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}

// stripped is the event as people see it who are not in the room yet.
func stripped(e *Event) json.RawMessage {
	b := append([]byte(nil), `{"type":`...)
	b = appendString(b, e.Type)
	b = append(b, `,"sender":`...)
	b = appendString(b, e.Sender)
	b = append(b, `,"state_key":`...)
	b = appendString(b, *e.StateKey)
	b = append(b, `,"content":`...)
	b = append(b, e.Content...)
	return append(b, '}')
}

// mustJSON encodes a value of this package's own making.
func mustJSON(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		panic("matrixtest: encode: " + err.Error())
	}
	return b
}
