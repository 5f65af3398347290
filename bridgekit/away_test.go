package bridgekit_test

import (
	"context"
	"io"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/causeway-chat/causeway/bridgekit/step"
	"github.com/causeway-chat/causeway/bridgekit/store/storetest"
)

// A logHook is a log that hands each message to a function.
type logHook struct {
	slog.Handler
	heard func(message string)
}

func newLogHook(heard func(message string)) *slog.Logger {
	return slog.New(logHook{slog.NewTextHandler(io.Discard, nil), heard})
}

func (h logHook) Handle(_ context.Context, r slog.Record) error {
	h.heard(r.Message)
	return nil
}

// If the PostgreSQL goes away in the middle of a start, the start waits for it.
func TestStartWithoutDatabase(t *testing.T) {
	const served = "this process serves the database now"
	for _, at := range []string{string(step.StartOpened), served, string(step.StartLoaded), string(step.StartReady)} {
		t.Run(strings.ReplaceAll(at, " ", "-"), func(t *testing.T) {
			proxy, dsn := storetest.NewProxy(t, storetest.Postgres(t))
			r := newRig(t, rigOptions{database: dsn})
			var waited atomic.Bool
			reached := func(n string) {
				switch {
				case n == at && !waited.Load():
					proxy.Gone(true)
				case strings.Contains(n, "database is away"):
					waited.Store(true)
					proxy.Gone(false)
				}
			}
			r.opts.Steps = func(n step.Name) { reached(string(n)) }
			r.opts.Log = newLogHook(reached)
			r.start()
			r.signIn()
			if !waited.Load() {
				t.Error("nothing waited for the database")
			}
		})
	}
}
