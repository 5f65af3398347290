package matrixtest

import (
	"context"
	"net/http"
	"sync"
)

// A txnKey names a request that is to happen once. For an appservice the
// owner is the appservice, not the ghost: two ghosts with one transaction ID
// in one room are one request, on Synapse and on Dendrite.
type txnKey struct{ owner, path string }

// txnCache remembers the answers to requests with a transaction ID
// (Client-Server API, "Transaction identifiers"). Errors are not remembered.
type txnCache struct {
	mu   sync.Mutex
	seen map[txnKey]*txnResult
}

type txnResult struct {
	done  chan struct{} // closed when value is set
	value any
	err   *Error
}

// do returns the remembered answer or performs the request. With share, one
// that comes while the same is being performed waits for its result; without,
// it is performed as well.
func (t *txnCache) do(ctx context.Context, key txnKey, share bool, perform func() (any, *Error)) (any, *Error) {
	t.mu.Lock()
	if r := t.seen[key]; r != nil {
		t.mu.Unlock()
		select {
		case <-r.done:
			return r.value, r.err
		case <-ctx.Done():
			return nil, fail(http.StatusGatewayTimeout, codeUnknown, "Client went away")
		}
	}
	r := &txnResult{done: make(chan struct{})}
	if share {
		t.seen[key] = r
	}
	t.mu.Unlock()

	r.value, r.err = perform()
	close(r.done)
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case r.err != nil && t.seen[key] == r:
		delete(t.seen, key)
	case r.err == nil && !share:
		t.seen[key] = r
	}
	return r.value, r.err
}

func (t *txnCache) forget() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.seen = map[txnKey]*txnResult{}
}
