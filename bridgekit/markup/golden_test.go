package markup

import (
	"encoding/json"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the output sections of testdata anew")

const separator = "\n----------\n"

// golden runs convert on the tree in the input section of every file in
// testdata/dir, one node per line, and compares with the section after it.
func golden(t *testing.T, dir string, convert func(t *testing.T, b Body) string) {
	files, err := filepath.Glob(filepath.Join("testdata", dir, "*.txt"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no files in testdata/%s: %v", dir, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			input, want, ok := strings.Cut(string(data), separator)
			if !ok {
				t.Fatalf("%s has no separator", file)
			}
			got := convert(t, load(t, input)) + "\n"
			if *update {
				if err := os.WriteFile(file, []byte(input+separator+got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", file, diff)
			}
		})
	}
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
	golden(t, "plain", func(t *testing.T, b Body) string { return b.String() })
}

func TestNormalize(t *testing.T) {
	golden(t, "normalize", func(t *testing.T, b Body) string {
		normal := Normalize(b)
		checkNormal(t, normal)
		return dump(normal)
	})
}
