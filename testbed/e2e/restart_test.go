package e2e

import (
	"context"
	"os/exec"
	"path/filepath"
	"testing"

	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/testbed/bridge"
	"github.com/causeway-chat/causeway/testbed/child"
	"github.com/causeway-chat/causeway/testbed/ircuser"
)

// back waits until the relay is in the channel again, as mia sees it. What is
// said there from then on must arrive.
func (w *world) back(mark int) {
	w.t.Helper()
	_, err := w.mia.Wait(w.ctx, mark, func(l ircuser.Line) bool { return l.Command == "JOIN" && l.Nick() == relay })
	check(w.t, err)
}

// finish says one more message on each side and waits until all is there; then
// it counts. Doubles on IRC are allowed only as far as given, on Matrix never.
// What mia said while the relay was away must be on Matrix if the server keeps a
// history.
func (w *world) finish(room id.RoomID, im, n, doubles int) {
	w.t.Helper()
	w.write(room, n, n)
	check(w.t, w.speak(n, n))
	w.arrives(im, n)
	w.appears(room, n)
	w.counted("on IRC", complete(w.onIRCSide(im), n, doubles))
	if w.history {
		w.counted("on Matrix", complete(w.onMatrixSide(room), n, 0))
	} else {
		w.counted("on Matrix", ordered(w.onMatrixSide(room), 0))
	}
}

// inFlight is how many messages may come twice on IRC after an interruption: the
// one that was on its way, on a server that cannot be asked for it.
func (w *world) inFlight() int {
	if w.history {
		return 0
	}
	return 1
}

// TestConnectionBreaks cuts Causeway's connection to the IRC server in the middle
// of traffic.
func TestConnectionBreaks(t *testing.T) {
	everywhere(t, func(w *world) {
		room := w.join(w.you)
		im := w.mia.Mark()
		w.both(room, 1, 40)
		w.arrives(im, 25)
		w.gate.Shut()
		w.both(room, 41, 60)
		away := w.mia.Mark()
		check(t, w.gate.Open())
		w.both(room, 61, 79)
		w.back(away)
		w.finish(room, im, 80, w.inFlight())
	})
}

// both has you and mia say the messages first to last, in turn.
func (w *world) both(room id.RoomID, first, last int) {
	w.t.Helper()
	for i := first; i <= last; i++ {
		w.write(room, i, i)
		check(w.t, w.speak(i, i))
	}
}

// TestIRCServerRestarts kills the IRC server, and starts it again, while you
// write.
func TestIRCServerRestarts(t *testing.T) {
	everywhere(t, func(w *world) {
		room := w.join(w.you)
		im := w.mia.Mark()
		w.both(room, 1, 20)
		// What the server has taken and not passed on dies with it, so mia
		// must have it all.
		w.arrives(im, 20)
		w.appears(room, 20)
		w.counted("on IRC", complete(w.onIRCSide(im), 20, 0))
		w.gate.Shut()
		w.irc.down(t)
		w.write(room, 21, 40)
		w.irc.up(t, w.ctx)
		w.mia = w.person("mia", channel) // before the relay: she would miss what comes first
		check(t, w.gate.Open())
		w.write(room, 41, 60)
		w.arrives(0, 60)
		seen := w.onIRCSide(0)
		if w.inFlight() > 0 && seen[0] == 20 { // arrived, but that was not confirmed
			seen = seen[1:]
		}
		for i := range seen {
			seen[i] -= 20
		}
		w.counted("on IRC, after the restart,", complete(seen, 40, 0))
		check(w.t, w.speak(21, 21))
		w.appears(room, 21)
		w.counted("on Matrix", complete(w.onMatrixSide(room), 21, 0))
	})
}

// build builds the program.
func build(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "causeway")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-tags", "goolm", "-o", path, "./cmd/causeway")
	cmd.Dir = filepath.Join("..", "..")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build causeway: %v\n%s", err, out)
	}
	return path
}

// launch starts the program at path.
func (w *world) launch(path string) *child.Process { return w.launchIn(path, w.folder) }

func (w *world) launchIn(path string, f *bridge.Folder) *child.Process {
	w.t.Helper()
	cmd := exec.Command(path, "run", "--config", f.Config)
	cmd.Stderr = logTo()
	p, err := child.Start(cmd)
	check(w.t, err)
	w.t.Cleanup(func() { check(w.t, p.Kill()) })
	return p
}

// TestCausewayRestarts ends Causeway in the middle of traffic, as a service
// manager does and as a crash does.
func TestCausewayRestarts(t *testing.T) {
	path := build(t)
	for _, how := range []struct {
		name    string
		end     func(ctx context.Context, p *child.Process) error
		doubles func(w *world) int
	}{
		{"SIGTERM", func(ctx context.Context, p *child.Process) error { return p.Stop(ctx) }, func(*world) int { return 0 }},
		{"SIGKILL", func(_ context.Context, p *child.Process) error { return p.Kill() }, func(w *world) int { return 2 * w.inFlight() }},
	} {
		t.Run(how.name, func(t *testing.T) {
			everywhereStopped(t, func(w *world) {
				p := w.launch(path)
				room := w.join(w.you)
				im := w.mia.Mark()
				for i := range 2 {
					w.both(room, 50*i+1, 50*i+30)
					w.arrives(im, 50*i+11+3*i)
					check(w.t, how.end(w.ctx, p))
					away := w.mia.Mark()
					w.both(room, 50*i+31, 50*i+40)
					p = w.launch(path)
					w.both(room, 50*i+41, 50*i+50)
					w.back(away)
				}
				w.finish(room, im, 101, how.doubles(w))
			})
		})
	}
}

// TestHomeserverRestarts ends the homeserver in the middle of traffic.
func TestHomeserverRestarts(t *testing.T) {
	for _, how := range []struct {
		name string
		end  func(w *world) error
	}{
		{"SIGTERM", func(w *world) error { return w.hs.Stop(w.ctx) }},
		{"SIGKILL", func(w *world) error { return w.hs.Kill() }},
	} {
		t.Run(how.name, func(t *testing.T) {
			everywhere(t, func(w *world) {
				room := w.join(w.you)
				im := w.mia.Mark()
				w.both(room, 1, 40)
				w.appears(room, 15)
				check(w.t, how.end(w))
				check(w.t, w.speak(41, 60)) // you cannot write now
				check(w.t, w.hs.Restart(w.ctx))
				check(w.t, w.speak(61, 70))
				// Dendrite gives what was on its way to an appservice when it was
				// killed after two seconds, and newer events before.
				w.arrives(im, 40)
				w.write(room, 41, 70)
				w.appears(room, 70)
				w.arrives(im, 70)
				w.counted("on IRC", complete(w.onIRCSide(im), 70, 0))
				if w.late {
					w.counted("on Matrix", completeButOne(w.onMatrixSide(room), 70))
				} else {
					w.counted("on Matrix", complete(w.onMatrixSide(room), 70, 0))
				}
			})
		})
	}
}
