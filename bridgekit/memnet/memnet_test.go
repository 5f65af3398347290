package memnet_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/memnet"
	"github.com/causeway-chat/causeway/bridgekit/network"
)

// recorder is a Sink that keeps what it gets.
type recorder struct {
	events chan network.Event
	states chan network.LoginState
	// refuse makes Deliver fail.
	refuse bool
}

func newRecorder() *recorder {
	return &recorder{events: make(chan network.Event, 10_000), states: make(chan network.LoginState, 1000)}
}

func (r *recorder) Deliver(_ context.Context, b network.Batch) error {
	for _, ev := range b.Events {
		r.events <- ev
	}
	if r.refuse {
		return errors.New("refused")
	}
	return nil
}

func (r *recorder) State(st network.LoginState) { r.states <- st }

// next is the next event, which must be a message.
func (r *recorder) next(t *testing.T) *network.Message {
	t.Helper()
	select {
	case ev := <-r.events:
		m, ok := ev.(*network.Message)
		if !ok {
			t.Fatalf("got %T, want a message", ev)
		}
		return m
	case <-time.After(2 * time.Minute):
		t.Fatal("no event")
	}
	return nil
}

// run opens a client, runs it until the test ends, and waits until it is online.
func run(t *testing.T, c network.Connector, l network.Login, s *recorder) (network.Ops, context.CancelFunc) {
	t.Helper()
	client, err := c.Open(t.Context(), network.Host{
		Cursor: func(context.Context, string) ([]byte, error) { return nil, nil },
	}, l)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { _ = client.Run(ctx, s) })
	stop := func() {
		cancel()
		wg.Wait()
	}
	t.Cleanup(stop)
	for {
		select {
		case st := <-s.states:
			if st.Status == network.Online {
				return network.Resolve(client), stop
			}
		case <-time.After(2 * time.Minute):
			t.Fatal("not online")
		}
	}
}

func outgoing(txn network.TxnID, chat network.ChatID, text string) network.Outgoing {
	return network.Outgoing{Txn: txn, Chat: chat, Content: network.Text(text)}
}

func TestTwoAccountsShareAChat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := memnet.DefaultFeatures()
		f.IDs = network.IDsPerLogin
		s := memnet.New(memnet.Options{Features: &f})
		alice, bob := s.Account("alice"), s.Account("bob")
		s.Group("g", "alice", "bob")
		a, b := newRecorder(), newRecorder()
		ops, _ := run(t, s.Connector("n"), alice, a)
		run(t, s.Connector("n"), bob, b)
		sent, err := ops.Send(t.Context(), outgoing("t1", "g", "hello"))
		if err != nil {
			t.Fatal(err)
		}
		mine, theirs := a.next(t), b.next(t)
		if mine.Txn != "t1" || theirs.Txn != "" {
			t.Errorf("transaction IDs %q for the sender, %q for the other; want t1 and none", mine.Txn, theirs.Txn)
		}
		if mine.ID != sent.Parts[0][0] || mine.ID == theirs.ID || mine.Sender != "alice" || theirs.Sender != "alice" {
			t.Errorf("sent %v; IDs %q and %q, senders %q and %q", sent.Parts, mine.ID, theirs.ID, mine.Sender, theirs.Sender)
		}
	})
}

func TestDirectChatIsPrivate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := memnet.New(memnet.Options{})
		r := newRecorder()
		run(t, s.Connector("n"), s.Account("alice"), r)
		if _, err := s.User("bob").Tell("alice", "psst"); err != nil {
			t.Fatal(err)
		}
		if m := r.next(t); m.Chat.Login != "alice" || m.Chat.ID != s.DM("bob", "alice") {
			t.Errorf("chat %+v", m.Chat)
		}
	})
}

