package health

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"sync"
	"time"
)

const (
	// patience is how long an event of the canary may take to come back.
	patience = time.Minute
	// measureEvery is how often the time is measured on a homeserver that is busy.
	measureEvery = time.Hour
)

// CanaryOptions configure a Canary. All are required but Post.
type CanaryOptions struct {
	Log *slog.Logger
	// Every is how long nothing may come from the homeserver before it is tried.
	Every time.Duration
	// Up reports whether the homeserver answers what we ask.
	Up func() bool
	// Send sends an event that carries nonce into a room of the bot.
	Send func(ctx context.Context, nonce string) error
	// Diagnose finds out why nothing comes, in words with a remedy.
	Diagnose func(ctx context.Context) string
	// Tell says something to the administrators. key names the text.
	Tell func(ctx context.Context, key, words string) error
	// Post hands a change to the webhook; nil if there is none.
	Post func(n Notice)
}

// A Way is what is known of the way from the homeserver to Causeway.
type Way struct {
	Heard    time.Time     // when something came last; zero: nothing since the start
	Took     time.Duration // the event of the canary that came back last
	Measured time.Time     // when that was; zero: none came back yet
	Silent   bool          // an event did not come back in time
	Since    time.Time     // since when it is silent
	Words    string        // why, as far as that is known
}

// A Canary finds out whether the homeserver still sends events to Causeway. Its
// methods may be called concurrently.
type Canary struct {
	opts  CanaryOptions
	heard chan struct{} // has room for one: something came

	mu    sync.Mutex // guards what follows
	way   Way
	nonce string // of the event that is on its way; "": none
	sent  time.Time
}

// NewCanary makes a canary that has heard nothing yet.
func NewCanary(o CanaryOptions) *Canary {
	return &Canary{opts: o, heard: make(chan struct{}, 1)}
}

// Way is the state of the way.
func (c *Canary) Way() Way {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.way
}

// Heard is called whenever something came from the homeserver by transaction.
func (c *Canary) Heard() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.way.Heard = time.Now()
	if c.way.Silent {
		c.wake()
	}
}

// Came is called with the nonce of an event of the bot in its own room.
func (c *Canary) Came(nonce string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if nonce == "" || nonce != c.nonce {
		return // an old one
	}
	c.nonce = ""
	c.way.Measured = time.Now()
	c.way.Took = c.way.Measured.Sub(c.sent)
	c.way.Heard = c.way.Measured
	c.wake()
}

// wake is called with mu held.
func (c *Canary) wake() {
	select {
	case c.heard <- struct{}{}:
	default:
	}
}

// Run sends and waits until ctx is done.
func (c *Canary) Run(ctx context.Context) error {
	tick := time.NewTicker(c.opts.Every)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			c.try(ctx)
		case <-c.heard:
			c.recovered(ctx)
		case <-ctx.Done():
			return fmt.Errorf("canary: %w", ctx.Err())
		}
	}
}

// try sends an event, if there is a reason, and waits for it.
func (c *Canary) try(ctx context.Context) {
	now := time.Now()
	way := c.Way()
	if !way.Silent && now.Sub(way.Heard) < c.opts.Every && now.Sub(way.Measured) < measureEvery || !c.opts.Up() {
		return
	}
	nonce := rand.Text()
	c.mu.Lock()
	c.nonce, c.sent = nonce, now
	c.mu.Unlock()
	if err := c.opts.Send(ctx, nonce); err != nil {
		if ctx.Err() == nil {
			c.opts.Log.Warn("canary: send", "err", err)
		}
		c.mu.Lock()
		c.nonce = "" // it says nothing about the way back
		c.mu.Unlock()
		return
	}
	late := time.NewTimer(patience)
	defer late.Stop()
	for {
		select {
		case <-c.heard:
			if c.recovered(ctx); c.back(nonce) {
				return
			}
		case <-late.C:
			c.late(ctx, now)
			return
		case <-ctx.Done():
			return
		}
	}
}

// back reports whether an event is not waited for any more.
func (c *Canary) back(nonce string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.nonce != nonce
}

// late notes that an event that was sent at a time did not come back. If others
// came since, the homeserver is slow and not silent.
func (c *Canary) late(ctx context.Context, sent time.Time) {
	if !c.opts.Up() {
		return // that is known, and another matter
	}
	c.mu.Lock()
	news := c.nonce != "" && !c.way.Heard.After(sent) && !c.way.Silent
	if news {
		c.way.Silent, c.way.Since = true, sent
		if !c.way.Heard.IsZero() {
			c.way.Since = c.way.Heard
		}
	}
	since := c.way.Since
	c.mu.Unlock()
	if !news {
		return
	}
	why := c.opts.Diagnose(ctx)
	c.mu.Lock()
	c.way.Words = why
	c.mu.Unlock()
	c.opts.Log.Error("the homeserver does not send events any more", "since", since.UTC(), "why", why)
	c.say(ctx, "silent", since, "The homeserver does not send me events any more, since "+since.UTC().Format("2006-01-02 15:04 MST")+": what people write in Matrix is not bridged. "+why)
}

// recovered tells that the homeserver sends again, if that is news.
func (c *Canary) recovered(ctx context.Context) {
	c.mu.Lock()
	since := c.way.Since
	news := c.way.Silent && c.way.Heard.After(since)
	if news {
		c.way.Silent, c.way.Since, c.way.Words = false, time.Time{}, ""
	}
	c.mu.Unlock()
	if !news {
		return
	}
	c.opts.Log.Info("the homeserver sends events again", "after", time.Since(since).Round(time.Second))
	c.say(ctx, "up", since, "The homeserver sends me events again, after "+time.Since(since).Round(time.Second).String()+".")
}

func (c *Canary) say(ctx context.Context, state string, since time.Time, words string) {
	if c.opts.Post != nil {
		c.opts.Post(Notice{What: "homeserver", State: state, Words: words, Since: since})
	}
	if err := c.opts.Tell(ctx, fmt.Sprintf("canary %s %d", state, since.UnixMilli()), words); err != nil && ctx.Err() == nil {
		c.opts.Log.Warn("tell administrators", "err", err)
	}
}

// withoutURL is err without the address, which may hold a secret.
func withoutURL(err error) error {
	var in *url.Error
	if errors.As(err, &in) {
		return in.Err
	}
	return err
}
