package store_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/store"
	"github.com/causeway-chat/causeway/bridgekit/store/storetest"
)

// What is told is heard; and who does not
// hear because the connection is silent notices it and begins anew.
func TestListenSilence(t *testing.T) {
	source := storetest.Postgres(t)
	proxy, dsn := storetest.NewProxy(t, source)
	listener, teller := storetest.Source(t, dsn)(), storetest.Source(t, source)()
	listener.Hasten(time.Second)
	missed, heard := make(chan struct{}, 9), make(chan string, 9)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- listener.Listen(ctx, slog.New(slog.DiscardHandler), func() { missed <- struct{}{} }, func(text string) { heard <- text })
	}()
	defer func() { cancel(); <-ended }()
	tell := func(text string) {
		t.Helper()
		if err := teller.Write(ctx, 1, func(tx *store.Tx) error { return tx.Notify(text) }); err != nil {
			t.Fatal(err)
		}
		select {
		case got := <-heard:
			if got != text {
				t.Errorf("heard %q, want %q", got, text)
			}
		case <-time.After(2 * time.Minute):
			t.Fatalf("%q was not heard", text)
		}
	}
	begins := func() {
		t.Helper()
		select {
		case <-missed:
		case <-time.After(2 * time.Minute):
			t.Fatal("it does not begin to listen")
		}
	}
	begins()
	tell("one")
	proxy.Silence()
	begins()
	tell("two")
}
