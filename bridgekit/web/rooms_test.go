package web

import (
	"context"
	"errors"
	"net/http"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/portal"
	"github.com/causeway-chat/causeway/bridgekit/store"
)

// manor is Rooms that notes what it is asked.
type manor struct {
	filter portal.Filter
	ended  []int64
	remove bool
	err    error
}

func (m *manor) List(_ context.Context, f portal.Filter) ([]portal.Listed, error) {
	m.filter = f
	return nil, m.err
}

func (m *manor) UnbridgeAll(_ context.Context, portals []int64, remove bool) (int, error) {
	m.ended, m.remove = portals, remove
	return len(portals), m.err
}

func (m *manor) Orphans(context.Context) ([]portal.Orphan, error) {
	return []portal.Orphan{{Kind: portal.OrphanRoom, Room: "!lost:x", Ghosts: 2}}, m.err
}

func (m *manor) CleanOrphans(context.Context) ([]portal.Orphan, error) { return nil, m.err }

func (m *manor) Cleanups(context.Context, bool) ([]store.Cleanup, error) {
	return []store.Cleanup{{Room: "!a:x", Total: 3, Done: 1}}, m.err
}

// What operators ask about rooms arrives as they asked it, and so do the answers.
func TestRoomRoutes(t *testing.T) {
	path, log := filepath.Join(t.TempDir(), "causeway.sock"), &buffer{}
	l, err := ListenControl(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	m := &manor{}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- Serve(ctx, l, Control(newQueue(), wellStatus(), logTo(log), RoomRoutes(m)), logTo(log), time.Second)
	}()
	defer func() { cancel(); <-done }()
	c := NewClient(path)

	want := portal.Filter{Network: "irc.libera", Name: "a & b", Inactive: 90 * 24 * time.Hour, Closed: true}
	if all, err := c.Portals(ctx, want); all == nil || len(all) != 0 || err != nil || m.filter != want {
		t.Error("portals:", all, m.filter, err)
	}
	if n, err := c.Unbridge(ctx, []int64{3, 4}, true); n != 2 || err != nil || !slices.Equal(m.ended, []int64{3, 4}) || !m.remove {
		t.Error("unbridge:", n, m.ended, m.remove, err)
	}
	if _, err := c.Unbridge(ctx, nil, false); err == nil || err.Error() != "say which portals, by their numbers" {
		t.Error("unbridge of none:", err)
	}
	if all, err := c.Orphans(ctx); len(all) != 1 || all[0].Room != "!lost:x" || all[0].Ghosts != 2 || err != nil {
		t.Error("orphans:", all, err)
	}
	if all, err := c.CleanOrphans(ctx); all == nil || err != nil {
		t.Error("clean:", all, err)
	}
	if all, err := c.Cleanups(ctx); len(all) != 1 || all[0].Total != 3 || err != nil {
		t.Error("cleanups:", all, err)
	}
	if err := c.do(ctx, http.MethodGet, "/portals?inactive=soon", nil); err == nil {
		t.Error("a filter that makes no sense is taken")
	}
	m.err = errors.New("the database is on fire")
	if _, err := c.Orphans(ctx); err == nil || err.Error() == m.err.Error() {
		t.Error("a cause is shown:", err)
	}
}
