package inprocess

import (
	"context"
	"errors"

	"github.com/matrix-org/dendrite/embed"

	"github.com/causeway-chat/causeway/testbed/homeserver"
)

var _ homeserver.Launcher = Launch

// Launch is a homeserver.Launcher.
func Launch(ctx context.Context, o homeserver.Options) (homeserver.Instance, error) {
	level := "error"
	if o.Stderr == nil {
		level = "panic" // it can log to the process's standard error only
	}
	s, err := embed.Start(embed.Options{Dir: o.Dir, Addr: o.Addr, ServerName: o.Name, Registrations: o.Registrations, LogLevel: level})
	if err != nil {
		return nil, err
	}
	for _, u := range o.Users {
		if _, err := s.CreateUser(ctx, u.Name, u.Password); err != nil {
			return nil, errors.Join(err, s.Stop())
		}
	}
	return instance{s}, nil
}

type instance struct{ server *embed.Server }

// URL returns the base URL.
func (i instance) URL() string { return i.server.URL() }

// Stop ends the server; Dendrite takes no deadline.
func (i instance) Stop(context.Context) error { return i.server.Stop() }

// Kill is Stop: nothing can be killed within a process.
func (i instance) Kill() error { return i.server.Stop() }
