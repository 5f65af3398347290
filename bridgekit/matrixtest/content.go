package matrixtest

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Limits of the specification ("Size limits").
const (
	maxEvent = 65536
	maxField = 255
	// pduOverhead is about what the federation format adds to an event:
	// auth and previous events, hashes, a signature.
	pduOverhead = 700
	// maxInt is the largest whole number of canonical JSON.
	maxInt = 1<<53 - 1
)

// A relation is m.relates_to as far as a server looks at it.
type relation struct {
	Type    string
	EventID string
	Key     string
}

// A draft is an event that was asked for, checked as far as it can be
// without looking at its room.
type draft struct {
	typ      string
	sender   string
	stateKey *string
	content  json.RawMessage // compact
	rel      relation
	redacts  string
	ts       int64
	txn      string
	txnScope string
}

// newDraft checks a content and its place.
func newDraft(typ, sender string, stateKey *string, content []byte, ts int64) (draft, *Error) {
	d := draft{typ: typ, sender: sender, stateKey: stateKey, ts: ts}
	var err *Error
	if d.content, err = canonical(content); err != nil {
		return d, err
	}
	size := len(d.content) + len(typ) + len(sender) + maxField + pduOverhead
	for name, v := range map[string]*string{"type": &typ, "sender": &sender, "state_key": stateKey} {
		if v != nil && len(*v) > maxField {
			return d, fail(http.StatusRequestEntityTooLarge, codeTooLarge, "'%s' too large", name)
		}
	}
	if stateKey != nil {
		size += len(*stateKey)
	}
	if size > maxEvent {
		return d, fail(http.StatusRequestEntityTooLarge, codeTooLarge, "event too large")
	}
	if err := checkContent(&d); err != nil {
		return d, err
	}
	d.rel, err = parseRelation(d.content)
	return d, err
}

// canonical checks that b is an object of canonical JSON (appendix of the
// specification) but for the order of keys, and makes it compact. Its own
// pass over the bytes is what keeps sending cheap.
func canonical(b []byte) (json.RawMessage, *Error) {
	if !json.Valid(b) {
		return nil, badRequest(codeNotJSON, "Content not JSON.")
	}
	if !utf8.Valid(b) {
		return nil, badRequest(codeNotJSON, "Content not UTF-8.")
	}
	if bytes.TrimLeft(b, " \t\r\n")[0] != '{' {
		return nil, badJSON("Content must be a JSON object.")
	}
	loose := false
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case c == '"':
			i = endOfString(b, i)
		case c == ' ' || c == '\n' || c == '\t' || c == '\r':
			loose = true
		case c == '-' || c >= '0' && c <= '9':
			end := i
			for end < len(b) && strings.IndexByte("+-.eE0123456789", b[end]) >= 0 {
				end++
			}
			n, err := strconv.ParseInt(string(b[i:end]), 10, 64)
			if err != nil || n > maxInt || n < -maxInt {
				return nil, badJSON("JSON number %s is not a whole number within 2^53", b[i:end])
			}
			i = end - 1
		}
	}
	if !loose {
		return b, nil
	}
	var out bytes.Buffer
	_ = json.Compact(&out, b) // valid: cannot fail
	return out.Bytes(), nil
}

// endOfString returns the index of the closing quote of the string at i.
func endOfString(b []byte, i int) int {
	for i++; b[i] != '"'; i++ {
		if b[i] == '\\' {
			i++
		}
	}
	return i
}

// A rule is what a server asks of the content of an event type.
type rule struct {
	state   bool     // must be a state event
	strings []string // keys that must be there and be strings
}

// ruleFor returns Synapse's rules for new events.
func ruleFor(typ string) rule {
	switch typ {
	case "m.room.message":
		return rule{strings: []string{"body", "msgtype"}}
	case "m.room.topic":
		return rule{state: true, strings: []string{"topic"}}
	case "m.room.name":
		return rule{state: true, strings: []string{"name"}}
	case "m.room.member":
		return rule{state: true, strings: []string{"membership"}}
	case "m.room.tombstone":
		return rule{state: true, strings: []string{"replacement_room"}}
	}
	return rule{}
}

func checkContent(d *draft) *Error {
	r := ruleFor(d.typ)
	if r.state && d.stateKey == nil {
		return badRequest(codeUnknown, "'%s' must be state events", d.typ)
	}
	mentions := bytes.Contains(d.content, []byte(`"m.mentions"`))
	if len(r.strings) == 0 && !mentions {
		return nil
	}
	var fields map[string]json.RawMessage
	if err := decodeObject(d.content, &fields); err != nil {
		return err
	}
	for _, key := range r.strings {
		v, ok := fields[key]
		switch {
		case !ok:
			return badRequest(codeUnknown, "'%s' not in content", key)
		case v[0] != '"':
			return badRequest(codeUnknown, "'%s' not a string type", key)
		}
	}
	if d.typ == "m.room.member" && !slices.Contains([]string{"join", "leave", "invite", "ban", "knock"}, textOf(d.content, "membership")) {
		return badRequest(codeUnknown, "Invalid membership key")
	}
	if m, ok := fields["m.mentions"]; ok {
		var form struct {
			UserIDs []string `json:"user_ids"`
			Room    bool     `json:"room"`
		}
		return decodeObject(m, &form)
	}
	return nil
}

// parseRelation reads m.relates_to; malformed ones are no relation, as on
// Synapse.
func parseRelation(content []byte) (relation, *Error) {
	if !bytes.Contains(content, []byte(`"m.relates_to"`)) {
		return relation{}, nil
	}
	var fields struct {
		RelatesTo json.RawMessage `json:"m.relates_to"`
	}
	var form struct {
		RelType string          `json:"rel_type"`
		EventID string          `json:"event_id"`
		Key     json.RawMessage `json:"key"`
	}
	if json.Unmarshal(content, &fields) != nil || json.Unmarshal(fields.RelatesTo, &form) != nil {
		return relation{}, nil
	}
	if form.RelType == "" || form.EventID == "" {
		return relation{}, nil
	}
	rel := relation{Type: form.RelType, EventID: form.EventID}
	if rel.Type == "m.annotation" {
		if json.Unmarshal(form.Key, &rel.Key) != nil {
			return rel, badRequest(codeUnknown, "Missing aggregation key")
		}
		if len([]rune(rel.Key)) > 500 {
			return rel, badRequest(codeUnknown, "Aggregation key is too long")
		}
	}
	return rel, nil
}

// textOf returns a string of an object by its key, "" if it is none.
func textOf(object []byte, key string) string {
	var fields map[string]json.RawMessage
	var s string
	if json.Unmarshal(object, &fields) == nil {
		_ = json.Unmarshal(fields[key], &s) // another type leaves ""
	}
	return s
}
