package memnet_test

import (
	"context"
	"errors"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/network"
)

// renamed is a connector with another name.
type renamed struct {
	network.Connector
	name string
}

func (r renamed) Info() network.Info {
	info := r.Connector.Info()
	info.Name = r.name
	return info
}

// optimist is a connector that sees no problems.
type optimist struct{ network.Connector }

func (optimist) Probe(context.Context) (string, error) { return "all is well", nil }

// lesser is a connector whose clients have the required operations only.
type lesser struct{ network.Connector }

func (l lesser) Open(ctx context.Context, h network.Host, login network.Login) (network.Client, error) {
	client, err := l.Connector.Open(ctx, h, login)
	return struct{ network.Client }{client}, err
}

func loginFaults() []fault {
	type do = func(context.Context, network.Prompter) (network.Login, error)
	// flow makes a fault in a flow's Do.
	flow := func(change func(ctx context.Context, h *harness, p network.Prompter, do do) (network.Login, error)) func(*harness, *network.LoginFlow) {
		return func(h *harness, f *network.LoginFlow) {
			do := f.Do
			f.Do = func(ctx context.Context, p network.Prompter) (network.Login, error) { return change(ctx, h, p, do) }
		}
	}
	return []fault{
		{of: "LoginCompletes", says: "missing in the login", flow: flow(func(ctx context.Context, _ *harness, p network.Prompter, do do) (network.Login, error) {
			l, err := do(ctx, p)
			l.User = ""
			return l, err
		})},
		{of: "LoginCompletes", says: "use the login", flow: flow(func(ctx context.Context, _ *harness, p network.Prompter, do do) (network.Login, error) {
			l, err := do(ctx, p)
			l.Data = nil
			return l, err
		})},
		{of: "WrongAnswerIsRejected", says: "want kind [rejected]", flow: flow(func(ctx context.Context, _ *harness, p network.Prompter, do do) (network.Login, error) {
			l, err := do(ctx, p)
			return l, as(network.Unknown, err)
		})},
		{of: "CancelledLoginLeavesNothing", says: "sessions", flow: flow(func(ctx context.Context, h *harness, p network.Prompter, do do) (network.Login, error) {
			h.s.Account("alice")
			return do(ctx, p)
		})},
		{of: "CancelledLoginLeavesNothing", says: "wraps context.Canceled", flow: flow(func(ctx context.Context, _ *harness, p network.Prompter, do do) (network.Login, error) {
			l, err := do(ctx, p)
			if err != nil {
				err = errors.New("no")
			}
			return l, err
		})},
		{of: "CancelledLoginLeavesNothing", says: "goroutines", flow: flow(func(ctx context.Context, _ *harness, p network.Prompter, do do) (network.Login, error) {
			go time.Sleep(time.Hour)
			return do(ctx, p)
		})},
	}
}
