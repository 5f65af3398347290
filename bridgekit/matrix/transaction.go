package matrix

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
)

// A Transaction is what the homeserver pushed at once. Elements are as they
// came, each valid JSON unless it is nested thousands of levels deep, and of any
// shape: what is no event at all becomes a dead letter of the caller's.
type Transaction struct {
	ID string // proves nothing, see Intake.Events
	// Events are room events, oldest first as the server sees it.
	Events []json.RawMessage
	// Ephemeral are typing, receipts and presence (MSC2409, also under its
	// unstable name).
	Ephemeral []json.RawMessage
	// ToDevice are to-device events (MSC2409 and MSC4203).
	ToDevice []json.RawMessage
	// DeviceLists, OneTimeKeys and FallbackKeys are the extensions of
	// MSC3202 as they came, nil if absent.
	DeviceLists  json.RawMessage
	OneTimeKeys  json.RawMessage
	FallbackKeys json.RawMessage
}

// ParseTransaction takes a transaction apart. It is false only for what is not
// JSON. A list that is no list is taken as its own only element, so that nothing
// disappears unseen; JSON that is no object holds nothing.
func ParseTransaction(raw []byte) (Transaction, bool) {
	var fields map[string]json.RawMessage
	err := json.Unmarshal(raw, &fields)
	var wrongType *json.UnmarshalTypeError
	switch {
	case errors.As(err, &wrongType):
		return Transaction{}, true // valid, and not an object
	case tooDeep(err):
		var ok bool
		if fields, ok = splitDeep(raw); !ok {
			return Transaction{}, false
		}
	case err != nil:
		return Transaction{}, false
	}
	return Transaction{
		Events:       elements(fields, "events"),
		Ephemeral:    elements(fields, "ephemeral", "de.sorunome.msc2409.ephemeral"),
		ToDevice:     elements(fields, "to_device", "de.sorunome.msc2409.to_device"),
		DeviceLists:  first(fields, "device_lists", "org.matrix.msc3202.device_lists"),
		OneTimeKeys:  first(fields, "device_one_time_keys_count", "org.matrix.msc3202.device_one_time_keys_count", "org.matrix.msc3202.device_one_time_key_counts"),
		FallbackKeys: first(fields, "device_unused_fallback_key_types", "org.matrix.msc3202.device_unused_fallback_key_types"),
	}, true
}

// elements joins the lists of all names. A server that is in between two
// versions of a name sends one of them.
func elements(fields map[string]json.RawMessage, names ...string) []json.RawMessage {
	var out []json.RawMessage
	for _, name := range names {
		v := bytes.TrimSpace(fields[name])
		if len(v) == 0 || string(v) == "null" {
			continue
		}
		var list []json.RawMessage
		if err := json.Unmarshal(v, &list); err == nil {
			out = append(out, list...)
		} else if list, ok := splitList(v); ok {
			out = append(out, list...)
		} else {
			out = append(out, v)
		}
	}
	return out
}

func first(fields map[string]json.RawMessage, names ...string) json.RawMessage {
	for _, name := range names {
		if v := fields[name]; len(v) > 0 && string(v) != "null" {
			return v
		}
	}
	return nil
}

// splitDeep is for JSON that encoding/json refuses because something in it is
// nested more than 10,000 levels deep: valid all the same, and one such event
// must not hold up the others. It reads tokens, which have no such limit.
// The fields are none for what is no object; false: not JSON.
func splitDeep(raw []byte) (map[string]json.RawMessage, bool) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	fields := map[string]json.RawMessage{}
	if t, err := dec.Token(); err != nil {
		return nil, false
	} else if t != json.Delim('{') {
		dec = json.NewDecoder(bytes.NewReader(raw))
		_, ok := skip(dec, raw)
		return fields, ok && ended(dec)
	}
	for dec.More() {
		key, err := dec.Token()
		name, ok := key.(string)
		if err != nil || !ok {
			return nil, false
		}
		value, ok := skip(dec, raw)
		if !ok {
			return nil, false
		}
		fields[name] = value
	}
	if _, err := dec.Token(); err != nil {
		return nil, false
	}
	return fields, ended(dec)
}

// ended reports whether nothing follows.
func ended(dec *json.Decoder) bool {
	_, err := dec.Token()
	return errors.Is(err, io.EOF)
}

// splitList is the elements of a list that is too deep for encoding/json.
func splitList(raw []byte) ([]json.RawMessage, bool) {
	if len(raw) == 0 || raw[0] != '[' {
		return nil, false
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	if _, err := dec.Token(); err != nil {
		return nil, false
	}
	var out []json.RawMessage
	for dec.More() {
		value, ok := skip(dec, raw)
		if !ok {
			return nil, false
		}
		out = append(out, value)
	}
	return out, true
}

// skip reads one value and returns its bytes.
func skip(dec *json.Decoder, raw []byte) (json.RawMessage, bool) {
	start := dec.InputOffset()
	for depth := 0; ; {
		t, err := dec.Token()
		if err != nil {
			return nil, false
		}
		switch t {
		case json.Delim('{'), json.Delim('['):
			depth++
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
		if depth == 0 {
			return bytes.TrimLeft(raw[start:dec.InputOffset()], " \t\r\n:,"), true
		}
	}
}

// tooDeep reports encoding/json's refusal of deep nesting, which has no type of
// its own; a test pins the text.
func tooDeep(err error) bool {
	var syntax *json.SyntaxError
	return errors.As(err, &syntax) && strings.Contains(err.Error(), "exceeded max depth")
}
