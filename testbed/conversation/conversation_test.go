package conversation

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/step"
	"github.com/causeway-chat/causeway/testbed/homeserver"
	"github.com/causeway-chat/causeway/testbed/ircd"
	"github.com/causeway-chat/causeway/testbed/nio"
)

var (
	cutFor = flag.Duration("cut", 10*time.Second, "how long a network is cut off")
	seed   = flag.Uint64("seed", 2, "of the script")
)

// TestMain plays Causeway, if asked to.
func TestMain(m *testing.M) {
	if child, err := RunChild(); child {
		if err != nil {
			fmt.Fprintln(os.Stderr, "causeway:", err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// limit is far above what a conversation takes.
const limit = 15 * time.Minute

// TestConversation has 200 messages, with all that belongs to them, cross between two
// IRC networks, memnet and Matrix, while Causeway is killed three times and one network
// is cut off. The four together hit every step of a copy's way, and each network.
func TestConversation(t *testing.T) {
	if err := ircd.Available(ircd.InspIRCd); err != nil {
		t.Skip(err)
	}
	for _, one := range []struct {
		name      string
		launcher  func(context.Context) (homeserver.Launcher, error)
		encrypted bool
		cut       Side
		kills     []Kill
	}{
		{"dendrite", homeserver.Tool, false, Fake, []Kill{{step.InCrossing, 3}, {step.OutCalling, 9}, {"", 0}}},
		{"dendrite encrypted", homeserver.Tool, true, Insp, []Kill{{step.OutSent, 5}, {step.InCrossed, 5}, {step.OutChanged, 1}}},
		{"synapse", homeserver.Synapse, false, Mem, []Kill{{step.Begun, 4}, {step.InSent, 2}, {step.InEdited, 1}}},
		{"synapse encrypted", homeserver.Synapse, true, Fake, []Kill{{step.Committed, 20}, {step.OutSent, 3}, {step.InCrossing, 2}}},
	} {
		t.Run(one.name, func(t *testing.T) {
			launch, err := one.launcher(t.Context())
			if err != nil {
				t.Skip(err)
			}
			if one.encrypted {
				if err := nio.Install(t.Context()); err != nil {
					t.Skip(err)
				}
			}
			hold(t, Write(*seed, one.cut), Options{Dir: t.TempDir(), Launch: launch, Encrypted: one.encrypted, Cut: *cutFor, Kills: one.kills, PushesLate: strings.HasPrefix(one.name, "dendrite"), Log: logTo(), Say: t.Logf})
		})
	}
}

// logTo is the test's standard error if CAUSEWAY_TEST_LOG is set.
func logTo() io.Writer {
	if os.Getenv("CAUSEWAY_TEST_LOG") != "" {
		return os.Stderr
	}
	return io.Discard
}

// hold holds a conversation and looks at what came of it.
func hold(t *testing.T, script *Script, o Options) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	began := time.Now()
	s, err := NewStage(ctx, script, o)
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("seed %d; everybody is there after %s", script.Seed, time.Since(began).Round(time.Second))
	err = s.Play(ctx)
	if err != nil {
		t.Errorf("seed %d: %v", script.Seed, err)
	}
	r, err := s.Report()
	if err != nil {
		t.Fatal(err)
	}
	t.Log(r)
	if r.Bad() {
		t.Errorf("seed %d, see above", script.Seed)
	}
}
