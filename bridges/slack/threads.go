package slack

import (
	"context"
	"net/url"
	"sync"
	"sync/atomic"
)

// noThreads says what it costs that nobody may read threads.
const noThreads = "Slack does not let the app read threads: what is said in them while Causeway is away is not shown, until somebody who is in the channel signs in as themselves"

// A threadAccess is who reads the threads of a login. Slack documents that a bot may
// read those of direct messages only, and in practice often lets it read others
// (https://docs.slack.dev/reference/methods/conversations.replies), so it is tried. It
// may be used concurrently.
type threadAccess struct {
	others  *readers
	none    atomic.Bool   // the last thread that was asked for could be read by nobody
	changed chan struct{} // holds one: none is another
}

func newThreadAccess(others *readers) *threadAccess {
	return &threadAccess{others: others, changed: make(chan struct{}, 1)}
}

// readers are the connected logins of a network that read with a person's token. They
// may be used concurrently.
type readers struct {
	mu  sync.Mutex
	all map[*Client]*account // guarded by mu
}

// set says that a client is connected as acc; nil: it is not.
func (r *readers) set(c *Client, acc *account) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if delete(r.all, c); acc == nil {
		return
	}
	if r.all == nil {
		r.all = map[*Client]*account{}
	}
	r.all[c] = acc
}

// list are those that are connected now, in any order.
func (r *readers) list() []*account {
	r.mu.Lock()
	defer r.mu.Unlock()
	var list []*account
	for _, acc := range r.all {
		list = append(list, acc)
	}
	return list
}

// thread asks for a page of a thread, and has a person's login ask if Slack does not let
// the app; if marks matter, only a login through the app. Who may not see the channel
// gets nothing, so only its members help.
func (a *api) thread(ctx context.Context, args url.Values, marks bool) (page, error) {
	const method = "conversations.replies"
	p, err := a.messages(ctx, method, args)
	if a.threads == nil || err == nil || !barred(err) {
		return p, err
	}
	for _, other := range a.threads.others.list() {
		if marks && other.cred.Kind != kindUser {
			continue
		}
		if p, oerr := other.messages(ctx, method, args); oerr == nil {
			a.threads.found(true)
			return p, nil
		}
	}
	if !marks {
		a.threads.found(false)
	}
	return p, err
}

// barred reports whether Slack refused because of who asks.
func barred(err error) bool {
	switch refusal(err) {
	case "not_allowed_token_type", "missing_scope", "no_permission", "access_denied":
		return true
	}
	return false
}

// found notes whether somebody could read a thread that the app may not read.
func (t *threadAccess) found(somebody bool) {
	if t.none.Swap(!somebody) == !somebody {
		return
	}
	select {
	case t.changed <- struct{}{}:
	default: // it is to be told already
	}
}
