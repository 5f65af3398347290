package registration

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// ErrExists is in the error of a Write that would replace a file.
var ErrExists = errors.New("the file exists already")

// YAML is the registration as its file has it, with a comment on top.
func (r Registration) YAML() ([]byte, error) {
	var b bytes.Buffer
	b.WriteString("# How the Matrix homeserver knows Causeway. Holds secrets: keep it private.\n")
	if r.URL == "" {
		b.WriteString("# This one lets Causeway act as every user of the domain (double puppets).\n")
	}
	b.WriteString("# The homeserver reads it when it starts: restart it after a change.\n")
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	if err := enc.Encode(r); err != nil {
		return nil, fmt.Errorf("encode registration: %w", err)
	}
	return b.Bytes(), enc.Close()
}

// Write stores r at path with mode 0600: whole or not at all, and durable when
// it returns. Without force it replaces nothing and returns ErrExists.
func Write(path string, r Registration, force bool) error {
	data, err := r.YAML()
	if err != nil {
		return err
	}
	return WriteFile(path, data, force)
}

// WriteFile is Write for other files with secrets. A file that is replaced
// hands on its mode and, where we may, its owner: the homeserver may depend on it.
func WriteFile(path string, data []byte, force bool) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".causeway-*") // with mode 0600
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer func() {
		f.Close()
		os.Remove(f.Name()) // nothing there after a rename
		if err != nil {
			err = fmt.Errorf("write %s: %w", path, err)
		}
	}()
	if _, err := f.Write(data); err != nil {
		return err
	}
	if old, err := os.Stat(path); err == nil && force {
		keepOwner(f, old)
		if err := f.Chmod(old.Mode().Perm()); err != nil {
			return err
		}
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := put(f.Name(), path, force); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}

// put gives the file at temp its name. A link fails where a rename would
// silently replace, also if the file appeared just now.
func put(temp, path string, force bool) error {
	if force {
		return os.Rename(temp, path)
	}
	err := os.Link(temp, path)
	if errors.Is(err, fs.ErrExist) {
		return ErrExists
	}
	if err == nil {
		return nil
	}
	// No links on this file system: look, then rename.
	if _, err := os.Lstat(path); err == nil {
		return ErrExists
	}
	return os.Rename(temp, path)
}

// Read reads a registration file. It is strict about the keys that it knows:
// errors name file and line and say what to do. It keeps the other keys.
func Read(path string) (Registration, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Registration{}, missingError(path)
	}
	if err != nil {
		return Registration{}, fmt.Errorf("read registration: %w", err)
	}
	defer f.Close()
	const most = 1 << 20
	data, err := io.ReadAll(io.LimitReader(f, most+1))
	if err != nil {
		return Registration{}, fmt.Errorf("read registration: %w", err)
	}
	if len(data) > most {
		return Registration{}, fmt.Errorf("%s:1: this is larger than 1 MiB, so it is no registration", path)
	}
	return Parse(path, data)
}

// A missingError says that there is no registration file of its name. It is fs.ErrNotExist.
type missingError string

func (e missingError) Error() string {
	return "there is no registration file " + string(e) + "; make it with: causeway registration update"
}

func (missingError) Is(target error) bool { return target == fs.ErrNotExist }

// Parse is Read of data; name stands for the file in errors.
func Parse(name string, data []byte) (Registration, error) {
	fail := func(line int, format string, args ...any) (Registration, error) {
		return Registration{}, fmt.Errorf("%s:%d: %w", name, max(line, 1), fmt.Errorf(format, args...))
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil {
		line, text := yamlError(err)
		return fail(line, "this is not YAML: %s", text)
	}
	if len(doc.Content) == 0 || doc.Content[0].Kind != yaml.MappingNode {
		return fail(doc.Line, "this is no registration: it needs the keys %s", strings.Join(required(), ", "))
	}
	root := doc.Content[0]
	for _, key := range required() {
		if find(root, key) == nil {
			return fail(root.Line, "the key %s is missing; make the file again with: causeway registration update", key)
		}
	}
	if line := alias(root); line > 0 {
		return fail(line, "anchors and aliases are not used here: write the value out")
	}
	for _, key := range []string{"id", "url", "as_token", "hs_token", "sender_localpart"} {
		if v := find(root, key); v.Kind != yaml.ScalarNode || (v.Tag == "!!null" && key != "url") {
			return fail(v.Line, "%s must be text", key)
		}
	}
	var r Registration
	if err := root.Decode(&r); err != nil {
		line, text := yamlError(err)
		return fail(line, "%s", text)
	}
	return r, nil
}

// required are the keys without which homeservers refuse a registration.
func required() []string {
	return []string{"id", "url", "as_token", "hs_token", "sender_localpart", "namespaces"}
}

// find is the value of a key, nil if there is none.
func find(n *yaml.Node, key string) *yaml.Node {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

// alias is the line of an alias in n, 0 if there is none.
func alias(n *yaml.Node) int {
	if n.Kind == yaml.AliasNode {
		return n.Line
	}
	for _, child := range n.Content {
		if line := alias(child); line > 0 {
			return line
		}
	}
	return 0
}

// yamlError takes the line out of an error of the YAML library, and the Go
// types: "line 3: cannot unmarshal !!str `x` into bool". A text with a value in
// it is replaced, for the value may be a token.
func yamlError(err error) (line int, text string) {
	text = strings.TrimPrefix(err.Error(), "yaml: ")
	text = strings.TrimPrefix(text, "unmarshal errors:\n  ")
	text, _, _ = strings.Cut(text, "\n")
	line = 1
	if m := regexp.MustCompile(`^line (\d+): `).FindStringSubmatch(text); m != nil {
		_, _ = fmt.Sscan(m[1], &line)
		text = text[len(m[0]):]
	}
	if strings.HasPrefix(text, "cannot unmarshal") {
		text = "a value of the wrong type stands here; make the file again with: causeway registration update"
	}
	return line, text
}
