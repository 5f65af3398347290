package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/causeway-chat/causeway/testbed/bridge"
)

// A part is one network of a tour, with its room and its conversation.
type part interface {
	// open starts the network. What it returns goes into the configuration.
	open(ctx context.Context) (bridge.Network, error)
	// enter takes you into the room, as soon as Causeway has connected.
	enter(ctx context.Context) error
	play(ctx context.Context, timeout time.Duration, to *screen) error
	invitation() string
}

// kinds are the networks that a tour can have.
func kinds() []string { return []string{"irc", "slack"} }

// A tour is one Causeway with the networks that were asked for. They play one after
// the other.
type tour struct {
	stage
	parts []part
}

// networks reads a list of kinds.
func networks(list string) ([]string, error) {
	names := strings.Split(list, ",")
	for i, n := range names {
		if !slices.Contains(kinds(), n) || slices.Contains(names[:i], n) {
			return nil, fmt.Errorf("--networks takes each of %s at most once, with a comma between them, not %q", strings.Join(kinds(), " and "), list)
		}
	}
	return names, nil
}

// servers is what is started for the networks, in words.
func servers(names []string) string {
	var words []string
	for _, n := range names {
		words = append(words, map[string]string{"irc": "an IRC server", "slack": "a stand-in for Slack"}[n])
	}
	return strings.Join(words, ", ")
}

// startTour starts everything below dir.
func startTour(ctx context.Context, dir string, log *slog.Logger, names []string) (_ demo, err error) {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	t := &tour{stage: stage{dir: dir}}
	defer func() {
		if err != nil {
			err = errors.Join(err, t.close())
		}
	}()
	var configured []bridge.Network
	for _, n := range names {
		var p part = &pair{stage: &t.stage}
		if n == "slack" {
			p = &workspace{stage: &t.stage}
		}
		one, err := p.open(ctx)
		if err != nil {
			return nil, err
		}
		t.parts, configured = append(t.parts, p), append(configured, one)
	}
	if err := t.causeway(ctx, log, configured); err != nil {
		return nil, err
	}
	for _, p := range t.parts {
		if err := p.enter(ctx); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// play plays the parts' conversations.
func (t *tour) play(ctx context.Context, timeout time.Duration, to *screen) error {
	for i, p := range t.parts {
		if i > 0 {
			to.say("")
		}
		if err := p.play(ctx, timeout, to); err != nil {
			return err
		}
	}
	return nil
}

func (t *tour) invitation() string {
	var all strings.Builder
	for _, p := range t.parts {
		all.WriteString(p.invitation())
	}
	return all.String()
}
