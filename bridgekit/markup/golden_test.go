package markup

import (
	"encoding/json"
	"io"
	"strings"
	"testing"

	"github.com/causeway-chat/causeway/internal/golden"
)

// compare runs convert on the tree in the first section of every file in
// testdata/dir, one node per line, and compares with the section after it.
func compare(t *testing.T, dir string, convert func(t *testing.T, b Body) string) {
	t.Helper()
	golden.Run(t, dir, func(t *testing.T, input string) []string { return []string{convert(t, load(t, input))} })
}

func load(t *testing.T, s string) Body {
	var b Body
	for d := json.NewDecoder(strings.NewReader(s)); ; {
		var n Node
		if err := d.Decode(&n); err == io.EOF {
			return b
		} else if err != nil {
			t.Fatal(err)
		}
		b = append(b, n)
	}
}

func dump(b Body) string {
	var s strings.Builder
	e := json.NewEncoder(&s)
	e.SetEscapeHTML(false)
	for _, n := range b {
		if err := e.Encode(n); err != nil {
			return err.Error()
		}
	}
	return strings.TrimSuffix(s.String(), "\n")
}

func TestString(t *testing.T) {
	compare(t, "plain", func(t *testing.T, b Body) string { return b.String() })
}

func TestNormalize(t *testing.T) {
	compare(t, "normalize", func(t *testing.T, b Body) string {
		normal := Normalize(b)
		checkNormal(t, normal)
		return dump(normal)
	})
}
