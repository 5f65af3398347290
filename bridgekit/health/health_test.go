package health

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/causeway-chat/causeway/bridgekit/network"
)

// A memory is Facts, and keeps what was told and posted.
type memory struct {
	mu     sync.Mutex
	facts  map[string]string
	said   []string
	posted []Notice
}

func (m *memory) Fact(_ context.Context, name string) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.facts[name], nil
}

func (m *memory) SetFact(_ context.Context, name, value string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.facts == nil {
		m.facts = map[string]string{}
	}
	if m.facts[name] = value; value == "" {
		delete(m.facts, name)
	}
	return nil
}

func (m *memory) tell(ctx context.Context, l Login, _, words string) error {
	return m.tellAll(ctx, "", string(l.ID)+" "+words)
}

func (m *memory) tellAll(_ context.Context, _, words string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.said = append(m.said, words)
	return nil
}

func (m *memory) post(n Notice) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.posted = append(m.posted, n)
}

// heard takes out what was told.
func (m *memory) heard() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := m.said
	m.said = nil
	return out
}

func log() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// start runs something until the test ends.
func start(t *testing.T, run func(ctx context.Context) error) (stop func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan struct{})
	go func() { defer close(done); _ = run(ctx) }() // it returns the end of ctx
	return func() { cancel(); <-done }
}

func TestWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		w := NewWatch(WatchOptions{Log: log(), Facts: m, Tell: m.tell, Post: m.post})
		stop := start(t, w.Run)
		l := Login{Network: "irc.a", ID: "ada", Name: "ada on A", Owner: "@ada:test"}
		set := func(s network.Status, words string) { w.Changed(l, network.LoginState{Status: s, Words: words}) }
		expect := func(what string, after time.Duration, want ...string) {
			t.Helper()
			time.Sleep(after)
			synctest.Wait()
			if d := cmp.Diff(want, m.heard()); d != "" {
				t.Errorf("%s: %s", what, d)
			}
		}
		set(network.Connecting, "")
		expect("a start", 10*time.Second)
		set(network.Online, "")
		expect("a start that went well", time.Hour)
		for range 20 {
			set(network.Offline, "cut")
			time.Sleep(10 * time.Second)
			set(network.Connecting, "")
			time.Sleep(10 * time.Second)
			set(network.Online, "")
			time.Sleep(5 * time.Second)
		}
		expect("flapping", time.Hour)
		set(network.Offline, "cut off")
		expect("an outage at first", 29*time.Second)
		set(network.Connecting, "")
		set(network.Offline, "cut off")
		expect("an outage", 2*time.Second, "ada is not connected. I keep trying; what you write waits. cut off.")
		set(network.Online, "")
		expect("the end of it", 31*time.Second, "ada works again.")
		set(network.Limited, "no history")
		expect("a limit", 31*time.Second, "ada is connected, but something does not work: no history.")
		set(network.Dead, "The password was changed.")
		expect("its death", 0, "ada needs you: The password was changed. Sign in again with: login irc.a")
		stop()
		states := []string{}
		for _, n := range m.posted {
			states = append(states, n.State)
		}
		if d := cmp.Diff([]string{"offline", "online", "limited", "dead"}, states); d != "" {
			t.Error(d)
		}

		// After a restart it is dead still, which is no news.
		w = NewWatch(WatchOptions{Log: log(), Facts: m, Tell: m.tell})
		stop = start(t, w.Run)
		defer stop()
		set(network.Connecting, "")
		set(network.Dead, "The password was changed.")
		expect("after a restart", time.Hour)
		set(network.Online, "")
		expect("when it is renewed", time.Hour, "ada works again.")
		if n := w.Told()[network.Online]; n != 1 {
			t.Errorf("%d were counted", n)
		}
		set(network.Dead, "x")
		expect("dead again", 0, "ada needs you: x. Sign in again with: login irc.a")
		if err := w.Removed(t.Context(), "irc.a", "ada"); err != nil || len(m.facts) != 0 {
			t.Errorf("facts of a login that is gone: %v, %v", m.facts, err)
		}
	})
}

// hookTransport answers with the statuses in order, then 200.
type hookTransport struct {
	mu     sync.Mutex
	answer []int
	got    []string
	at     []time.Time
}

func (h *hookTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	var n Notice
	if err := json.Unmarshal(body, &n); err != nil {
		return nil, err
	}
	h.got, h.at = append(h.got, n.State), append(h.at, time.Now())
	status := http.StatusOK
	if len(h.answer) > 0 {
		status, h.answer = h.answer[0], h.answer[1:]
	}
	if status == 0 {
		return nil, fmt.Errorf("no route to secret")
	}
	return &http.Response{StatusCode: status, Status: fmt.Sprint(status), Body: http.NoBody, Request: r}, nil
}

