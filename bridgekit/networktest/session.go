package networktest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/network"
)

// A core plays the part of Causeway's core for one case.
type core struct {
	Harness
	traits Traits
	acts   Acts
	memory *memory
	sink   *sink

	mu   sync.Mutex
	txns int // how many transaction IDs were made
}

func newCore(h Harness) *core {
	m := newMemory(h.Traits())
	return &core{Harness: h, traits: h.Traits(), acts: h.Acts(), memory: m, sink: newSink(m)}
}

// open makes a new client with a new connector, as after a restart.
func (c *core) open(ctx context.Context) (network.Client, error) {
	conn, err := c.Connector()
	if err != nil {
		return nil, fmt.Errorf("make connector: %w", err)
	}
	client, err := conn.Open(ctx, c.memory.host(), c.Login())
	if err != nil {
		return nil, fmt.Errorf("open client: %w", err)
	}
	return client, nil
}

// A life is one client and its Run.
type life struct {
	client network.Client
	ops    network.Ops
	cancel context.CancelFunc
	done   chan struct{} // closed when Run has returned
	err    error         // what Run returned; read it after done
}

// start opens a client and runs it.
func (c *core) start(ctx context.Context) (*life, error) {
	client, err := c.open(ctx)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	l := &life{client: client, ops: network.Resolve(client), cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(l.done)
		l.err = client.Run(ctx, c.sink)
	}()
	return l, nil
}

// ended waits for Run to return by itself.
func (l *life) ended(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-l.done:
		if l.err == nil {
			return errors.New("Run returned nil")
		}
		return nil
	case <-timer.C:
		return fmt.Errorf("Run did not return within %v", d)
	case <-ctx.Done():
		return fmt.Errorf("Run did not return: %w", ctx.Err())
	}
}

// stop ends a life and checks how Run takes it.
func (l *life) stop() error {
	l.cancel()
	timer := time.NewTimer(prompt)
	defer timer.Stop()
	select {
	case <-l.done:
	case <-timer.C:
		return errors.New("Run did not return soon after cancel")
	}
	if !errors.Is(l.err, context.Canceled) {
		return fmt.Errorf("Run returned %v after cancel, want an error that wraps context.Canceled", l.err)
	}
	return nil
}

// online is a condition for sink.wait: the last state is Online.
func online(s *sink) bool {
	n := len(s.states)
	return n > 0 && s.states[n-1].Status == network.Online
}

// A session is a login that is kept running, with a fresh client for each Run.
type session struct {
	*core

	mu     sync.Mutex
	life   *life // the current one
	words  int   // how many last words settled has sent
	cancel context.CancelFunc
	done   chan struct{}
}

// begin starts a session and waits until it is online.
func (c *core) begin(ctx context.Context) (*session, error) {
	ctx, cancel := context.WithCancel(ctx)
	s := &session{core: c, cancel: cancel, done: make(chan struct{})}
	c.sink.set(func(k *sink) { k.states = nil })
	l, err := c.start(ctx)
	if err != nil {
		cancel()
		return nil, err
	}
	s.life = l
	go s.keep(ctx)
	if err := c.sink.wait(ctx, "the state online", online); err != nil {
		return nil, errors.Join(err, s.end())
	}
	return s, nil
}

// keep runs lives one after another until ctx is done.
func (s *session) keep(ctx context.Context) {
	defer close(s.done)
	for pause := time.Millisecond; ; pause = min(2*pause, 100*time.Millisecond) {
		s.mu.Lock()
		l := s.life
		s.mu.Unlock()
		<-l.done
		s.sink.State(network.LoginState{Status: network.Offline, Words: fmt.Sprint("Run returned: ", l.err)})
		if !rest(ctx, pause) {
			return
		}
		next, err := s.start(ctx)
		if err != nil {
			s.sink.set(func(k *sink) { k.broken = err })
			return
		}
		s.mu.Lock()
		s.life = next
		s.mu.Unlock()
	}
}

// ops are the operations of the current client.
func (s *session) ops() network.Ops {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.life.ops
}

// end stops the session and checks that Run returns.
func (s *session) end() error {
	s.cancel()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-s.done:
		return nil
	case <-timer.C:
		return errors.New("Run did not return after cancel")
	}
}

// with makes a check of what must hold while a login is online.
func with(check func(ctx context.Context, s *session) error) func(context.Context, Harness) error {
	return func(ctx context.Context, h Harness) error {
		s, err := newCore(h).begin(ctx)
		if err != nil {
			return err
		}
		err = check(ctx, s)
		err = errors.Join(err, s.end())
		if err != nil { // it may have failed only because of what was delivered
			s.sink.set(func(k *sink) { err = errors.Join(err, k.broken) })
		}
		return err
	}
}

