package embed

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"

	"github.com/sirupsen/logrus"

	"github.com/matrix-org/dendrite/appservice"
	"github.com/matrix-org/dendrite/federationapi"
	"github.com/matrix-org/dendrite/internal/caching"
	"github.com/matrix-org/dendrite/internal/httputil"
	"github.com/matrix-org/dendrite/internal/sqlutil"
	"github.com/matrix-org/dendrite/roomserver"
	"github.com/matrix-org/dendrite/setup"
	"github.com/matrix-org/dendrite/setup/base"
	"github.com/matrix-org/dendrite/setup/config"
	"github.com/matrix-org/dendrite/setup/jetstream"
	"github.com/matrix-org/dendrite/setup/process"
	"github.com/matrix-org/dendrite/userapi"
	"github.com/matrix-org/dendrite/userapi/api"
	"github.com/matrix-org/gomatrixserverlib/spec"
)

// Options say what to start. Dir is required.
type Options struct {
	Dir           string   // data directory, made if missing
	Addr          string   // loopback host:port; "" is a free port on 127.0.0.1
	ServerName    string   // domain of user IDs; "" is localhost
	Registrations []string // paths of appservice registration files
	LogLevel      string   // of logrus, written to stderr; "" is error
}

// Server is a running homeserver. Its methods may be called concurrently.
type Server struct {
	url     string
	name    spec.ServerName
	users   api.UserInternalAPI
	process *process.ProcessContext
	drain   func() // lets components finish what they have
	http    *http.Server
	served  chan error // the end of http.Serve
	stop    sync.Once
}

// Start starts a homeserver. When it returns, requests are answered. An address
// that is not on the loopback interface is refused.
func Start(o Options) (*Server, error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	cfg, err := configuration(o)
	if err != nil {
		return nil, err
	}
	l, err := listen(o.Addr)
	if err != nil {
		return nil, err
	}
	s := &Server{
		url:     "http://" + l.Addr().String(),
		name:    cfg.Global.ServerName,
		process: process.NewProcessContext(),
		served:  make(chan error, 1),
	}
	handler, err := s.wire(cfg)
	if err != nil {
		s.process.ShutdownDendrite()
		return nil, errors.Join(err, l.Close())
	}
	s.http = &http.Server{
		Handler:     handler,
		BaseContext: func(net.Listener) context.Context { return s.process.Context() },
	}
	go func() { s.served <- s.http.Serve(l) }()
	return s, nil
}

// complete fills in defaults, makes Dir absolute and sets Dendrite's log level.
func (o *Options) complete() error {
	if o.Dir == "" {
		return errors.New("no data directory given")
	}
	var err error
	if o.Dir, err = filepath.Abs(o.Dir); err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	if o.Addr == "" {
		o.Addr = "127.0.0.1:0"
	}
	if o.ServerName == "" {
		o.ServerName = "localhost"
	}
	if o.LogLevel == "" {
		o.LogLevel = "error"
	}
	level, err := logrus.ParseLevel(o.LogLevel)
	if err != nil {
		return fmt.Errorf("log level: %w", err)
	}
	logrus.SetLevel(level)
	return nil
}

// listen opens addr, which must be on the loopback interface; see the package
// comment.
func listen(addr string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("address: %w", err)
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return nil, fmt.Errorf("address %s is not on the loopback interface", addr)
	}
	return net.Listen("tcp", addr)
}

