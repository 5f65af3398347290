package networktest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime/pprof"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/network"
)

// lifeCases are the rules about Run and states.
func lifeCases() []Case {
	return []Case{
		{"RunStopsOnCancel", nil, runStopsOnCancel},
		{"RunsAgain", nil, runsAgain},
		{"RunCancelStress", nil, runCancelStress},
		{"NoGoroutineLeft", nil, noGoroutineLeft},
		{"StatesReported", nil, statesReported},
		{"CutIsReported", nil, cutIsReported},
		{"ComesBackAfterDown", needsDown, comesBackAfterDown},
		{"RevokedSaysSo", needsRevoke, revokedSaysSo},
		{"SendBeforeRunIsUnavailable", nil, sendBeforeRun},
	}
}

func needsDown(n Needs) string {
	if n.Acts.Down == nil {
		return "the fake cannot be down"
	}
	return ""
}

func needsRevoke(n Needs) string {
	if n.Acts.Revoke == nil {
		return "the fake cannot sign the account out"
	}
	return ""
}

func runStopsOnCancel(ctx context.Context, h Harness) error {
	c := newCore(h)
	l, err := c.start(ctx)
	if err != nil {
		return err
	}
	if err := c.sink.wait(ctx, "the state online", online); err != nil {
		return errors.Join(err, l.stop())
	}
	return l.stop()
}

func runsAgain(ctx context.Context, h Harness) error {
	c := newCore(h)
	for _, word := range []string{"one", "two", "three"} {
		s, err := c.begin(ctx)
		if err != nil {
			return fmt.Errorf("run for %q: %w", word, err)
		}
		err = c.mark(ctx, word)
		if err := errors.Join(err, s.end()); err != nil {
			return fmt.Errorf("run for %q: %w", word, err)
		}
	}
	return nil
}

// runCancelStress cancels at moments that differ, while both sides speak.
func runCancelStress(ctx context.Context, h Harness) error {
	c := newCore(h)
	for i := range 15 {
		l, err := c.start(ctx)
		if err != nil {
			return err
		}
		sendCtx, stopSending := context.WithCancel(ctx)
		var wg sync.WaitGroup
		wg.Go(func() {
			for sendCtx.Err() == nil {
				_, _ = l.client.Send(sendCtx, c.plain("stress")) // it may fail, not hang or crash
				rest(sendCtx, time.Millisecond)
			}
		})
		if err := c.says(ctx, c.traits.Main.ID, "noise"); err != nil {
			stopSending()
			return errors.Join(err, l.stop())
		}
		rest(ctx, time.Duration(i%5)*time.Millisecond)
		wg.Go(l.cancel)
		err = l.stop()
		stopSending()
		wg.Wait()
		if err != nil {
			return fmt.Errorf("round %d: %w", i, err)
		}
	}
	s, err := c.begin(ctx)
	if err != nil {
		return fmt.Errorf("after the stress: %w", err)
	}
	return errors.Join(c.mark(ctx, "calm"), s.end())
}

// labelled runs f with all goroutines that it starts carrying a label, and
// returns a function that counts those which are left.
func labelled(ctx context.Context, f func(ctx context.Context)) (left func() int) {
	label := fmt.Sprintf("%p", new([64]byte)) // unlike that of others
	done := make(chan struct{})
	go func() {
		defer close(done)
		pprof.Do(ctx, pprof.Labels("networktest", label), f)
	}()
	<-done
	return func() int {
		var buf bytes.Buffer
		if err := pprof.Lookup("goroutine").WriteTo(&buf, 1); err != nil {
			return 0
		}
		n, count := 0, 0
		for line := range strings.Lines(buf.String()) { // "3 @ 0x…", then "# labels: {…}"
			if first, _, ok := strings.Cut(line, " @ "); ok {
				count, _ = strconv.Atoi(first)
			} else if strings.HasPrefix(line, "# labels:") && strings.Contains(line, strconv.Quote(label)) {
				n += count
			}
		}
		return n
	}
}

// nobodyLeft waits until no labelled goroutine is left.
func nobodyLeft(ctx context.Context, left func() int) error {
	if err := poll(ctx, func() (bool, error) { return left() == 0, nil }); err != nil {
		return fmt.Errorf("%d goroutines of the connector are left", left())
	}
	return nil
}

func noGoroutineLeft(ctx context.Context, h Harness) error {
	c := newCore(h)
	var err error
	left := labelled(ctx, func(ctx context.Context) {
		for range 3 {
			var l *life
			if l, err = c.start(ctx); err != nil {
				return
			}
			if err = c.sink.wait(ctx, "the state online", online); err == nil {
				_, err = l.client.Send(ctx, c.plain("hello"))
			}
			if err = errors.Join(err, l.stop()); err != nil {
				return
			}
			c.sink.set(func(k *sink) { k.states = nil })
		}
	})
	return errors.Join(err, nobodyLeft(ctx, left))
}

