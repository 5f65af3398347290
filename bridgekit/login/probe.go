package login

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/network"
)

const (
	// answerWithin is how long the answer to a probe may take.
	answerWithin = 30 * time.Second
	// giveUpAfter is how many probes in a row may stay without an answer.
	giveUpAfter = 2
	// askSoon is when a new connection is probed after one that did not answer.
	askSoon = 20 * time.Second
)

// A Probe is what asking a login whether it works has found.
type Probe struct {
	At     time.Time     // of the last answer; zero: there was none yet
	Took   time.Duration // until it came
	Failed int           // probes since then that were not answered
	Total  int64         // all that ever were not
}

// Probe is what is known from asking the network about the login itself.
func (s *Session) Probe() Probe {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.probe
}

// watched runs a client, and ends its run when the login does not work any more
// though the connection stands: with the error of the probe, so that what comes
// next is as if the client had noticed.
func (s *Session) watched(ctx context.Context, ops *network.Ops) error {
	if ops.Ping == nil || s.m.opts.Probe <= 0 {
		return ops.Run(ctx, sink{s})
	}
	inside, cancel := context.WithCancelCause(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := s.probes(inside, ops.Ping); err != nil {
			cancel(err)
		}
	}()
	defer func() {
		cancel(nil)
		<-done
	}()
	err := ops.Run(inside, sink{s})
	if cause := context.Cause(inside); ctx.Err() == nil && cause != nil && !errors.Is(cause, context.Canceled) {
		return cause
	}
	return err
}

// probes asks now and then until ctx is done, or until what the answers say is
// worth more than the connection. While it is not answered the login is Limited.
func (s *Session) probes(ctx context.Context, ping func(ctx context.Context) error) error {
	wait := s.m.opts.Probe
	if s.Probe().Failed > 0 { // before anybody is told that all is well
		wait = min(wait, askSoon)
	}
	for failed := 0; ; wait = s.m.opts.Probe {
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return nil
		}
		if !s.Online() {
			continue
		}
		began := time.Now()
		err := s.ask(ctx, ping)
		if ctx.Err() != nil {
			return nil
		}
		s.learn(time.Since(began), err)
		if err == nil {
			failed = 0
			s.doubt(false)
			continue
		}
		failed++
		s.log.Info("the login does not answer", "failed", failed, "err", err)
		switch {
		case network.KindOf(err) == network.LoggedOut:
			return err
		case network.KindOf(err) == network.RateLimited:
		case failed >= giveUpAfter:
			return network.Errorf(network.Unavailable, deaf, "probe: %w", err)
		default:
			s.doubt(true)
		}
	}
}

// deaf is what people read of a login that a probe gets no answer from.
const deaf = "the connection stands, but the network does not answer on it"

// doubt makes a login Limited because it does not answer, or takes that back.
func (s *Session) doubt(on bool) {
	st := s.State()
	switch {
	case on && st.Status == network.Online:
		s.set(network.LoginState{Status: network.Limited, Words: deaf})
	case !on && st.Status == network.Limited && st.Words == deaf:
		s.set(network.LoginState{Status: network.Online})
	}
}

// ask calls ping with a bound; a panic is an error.
func (s *Session) ask(ctx context.Context, ping func(ctx context.Context) error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("connector panicked: %v", r)
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	return ping(ctx)
}

// learn notes a probe's result.
func (s *Session) learn(took time.Duration, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		s.probe.At, s.probe.Took, s.probe.Failed = time.Now(), took, 0
		return
	}
	s.probe.Failed++
	s.probe.Total++
}
