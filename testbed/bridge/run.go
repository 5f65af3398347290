package bridge

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/causeway-chat/causeway/bridgekit"
	"github.com/causeway-chat/causeway/bridgekit/config"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/step"
	"github.com/causeway-chat/causeway/bridges/irc"
	"github.com/causeway-chat/causeway/bridges/slack"
	"github.com/causeway-chat/causeway/registration"
)

// A Running is a Causeway in this process.
type Running struct {
	cancel context.CancelFunc
	ended  chan struct{} // closed when err is set
	err    error
}

// Start runs the Causeway of the folder and returns when it takes events from
// the homeserver, which must answer by then; ctx bounds the start only. Networks
// that no configuration can name are given besides.
func (f *Folder) Start(ctx context.Context, log *slog.Logger, more ...network.Connector) (*Running, error) {
	return f.StartAt(ctx, log, nil, more...)
}

// StartAt is Start with a hook that is told of the core's steps.
func (f *Folder) StartAt(ctx context.Context, log *slog.Logger, steps step.Hook, more ...network.Connector) (*Running, error) {
	o, err := f.options(log)
	if err != nil {
		return nil, err
	}
	o.Steps = steps
	o.Networks = append(o.Networks, more...)
	b, err := bridgekit.New(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("start causeway: %w", err)
	}
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	r := &Running{cancel: cancel, ended: make(chan struct{})}
	go func() {
		defer close(r.ended)
		r.err = b.Run(run)
	}()
	select {
	case <-b.Ready():
		return r, nil
	case <-r.ended:
		return nil, fmt.Errorf("start causeway: %w", r.err)
	case <-ctx.Done():
		return nil, errors.Join(fmt.Errorf("start causeway: %w", ctx.Err()), r.Stop())
	}
}

// options is what the program causeway makes of the folder.
func (f *Folder) options(log *slog.Logger) (o bridgekit.Options, err error) {
	c, err := config.Load(f.Config)
	if err != nil {
		return o, err
	}
	o = bridgekit.Options{Config: c, Log: log, Version: "testbed"}
	if o.Registration, err = registration.Read(c.Appservice.Registration); err != nil {
		return o, err
	}
	puppet, err := registration.Read(c.Appservice.DoublePuppet)
	if err != nil {
		return o, err
	}
	o.DoublePuppet = &puppet
	known := map[string]network.Constructor{"irc": irc.New, "slack": slack.New}
	for _, n := range c.Networks {
		one, err := known[n.Protocol](c.Options(n))
		if err != nil {
			return o, err
		}
		o.Networks = append(o.Networks, one)
	}
	return o, nil
}

// Ended is closed when Causeway has ended, by Stop or by itself.
func (r *Running) Ended() <-chan struct{} { return r.ended }

// Stop ends Causeway as SIGTERM would and waits until it is gone.
func (r *Running) Stop() error {
	r.cancel()
	<-r.ended
	if errors.Is(r.err, context.Canceled) {
		return nil
	}
	return r.err
}
