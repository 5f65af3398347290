package bridgekit

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/causeway-chat/causeway/bridgekit/matrix"
	"github.com/causeway-chat/causeway/bridgekit/store"
)

// leaseTime is how long a shared database stays with a process that died. Its
// successor needs that long, and half a second, to begin.
const leaseTime = 5 * time.Second

// lead waits until this process may serve the database and does so for as long as
// it may.
func (b *Bridge) lead(ctx context.Context) error {
	if !b.db.Shared() {
		return b.bridge(ctx)
	}
	lease := b.db.Lease(holder(), b.opts.Lease, b.opts.Log)
	if err := lease.Claim(ctx); err != nil {
		return err
	}
	b.opts.Log.Info("this process serves the database now")
	err := b.underLease(ctx, lease)
	if errors.Is(err, store.ErrFenced) {
		return err
	}
	return errors.Join(err, lease.Release())
}

// underLease bridges while the lease is ours. It is renewed until the last
// delivery has ended.
func (b *Bridge) underLease(ctx context.Context, lease *store.Lease) error {
	g, ctx := errgroup.WithContext(ctx)
	keep := stage(ctx, func(ctx context.Context) error {
		err := lease.Keep(ctx, b.journal.Pause, func() {
			b.journal.Interrupt()
			b.opts.Log.Warn("the lease has run out: what was being delivered was cut off")
		})
		if errors.Is(err, store.ErrFenced) {
			b.journal.Abort()
		}
		return err
	})
	defer keep.stop()
	g.Go(func() error { return watch(ctx, keep) })
	g.Go(func() error { return b.bridge(ctx) })
	return g.Wait()
}

// holder names this process for the administrators of the others.
func holder() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown host"
	}
	return fmt.Sprintf("%s, process %d, %s", host, os.Getpid(), rand.Text()[:6])
}

// leads reports whether this process serves the database.
func (b *Bridge) leads() bool {
	select {
	case <-b.leading:
		return true
	default:
		return false
	}
}

// events takes a transaction of the homeserver. A process that stands by stores it
// for the one that serves.
func (b *Bridge) events(ctx context.Context, t matrix.Transaction) error {
	if !b.leads() {
		if b.db.Shared() {
			return b.portals.Standby(ctx, t)
		}
		select {
		case <-b.leading: // in a moment
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	b.vitals.heard()
	return b.missed.events(ctx, t)
}
