package web

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"syscall"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/journal"
	"github.com/causeway-chat/causeway/bridgekit/network"
)

const (
	listLimit   = 1000
	controlTime = 30 * time.Second // for one request of Client
	dialTime    = 2 * time.Second
	maxAnswer   = 8 << 20 // bytes that Client reads
)

// Queue is the journal as people handle it. Its methods are those of the bot's
// backend, see command.Backend.
type Queue interface {
	Queue(ctx context.Context, all bool, limit int) ([]journal.Item, error)
	QueueItem(ctx context.Context, entry int64) (journal.Item, error)
	RetryEntry(ctx context.Context, entry int64) error
	DropEntry(ctx context.Context, entry int64) error
}

// Control serves the program's own commands:
//
//	GET  /queue[?all=true]   the failed entries, or all undelivered ones
//	GET  /queue/{id}         one entry
//	POST /queue/{id}/retry   queue a failed one again
//	POST /queue/{id}/drop    give a failed one up
//	GET  /status             a Report
//	POST /commands/{name}    an operator's command, with WithCommands
//	POST /encryption         an Encryption, with WithEncryption
//	GET  /hubs …             see WithHubs
//
// Answers are JSON; an error is {"error": words}. It asks for no password:
// whoever can open the socket is its user. Serve it on ListenControl only.
func Control(q Queue, s Status, log *slog.Logger, options ...ControlOption) http.Handler {
	c := control{q, s, log}
	mux := http.NewServeMux()
	for _, o := range options {
		o(c, mux)
	}
	mux.HandleFunc("GET /queue", c.list)
	mux.HandleFunc("GET /queue/{id}", c.entry(func(ctx context.Context, entry int64) (any, error) { return q.QueueItem(ctx, entry) }))
	mux.HandleFunc("POST /queue/{id}/retry", c.entry(func(ctx context.Context, entry int64) (any, error) { return struct{}{}, q.RetryEntry(ctx, entry) }))
	mux.HandleFunc("POST /queue/{id}/drop", c.entry(func(ctx context.Context, entry int64) (any, error) { return struct{}{}, q.DropEntry(ctx, entry) }))
	mux.HandleFunc("GET /status", c.report)
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusNotFound, failure{"the running Causeway does not know this command; is it another version?"})
	})
	return mux
}

type control struct {
	q   Queue
	s   Status
	log *slog.Logger
}

// failure is an error in words.
type failure struct {
	Error string `json:"error"`
}

func (c control) list(w http.ResponseWriter, r *http.Request) {
	all := false
	if v := r.URL.Query().Get("all"); v != "" {
		var err error
		if all, err = strconv.ParseBool(v); err != nil {
			writeJSON(w, http.StatusBadRequest, failure{"all is true or false"})
			return
		}
	}
	items, err := c.q.Queue(r.Context(), all, listLimit)
	if items == nil {
		items = []journal.Item{}
	}
	c.answer(w, items, err)
}

// entry is a handler for one entry.
func (c control) entry(do func(ctx context.Context, entry int64) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		entry, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
		if err != nil || entry <= 0 {
			writeJSON(w, http.StatusBadRequest, failure{"an entry has a number; 'causeway queue' lists them"})
			return
		}
		v, err := do(r.Context(), entry)
		c.answer(w, v, err)
	}
}

func (c control) report(w http.ResponseWriter, r *http.Request) {
	rep, err := report(r.Context(), c.s)
	if err != nil {
		c.log.Warn("status", "err", err)
	}
	writeJSON(w, http.StatusOK, rep) // the report says what is wrong
}

func (c control) answer(w http.ResponseWriter, v any, err error) {
	switch {
	case errors.Is(err, journal.ErrNoEntry):
		writeJSON(w, http.StatusNotFound, failure{journal.ErrNoEntry.Error()})
	case network.KindOf(err) == network.Rejected && err != nil:
		writeJSON(w, http.StatusBadRequest, failure{network.UserText(err)})
	case err != nil:
		c.log.Error("control request", "err", err)
		writeJSON(w, http.StatusInternalServerError, failure{"this did not work; the cause is in Causeway's log"})
	default:
		writeJSON(w, http.StatusOK, v)
	}
}

