package embed

import (
	"path/filepath"
	"testing"

	"github.com/matrix-org/dendrite/internal/sqlutil"
	"github.com/matrix-org/dendrite/setup/config"
)

// The databases lie in the folder whatever its name: two servers that share a file
// destroy each other.
func TestFolderNames(t *testing.T) {
	for _, name := range []string{"plain", "a #b", "50%20"} {
		dir := filepath.Join("/tmp", name)
		cfg := &config.Dendrite{}
		databases(cfg, dir)
		got, err := sqlutil.ParseFileURI(cfg.SyncAPI.Database.ConnectionString)
		if want := filepath.Join(dir, "syncapi.db") + "?_pragma=journal_mode(wal)&_pragma=synchronous(normal)"; err != nil || got != want {
			t.Errorf("%q, want %q: %v", got, want, err)
		}
	}
}
