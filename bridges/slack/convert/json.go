package convert

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// An object is a JSON object whose fields may be missing or of any type: each
// getter returns the zero value for what is not of its type.
type object map[string]any

// errNoObject says that the JSON is not an object.
var errNoObject = errors.New("not a JSON object")

// decode reads one JSON object. Numbers keep their digits.
func decode(raw []byte) (object, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, fmt.Errorf("decode: %w", err)
	}
	m, ok := v.(map[string]any)
	if !ok {
		return nil, errNoObject
	}
	return m, nil
}

// str is a text, or a number's digits.
func (o object) str(key string) string {
	switch v := o[key].(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	}
	return ""
}

// num is a number, or a text that is one; 0 if it is no number or not finite.
func (o object) num(key string) float64 {
	f, err := strconv.ParseFloat(o.str(key), 64)
	if err != nil || f != f || f > 1<<60 || f < -1<<60 {
		return 0
	}
	return f
}

func (o object) int(key string) int { return int(o.num(key)) }

func (o object) bool(key string) bool {
	b, ok := o[key].(bool)
	return ok && b
}

// is reports whether the field is there and not null.
func (o object) is(key string) bool { return o[key] != nil }

func (o object) obj(key string) object {
	m, _ := o[key].(map[string]any)
	return m
}

func (o object) list(key string) []any {
	l, _ := o[key].([]any)
	return l
}

// objs are the objects of a list.
func (o object) objs(key string) []object { return objects(o.list(key)) }

func objects(list []any) []object {
	var out []object
	for _, v := range list {
		if m, ok := v.(map[string]any); ok {
			out = append(out, m)
		}
	}
	return out
}

// strs are the texts of a list.
func (o object) strs(key string) []string {
	var out []string
	for _, v := range o.list(key) {
		if s, ok := v.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

// first is the first of texts that shows something.
func first(texts ...string) string {
	for _, t := range texts {
		if strings.TrimSpace(t) != "" {
			return t
		}
	}
	return ""
}