// ListenControl listens on a socket at path that only the process's user can
// open. A socket that an earlier process left there is removed, but only if
// nobody answers on it. Closing the listener removes the socket.
func ListenControl(ctx context.Context, path string) (net.Listener, error) {
	if err := unblock(ctx, path); err != nil {
		return nil, err
	}
	// On Linux a socket's file gets the mode of its descriptor, so it never
	// exists with another one; elsewhere the chmod below has to do.
	lc := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		return c.Control(func(fd uintptr) { _ = syscall.Fchmod(int(fd), 0o600) })
	}}
	l, err := lc.Listen(ctx, "unix", path)
	if err != nil {
		if errors.Is(err, syscall.EINVAL) {
			return nil, fmt.Errorf("listen on %s: the path is too long for a socket: %w", path, err)
		}
		return nil, fmt.Errorf("listen on control socket: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("protect control socket: %w", err), l.Close())
	}
	return l, nil
}

// unblock removes a socket that nobody answers on.
func unblock(ctx context.Context, path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look for control socket: %w", err)
	}
	if info.Mode().Type() != os.ModeSocket {
		return fmt.Errorf("%s is in the way: it is not a socket; move it to another place", path)
	}
	d := net.Dialer{Timeout: dialTime}
	conn, err := d.DialContext(ctx, "unix", path)
	if err == nil {
		_ = conn.Close() // it was only to see who answers
		return fmt.Errorf("another Causeway is running with this configuration: it answers on %s", path)
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("try control socket: %w", err)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove old control socket: %w", err)
	}
	return nil
}

// ErrNotRunning is returned by a Client's methods if nobody answers on the socket.
//
//lint:ignore ST1005 Causeway is a name
var ErrNotRunning = errors.New("Causeway is not running with this configuration; start it with: causeway run")

// A Client asks a running Causeway over its control socket. Its methods may be
// called concurrently; their errors are in words for people.
type Client struct {
	http *http.Client
}

// NewClient makes a client of the socket at path. It does not connect.
func NewClient(path string) *Client {
	d := net.Dialer{Timeout: dialTime}
	return &Client{&http.Client{Timeout: controlTime, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			conn, err := d.DialContext(ctx, "unix", path)
			if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED) {
				err = ErrNotRunning
			}
			return conn, err
		},
	}}}
}

// Queue lists failed entries, or all undelivered ones, oldest first, 1,000 at most.
func (c *Client) Queue(ctx context.Context, all bool) ([]journal.Item, error) {
	var items []journal.Item
	err := c.do(ctx, http.MethodGet, "/queue?all="+strconv.FormatBool(all), &items)
	return items, err
}

// Item describes one entry.
func (c *Client) Item(ctx context.Context, entry int64) (journal.Item, error) {
	var it journal.Item
	err := c.do(ctx, http.MethodGet, fmt.Sprintf("/queue/%d", entry), &it)
	return it, err
}

// Retry queues a failed entry again.
func (c *Client) Retry(ctx context.Context, entry int64) error {
	return c.do(ctx, http.MethodPost, fmt.Sprintf("/queue/%d/retry", entry), nil)
}

// Drop gives a failed entry up.
func (c *Client) Drop(ctx context.Context, entry int64) error {
	return c.do(ctx, http.MethodPost, fmt.Sprintf("/queue/%d/drop", entry), nil)
}

// Status is the state of everything.
func (c *Client) Status(ctx context.Context) (Report, error) {
	var r Report
	err := c.do(ctx, http.MethodGet, "/status", &r)
	return r, err
}

func (c *Client) do(ctx context.Context, method, path string, into any) error {
	return c.send(ctx, method, path, nil, maxAnswer, into)
}

// send is do with a body, for an answer of at most so many bytes.
func (c *Client) send(ctx context.Context, method, path string, content []byte, most int64, into any) error {
	req, err := http.NewRequestWithContext(ctx, method, "http://causeway"+path, bytes.NewReader(content))
	if err != nil {
		return fmt.Errorf("make request: %w", err)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		var in *url.Error // its text names an address that does not exist
		if errors.As(err, &in) {
			err = in.Err
		}
		return fmt.Errorf("ask the running Causeway: %w", err)
	}
	defer func() { _ = resp.Body.Close() }() // it was read
	body := http.MaxBytesReader(nil, resp.Body, most)
	if resp.StatusCode != http.StatusOK {
		var f failure
		if err := json.NewDecoder(body).Decode(&f); err != nil || f.Error == "" {
			return fmt.Errorf("the running Causeway answered %s", resp.Status)
		}
		return errors.New(f.Error)
	}
	if into == nil {
		return nil
	}
	if err := json.NewDecoder(body).Decode(into); err != nil {
		return fmt.Errorf("read answer of the running Causeway: %w", err)
	}
	return nil
}
