package networktest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/internal/golden"
)

// limit bounds one case; only a broken connector comes near it.
const limit = 10 * time.Minute

// opsFile is where Run keeps the operations of each variant.
const opsFile = "ops.txt"

// Update reports whether go test was called with -update. Callers with golden files of
// their own use it too.
func Update() bool { return golden.Update() }

// Run runs every case on a fresh harness of every variant, in parallel, as
// subtests named variant/case. It logs which cases were skipped and why, and
// compares the operations of each variant with testdata/ops.txt in the
// caller's package.
func Run(t *testing.T, harnesses map[string]func(t *testing.T) Harness) {
	t.Helper()
	var table strings.Builder
	for _, variant := range slices.Sorted(maps.Keys(harnesses)) {
		harness := harnesses[variant]
		n, err := needs(harness(t))
		if err != nil {
			t.Fatalf("%s: %v", variant, err)
		}
		fmt.Fprintf(&table, "%s: %s\n", variant, strings.Join(n.Ops.Names(), " "))
		t.Run(variant, func(t *testing.T) { runCases(t, harness) })
	}
	compare(t, filepath.Join("testdata", opsFile), []byte(table.String()))
}

// runCases runs all cases on one variant.
func runCases(t *testing.T, harness func(t *testing.T) Harness) {
	var mu sync.Mutex
	var skipped []string // guarded by mu
	cases := Cases()
	t.Cleanup(func() { // when all cases are done
		slices.Sort(skipped)
		t.Logf("%d of %d cases do not apply: %s", len(skipped), len(cases), strings.Join(skipped, ", "))
	})
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			defer cancel()
			why, err := Check(ctx, c, harness(t))
			if err != nil {
				t.Error(err)
			}
			if why != "" {
				mu.Lock()
				skipped = append(skipped, fmt.Sprintf("%s (%s)", c.Name, why))
				mu.Unlock()
				t.Skip(why)
			}
		})
	}
}

// Check runs one case on a harness. If the case does not apply, it says why not.
// An error means that the connector breaks the rule or that the harness failed.
func Check(ctx context.Context, c Case, h Harness) (notApplicable string, err error) {
	n, err := needs(h)
	if err != nil {
		return "", err
	}
	if c.Needs != nil {
		if why := c.Needs(n); why != "" {
			return why, nil
		}
	}
	return "", c.Check(ctx, h)
}

// needs collects what cases ask about.
func needs(h Harness) (Needs, error) {
	c := newCore(h)
	conn, err := c.Connector()
	if err != nil {
		return Needs{}, fmt.Errorf("harness: connector: %w", err)
	}
	client, err := c.open(context.Background())
	if err != nil {
		return Needs{}, err
	}
	return Needs{Traits: c.traits, Acts: c.acts, Ops: network.Resolve(client), Flows: conn.Flows()}, nil
}

// compare compares data with a golden file, or writes it.
func compare(t *testing.T, path string, data []byte) {
	t.Helper()
	if Update() {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s is missing; write it with go test -update", path)
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(data, want) {
		t.Errorf("the supported operations changed (go test -update accepts it)\nis:\n%swas:\n%s", data, want)
	}
}
