package main

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/causeway-chat/causeway/bridgekit/command"
	"github.com/causeway-chat/causeway/bridgekit/config"
	"github.com/causeway-chat/causeway/bridgekit/journal"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/web"
)

// A shelf is a queue of a running Causeway, as its control socket shows it.
type shelf struct {
	mu    sync.Mutex // guards items
	items []journal.Item
}

func (s *shelf) Queue(_ context.Context, all bool, limit int) ([]journal.Item, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []journal.Item
	for _, i := range s.items {
		if all || i.State == journal.Failed {
			out = append(out, i)
		}
	}
	return out[:min(len(out), limit)], nil
}

func (s *shelf) find(n int64) (int, error) {
	i := slices.IndexFunc(s.items, func(i journal.Item) bool { return i.ID == n })
	if i < 0 {
		return 0, journal.ErrNoEntry
	}
	return i, nil
}

func (s *shelf) QueueItem(_ context.Context, n int64) (journal.Item, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i, err := s.find(n)
	if err != nil {
		return journal.Item{}, err
	}
	return s.items[i], nil
}

func (s *shelf) RetryEntry(_ context.Context, n int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	i, err := s.find(n)
	if err == nil && s.items[i].State != journal.Failed {
		err = journal.ErrNoEntry
	}
	if err == nil {
		s.items[i].State, s.items[i].Reason = journal.Stored, ""
	}
	return err
}

func (s *shelf) DropEntry(_ context.Context, n int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	i, err := s.find(n)
	if err == nil {
		s.items = slices.Delete(s.items, i, i+1)
	}
	return err
}

var _ web.Queue = (*shelf)(nil)

// well is the status of a Causeway with which all is well.
type well struct{}

func (well) Serving() bool { return true }

func (well) Ping(context.Context) error    { return nil }
func (well) Homeserver() (bool, time.Time) { return true, time.Time{} }
func (well) Way() string                   { return "" }
func (well) Logins() []web.LoginStatus     { return nil }
func (well) Journal() journal.Stats        { return journal.Stats{} }
func (well) Depth(context.Context) (map[journal.State]int, time.Duration, error) {
	return nil, 0, nil
}

var _ web.Status = well{}

// cmdRunning answers as a running Causeway would at the control socket of the
// configuration in the working directory: running [full]
func cmdRunning(ts *testscript.TestScript, _ bool, args []string) {
	c, err := config.Load(ts.MkAbs(configName))
	ts.Check(err)
	ctx, cancel := context.WithCancel(context.Background())
	l, err := web.ListenControl(ctx, controlPath(c))
	ts.Check(err)
	s := &shelf{}
	if len(args) > 0 {
		came := time.Now().Add(-90 * time.Minute)
		s.items = []journal.Item{
			{ID: 17, Lane: journal.LaneOf(3, journal.Out), Kind: "m.room.message", State: journal.Failed, Attempts: 5, Reason: "file is 62 MB,\nlibera takes 50 MB", Created: came, Changed: came},
			{ID: 18, Lane: journal.LaneOf(4, journal.In), Kind: "message", State: journal.Parked, Cause: "login 2", Created: came, Changed: came},
		}
	}
	log := slog.New(slog.DiscardHandler)
	done := make(chan error, 1)
	go func() {
		done <- web.Serve(ctx, l, web.Control(s, well{}, log, web.WithCommands(operate), web.RoomRoutes(&estate{at: time.Now()}), web.WithHubs(&hubs{})), log, time.Second)
	}()
	ts.Defer(func() { cancel(); <-done })
}

// operate answers operators' commands with what a Causeway with two people would.
func operate(_ context.Context, name string, args []string) (any, error) {
	switch name {
	case "users":
		if len(args) > 0 {
			return command.Report{Title: "People", Columns: []string{"user", "level"}, Items: []byte("[]"), Words: "There is nobody."}, nil
		}
		return command.Report{
			Title: "People", Columns: []string{"user", "level", "rooms"},
			Rows:  [][]string{{"@alice:example.org", "admin", "14"}, {"@bob:example.org", "", "two\nlines"}},
			Items: []byte(`[{"user":"@alice:example.org","rooms":14},{"user":"@bob:example.org","rooms":0}]`),
		}, nil
	case "export":
		return command.Report{Items: []byte(`{"user":"` + args[0] + `"}`)}, nil
	case "forget":
		if len(args) > 1 {
			return command.Report{Words: "Forgotten: " + args[0] + ", " + args[1]}, nil
		}
		return command.Report{Words: "To do it: forget " + args[0] + " confirm."}, nil
	case "portals":
		return nil, network.Errorf(network.Rejected, "there is no network of this name", "x")
	}
	return nil, errors.New("the password is hunter2")
}
