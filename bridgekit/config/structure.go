package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// A field is a field of a struct that the file may set.
type field struct {
	name  string
	value reflect.Value
}

// fields lists the exported fields of a struct under their yaml names, those of
// inlined structs too.
func fields(v reflect.Value) []field {
	var list []field
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if !f.IsExported() {
			continue
		}
		name, options, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		switch {
		case name == "-":
		case strings.Contains(options, "inline") && f.Type.Kind() == reflect.Struct:
			list = append(list, fields(v.Field(i))...)
		case name == "":
			list = append(list, field{strings.ToLower(f.Name), v.Field(i)})
		default:
			list = append(list, field{name, v.Field(i)})
		}
	}
	return list
}

// structure fills a struct.
func (d *decoder) structure(n *yaml.Node, v reflect.Value, path string) {
	known := fields(v)
	find := func(name string) *field {
		i := slices.IndexFunc(known, func(f field) bool { return f.name == name })
		if i < 0 {
			return nil
		}
		return &known[i]
	}
	set := map[string]string{} // name → key that set it
	d.pairs(n, path, func(key, value *yaml.Node) {
		f, source := find(key.Value), ""
		for _, suffix := range []string{"_file", "_env"} {
			if base, ok := strings.CutSuffix(key.Value, suffix); ok && f == nil {
				if g := find(base); g != nil && isText(g.value.Type()) {
					f, source = g, suffix
				}
			}
		}
		if f == nil {
			d.unknown(key, path, known)
			return
		}
		if by, ok := set[f.name]; ok {
			d.problem(key, "%s and %s are both set: remove one", by, key.Value)
			return
		}
		set[f.name] = key.Value
		switch source {
		case "":
			d.value(value, f.value, join(path, f.name))
		default:
			d.secret(value, f.value, join(path, f.name), source)
		}
	})
}

// unknown reports a key that is not known, with the nearest one that is.
func (d *decoder) unknown(key *yaml.Node, path string, known []field) {
	names := make([]string, len(known))
	for i, f := range known {
		names[i] = f.name
	}
	place := ""
	if path != "" {
		place = " in " + path
	}
	if near := nearest(key.Value, names); near != "" {
		d.problem(key, "there is no key %q%s; did you mean %q?", key.Value, place, near)
		return
	}
	d.problem(key, "there is no key %q%s; known are %s", key.Value, place, strings.Join(names, ", "))
}

// secret fills a text value from the file or the environment variable that n
// names. Errors do not repeat what is in there.
func (d *decoder) secret(n *yaml.Node, v reflect.Value, path, source string) {
	d.at[path] = position{n.Line, n.Column}
	if n.Kind != yaml.ScalarNode || n.Value == "" {
		d.fail(path, n, "%s%s must be the name of %s", path, source,
			map[string]string{"_file": "a file", "_env": "an environment variable"}[source])
		return
	}
	var text, where string
	if source == "_env" {
		value, ok := d.env(n.Value)
		if !ok || value == "" {
			d.fail(path, n, "%s_env: the environment variable %s is not set", path, n.Value)
			return
		}
		text, where = value, "the environment variable "+n.Value
	} else {
		name := n.Value
		if !filepath.IsAbs(name) {
			name = filepath.Join(d.dir, name)
		}
		data, err := readSmall(name)
		if err != nil {
			d.fail(path, n, "%s_file: %v", path, err)
			return
		}
		text, where = strings.TrimSpace(string(data)), "the file "+n.Value
		d.secretFiles = append(d.secretFiles, name)
		if text == "" {
			d.fail(path, n, "%s_file: %s is empty", path, n.Value)
			return
		}
	}
	if err := setText(v, text); err != nil {
		d.fail(path, n, "%s: what is in %s cannot be used: %v", path, where, withoutText(err, text))
	}
}

// withoutText is err's words with the secret taken out.
func withoutText(err error, text string) string {
	return strings.ReplaceAll(strings.ReplaceAll(err.Error(), fmt.Sprintf("%q", text), "it"), text, "…")
}

const maxFile = 1 << 20 // bytes of a configuration or secret file

// readSmall reads a regular file of at most maxFile bytes. Errors are in words
// and name the file.
func readSmall(path string) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("there is no file %s", path)
	case err != nil:
		return nil, readError(path, err)
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is not a file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, readError(path, err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, readError(path, err)
	}
	if len(data) > maxFile {
		return nil, fmt.Errorf("%s is larger than 1 MiB, so it is not what is meant", path)
	}
	return data, nil
}

func readError(path string, err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		err = p.Err
	}
	return fmt.Errorf("cannot read %s: %w", path, err)
}
