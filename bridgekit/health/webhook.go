package health

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/network"
)

// A Notice is a change as the webhook gets it.
type Notice struct {
	What    string            `json:"what"` // "login" or "homeserver"
	State   string            `json:"state"`
	Words   string            `json:"words,omitempty"`
	Since   time.Time         `json:"since"`
	Network network.NetworkID `json:"network,omitempty"`
	Login   network.LoginID   `json:"login,omitempty"`
	Name    string            `json:"name,omitempty"`
	Owner   string            `json:"owner,omitempty"`
}

const (
	hookWaiting = 100              // notices that wait at most
	hookTries   = 6                // for each
	hookTime    = 10 * time.Second // for one try
	hookPause   = time.Second      // before the second try; twice as long before each further one
)

// A Webhook posts notices to an address, one after another. Its methods may be
// called concurrently.
type Webhook struct {
	url    string
	client *http.Client
	log    *slog.Logger
	wake   chan struct{}

	failed atomic.Int64

	mu    sync.Mutex // guards queue
	queue []Notice
}

// NewWebhook makes a webhook; client nil means one of its own that follows no
// redirects: what is posted names people.
func NewWebhook(url string, client *http.Client, log *slog.Logger) *Webhook {
	if client == nil {
		client = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	}
	return &Webhook{url: url, client: client, log: log, wake: make(chan struct{}, 1)}
}

// Post queues a notice. It does not block; when too many wait the oldest goes.
func (h *Webhook) Post(n Notice) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.queue) >= hookWaiting {
		h.queue = h.queue[1:]
		h.failed.Add(1)
	}
	h.queue = append(h.queue, n)
	select {
	case h.wake <- struct{}{}:
	default:
	}
}

// Failed counts the notices that were given up since the start.
func (h *Webhook) Failed() int64 { return h.failed.Load() }

func (h *Webhook) take() (Notice, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.queue) == 0 {
		return Notice{}, false
	}
	n := h.queue[0]
	h.queue = h.queue[1:]
	return n, true
}

// Run posts until ctx is done.
func (h *Webhook) Run(ctx context.Context) error {
	for {
		n, ok := h.take()
		if !ok {
			select {
			case <-h.wake:
				continue
			case <-ctx.Done():
				return fmt.Errorf("webhook: %w", ctx.Err())
			}
		}
		if err := h.deliver(ctx, n); err != nil && ctx.Err() == nil {
			h.failed.Add(1)
			h.log.Warn("webhook: given up", "what", n.What, "state", n.State, "err", err)
		}
	}
}

// deliver posts one notice until it is taken.
func (h *Webhook) deliver(ctx context.Context, n Notice) error {
	body, err := json.Marshal(n)
	if err != nil {
		return fmt.Errorf("encode: %w", err)
	}
	for try, pause := 1, hookPause; ; try, pause = try+1, 2*pause {
		again, err := h.post(ctx, body)
		if err == nil || !again || try == hookTries {
			return err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// post posts once; again says whether another try may help.
func (h *Webhook) post(ctx context.Context, body []byte) (again bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, hookTime)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.url, bytes.NewReader(body))
	if err != nil {
		return false, fmt.Errorf("make request: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "Causeway")
	resp, err := h.client.Do(req)
	if err != nil {
		return true, fmt.Errorf("post: %w", withoutURL(err))
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10)) // so that the connection can be used again
	_ = resp.Body.Close()
	switch code := resp.StatusCode; {
	case code < 300:
		return false, nil
	case code == http.StatusTooManyRequests || code == http.StatusRequestTimeout || code >= 500:
		return true, fmt.Errorf("post: answered %s", resp.Status)
	}
	return false, fmt.Errorf("post: answered %s", resp.Status)
}