func TestHangAndMute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := memnet.New(memnet.Options{})
		login := s.Account("alice")
		s.Group("g", "alice")
		s.Group("free", "alice")
		ops, _ := run(t, s.Connector("n"), login, newRecorder())
		for _, tc := range []struct {
			name  string
			block func(network.ChatID) func()
			held  int // messages after the send was given up
			kind  network.Kind
		}{
			{"hang", s.HangChat, 0, network.Unknown},
			{"mute", s.MuteChat, 1, network.Unsure},
		} {
			release := tc.block("g")
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			_, err := ops.Send(ctx, outgoing(network.TxnID(tc.name), "g", tc.name))
			cancel()
			if !errors.Is(err, context.DeadlineExceeded) || tc.kind != network.Unknown && network.KindOf(err) != tc.kind {
				t.Errorf("%s: send returned %v", tc.name, err)
			}
			if n := len(s.Messages("g")); n != tc.held {
				t.Errorf("%s: the network holds %d messages, want %d", tc.name, n, tc.held)
			}
			if _, err := ops.Send(t.Context(), outgoing("free"+network.TxnID(tc.name), "free", "x")); err != nil {
				t.Errorf("%s: another chat: %v", tc.name, err)
			}
			release()
		}
		if _, err := ops.Send(t.Context(), outgoing("mute", "g", "mute")); err != nil || len(s.Messages("g")) != 1 {
			t.Errorf("repeat after release: %v, %d messages", err, len(s.Messages("g")))
		}
	})
}

func TestFail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := memnet.New(memnet.Options{})
		login := s.Account("alice")
		s.Group("g", "alice")
		ops, _ := run(t, s.Connector("n"), login, newRecorder())
		var seen []string
		s.Fail(func(op string, chat network.ChatID) error {
			seen = append(seen, op+" "+string(chat))
			if op == "send" {
				return &network.Error{Kind: network.RateLimited, Wait: time.Second}
			}
			return nil
		})
		_, err := ops.Send(t.Context(), outgoing("t", "g", "x"))
		if network.KindOf(err) != network.RateLimited || network.WaitOf(err) != time.Second {
			t.Errorf("send: %v", err)
		}
		if _, err := ops.Chat(t.Context(), "g"); err != nil {
			t.Error(err)
		}
		if want := []string{"send g", "chat g"}; !slices.Equal(seen, want) {
			t.Errorf("asked for %q, want %q", seen, want)
		}
	})
}

func TestOnceNeverDoubles(t *testing.T) {
	for once, want := range map[network.Once]int{network.OnceAlways: 1, network.OnceFind: 2, network.OnceNever: 2} {
		t.Run(string(once), func(t *testing.T) {
			f := memnet.DefaultFeatures()
			f.Once = once
			s := memnet.New(memnet.Options{Features: &f})
			login := s.Account("alice")
			s.Group("g", "alice")
			ops, _ := run(t, s.Connector("n"), login, newRecorder())
			for range 2 {
				if _, err := ops.Send(t.Context(), outgoing("t", "g", "x")); err != nil {
					t.Fatal(err)
				}
			}
			if got := len(s.Messages("g")); got != want {
				t.Errorf("%d messages, want %d", got, want)
			}
			if (ops.Find != nil) != (once != network.OnceNever) {
				t.Errorf("find offered: %v", ops.Find != nil)
			}
		})
	}
}

func TestMembersOfALargeChat(t *testing.T) {
	s := memnet.New(memnet.Options{})
	login := s.Account("alice")
	s.Channel("big", "alice")
	s.Fill("big", 1000)
	ops, _ := run(t, s.Connector("n"), login, newRecorder())
	n, pages := 0, 0
	for cursor := ""; ; pages++ {
		page, next, err := ops.Members(t.Context(), "big", cursor)
		if err != nil {
			t.Fatal(err)
		}
		n += len(page)
		if cursor = next; next == "" {
			break
		}
	}
	if n != 1001 || pages != 10 {
		t.Errorf("%d members on %d pages before the last", n, pages)
	}
}

