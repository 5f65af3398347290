package bridgekit

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/matrix"
)

// Handler takes what the homeserver sends, while Run runs. Run serves it on
// Config.Appservice.Listen, unless that is empty.
func (b *Bridge) Handler() http.Handler {
	in := &matrix.Intake{
		HSToken: b.opts.Registration.HSToken, Log: b.opts.Log, Events: b.portals.Events,
		User: func(ctx context.Context, u id.UserID) bool { return b.hs.IsGhost(u) && b.hs.EnsureGhost(ctx, u) == nil },
		Room: b.portals.RoomWanted,
	}
	return in.Handler()
}

// serve takes what the homeserver sends until ctx is done, and then what is on
// its way.
func (b *Bridge) serve(ctx context.Context) error {
	address := b.opts.Config.Appservice.Listen
	if address == "" {
		<-ctx.Done()
		return ctx.Err()
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("listen for the homeserver: %w: set appservice.listen to a free address", err)
	}
	srv := &http.Server{Handler: b.Handler(), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(l) }()
	select {
	case err := <-done:
		return fmt.Errorf("appservice listener: %w", err)
	case <-ctx.Done():
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	if err := srv.Shutdown(last); err != nil {
		_ = srv.Close() // what did not finish was not answered, and comes again
	}
	if err := <-done; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return ctx.Err()
}
