package login

import (
	"context"
	"log/slog"
	"path/filepath"
	"testing"

	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/store"
	"github.com/causeway-chat/causeway/bridgekit/store/storetest"
)

// A relaying network has a relay of which the configuration does not say who it is.
type relaying struct{ network.Connector }

func (relaying) Info() network.Info {
	return network.Info{ID: "mem.test", Relay: &network.Login{ID: "~relay", Name: "relay"}}
}

// TestRelayStaysKnown: who the relay was is known after a restart, before it is connected.
func TestRelayStaysKnown(t *testing.T) {
	db, err := store.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "causeway.db"), storetest.Key())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- db.Run(ctx) }()
	defer func() {
		cancel()
		<-ended
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}()
	load := func() *Manager {
		t.Helper()
		m := New(Options{DB: db, Log: slog.New(slog.DiscardHandler), Connectors: map[network.NetworkID]network.Connector{"mem.test": relaying{}}})
		if err := m.Load(t.Context()); err != nil {
			t.Fatal(err)
		}
		return m
	}
	if s := load().ByUser("mem.test", "U1"); s != nil {
		t.Fatalf("somebody is known: %v", s.ID)
	}
	if err := db.SetLoginUser(t.Context(), "mem.test", "~relay", "U1"); err != nil {
		t.Fatal(err)
	}
	if s := load().ByUser("mem.test", "U1"); s == nil || s.ID != "~relay" {
		t.Error("the relay is not known any more")
	}
}
