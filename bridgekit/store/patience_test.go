package store_test

import (
	"context"
	"testing"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/store"
	"github.com/causeway-chat/causeway/bridgekit/store/storetest"
)

// A server behind a network that was cut is given up, by the writer and by readers,
// and another connection is made.
func TestSilentServer(t *testing.T) {
	proxy, dsn := storetest.NewProxy(t, storetest.Postgres(t))
	db, err := store.Open(t.Context(), dsn, storetest.Key(), store.WithPatience(10*time.Second)) // what it takes to find out, and far above what an answer takes
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = db.Run(ctx) }()
	defer func() { cancel(); <-done; _ = db.Close() }()
	if err := db.Write(ctx, 1, func(*store.Tx) error { return nil }); err != nil { // Run has connected
		t.Fatal(err)
	}
	for name, try := range map[string]func(ctx context.Context) error{
		"writer": func(ctx context.Context) error {
			return db.Write(ctx, 1, func(*store.Tx) error { return nil })
		},
		"reader": func(context.Context) error {
			_, err := db.One(context.Background(), "SELECT 1 FROM fact LIMIT 1", nil, new(int))
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			if err := try(t.Context()); err != nil {
				t.Fatal(err)
			}
			proxy.Silence()
			ended := make(chan error, 1)
			go func() { ended <- try(context.WithoutCancel(t.Context())) }()
			select {
			case <-ended: // told of the failure, or tried again with success
			case <-time.After(2 * time.Minute):
				t.Fatal("it hangs")
			}
			if err := try(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}