// txn makes a new transaction ID.
func (c *core) txn() network.TxnID {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.txns++
	return network.TxnID(fmt.Sprintf("%032x", 0xca05e0a40000+c.txns))
}

// plain is an outgoing message of one text to the main chat.
func (c *core) plain(text string) network.Outgoing {
	return network.Outgoing{Txn: c.txn(), Chat: c.traits.Main.ID, Content: network.Text(text)}
}

// self is the account's own user ID.
func (c *core) self() network.UserID {
	c.sink.mu.Lock()
	defer c.sink.mu.Unlock()
	user := c.Login().User
	for _, st := range c.sink.states {
		if st.User != "" {
			user = st.User
		}
	}
	return user
}

// held is what the network makes of texts, one after another.
func (c *core) held(texts ...string) string {
	var all []string
	for _, t := range texts {
		if c.traits.Held != nil {
			t = c.traits.Held(t)
		}
		all = append(all, t)
	}
	return strings.Join(all, "\n")
}

// send sends a text to the main chat.
func (s *session) send(ctx context.Context, text string) (network.Sent, error) {
	sent, err := s.ops().Send(ctx, s.plain(text))
	if err != nil {
		return sent, fmt.Errorf("send %.60q: %w", text, err)
	}
	return sent, nil
}

// says makes the other person say texts in a chat.
func (c *core) says(ctx context.Context, chat network.ChatID, texts ...string) error {
	for _, t := range texts {
		if _, err := c.Say(ctx, chat, t); err != nil {
			return fmt.Errorf("harness: say %.60q: %w", t, err)
		}
	}
	return nil
}

// hears waits until exactly texts were delivered from the other person in a chat.
func (c *core) hears(ctx context.Context, chat network.ChatID, texts ...string) error {
	want := c.held(texts...)
	return c.sink.wait(ctx, fmt.Sprintf("%.300q in %s", want, chat), func(k *sink) bool {
		return k.heard(chat, c.traits.Other) == want
	})
}

// mark makes the other person say a word in the main chat and waits for it:
// everything that happened there before was delivered then.
func (c *core) mark(ctx context.Context, word string) error {
	if err := c.says(ctx, c.traits.Main.ID, word); err != nil {
		return err
	}
	return c.sink.wait(ctx, fmt.Sprintf("the word %q", word), func(k *sink) bool {
		heard := k.heard(c.traits.Main.ID, c.traits.Other)
		return heard == word || strings.HasSuffix(heard, "\n"+word)
	})
}

// holds waits until the network holds exactly texts from our account in a chat.
func (c *core) holds(ctx context.Context, chat network.ChatID, texts ...string) error {
	want := c.held(texts...)
	var got string
	err := poll(ctx, func() (bool, error) {
		all, err := c.Said(ctx, chat)
		got = strings.Join(all, "\n")
		return got == want, err
	})
	if err != nil {
		return fmt.Errorf("the network holds %.300q, want %.300q: %w", got, want, err)
	}
	return nil
}

// settled sends a last word to the main chat, waits until the network has it,
// and returns what the network holds from our account before it: by then,
// everything that was sent before is there.
func (s *session) settled(ctx context.Context) ([]string, error) {
	s.mu.Lock()
	s.words++
	word := fmt.Sprintf("the last word %d", s.words)
	s.mu.Unlock()
	if _, err := s.send(ctx, word); err != nil {
		return nil, err
	}
	var all []string
	err := poll(ctx, func() (bool, error) {
		var err error
		all, err = s.Said(ctx, s.traits.Main.ID)
		return len(all) > 0 && all[len(all)-1] == word, err
	})
	if err != nil {
		return nil, fmt.Errorf("a message did not arrive; the network holds %.300q: %w", all, err)
	}
	return all[:len(all)-1], nil
}

// poll calls done until it returns true or an error, for as long as patience lasts.
func poll(ctx context.Context, done func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for pause := time.Millisecond; ; pause = min(2*pause, 50*time.Millisecond) {
		ok, err := done()
		if err != nil {
			return fmt.Errorf("harness: %w", err)
		}
		if ok {
			return nil
		}
		if !rest(ctx, pause) {
			return ctx.Err()
		}
	}
}

// rest waits for d; false if ctx is done first.
func rest(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// kind returns an error unless err has one of the wanted kinds.
func kind(what string, err error, want ...network.Kind) error {
	for _, k := range want {
		if err != nil && network.KindOf(err) == k {
			return nil
		}
	}
	return fmt.Errorf("%s: got error %v of kind %s, want kind %v", what, err, network.KindOf(err), want)
}
