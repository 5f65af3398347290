package config

import (
	"bytes"
	"encoding"
	"errors"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// position is a place in a file, from 1.
type position struct{ line, column int }

// A decoder fills values from YAML nodes and collects what is wrong, instead of
// stopping at the first error or naming Go types as yaml.v3's own does.
type decoder struct {
	file     string
	dir      string
	env      func(string) (string, bool)
	problems Problems
	at       map[string]position // of every value, by path ("homeserver.url")

	// failed are the paths of values that were there but not understood, so
	// that nothing else needs saying about them. "" is the whole file.
	failed map[string]bool

	secretFiles []string // that were read
}

// nodeDecoder is a value that decodes itself.
type nodeDecoder interface {
	decodeNode(d *decoder, n *yaml.Node, path string)
}

func (d *decoder) problem(n *yaml.Node, format string, args ...any) {
	d.problemAt(position{n.Line, n.Column}, format, args...)
}

// fail is problem, and marks the value at path as failed.
func (d *decoder) fail(path string, n *yaml.Node, format string, args ...any) {
	d.failed[path] = true
	d.problem(n, format, args...)
}

func (d *decoder) problemAt(at position, format string, args ...any) {
	d.problems = append(d.problems, Problem{
		File: d.file, Line: max(at.line, 1), Column: max(at.column, 1), Text: fmt.Sprintf(format, args...),
	})
}

// document parses data, one YAML document of keys and values; nil if it is
// empty or broken.
func (d *decoder) document(data []byte) *yaml.Node {
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var doc yaml.Node
	if err := dec.Decode(&doc); err != nil {
		if !errors.Is(err, io.EOF) {
			d.syntax(err)
		}
		return nil
	}
	var second yaml.Node
	if err := dec.Decode(&second); err == nil {
		d.problem(&second, "a second document begins here; the configuration is one document: remove the line ---")
	} else if !errors.Is(err, io.EOF) {
		d.syntax(err)
	}
	if len(doc.Content) == 0 || isNull(doc.Content[0]) {
		return nil
	}
	if n := doc.Content[0]; n.Kind == yaml.MappingNode {
		return n
	}
	d.fail("", doc.Content[0], "the configuration must be keys and values, not %s", nodeKind(doc.Content[0]))
	return nil
}

// syntax reports an error of the YAML parser, which knows the line only.
func (d *decoder) syntax(err error) {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	line := 1
	if m := regexp.MustCompile(`^line (\d+): `).FindStringSubmatch(text); m != nil {
		line, _ = strconv.Atoi(m[1])
		text = text[len(m[0]):]
	}
	if strings.Contains(text, "cannot start any token") {
		text += " (a tab? indent with spaces)"
	}
	d.failed[""] = true
	d.problemAt(position{line, 1}, "this is not YAML: %s", text)
}

// value fills v, which is addressable, from n. Where n is null, v stays as it is.
func (d *decoder) value(n *yaml.Node, v reflect.Value, path string) {
	if n.Kind == yaml.AliasNode {
		d.fail(path, n, aliasText)
		return
	}
	if isNull(n) {
		return
	}
	d.at[path] = position{n.Line, n.Column}
	if own, ok := v.Addr().Interface().(nodeDecoder); ok {
		own.decodeNode(d, n, path)
		return
	}
	if isText(v.Type()) {
		d.text(n, v, path)
		return
	}
	if _, ok := v.Addr().Interface().(yaml.Unmarshaler); ok {
		if !d.hasAliases(n) {
			d.leaf(n, v, path)
		}
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		d.value(n, v.Elem(), path)
	case reflect.Struct:
		d.structure(n, v, path)
	case reflect.Map:
		d.mapping(n, v, path)
	case reflect.Slice:
		d.sequence(n, v, path)
	default:
		d.leaf(n, v, path)
	}
}

// text fills a value made from text: a string, a duration or something with
// UnmarshalText.
func (d *decoder) text(n *yaml.Node, v reflect.Value, path string) {
	if n.Kind != yaml.ScalarNode {
		d.fail(path, n, "%s must be %s, not %s", path, typeWords(v.Type()), nodeKind(n))
		return
	}
	if err := setText(v, n.Value); err != nil {
		d.fail(path, n, "%s: %v", path, err)
	}
}

// setText sets a value for which isText holds.
func setText(v reflect.Value, s string) error {
	if u, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		return u.UnmarshalText([]byte(s))
	}
	if v.Type() == reflect.TypeFor[time.Duration]() {
		dur, err := parseDuration(s)
		if err == nil {
			v.SetInt(int64(dur))
		}
		return err
	}
	v.SetString(s)
	return nil
}

