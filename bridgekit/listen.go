package bridgekit

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"
	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/journal"
	"github.com/causeway-chat/causeway/bridgekit/matrix"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/web"
)

// Handler takes what the homeserver sends, while Run runs. Run serves it on
// Config.Appservice.Listen, unless that is empty.
func (b *Bridge) Handler() http.Handler {
	in := &matrix.Intake{
		HSToken: b.opts.Registration.HSToken, Log: b.opts.Log, Events: b.events,
		User: func(ctx context.Context, u id.UserID) bool { return b.leads() && b.userWanted(ctx, u) },
		Room: func(ctx context.Context, alias string) bool { return b.leads() && b.portals.RoomWanted(ctx, alias) },
	}
	return in.Handler()
}

// userWanted makes the ghost that somebody looks for, so that they can invite it.
// Only names that a configured network can have get an account.
func (b *Bridge) userWanted(ctx context.Context, u id.UserID) bool {
	n, _, ok := b.hs.ParseGhost(u)
	if u != b.hs.BotID() && (!ok || b.logins.Connector(network.NetworkID(n)) == nil) {
		return false
	}
	return b.hs.EnsureGhost(ctx, u) == nil
}

// serve answers on all listeners of the configuration until ctx is done: the
// homeserver's, the public's, the operators' and the program's own socket.
func (b *Bridge) serve(ctx context.Context) error {
	c := b.opts.Config
	ops, err := web.Ops(web.OpsOptions{Status: status{b}, Log: b.opts.Log, Version: b.opts.Version, Collectors: []prometheus.Collector{newGauges(b.vitals)}})
	if err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	for _, l := range []struct {
		key, address string
		handler      http.Handler
	}{
		{"appservice.listen", c.Appservice.Listen, b.Handler()},
		{"public.listen", c.Public.Listen, web.Public(web.PublicOptions{Pages: b.db, Media: b.hs, Visits: visits(b.opts.Networks), Log: b.opts.Log})},
		{"metrics.listen", c.Metrics.Listen, ops},
	} {
		if l.address == "" {
			continue
		}
		listener, err := b.listen(ctx, l.key, l.address)
		if err != nil {
			return err
		}
		g.Go(func() error { return web.Serve(ctx, listener, l.handler, b.opts.Log, lastRequests) })
	}
	if b.opts.Control != "" {
		listener, err := web.ListenControl(ctx, b.opts.Control)
		if err != nil {
			return err
		}
		g.Go(func() error {
			options := []web.ControlOption{web.WithCommands(b.operate), web.WithEncryption(b.checkEncryption), web.RoomRoutes(b.portals), web.WithHubs(backend{b})}
			return web.Serve(ctx, listener, web.Control(backend{b}, status{b}, b.opts.Log, options...), b.opts.Log, lastRequests)
		})
	}
	close(b.listening)
	g.Go(func() error { <-ctx.Done(); return ctx.Err() })
	return g.Wait()
}

// visits are what connectors answer over HTTP.
func visits(list []network.Connector) map[network.NetworkID]http.Handler {
	all := map[network.NetworkID]http.Handler{}
	for _, c := range list {
		if h := network.ResolveVisits(c); h != nil {
			all[c.Info().ID] = h
		}
	}
	return all
}

// listen takes an address of the configuration. A check of the installation may have it
// for a moment, which is waited for.
func (b *Bridge) listen(ctx context.Context, key, address string) (net.Listener, error) {
	const tries, apart = 5, 200 * time.Millisecond
	for try := 1; ; try++ {
		l, err := net.Listen("tcp", address)
		switch {
		case err == nil:
			return l, nil
		case !errors.Is(err, syscall.EADDRINUSE) || try >= tries && !web.IsChecking(ctx, address):
			return nil, fmt.Errorf("%s: %w; choose a free address", key, err)
		case try == tries:
			b.opts.Log.Warn("the address is waited for: a check has it", "key", key, "address", address)
		}
		select {
		case <-time.After(apart):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// lastRequests is how long running requests may take when the bridge stops. What
// the homeserver gets no answer for comes again.
const lastRequests = 2 * time.Second

// status is the bridge as its health is asked for.
type status struct{ b *Bridge }

var _ web.Status = status{}

func (s status) Serving() bool { return s.b.leads() }

func (s status) Ping(ctx context.Context) error { return s.b.db.Ping(ctx) }

func (s status) Homeserver() (bool, time.Time) { return s.b.hs.Up(), s.b.hs.DownSince() }

func (s status) Way() string {
	if s.b.vitals.canary == nil {
		return ""
	}
	way := s.b.vitals.canary.Way()
	if way.Silent && way.Words == "" {
		return "the cause is being looked for"
	}
	return way.Words
}

func (s status) Logins() []web.LoginStatus {
	out := []web.LoginStatus{}
	for _, l := range s.b.logins.Of("*") {
		st := l.State()
		out = append(out, web.LoginStatus{Network: l.Network, Login: l.ID, Status: st.Status, Words: st.Words})
	}
	return out
}

func (s status) Journal() journal.Stats { return s.b.journal.Stats() }

func (s status) Depth(ctx context.Context) (map[journal.State]int, time.Duration, error) {
	return s.b.journal.Depth(ctx)
}
