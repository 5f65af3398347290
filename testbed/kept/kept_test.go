package kept

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// TestDir: what is finished is made once, what failed again.
func TestDir(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Setenv("HOME", t.TempDir()) // where there is no XDG_CACHE_HOME
	made := 0
	broken := errors.New("broken")
	fill := func(dir string) error {
		made++
		if err := os.Mkdir(dir, 0o700); err != nil {
			return err
		}
		if made == 1 {
			return broken
		}
		return os.WriteFile(filepath.Join(dir, "x"), nil, 0o600)
	}
	if _, err := Dir("thing", "key", fill); !errors.Is(err, broken) {
		t.Fatal(err)
	}
	var dirs []string
	for range 2 {
		dir, err := Dir("thing", "key", fill)
		if err != nil {
			t.Fatal(err)
		}
		dirs = append(dirs, dir)
	}
	other, err := Dir("thing", "another key", fill)
	if err != nil {
		t.Fatal(err)
	}
	if made != 3 || dirs[0] != dirs[1] || other == dirs[0] {
		t.Errorf("made %d times: %v, %s", made, dirs, other)
	}
}
