package homeserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"syscall"
)

// User is a local account.
type User struct{ Name, Password string }

// Options say what to start. Dir and Launch are required.
type Options struct {
	Dir           string   // data directory, made if missing
	Addr          string   // loopback host:port; "" is a free port, kept over restarts
	Name          string   // server name in user IDs; "" is localhost
	Registrations []string // paths of appservice registration files
	Users         []User   // made at each start if they are missing
	Launch        Launcher
	Stderr        io.Writer // for what the server logs; may be nil
}

// A Launcher starts a homeserver for o and returns when it answers requests.
type Launcher func(ctx context.Context, o Options) (Instance, error)

// Instance is one run of a homeserver.
type Instance interface {
	URL() string
	Stop(ctx context.Context) error // in good order
	Kill() error                    // at once, as a crash would
}

// Server is a homeserver that can be stopped and started again.
type Server struct {
	url string

	mu   sync.Mutex // guards all below and serialises starts and ends
	opts Options
	run  Instance // nil while stopped
}

// Start starts a homeserver and returns when it answers requests.
func Start(ctx context.Context, o Options) (*Server, error) {
	if o.Dir == "" || o.Launch == nil {
		return nil, errors.New("a homeserver needs Dir and Launch")
	}
	if o.Name == "" {
		o.Name = "localhost"
	}
	run, err := launch(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("start homeserver: %w", err)
	}
	o.Addr = run.URL()[len("http://"):]
	return &Server{url: run.URL(), opts: o, run: run}, nil
}

// URL returns the base URL for clients and appservices, without a slash at its
// end.
func (s *Server) URL() string { return s.url }

// Name returns the server's name, the part of user IDs behind the colon.
func (s *Server) Name() string { return s.opts.Name }

// Stop ends the server in good order. It does nothing if the server is stopped.
func (s *Server) Stop(ctx context.Context) error {
	return s.end(func(run Instance) error { return run.Stop(ctx) })
}

// Kill ends the server as a crash would. It does nothing if the server is
// stopped.
func (s *Server) Kill() error { return s.end(Instance.Kill) }

func (s *Server) end(how func(Instance) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.run == nil {
		return nil
	}
	run := s.run
	s.run = nil
	return how(run)
}

// Signal sends the server's process a signal, SIGSTOP and SIGCONT above all. It is
// an error if the server is stopped or has no process of its own.
func (s *Server) Signal(sig syscall.Signal) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, ok := s.run.(interface{ Signal(syscall.Signal) error })
	if !ok {
		return fmt.Errorf("signal %v to homeserver: there is no process", sig)
	}
	return p.Signal(sig)
}

// Restart starts the server again on its port and data, after stopping it if it
// runs. Registration files are read anew. It returns when requests are
// answered.
func (s *Server) Restart(ctx context.Context) error {
	if err := s.Stop(ctx); err != nil {
		return fmt.Errorf("restart homeserver: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.run != nil {
		return errors.New("restart homeserver: somebody else has started it")
	}
	run, err := launch(ctx, s.opts)
	if err != nil {
		return fmt.Errorf("restart homeserver: %w", err)
	}
	s.run = run
	return nil
}

// launch starts an instance and makes sure that it answers.
func launch(ctx context.Context, o Options) (Instance, error) {
	run, err := o.Launch(ctx, o)
	if err != nil {
		return nil, err
	}
	if err := answers(ctx, run.URL()); err != nil {
		return nil, errors.Join(err, run.Kill())
	}
	return run, nil
}

// answers asks for the versions of the specification that the server at url
// knows (Client-Server API, GET /_matrix/client/versions).
func answers(ctx context.Context, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/_matrix/client/versions", nil)
	if err != nil {
		return err
	}
	req.Close = true
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("versions: status %s", resp.Status)
	}
	return errors.Join(err, resp.Body.Close())
}