// isText reports whether setText works on values of type t.
func isText(t reflect.Type) bool {
	return t.Kind() == reflect.String || t == reflect.TypeFor[time.Duration]() ||
		reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]())
}

// leaf fills a number, a truth value or something with UnmarshalYAML.
func (d *decoder) leaf(n *yaml.Node, v reflect.Value, path string) {
	if n.Tag == "!!float" && isInteger(v.Type()) { // yaml.v3 would cut it off
		d.fail(path, n, "%s must be %s, not %s", path, typeWords(v.Type()), n.Value)
		return
	}
	err := n.Decode(v.Addr().Interface())
	var typed *yaml.TypeError
	switch {
	case err == nil:
	case !errors.As(err, &typed):
		d.fail(path, n, "%s: %v", path, err)
	case n.Tag == "!!int" && isInteger(v.Type()):
		d.fail(path, n, "%s: %s is outside of what is possible", path, n.Value)
	default:
		d.fail(path, n, "%s must be %s, not %s", path, typeWords(v.Type()), nodeKind(n))
	}
}

// mapping fills a map with text keys.
func (d *decoder) mapping(n *yaml.Node, v reflect.Value, path string) {
	if v.IsNil() {
		v.Set(reflect.MakeMap(v.Type()))
	}
	d.pairs(n, path, func(key, value *yaml.Node) {
		if isNull(value) {
			d.problem(key, "%s has no value", join(path, key.Value))
			return
		}
		elem := reflect.New(v.Type().Elem()).Elem()
		d.value(value, elem, join(path, key.Value))
		k := reflect.New(v.Type().Key()).Elem()
		if !isText(k.Type()) {
			d.leaf(key, k, path)
		} else if err := setText(k, key.Value); err != nil {
			d.problem(key, "%s: %v", path, err)
			return
		}
		v.SetMapIndex(k, elem)
	})
}

// sequence fills a slice, replacing what is in it.
func (d *decoder) sequence(n *yaml.Node, v reflect.Value, path string) {
	if n.Kind != yaml.SequenceNode {
		d.fail(path, n, "%s must be a list, not %s", path, nodeKind(n))
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content)))
	for i, one := range n.Content {
		d.value(one, v.Index(i), fmt.Sprintf("%s[%d]", path, i))
	}
}

// pairs calls f for each key and value of a mapping, after the checks that are
// the same everywhere.
func (d *decoder) pairs(n *yaml.Node, path string, f func(key, value *yaml.Node)) {
	if n.Kind != yaml.MappingNode {
		d.fail(path, n, "%s must be keys and values, not %s", path, nodeKind(n))
		return
	}
	first := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		switch line, twice := first[key.Value]; {
		case key.Kind != yaml.ScalarNode || isNull(key):
			d.problem(key, "a key must be text")
		case key.Tag == "!!merge":
			d.problem(key, "merge keys (<<) are not used here: write the values out")
		case twice:
			d.problem(key, "%s is here twice, first in line %d: remove one", join(path, key.Value), line)
		default:
			first[key.Value] = key.Line
			f(key, value)
		}
	}
}

const aliasText = "anchors and aliases are not used here: write the value out"

// hasAliases reports the aliases in n; what decodes itself must not be fed a
// small file that expands to a huge one.
func (d *decoder) hasAliases(n *yaml.Node) bool {
	if n.Kind == yaml.AliasNode {
		d.problem(n, aliasText)
		return true
	}
	found := false
	for _, child := range n.Content {
		found = d.hasAliases(child) || found
	}
	return found
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

// nodeKind says in words what stands in the file.
func nodeKind(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "keys and values"
	case yaml.SequenceNode:
		return "a list"
	case yaml.AliasNode:
		return "an alias"
	}
	switch n.Tag {
	case "!!int", "!!float":
		return "a number"
	case "!!bool":
		return "true or false"
	case "!!null":
		return "nothing"
	}
	return "text"
}

// typeWords says in words what a value of type t is written as.
func typeWords(t reflect.Type) string {
	switch {
	case t == reflect.TypeFor[time.Duration]():
		return "a duration such as 30s or 7d"
	case isText(t):
		return "text"
	case isInteger(t):
		return "a whole number"
	}
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.Float32, reflect.Float64:
		return "a number"
	}
	return "something else"
}

func isInteger(t reflect.Type) bool { return t.Kind() >= reflect.Int && t.Kind() <= reflect.Uint64 }