func statesReported(ctx context.Context, h Harness) error {
	c := newCore(h)
	l, err := c.start(ctx)
	if err != nil {
		return err
	}
	err = c.sink.wait(ctx, "the state online", online)
	if err := errors.Join(err, l.stop()); err != nil {
		return err
	}
	c.sink.mu.Lock()
	defer c.sink.mu.Unlock()
	if first := c.sink.states[0]; first.Status != network.Connecting {
		return fmt.Errorf("the first state is %q, want %q", first.Status, network.Connecting)
	}
	for _, st := range c.sink.states {
		switch st.Status {
		case network.Connecting:
		case network.Online:
			if st.Words != "" {
				return fmt.Errorf("state online has words %q, want none", st.Words)
			}
		case network.Offline, network.Limited, network.Dead:
			if st.Words == "" {
				return fmt.Errorf("state %s says nothing", st.Status)
			}
		default:
			return fmt.Errorf("unknown state %q", st.Status)
		}
	}
	return nil
}

// cutIsReported: after a cut a client says that it is not online, or returns
// from Run with a kind that makes the core try again.
func cutIsReported(ctx context.Context, h Harness) error {
	c := newCore(h)
	l, err := c.start(ctx)
	if err != nil {
		return err
	}
	if err := c.sink.wait(ctx, "the state online", online); err != nil {
		return errors.Join(err, l.stop())
	}
	if err := h.Cut(ctx); err != nil {
		return errors.Join(fmt.Errorf("harness: cut: %w", err), l.stop())
	}
	go func() { // wake the wait below also when Run returns
		<-l.done
		c.sink.set(func(*sink) {})
	}()
	err = c.sink.wait(ctx, "a state or an error that tells of the cut", func(k *sink) bool {
		select {
		case <-l.done:
			return true
		default:
		}
		for i, st := range k.states {
			if i > 0 && k.states[i-1].Status == network.Online && st.Status != network.Online {
				return true
			}
		}
		return false
	})
	l.cancel()
	if err := errors.Join(err, l.ended(ctx, patience)); err != nil || errors.Is(l.err, context.Canceled) {
		return err
	}
	return kind("Run after a cut", l.err, network.Unavailable) // it returned before the cancel
}

func comesBackAfterDown(ctx context.Context, h Harness) error {
	c := newCore(h)
	s, err := c.begin(ctx)
	if err != nil {
		return err
	}
	up, err := c.acts.Down(ctx)
	if err != nil {
		return errors.Join(fmt.Errorf("harness: down: %w", err), s.end())
	}
	err = c.sink.wait(ctx, "a state that tells of the outage", func(k *sink) bool { return !online(k) })
	up()
	if err == nil {
		err = c.sink.wait(ctx, "the state online after the outage", online)
	}
	if err == nil {
		err = c.mark(ctx, "back")
	}
	return errors.Join(err, s.end())
}

func revokedSaysSo(ctx context.Context, h Harness) error {
	c := newCore(h)
	l, err := c.start(ctx)
	if err != nil {
		return err
	}
	if err := c.sink.wait(ctx, "the state online", online); err != nil {
		return errors.Join(err, l.stop())
	}
	if err := c.acts.Revoke(ctx); err != nil {
		return errors.Join(fmt.Errorf("harness: revoke: %w", err), l.stop())
	}
	if err := l.ended(ctx, patience); err != nil {
		return errors.Join(err, l.stop())
	}
	if network.KindOf(l.err) == network.Unavailable { // first it only saw the cut
		if l, err = c.start(ctx); err != nil {
			return kind("open after revocation", err, network.LoggedOut)
		}
		if err := l.ended(ctx, patience); err != nil {
			return errors.Join(err, l.stop())
		}
	}
	if network.UserText(l.err) == "" {
		return errors.New("the error of a revoked login has no words for its person")
	}
	return kind("Run of a revoked login", l.err, network.LoggedOut)
}

func sendBeforeRun(ctx context.Context, h Harness) error {
	c := newCore(h)
	client, err := c.open(ctx)
	if err != nil {
		return err
	}
	if _, err := client.Send(ctx, c.plain("too early")); kind("send before Run", err, network.Unavailable) != nil {
		return kind("send before Run", err, network.Unavailable)
	}
	return c.holds(ctx, c.traits.Main.ID)
}
