package e2e

import (
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/store/storetest"
	"github.com/causeway-chat/causeway/testbed/bridge"
	"github.com/causeway-chat/causeway/testbed/ircd"
)

// TestTakeover runs two Causeways on one PostgreSQL and kills the one that serves:
// the other one has its nick, and what was said meanwhile.
func TestTakeover(t *testing.T) {
	dsn, stop, err := storetest.StartPostgres()
	if errors.Is(err, storetest.ErrNoPostgres) {
		t.Skip(err)
	}
	check(t, err)
	t.Cleanup(stop)
	path := build(t)
	w := newBareWorld(t, dendrite)
	w.irc = startReal(ircd.InspIRCd)(t, w.ctx)
	w.kind = kind{name: "inspircd", echoes: true, late: true}
	w.gate = newGate(t, "127.0.0.1:1") // the way to whoever serves
	w.homeserverFor(bridge.Options{
		Database: dsn, URL: "http://" + w.gate.Addr(),
		Networks: []bridge.Network{{ID: "irc.test", Section: fmt.Sprintf(`{name: Test, server: %q, nick: %s, tls: false, flood: {lines: 100, burst: 20}}`, w.irc.Addr(), relay)}},
	})
	w.gate.Lead(w.folder.Listen)
	twin, err := w.folder.Twin(filepath.Join(t.TempDir(), "twin"))
	check(t, err)
	w.you, w.mia = w.login("you"), w.person("mia", channel)

	first := w.launch(path)
	room := w.join(w.you)
	im := w.mia.Mark()
	w.both(room, 1, 20)
	w.arrives(im, 10)
	second := w.launchIn(path, twin)
	away := w.mia.Mark()
	check(t, first.Kill())
	killed := time.Now()
	w.gate.Lead(twin.Listen) // as a load balancer would
	w.both(room, 21, 40)
	w.back(away) // under the same nick
	t.Logf("the second one is in the channel %s after the first was killed", time.Since(killed).Round(10*time.Millisecond))
	w.finish(room, im, 41, 2*w.inFlight())
	check(t, second.Stop(w.ctx))
}
