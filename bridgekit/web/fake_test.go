package web

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/journal"
	"github.com/causeway-chat/causeway/bridgekit/matrix"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/store"
)

// pages are published pages by ID; the one named "broken" is an error.
type pages struct {
	mu    sync.Mutex
	byID  map[string]store.Page
	asked []string
	err   error
}

func (p *pages) Page(_ context.Context, pageID string) (store.Page, bool, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked = append(p.asked, pageID)
	page, ok := p.byID[pageID]
	return page, ok, p.err
}

// media are the homeserver's files by URI.
type media struct {
	mu    sync.Mutex
	opens int
	open  func(ctx context.Context, uri id.ContentURI) (*matrix.Download, error)
}

func (m *media) Download(ctx context.Context, uri id.ContentURI) (*matrix.Download, error) {
	m.mu.Lock()
	m.opens++
	m.mu.Unlock()
	return m.open(ctx, uri)
}

func (m *media) opened() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.opens
}

func file(content string, size int64, kind string) *matrix.Download {
	return &matrix.Download{Body: io.NopCloser(strings.NewReader(content)), Size: size, MIME: kind}
}

// status is a Status in which all is well until a field says otherwise.
type status struct {
	standby     bool
	ping, depth error
	down        time.Time
	way         string
	logins      []LoginStatus
	stats       journal.Stats
	states      map[journal.State]int
	oldest      time.Duration
}

func (s *status) Serving() bool                 { return !s.standby }
func (s *status) Ping(context.Context) error    { return s.ping }
func (s *status) Homeserver() (bool, time.Time) { return s.down.IsZero(), s.down }
func (s *status) Way() string                   { return s.way }
func (s *status) Logins() []LoginStatus         { return s.logins }
func (s *status) Journal() journal.Stats        { return s.stats }
func (s *status) Depth(context.Context) (map[journal.State]int, time.Duration, error) {
	return s.states, s.oldest, s.depth
}

func wellStatus() *status {
	return &status{
		logins: []LoginStatus{
			{Network: "irc.libera", Login: "alice-login", Status: network.Online},
			{Network: "irc.libera", Login: "relay", Status: network.Online},
		},
		stats:  journal.Stats{Appended: 12, Delivered: 10, Retries: 3, Failures: 1, Lag: 250 * time.Millisecond, Lanes: 2, Parked: map[string]int{}},
		states: map[journal.State]int{journal.Stored: 2, journal.Failed: 1},
		oldest: 2 * time.Second,
	}
}

// queue is a Queue with a failed and a parked entry.
type queue struct {
	mu    sync.Mutex
	items []journal.Item
	did   []string
	err   error
}

func newQueue() *queue {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	return &queue{items: []journal.Item{
		{ID: 7, Lane: journal.LaneOf(3, journal.Out), Kind: "m.room.message", State: journal.Failed, Attempts: 5, Reason: "too large", Created: at, Changed: at},
		{ID: 9, Lane: journal.LaneOf(4, journal.In), Kind: "message", State: journal.Parked, Cause: "the homeserver", Created: at, Changed: at},
	}}
}

func (q *queue) Queue(_ context.Context, all bool, limit int) ([]journal.Item, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	var out []journal.Item
	for _, it := range q.items {
		if (all || it.State == journal.Failed) && len(out) < limit {
			out = append(out, it)
		}
	}
	return out, q.err
}

func (q *queue) QueueItem(_ context.Context, entry int64) (journal.Item, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, it := range q.items {
		if it.ID == entry {
			return it, nil
		}
	}
	return journal.Item{}, journal.ErrNoEntry
}

func (q *queue) RetryEntry(ctx context.Context, entry int64) error {
	return q.settle(ctx, "retry", entry)
}
func (q *queue) DropEntry(ctx context.Context, entry int64) error {
	return q.settle(ctx, "drop", entry)
}

func (q *queue) settle(ctx context.Context, verb string, entry int64) error {
	it, err := q.QueueItem(ctx, entry)
	if err == nil && it.State != journal.Failed {
		err = journal.ErrNoEntry
	}
	if err != nil {
		return err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.did = append(q.did, verb)
	q.items = slices.DeleteFunc(q.items, func(it journal.Item) bool { return it.ID == entry })
	return q.err
}

// buffer is a log that may be read while it is written.
type buffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func logTo(b *buffer) *slog.Logger {
	return slog.New(slog.NewTextHandler(b, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// An answer is a response that was read whole, or as far as it came.
type answer struct {
	*http.Response
	body string
	err  error // while reading the body
}

func ask(t *testing.T, s *httptest.Server, method, path string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := s.Client().Do(req)
	if err != nil { // the connection broke before the status came
		return answer{Response: &http.Response{Header: http.Header{}}, err: err}
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return answer{resp, string(body), err}
}

var errFire = errors.New("the database is on fire")
