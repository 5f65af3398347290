package networktest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/network"
)

// patience is how long a case waits for one thing to happen.
const patience = 2 * time.Minute

// prompt is what is taken for at once: on a busy machine everything takes long.
const prompt = 40 * time.Second

// errRefused is what a sink answers that was told to refuse.
var errRefused = errors.New("the suite's sink refuses")

// sink stores what clients deliver, as the core does: marshalled.
type sink struct {
	memory *memory

	mu       sync.Mutex
	changed  chan struct{}   // closed and replaced with every change
	events   []network.Event // stored, in order, as they come out of storage again
	passing  []network.Event // ephemeral ones
	refused  []network.Event // of batches that were refused
	states   []network.LoginState
	refuse   int             // how many more calls to refuse
	refusals int             // how many calls were refused
	overtook int             // calls of Deliver that began after one was refused
	gate     <-chan struct{} // Deliver waits until it is closed; nil: no waiting
	broken   error           // what was wrong with a delivered event
}

var _ network.Sink = (*sink)(nil)

func newSink(m *memory) *sink { return &sink{memory: m, changed: make(chan struct{})} }

// Deliver implements network.Sink.
func (s *sink) Deliver(ctx context.Context, b network.Batch) error {
	s.mu.Lock()
	if s.refusals > 0 {
		s.overtook++
	}
	gate := s.gate
	s.notify()
	s.mu.Unlock()
	if gate != nil {
		select {
		case <-gate:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	stored, err := pack(b.Events)

	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.notify()
	if err != nil {
		s.broken = err
		return err
	}
	if s.refuse > 0 {
		s.refuse--
		s.refusals++
		s.refused = append(s.refused, stored...)
		return errRefused
	}
	for _, ev := range stored {
		if network.Ephemeral(ev) {
			s.passing = append(s.passing, ev)
		} else {
			s.events = append(s.events, ev)
		}
	}
	s.memory.keep(b.Cursor)
	return nil
}

// State implements network.Sink.
func (s *sink) State(st network.LoginState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.states = append(s.states, st)
	s.notify()
}

// notify wakes those who wait. Call it with mu held.
func (s *sink) notify() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// set changes the sink's behaviour.
func (s *sink) set(change func(s *sink)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s)
	s.notify()
}

// wait waits until cond, which is called with mu held, returns true.
func (s *sink) wait(ctx context.Context, what string, cond func(s *sink) bool) error {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for {
		s.mu.Lock()
		ok, broken, changed := cond(s), s.broken, s.changed
		s.mu.Unlock()
		switch {
		case broken != nil:
			return broken
		case ok:
			return nil
		}
		select {
		case <-changed:
		case <-timer.C:
			return fmt.Errorf("waited in vain for %s; got %s", what, s.summary())
		case <-ctx.Done():
			return fmt.Errorf("waited in vain for %s; got %s: %w", what, s.summary(), ctx.Err())
		}
	}
}

// summary describes the last events and states for an error.
func (s *sink) summary() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var words []string
	for _, ev := range append(append([]network.Event(nil), s.events...), s.passing...) {
		word := network.EventKind(ev)
		if m, ok := ev.(*network.Message); ok {
			word = fmt.Sprintf("%.40q", said(m.Content))
		}
		words = append(words, word)
	}
	if n := len(words); n > 20 {
		words = append([]string{fmt.Sprintf("(%d more)", n-20)}, words[n-20:]...)
	}
	state := "no state"
	if n := len(s.states); n > 0 {
		state = fmt.Sprintf("state %s %q", s.states[n-1].Status, s.states[n-1].Words)
	}
	return fmt.Sprintf("[%s], %s", strings.Join(words, ", "), state)
}

// messages are the stored messages of a chat, each happening once.
func (s *sink) messages(chat network.ChatID) []*network.Message {
	var all []*network.Message
	seen := map[string]bool{}
	for _, ev := range s.events {
		m, ok := ev.(*network.Message)
		if !ok || m.Chat.ID != chat || m.Key != "" && seen[m.Key] {
			continue
		}
		seen[m.Key] = true
		all = append(all, m)
	}
	return all
}

// heard is what user said in a chat, "\n" between messages.
func (s *sink) heard(chat network.ChatID, user network.UserID) string {
	var texts []string
	for _, m := range s.messages(chat) {
		if m.Sender == user {
			texts = append(texts, said(m.Content))
		}
	}
	return strings.Join(texts, "\n")
}

// said is the text of a content, "\n" between parts.
func said(c network.Content) string {
	var texts []string
	for _, p := range c.Parts {
		texts = append(texts, p.Text.String())
	}
	return strings.Join(texts, "\n")
}

// find returns the first stored or passing event of type E that ok accepts.
func find[E network.Event](s *sink, ok func(E) bool) (found E, is bool) {
	for _, list := range [][]network.Event{s.events, s.passing} {
		for _, ev := range list {
			if e, is := ev.(E); is && ok(e) {
				return e, true
			}
		}
	}
	return found, false
}

// pack stores events and reads them back.
func pack(events []network.Event) ([]network.Event, error) {
	var out []network.Event
	for _, ev := range events {
		data, err := network.MarshalEvent(ev)
		if err != nil {
			return nil, fmt.Errorf("a delivered event cannot be stored: %w", err)
		}
		back, err := network.UnmarshalEvent(data)
		if err != nil {
			return nil, fmt.Errorf("a delivered event cannot be read back: %w", err)
		}
		again, err := network.MarshalEvent(back)
		if err != nil || !bytes.Equal(data, again) {
			return nil, fmt.Errorf("a delivered event changes in storage: %s became %s (%v)", data, again, err)
		}
		if err := sound(back); err != nil {
			return nil, fmt.Errorf("a delivered %s is not sound: %w", network.EventKind(back), err)
		}
		out = append(out, back)
	}
	return out, nil
}

// sound checks what must be true of every event.
func sound(ev network.Event) error {
	switch e := ev.(type) {
	case *network.UserChanged, *network.UserMerged, *network.ChatAppeared, *network.ServiceNotice, *network.Presence, *network.Gap, *network.EmojiChanged:
		return nil // may be about no chat
	case *network.Message:
		if len(e.Parts) == 0 {
			return errors.New("no parts")
		}
	case *network.Edit:
		if len(e.Parts) == 0 || e.Target.ID == "" {
			return errors.New("no parts or no target")
		}
	}
	if ev.Base().Chat.ID == "" {
		return errors.New("no chat")
	}
	return nil
}