// TestRedeliveryAcrossProcesses stands for a client whose process is killed: it
// gets events over TCP, and never acknowledges them.
func TestRedeliveryAcrossProcesses(t *testing.T) {
	h := served(t, memnet.Options{Batch: 2})
	conn, _ := h.Connector()
	for i := range 5 {
		if _, err := h.s.User("bob").Say("general", fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	killed := newRecorder()
	killed.refuse = true
	_, stop := run(t, conn, h.login, killed)
	if text(killed.next(t)) != "0" {
		t.Fatal("the first event is not the first")
	}
	stop()
	if n := h.s.Pending("alice"); n != 5 {
		t.Errorf("%d events pending, want 5", n)
	}
	second := newRecorder()
	run(t, conn, h.login, second)
	for i := range 5 {
		if m := second.next(t); text(m) != fmt.Sprint(i) {
			t.Errorf("event %d is %q", i, text(m))
		}
	}
	if err := h.s.Wait(t.Context(), func() bool { return h.s.Pending("alice") == 0 }); err != nil {
		t.Error(err)
	}
}

func TestGeneratedMediaStreams(t *testing.T) {
	for name, h := range map[string]*harness{"local": newHarness(memnet.Options{}), "served": served(t, memnet.Options{})} {
		t.Run(name, func(t *testing.T) {
			const size = 3<<20 + 5
			r := newRecorder()
			conn, _ := h.Connector()
			ops, _ := run(t, conn, h.login, r)
			if _, err := h.s.User("bob").SayGenerated("general", network.Video, "film.mp4", "video/mp4", size); err != nil {
				t.Fatal(err)
			}
			m := r.next(t).Parts[0].Media
			if m.Size != size || m.Name != "film.mp4" {
				t.Errorf("medium %+v", m)
			}
			body, err := ops.OpenMedia(t.Context(), *m)
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(body)
			want := make([]byte, size)
			memnet.Generate(want, 0)
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("read %d bytes, %v; want %d of Generate", len(got), err, size)
			}
		})
	}
}

func TestCutDuringServedSendIsUnsure(t *testing.T) {
	h := served(t, memnet.Options{})
	conn, _ := h.Connector()
	ops, _ := run(t, conn, h.login, newRecorder())
	release := h.s.MuteChat("general")
	defer release()
	done := make(chan error, 1)
	go func() {
		_, err := ops.Send(context.Background(), outgoing("t", "general", "x"))
		done <- err
	}()
	if err := h.s.WaitMessages(t.Context(), "general", 1); err != nil {
		t.Fatal(err)
	}
	h.s.Cut()
	select {
	case err := <-done:
		if network.KindOf(err) != network.Unsure {
			t.Errorf("send: %v of kind %s, want unsure", err, network.KindOf(err))
		}
	case <-time.After(2 * time.Minute):
		t.Error("send did not return")
	}
}

func TestRelay(t *testing.T) {
	h := served(t, memnet.Options{Relay: "bridge"})
	conn, _ := h.Connector()
	h.s.Group("general", "bridge")
	relay := conn.Info().Relay
	if relay == nil || relay.User != "bridge" {
		t.Fatalf("relay %+v", relay)
	}
	ops, _ := run(t, conn, *relay, newRecorder())
	m := outgoing("t", "general", "hi")
	m.Persona = &network.Persona{Name: "Ann (matrix)"}
	if _, err := ops.Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	got := h.s.Messages("general")
	if len(got) != 1 || got[0].Sender != "bridge" || got[0].Content.Persona == nil || got[0].Content.Persona.Name != "Ann (matrix)" {
		t.Errorf("the network holds %+v", got)
	}
}

func TestKeepBoundsMemory(t *testing.T) {
	s := memnet.New(memnet.Options{Keep: 10})
	s.Group("g", "bob")
	for i := range 100 {
		if _, err := s.User("bob").Say("g", fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	all := s.Messages("g")
	if n := len(all); n < 10 || n > 20 || all[n-1].Text != "99" || s.Len("g") != 100 {
		t.Errorf("%d messages kept of %d, last %q", n, s.Len("g"), all[n-1].Text)
	}
}
