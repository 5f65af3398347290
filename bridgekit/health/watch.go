package health

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/network"
)

// Debounce is how long a state has to last before anybody is told.
const Debounce = 30 * time.Second

// A Login is an account whose state is watched.
type Login struct {
	Network network.NetworkID
	ID      network.LoginID
	Name    string // for people: "alice on Libera.Chat"
	Owner   string // Matrix ID; "" for a relay of the configuration
}

// Facts keeps small texts by name; see store.Facts.
type Facts interface {
	Fact(ctx context.Context, name string) (string, error)
	SetFact(ctx context.Context, name, value string) error
}

// WatchOptions configure a Watch. All are required but Post.
type WatchOptions struct {
	Log   *slog.Logger
	Facts Facts
	// Tell says something to the owner of a login, or to the administrators if it
	// has none. key names the text, so that it is said once.
	Tell func(ctx context.Context, l Login, key, words string) error
	// Post hands a change to the webhook; nil if there is none.
	Post func(n Notice)
}

// A Watch tells people how their accounts fare. Its methods may be called
// concurrently.
type Watch struct {
	opts WatchOptions
	wake chan struct{}

	mu     sync.Mutex // guards what follows
	logins map[loginKey]*track
	told   map[network.Status]int64 // how often what was told
}

type loginKey struct {
	network network.NetworkID
	login   network.LoginID
}

// A track is what is known of one login.
type track struct {
	login  Login
	state  network.LoginState
	since  time.Time      // of the status
	due    time.Time      // when to tell; zero: nothing to tell
	told   network.Status // the class that was told last
	loaded bool           // told was read
}

// NewWatch makes a watch of no logins.
func NewWatch(o WatchOptions) *Watch {
	return &Watch{opts: o, wake: make(chan struct{}, 1), logins: map[loginKey]*track{}, told: map[network.Status]int64{}}
}

// class is what people care to know of a status: connecting is not being there.
func class(s network.Status) network.Status {
	if s == network.Connecting {
		return network.Offline
	}
	return s
}

// Changed takes a login's new state. It does not block.
func (w *Watch) Changed(l Login, st network.LoginState) {
	w.mu.Lock()
	defer w.mu.Unlock()
	k := loginKey{l.Network, l.ID}
	t := w.logins[k]
	if t == nil {
		t = &track{told: network.Online}
		w.logins[k] = t
	}
	now := time.Now()
	if t.login = l; class(t.state.Status) != class(st.Status) {
		t.since = now
		t.due = now.Add(Debounce)
		if st.Status == network.Dead {
			t.due = now
		}
	}
	t.state = st
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// Removed forgets a login that was signed out.
func (w *Watch) Removed(ctx context.Context, n network.NetworkID, l network.LoginID) error {
	w.mu.Lock()
	delete(w.logins, loginKey{n, l})
	w.mu.Unlock()
	return w.opts.Facts.SetFact(ctx, toldFact(n, l), "")
}

// Told counts what people were told since the start, by the state it was about.
func (w *Watch) Told() map[network.Status]int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := map[network.Status]int64{}
	for s, n := range w.told {
		out[s] = n
	}
	return out
}

// Run tells what is due until ctx is done.
func (w *Watch) Run(ctx context.Context) error {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		next := w.settle(ctx)
		timer.Reset(next)
		select {
		case <-timer.C:
		case <-w.wake:
		case <-ctx.Done():
			return fmt.Errorf("health: %w", ctx.Err())
		}
	}
}

// settle tells what is due and returns how long to wait for the next.
func (w *Watch) settle(ctx context.Context) time.Duration {
	const longest = time.Hour
	next := longest
	now := time.Now()
	w.mu.Lock()
	var due []track
	for _, t := range w.logins {
		switch {
		case t.due.IsZero():
		case t.due.After(now):
			next = min(next, t.due.Sub(now))
		default:
			t.due = time.Time{}
			due = append(due, *t)
		}
	}
	w.mu.Unlock()
	for _, t := range due {
		if err := w.tell(ctx, t); err != nil && ctx.Err() == nil {
			w.opts.Log.Warn("tell how an account fares", "network", t.login.Network, "login", t.login.ID, "err", err)
		}
	}
	return next
}

func toldFact(n network.NetworkID, l network.LoginID) string {
	return "told " + string(n) + " " + string(l)
}

// tell says how a login fares, unless that was said last.
func (w *Watch) tell(ctx context.Context, t track) error {
	fact := toldFact(t.login.Network, t.login.ID)
	if !t.loaded {
		said, err := w.opts.Facts.Fact(ctx, fact)
		if err != nil {
			return err
		}
		if t.told = network.Online; said != "" {
			t.told = network.Status(said)
		}
	}
	now := class(t.state.Status)
	w.mu.Lock()
	mine := w.logins[loginKey{t.login.Network, t.login.ID}]
	if mine != nil {
		mine.told, mine.loaded = now, true
	}
	w.mu.Unlock()
	if now == t.told || mine == nil {
		return nil
	}
	value := string(now)
	if now == network.Online {
		value = ""
	}
	if err := w.opts.Facts.SetFact(ctx, fact, value); err != nil {
		return err
	}
	w.mu.Lock()
	w.told[now]++
	w.mu.Unlock()
	if w.opts.Post != nil {
		w.opts.Post(Notice{
			What: "login", State: string(t.state.Status), Words: t.state.Words, Since: t.since,
			Network: t.login.Network, Login: t.login.ID, Name: t.login.Name, Owner: t.login.Owner,
		})
	}
	return w.opts.Tell(ctx, t.login, fmt.Sprintf("%s %d", now, t.since.UnixMilli()), words(t))
}

// words are how a login fares, to be read behind its name.
func words(t track) string {
	why := t.state.Words
	if why != "" && !strings.HasSuffix(why, ".") {
		why += "."
	}
	text := ""
	switch class(t.state.Status) {
	case network.Dead:
		if text = "needs you: " + why; t.login.Owner == "" {
			return text + " It is an account of the configuration: once it is right there, start me again."
		}
		return text + " Sign in again with: login " + string(t.login.Network)
	case network.Offline:
		text = "is not connected. I keep trying; what you write waits. " + why
	case network.Limited:
		text = "is connected, but something does not work: " + why
	default:
		text = "works again."
	}
	return strings.TrimSpace(text)
}
