package main

import (
	"context"
	"sync"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/portal"
	"github.com/causeway-chat/causeway/bridgekit/store"
	"github.com/causeway-chat/causeway/bridgekit/web"
)

// An estate is the portals of a running Causeway, as its control socket shows them.
type estate struct {
	at time.Time

	mu    sync.Mutex // guards what follows
	gone  map[int64]bool
	clean bool
}

var _ web.Rooms = (*estate)(nil)

func (e *estate) List(_ context.Context, f portal.Filter) ([]portal.Listed, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	var out []portal.Listed
	for _, p := range []portal.Listed{
		{ID: 3, Network: "irc.libera", Name: "#old", Room: "!old:x", State: "open", Made: true, Active: e.at.Add(-100 * 24 * time.Hour)},
		{ID: 4, Network: "irc.libera", Name: "#go", Room: "!go:x", State: "open", Active: e.at.Add(-2 * time.Hour)},
	} {
		if !e.gone[p.ID] && (f.Network == "" || f.Network == p.Network) && e.at.Sub(p.Active) >= f.Inactive {
			out = append(out, p)
		}
	}
	return out, nil
}

func (e *estate) UnbridgeAll(_ context.Context, portals []int64, _ bool) (int, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.gone = map[int64]bool{}
	for _, p := range portals {
		e.gone[p] = true
	}
	return len(portals), nil
}

func (e *estate) Orphans(context.Context) ([]portal.Orphan, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.clean {
		return nil, nil
	}
	return []portal.Orphan{
		{Kind: portal.OrphanPortal, Room: "!gone:x", Portal: 9, Name: "#gone"},
		{Kind: portal.OrphanRoom, Room: "!lost:x", Ghosts: 2, People: 1, Bot: true},
	}, nil
}

func (e *estate) CleanOrphans(ctx context.Context) ([]portal.Orphan, error) {
	all, err := e.Orphans(ctx)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.clean = true
	return all, err
}

func (e *estate) Cleanups(context.Context, bool) ([]store.Cleanup, error) {
	return []store.Cleanup{
		{Room: "!old:x", Name: "#old", Total: 41, Done: 12},
		{Room: "!done:x", Name: "#done", Total: 2, Done: 2, Finished: e.at, Trouble: "the homeserver does not allow this here"},
	}, nil
}
