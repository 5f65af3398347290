package slack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"sync"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/gorilla/websocket"
	goslack "github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"
	"golang.org/x/sync/errgroup"
)

// A receiver takes what comes through an app's socket. Its methods are called one
// after another; an error ends the socket.
type receiver interface {
	opened(ctx context.Context) error             // events come from now on
	dropped(ctx context.Context, err error) error // the socket was lost, and another is being opened
	// envelope takes what Slack calls an events_api payload; ack is called when it is
	// stored, or not at all.
	envelope(ctx context.Context, payload json.RawMessage, ack func()) error
}

// runSocket keeps a Socket Mode connection and passes on events in the order in
// which they come. The library opens another connection by itself where Slack asks
// for that or one is lost; if it cannot, this ends.
func runSocket(ctx context.Context, web *goslack.Client, c *Connector, to receiver) error {
	client := socketmode.New(web, socketmode.OptionPingInterval(c.tune.ping), socketmode.OptionReadLimit(16<<20),
		socketmode.OptionDialer(c.dialer()), socketmode.OptionLog(log.New(io.Discard, "", 0)))
	acks := newAcks()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		err := client.RunContext(ctx)
		return inWords(err, "socket")
	})
	g.Go(func() error { return acks.run(ctx, client) })
	g.Go(func() error {
		for {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case ev := <-client.Events:
				if err := socketEvent(ctx, ev, to, acks); err != nil {
					return err
				}
			}
		}
	})
	return g.Wait()
}

// dialer dials sockets.
func (c *Connector) dialer() *websocket.Dialer {
	return &websocket.Dialer{Proxy: c.set.proxy, HandshakeTimeout: 30 * time.Second, WriteBufferSize: 32 << 10}
}

// socketEvent takes what the library says.
func socketEvent(ctx context.Context, ev socketmode.Event, to receiver, acks *acks) error {
	switch ev.Type {
	case socketmode.EventTypeHello:
		return to.opened(ctx)
	case socketmode.EventTypeConnecting:
		if c, ok := ev.Data.(*goslack.ConnectingEvent); ok && (c.ConnectionCount > 0 || c.Attempt > 1) {
			return to.dropped(ctx, errOffline())
		}
	case socketmode.EventTypeConnectionError:
		if e, ok := ev.Data.(*goslack.ConnectionErrorEvent); ok {
			return connectError(e.ErrorObj)
		}
	case socketmode.EventTypeErrorBadMessage: // mostly a type that the library does not know
		if bad, ok := ev.Data.(*socketmode.ErrorBadMessage); ok {
			var r socketmode.Request
			if err := json.Unmarshal(bad.Message, &r); err == nil {
				return envelope(ctx, &r, to, acks)
			}
		}
	default:
		if ev.Request != nil {
			return envelope(ctx, ev.Request, to, acks)
		}
	}
	return nil
}

// connectError is why there is no connection.
func connectError(err error) error {
	var status goslack.StatusCodeError
	if errors.As(err, &status) && status.Code == http.StatusNotFound {
		return network.Errorf(network.LoggedOut, "Slack does not know the app any more", "open a socket: %w", err)
	}
	if refusal(err) == "link_disabled" || refusal(err) == "socket_mode_not_enabled" {
		return network.Errorf(network.LoggedOut, "Socket Mode is switched off: switch it on in the app's settings", "open a socket: %w", err)
	}
	if e := inWords(err, "open a socket"); network.KindOf(e) == network.LoggedOut || network.KindOf(e) == network.RateLimited {
		return e
	}
	return network.Errorf(network.Unavailable, "Slack cannot be reached at the moment", "open a socket: %w", err)
}

// envelope passes on what is in an envelope.
func envelope(ctx context.Context, r *socketmode.Request, to receiver, acks *acks) error {
	if r.EnvelopeID == "" {
		return nil
	}
	ack := func() { acks.add(r.EnvelopeID) }
	if r.Type != socketmode.RequestTypeEventsAPI {
		ack() // nothing that is shown
		return nil
	}
	return to.envelope(ctx, r.Payload, ack)
}

// tell sends v to the loop.
func tell[T any](ctx context.Context, c chan<- T, v T) error {
	select {
	case c <- v:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// acks are acknowledgements to send. The loop adds them and never waits.
type acks struct {
	wake chan struct{}

	mu  sync.Mutex
	ids []string // guarded by mu
}

func newAcks() *acks { return &acks{wake: make(chan struct{}, 1)} }

func (a *acks) add(id string) {
	a.mu.Lock()
	a.ids = append(a.ids, id)
	a.mu.Unlock()
	select {
	case a.wake <- struct{}{}:
	default:
	}
}

// run sends acknowledgements until ctx is done. One that is lost with its connection
// is not missed: Slack delivers the event again, and its key is known then.
func (a *acks) run(ctx context.Context, client *socketmode.Client) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-a.wake:
		}
		a.mu.Lock()
		ids := a.ids
		a.ids = nil
		a.mu.Unlock()
		for _, id := range ids {
			if err := client.AckCtx(ctx, id, nil); err != nil {
				return fmt.Errorf("acknowledge: %w", err)
			}
		}
	}
}
