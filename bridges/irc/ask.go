package irc

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/network"
)

// An ask is a command whose answer somebody waits for.
type ask struct {
	// take looks at a message: took says that it is part of the answer, done
	// that it is the end. Messages that are no numerics are handled further.
	take  func(in *incoming) (took, done bool, err error)
	until time.Time
	done  chan struct{}
	err   error // valid when done is closed
}

// ask sends a command and waits until take has seen the end of the answer.
func (c *Client) ask(ctx context.Context, take func(s *session, in *incoming) (took, done bool, err error), command string, params ...string) error {
	data, err := encodeLine(nil, command, params...)
	if err != nil {
		return err
	}
	a := &ask{done: make(chan struct{})}
	err = c.do(ctx, func(s *session) {
		a.take = func(in *incoming) (bool, bool, error) { return take(s, in) }
		a.until = time.Now().Add(s.tune.answer)
		s.asks = append(s.asks, a)
		s.out.command("", data)
	})
	if err != nil {
		return err
	}
	select {
	case <-a.done:
		return a.err
	case <-ctx.Done():
		_ = c.do(context.WithoutCancel(ctx), func(s *session) { // without a connection there is nothing to undo
			s.asks = slices.DeleteFunc(s.asks, func(one *ask) bool { return one == a })
		})
		return fmt.Errorf("%s: %w", command, ctx.Err())
	}
}

// answerAsks shows in to those who wait, and reports whether that was all.
func (s *session) answerAsks(in *incoming) bool {
	for _, a := range s.asks {
		took, done, err := a.take(in)
		if !took && !done {
			continue
		}
		if done {
			s.finishAsk(a, err)
		}
		return numericReply(in.Command)
	}
	return false
}

// numericReply reports whether a command is a numeric that only answers.
func numericReply(command string) bool {
	return len(command) == 3 && command[0] >= '0' && command[0] <= '9' && command != "366" && command != "353"
}

func (s *session) finishAsk(a *ask, err error) {
	a.err = err
	close(a.done)
	s.asks = slices.DeleteFunc(s.asks, func(one *ask) bool { return one == a })
}

// expireAsks ends what was not answered in time.
func (s *session) expireAsks(now time.Time) {
	for _, a := range slices.Clone(s.asks) {
		if now.After(a.until) {
			s.finishAsk(a, network.Errorf(network.Unavailable, "the server does not answer", "no answer within %s", s.tune.answer))
		}
	}
}

// failAsks ends all, when the connection is lost.
func (s *session) failAsks(err error) {
	for _, a := range slices.Clone(s.asks) {
		s.finishAsk(a, err)
	}
}

// about makes a take that ends with done, or with a refusal about target.
func about(target string, done func(s *session, in *incoming) bool) func(*session, *incoming) (bool, bool, error) {
	return func(s *session, in *incoming) (bool, bool, error) {
		if done(s, in) {
			return true, true, nil
		}
		if !numericReply(in.Command) || in.Command[0] != '4' && in.Command[0] != '5' {
			return false, false, nil
		}
		for _, p := range in.p[min(1, len(in.p)):] {
			if s.net.casemap.fold(p) == s.net.casemap.fold(target) {
				ch := s.chans[s.net.casemap.chat(target)]
				if err := refusal(in.Command, in.p.last(), ch != nil && ch.in); err != nil {
					return true, true, err
				}
			}
		}
		return false, false, nil
	}
}
