package slack

import (
	"context"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// A pacer keeps the limits of Slack's methods, which are counted by minute
// (https://docs.slack.dev/apis/web-api/rate-limits), and obeys Retry-After. It may be
// used concurrently.
type pacer struct {
	faster float64 // how many times faster than the tiers allow; 0: no limit

	mu      sync.Mutex
	methods map[string]*methodPace // guarded by mu
}

// methodPace is how one method may be called.
type methodPace struct {
	limit *rate.Limiter
	until time.Time // Slack asked to wait until then
}

func newPacer(faster float64) *pacer {
	return &pacer{faster: faster, methods: map[string]*methodPace{}}
}

// perMinute is how often a method may be called in a minute, at least.
func perMinute(method string) float64 {
	switch method {
	case "chat.postMessage", "chat.meMessage", "files.completeUploadExternal":
		return 0 // a second and channel, see pacer.room: Slack says when it is too much
	case "users.list", "emoji.list", "usergroups.list", "conversations.list", "conversations.create", "conversations.setPurpose",
		"conversations.rename", "conversations.archive", "conversations.unarchive", "reactions.remove", "pins.list", "conversations.setTopic",
		"pins.add", "pins.remove", "conversations.close", "auth.teams.list":
		return 20 // tier 2
	case "conversations.members", "users.info", "users.profile.get", "auth.test", "files.info", "files.getUploadURLExternal", "chat.getPermalink":
		return 100 // tier 4, or hundreds
	case "apps.connections.open", "rtm.connect":
		return 1 // tier 1, with a burst below
	}
	return 50 // tier 3
}

// of is the pace of a method. Call it with mu held.
func (p *pacer) of(method string) *methodPace {
	m := p.methods[method]
	if m == nil {
		m = &methodPace{limit: rate.NewLimiter(rate.Inf, 1)}
		if n := perMinute(method); n > 0 && p.faster > 0 {
			burst := max(int(n/2), 5)
			if n >= 100 {
				burst = int(n) // of tier 4 Slack says that it may be called in large amounts
			}
			m.limit = rate.NewLimiter(rate.Limit(n*p.faster/60), burst)
		}
		p.methods[method] = m
	}
	return m
}

// take takes the right to call a method now, or says after what time it may be
// tried again.
func (p *pacer) take(method string) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	m, now := p.of(method), time.Now()
	if wait := m.until.Sub(now); wait > 0 {
		return wait
	}
	r := m.limit.ReserveN(now, 1)
	wait := r.DelayFrom(now)
	if wait > 0 {
		r.CancelAt(now)
	}
	return wait
}

// busy reports whether a method would have to wait for its turn.
func (p *pacer) busy(method string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	m, now := p.of(method), time.Now()
	return m.until.After(now) || m.limit.TokensAt(now) < 1
}

// refused notes that Slack asked to wait with a method.
func (p *pacer) refused(method string, wait time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if until := time.Now().Add(wait); until.After(p.of(method).until) {
		p.of(method).until = until
	}
}

// patienceKey is under what a context has how long a call may wait for its turn.
type patienceKey struct{}

// usualPatience is how long a call waits for its turn before it is an error.
const usualPatience = 5 * time.Second

// patient lets calls with the returned context wait longer for their turn.
func patient(ctx context.Context, d time.Duration) context.Context {
	return context.WithValue(ctx, patienceKey{}, d)
}

// patienceOf is how long a call with ctx may wait.
func patienceOf(ctx context.Context) time.Duration {
	if d, ok := ctx.Value(patienceKey{}).(time.Duration); ok {
		return d
	}
	return usualPatience
}

// sleep waits for d; an error if ctx is done first.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
