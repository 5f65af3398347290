package store_test

import (
	"context"
	"errors"
	"log/slog"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/store"
	"github.com/causeway-chat/causeway/bridgekit/store/storetest"
)

// said is a log that tells when a text is written to it.
type said struct {
	text string
	once chan struct{}
}

func (s *said) Write(b []byte) (int, error) {
	if strings.Contains(string(b), s.text) {
		select {
		case s.once <- struct{}{}:
		default:
		}
	}
	return len(b), nil
}

// logged is an option that makes a database patient, and what tells of its waiting.
func logged() (store.Option, <-chan struct{}) {
	s := &said{"database is away", make(chan struct{}, 1)}
	return store.Patient(slog.New(slog.NewTextHandler(s, nil))), s.once
}

// A start waits for a PostgreSQL that is away, as long as its context lasts.
func TestOpenWaits(t *testing.T) {
	proxy, dsn := storetest.NewProxy(t, storetest.Postgres(t))
	proxy.Gone(true)
	if _, err := store.Open(t.Context(), dsn, storetest.Key()); !store.Away(err) {
		t.Fatalf("without patience Open returned %v", err)
	}
	patient, waits := logged()
	type opened struct {
		db  *store.DB
		err error
	}
	open := func(ctx context.Context) chan opened {
		res := make(chan opened, 1)
		go func() {
			db, err := store.Open(ctx, dsn, storetest.Key(), patient)
			res <- opened{db, err}
		}()
		<-waits
		return res
	}
	ctx, cancel := context.WithCancel(t.Context())
	res := open(ctx)
	cancel()
	if r := <-res; !errors.Is(r.err, context.Canceled) {
		t.Errorf("after its end Open returned %v", r.err)
	}
	res = open(t.Context())
	proxy.Gone(false)
	r := <-res
	if r.err != nil {
		t.Fatal(r.err)
	}
	defer r.db.Close()

	proxy.Gone(true) // again, before the writer has a connection
	ctx, cancel = context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- r.db.Run(ctx) }()
	<-waits
	proxy.Gone(false)
	if err := r.db.Write(t.Context(), 1, func(*store.Tx) error { return nil }); err != nil {
		t.Error(err)
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("Run returned %v", err)
	}
}

// What waiting does not mend ends a start at once, patient or not.
func TestOpenFails(t *testing.T) {
	u, err := url.Parse(storetest.Postgres(t))
	if err != nil {
		t.Fatal(err)
	}
	unknown, stranger, nowhere := *u, *u, *u
	unknown.Path = "/nothing"
	stranger.User = url.User("stranger")
	nowhere.Host = "nowhere.invalid:5432"
	patient, waits := logged()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	for _, source := range []url.URL{unknown, stranger, nowhere} {
		if _, err := store.Open(ctx, source.String(), storetest.Key(), patient); err == nil || ctx.Err() != nil {
			t.Errorf("%s: Open returned %v", source.Redacted(), err)
		}
	}
	select {
	case <-waits:
		t.Error("it waits")
	default:
	}
}
