package golden

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Separator stands between the input of a file and each of its results.
const Separator = "\n----------\n"

var _ = flag.Bool("update", false, "write the golden files in testdata anew")

// Update reports whether go test was called with -update, which this package declares.
func Update() bool {
	f := flag.Lookup("update")
	return f != nil && f.Value.String() == "true"
}

// Run runs convert, as a subtest each, on the first section of every file in
// testdata/dir, and compares what it returns with the sections after it, or writes
// them.
func Run(t *testing.T, dir string, convert func(t *testing.T, input string) []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", dir, "*.txt"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no files in testdata/%s: %v", dir, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			input, want, err := read(file)
			if err != nil {
				t.Fatal(err)
			}
			got := strings.Join(convert(t, input), Separator) + "\n"
			if Update() {
				if err := os.WriteFile(file, []byte(input+Separator+got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-want +got, go test -update writes it):\n%s", file, diff)
			}
		})
	}
}

// read reads a file; want is empty in a new one that -update completes.
func read(file string) (input, want string, err error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return "", "", err
	}
	input, want, ok := strings.Cut(string(data), Separator)
	if ok {
		return input, want, nil
	}
	if !Update() {
		return "", "", fmt.Errorf("%s has no results; go test -update writes them", file)
	}
	return strings.TrimSuffix(input, "\n"), "", nil
}