// wire builds Dendrite's components and returns the handler of their public
// routes. The order is Dendrite's own (cmd/dendrite/main.go): components know
// each other through setters, and reading starts as soon as they are set.
func (s *Server) wire(cfg *config.Dendrite) (http.Handler, error) {
	// A second registration of the same metrics would panic.
	const metrics = caching.DisableMetrics
	var (
		nats    jetstream.NATSInstance
		routers = httputil.NewRouters()
		fed     = base.CreateFederationClient(cfg, nil)
		conns   = sqlutil.NewConnectionManager(s.process, cfg.Global.DatabaseOptions)
		caches  = caching.NewRistrettoCache(cfg.Global.Cache.EstimatedMaxSize, cfg.Global.Cache.MaxAge, metrics)
	)
	js, _ := nats.Prepare(s.process, &cfg.Global.JetStream)
	if err := prepareStreams(js, cfg); err != nil {
		return nil, err
	}
	s.drain = func() { drain(js, cfg) }
	rooms := roomserver.NewInternalAPI(s.process, cfg, conns, &nats, caches, metrics)
	federation := federationapi.NewInternalAPI(s.process, cfg, conns, &nats, fed, rooms, caches, nil, false)
	keys := federation.KeyRing()
	rooms.SetFederationAPI(federation, keys)
	s.users = userapi.NewInternalAPI(s.process, cfg, conns, &nats, rooms, fed, metrics, federation.IsBlacklistedOrBackingOff)
	services := appservice.NewInternalAPI(s.process, cfg, &nats, s.users, rooms)
	rooms.SetAppserviceAPI(services)
	rooms.SetUserAPI(s.users)
	if err := pushRedactions(s.process.Context(), js, &cfg.Global.JetStream); err != nil {
		return nil, fmt.Errorf("follow redactions: %w", err)
	}
	all := setup.Monolith{
		Config: cfg, Client: base.CreateClient(cfg, nil), FedClient: fed, KeyRing: keys,
		AppserviceAPI: services, FederationAPI: federation, RoomserverAPI: rooms, UserAPI: s.users,
	}
	all.AddAllPublicRoutes(s.process, cfg, routers, conns, &nats, caches, metrics)

	return routes{
		{httputil.PublicClientPathPrefix, routers.Client},
		{httputil.PublicMediaPathPrefix, routers.Media},
		{httputil.PublicWellKnownPrefix, routers.WellKnown},
	}, nil
}

// routes sends a request to the handler of the first prefix its path has.
// http.ServeMux would clean paths first, and room aliases may hold anything.
type routes []struct {
	prefix  string
	handler http.Handler
}

// ServeHTTP answers what no prefix matches with M_UNRECOGNIZED.
func (rs routes) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	for _, r := range rs {
		if strings.HasPrefix(req.URL.Path, r.prefix) {
			r.handler.ServeHTTP(w, req)
			return
		}
	}
	httputil.NotFoundCORSHandler.ServeHTTP(w, req)
}

// URL returns the base URL, such as http://127.0.0.1:40123.
func (s *Server) URL() string { return s.url }

// CreateUser makes an account and returns its user ID. It bypasses
// registration over HTTP, which is closed. An account that is there already
// keeps its password, so that users may be listed at each start.
func (s *Server) CreateUser(ctx context.Context, localpart, password string) (string, error) {
	var res api.PerformAccountCreationResponse
	err := s.users.PerformAccountCreation(ctx, &api.PerformAccountCreationRequest{
		AccountType: api.AccountTypeUser,
		Localpart:   localpart,
		ServerName:  s.name,
		Password:    password,
		OnConflict:  api.ConflictAbort,
	}, &res)
	var conflict *api.ErrorConflict
	if err != nil && !errors.As(err, &conflict) {
		return "", fmt.Errorf("create user %s: %w", localpart, err)
	}
	return fmt.Sprintf("@%s:%s", localpart, s.name), nil
}

// Stop ends the server: open requests are cut, what was answered is on disk.
// The port is free when it returns. Calls after the first do nothing.
func (s *Server) Stop() error {
	var err error
	s.stop.Do(func() {
		err = s.http.Close()
		if e := <-s.served; !errors.Is(e, http.ErrServerClosed) {
			err = errors.Join(err, e)
		}
		// Components that are cut in the middle of their work panic.
		s.drain()
		logrus.AddHook(leftovers{})
		s.process.ShutdownDendrite()
		s.process.WaitForComponentsToFinish()
	})
	return err
}
