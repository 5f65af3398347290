package matrixtest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
)

// PushStats is what was pushed to an appservice so far.
type PushStats struct {
	Transactions int64 // acknowledged with 200
	Attempts     int64
	Failures     int64
	Events       int64 // acknowledged
	Pending      int64 // queued or in a transaction that was not acknowledged
	LastTxn      string
}

// Pushed returns how far an appservice is.
func (hs *Server) Pushed(id string) PushStats {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	return hs.service(id).stats
}

// A transaction is pushed until it is acknowledged.
type transaction struct {
	id     string
	events []queued
	extras []json.RawMessage
}

// pushLoop pushes an appservice's transactions, one at a time, until ctx
// ends.
func (hs *Server) pushLoop(ctx context.Context, as *appservice) {
	for {
		hs.mu.Lock()
		t := hs.nextTransaction(as)
		hs.mu.Unlock()
		if t != nil {
			if hs.deliver(ctx, as, t) != nil {
				return
			}
			continue
		}
		select {
		case <-as.wake:
		case <-ctx.Done():
			return
		}
	}
}

// nextTransaction takes what waits, nil if nothing does. Called under mu.
func (hs *Server) nextTransaction(as *appservice) *transaction {
	if hs.opts.Flavor == Dendrite {
		as.extras = nil
	}
	if len(as.queue) == 0 && len(as.extras) == 0 {
		return nil
	}
	as.nextTxn++
	t := &transaction{id: strconv.FormatInt(as.nextTxn, 10)}
	hs.fill(as, t)
	n := min(len(as.extras), 100)
	t.extras, as.extras = as.extras[:n:n], as.extras[n:]
	return t
}

// fill adds queued events up to the size of a batch. Called under mu.
func (hs *Server) fill(as *appservice, t *transaction) {
	n := 0
	for n < len(as.queue) && len(t.events)+n < hs.opts.Batch {
		if as.queue[n].alone && len(t.events)+n > 0 {
			break
		}
		n++
		if as.queue[n-1].alone {
			break
		}
	}
	t.events = append(t.events, as.queue[:n]...)
	as.queue = as.queue[n:]
}

// deliver attempts until the transaction is acknowledged; the error is
// ctx's.
func (hs *Server) deliver(ctx context.Context, as *appservice, t *transaction) error {
	for attempt := 1; ; attempt++ {
		if err := hs.untilUp(ctx); err != nil {
			return err
		}
		restarts, ok := hs.attempt(ctx, as, t)
		if ok {
			return nil
		}
		if !hs.restartedSince(as, restarts) {
			if err := hs.waitRetry(ctx, as, attempt); err != nil {
				return err
			}
		}
		restarted := hs.restartedSince(as, restarts)
		if hs.opts.Flavor == Synapse {
			if restarted {
				attempt = 0
			}
			continue
		}
		hs.mu.Lock()
		if restarted {
			// The stream gives it out again only after an acknowledgement
			// timeout, when newer events have gone.
			as.queue = append(as.queue, t.events...)
			hs.mu.Unlock()
			return nil
		}
		hs.fill(as, t)
		hs.mu.Unlock()
	}
}

func (hs *Server) restartedSince(as *appservice, restarts int) bool {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	return as.restarts != restarts
}

// untilUp waits while the server is down: it pushes nothing then.
func (hs *Server) untilUp(ctx context.Context) error {
	if hs.Faults.state() == Running {
		return ctx.Err()
	}
	return hs.Wait(ctx, func() bool { return hs.Faults.state() == Running })
}

// waitRetry waits for the next attempt, or until a ping or a restart.
func (hs *Server) waitRetry(ctx context.Context, as *appservice, attempt int) error {
	wctx, cancel := context.WithCancel(ctx)
	defer cancel()
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		select {
		case <-as.hurry:
			cancel()
		case <-wctx.Done():
		}
	}()
	_ = hs.opts.Wait(wctx, attempt) // ended early: try now
	cancel()
	<-finished
	return ctx.Err()
}

// attempt pushes once. It returns how often the server had been restarted
// when it began.
func (hs *Server) attempt(ctx context.Context, as *appservice, t *transaction) (restarts int, ok bool) {
	actx, cancel := context.WithTimeout(ctx, hs.opts.PushTimeout)
	defer cancel()
	hs.mu.Lock()
	restarts = as.restarts
	as.interrupt = cancel
	as.stats.Attempts++
	as.stats.LastTxn = t.id
	select {
	case <-as.hurry: // meant for an earlier wait
	default:
	}
	hs.mu.Unlock()

	status, _, err := hs.request(actx, as, http.MethodPut, "transactions/"+t.id, t.body(as.reg, hs.nowMS()))
	ok = err == nil && status == http.StatusOK

	hs.mu.Lock()
	defer hs.mu.Unlock()
	as.interrupt = nil
	as.down = !ok && as.restarts == restarts
	if ok {
		as.stats.Transactions++
		as.stats.Events += int64(len(t.events))
		as.stats.Pending -= int64(len(t.events))
	} else {
		as.stats.Failures++
	}
	hs.changed()
	return restarts, ok
}

// body encodes a transaction.
func (t *transaction) body(reg Registration, now int64) []byte {
	b := []byte(`{"events":[`)
	for i, q := range t.events {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendEvent(b, q.event, eventForm{room: true, now: now, invite: q.invite})
	}
	b = append(b, ']')
	if reg.Ephemeral {
		name := "ephemeral"
		if reg.LegacyEphemeral {
			name = "de.sorunome.msc2409.ephemeral"
		}
		b = append(b, `,"`+name+`":[`...)
		b = append(b, bytes.Join(rawList(t.extras), []byte{','})...)
		b = append(b, ']')
	}
	return append(b, '}')
}

func rawList(in []json.RawMessage) [][]byte {
	out := make([][]byte, len(in))
	for i, r := range in {
		out[i] = r
	}
	return out
}

// request asks an appservice something under /_matrix/app/v1/.
func (hs *Server) request(ctx context.Context, as *appservice, method, path string, body []byte) (int, []byte, error) {
	hs.mu.Lock()
	base, handler, attached := as.url, as.handler, as.attached
	hs.mu.Unlock()
	client := hs.opts.Client
	switch {
	case attached && handler == nil:
		return 0, nil, errors.New("connection refused")
	case attached:
		base, client = "http://appservice.invalid", &http.Client{Transport: Transport(handler)}
	}
	req, err := http.NewRequestWithContext(ctx, method, base+"/_matrix/app/v1/"+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Authorization", "Bearer "+as.reg.HSToken)
	req.Header.Set("Content-Type", "application/json")
	// Not sent: it has net/http try again if the connection was one to an earlier
	// process of the appservice.
	req.Header["Idempotency-Key"] = []string{}
	resp, err := client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = resp.Body.Close() }() // was read
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	return resp.StatusCode, answer, err
}