func TestWebhook(t *testing.T) {
	for name, one := range map[string]struct {
		answer []int
		want   string
		failed int64
	}{
		"taken":         {nil, "a b", 0},
		"again":         {[]int{500, 0, 429, 204}, "a a a a b", 0},
		"refused":       {[]int{404}, "a b", 1},
		"redirected":    {[]int{302}, "a b", 1},
		"never":         {[]int{503, 503, 503, 503, 503, 503}, "a a a a a a b", 1},
		"never, both":   {slices.Repeat([]int{0}, 20), "a a a a a a b b b b b b", 2},
		"second fails":  {[]int{200, 500}, "a b b", 0},
		"last try good": {[]int{500, 500, 500, 500, 500}, "a a a a a a b", 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tr := &hookTransport{answer: one.answer}
				h := NewWebhook("http://hook.test/secret", &http.Client{Transport: tr, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}, log())
				stop := start(t, h.Run)
				h.Post(Notice{What: "login", State: "a"})
				h.Post(Notice{What: "login", State: "b"})
				time.Sleep(time.Hour)
				stop()
				if got := strings.Join(tr.got, " "); got != one.want || h.Failed() != one.failed {
					t.Errorf("got %q and %d given up, want %q and %d", got, h.Failed(), one.want, one.failed)
				}
			})
		})
	}
}

func TestWebhookIsBounded(t *testing.T) {
	tr := &hookTransport{}
	h := NewWebhook("http://hook.test/", &http.Client{Transport: tr}, log())
	for i := range hookWaiting + 7 {
		h.Post(Notice{State: fmt.Sprint(i)})
	}
	if n := len(h.queue); n != hookWaiting || h.queue[0].State != "7" || h.Failed() != 7 {
		t.Errorf("%d wait, the first is %s, %d were given up", n, h.queue[0].State, h.Failed())
	}
}

// A yard is a homeserver as the canary sees it.
type yard struct {
	memory
	c            *Canary
	mu           sync.Mutex
	down, silent bool
	sent         int
	takes        time.Duration
}

func newYard(every time.Duration) *yard {
	y := &yard{}
	y.c = NewCanary(CanaryOptions{
		Log: log(), Every: every, Tell: y.tellAll, Post: y.post,
		Up:       func() bool { y.mu.Lock(); defer y.mu.Unlock(); return !y.down },
		Diagnose: func(context.Context) string { return "Restart it." },
		Send: func(_ context.Context, nonce string) error {
			y.mu.Lock()
			defer y.mu.Unlock()
			y.sent++
			if !y.silent {
				time.AfterFunc(y.takes, func() { y.c.Came(nonce) })
			}
			return nil
		},
	})
	return y
}

func (y *yard) set(f func()) {
	y.mu.Lock()
	defer y.mu.Unlock()
	f()
}

func (y *yard) count() int {
	y.mu.Lock()
	defer y.mu.Unlock()
	return y.sent
}

func TestCanary(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		y := newYard(5 * time.Minute)
		y.takes = 2 * time.Second
		stop := start(t, y.c.Run)
		defer stop()
		time.Sleep(5*time.Minute + 10*time.Second)
		if w := y.c.Way(); w.Took != 2*time.Second || w.Silent || y.count() != 1 {
			t.Errorf("at first: %+v, %d sent", w, y.count())
		}
		// While others speak, it is measured once an hour.
		for range 240 {
			y.c.Heard()
			time.Sleep(time.Minute)
		}
		if n := y.count(); n < 4 || n > 6 {
			t.Errorf("%d sent within four busy hours", n)
		}
		if said := y.heard(); len(said) > 0 {
			t.Errorf("all is well, and it said %q", said)
		}
		began := time.Now()
		y.set(func() { y.silent = true })
		time.Sleep(20 * time.Minute)
		w := y.c.Way()
		if !w.Silent || w.Words != "Restart it." || w.Since.After(began) || began.Sub(w.Since) > time.Minute {
			t.Errorf("silent: %+v", w)
		}
		said := y.heard()
		if len(said) != 1 || !strings.Contains(said[0], "does not send me events any more") || !strings.Contains(said[0], "Restart it.") {
			t.Errorf("it said %q", said)
		}
		before := y.count()
		time.Sleep(time.Hour)
		if n := y.count() - before; n < 11 || n > 13 {
			t.Errorf("%d sent in an hour of silence", n)
		}
		y.c.Heard()
		synctest.Wait()
		if w := y.c.Way(); w.Silent {
			t.Errorf("it sends again: %+v", w)
		}
		if said := y.heard(); len(said) != 1 || !strings.Contains(said[0], "again") {
			t.Errorf("it said %q", said)
		}
		if len(y.posted) != 2 || y.posted[0].State != "silent" || y.posted[1].State != "up" || y.posted[0].What != "homeserver" {
			t.Errorf("posted %+v", y.posted)
		}
	})
}

// A homeserver that is away, or that is slow because it has much to send, is not silent.
func TestCanaryIsNotWrong(t *testing.T) {
	for name, during := range map[string]func(y *yard){
		"away":      func(y *yard) { y.set(func() { y.down, y.silent = true, true }) },
		"slow":      func(y *yard) { y.set(func() { y.takes = 10 * time.Minute }) },
		"foreigner": func(y *yard) { y.c.Came("made up") },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				y := newYard(5 * time.Minute)
				stop := start(t, y.c.Run)
				defer stop()
				during(y)
				for range 100 {
					if name == "slow" {
						y.c.Heard()
					}
					time.Sleep(30 * time.Second)
				}
				if w := y.c.Way(); w.Silent || len(y.heard()) > 0 {
					t.Errorf("%+v", w)
				}
			})
		})
	}
}
