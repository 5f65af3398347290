package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/memnet"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/step"
	"github.com/causeway-chat/causeway/bridgekit/store"
)

const relayUser = network.UserID("relay")

// A mem is memnet: a network of any strength, which fails in every way.
type mem struct {
	net    *memnet.Server
	plan   plan
	addr   string
	stop   context.CancelFunc
	serves sync.WaitGroup
}

func newMem(p plan) (far, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	m := &mem{net: memnet.New(p.Net), plan: p, addr: l.Addr().String(), stop: stop}
	m.serves.Go(func() { _ = m.net.Serve(ctx, l) }) // until close
	return m, nil
}

func (m *mem) close() error {
	m.stop()
	m.serves.Wait()
	return nil
}

func (m *mem) id() network.NetworkID { return "mem.test" }

func (m *mem) features() network.Features { return *m.plan.Net.Features }

func (m *mem) tell(s *spec) error {
	s.Network, s.NetworkID, s.Net = m.addr, m.id(), m.plan.Net
	for _, name := range []string{"alice", "bob"} {
		s.Logins = append(s.Logins, store.Login{Network: m.id(), Owner: mxid(name), Login: m.net.Account(network.UserID(name))})
	}
	return nil
}

// chatPlans are the chats: one with several logins, one with a relay, a channel, and
// direct ones.
func chatPlans() []chatPlan {
	return []chatPlan{
		{"team", network.Group, []network.UserID{"alice", "bob", "carol", "dave"}, []network.UserID{"carol", "dave", "alice"}, []string{"@alice:test", "@bob:test"}, "@alice:test"},
		{"club", network.Group, []network.UserID{"alice", relayUser, "carol"}, []network.UserID{"carol"}, []string{"@alice:test", "@eve:test"}, "@alice:test"},
		{"hall", network.Channel, []network.UserID{"alice", "carol", "dave"}, []network.UserID{"carol", "dave"}, []string{"@alice:test"}, "@alice:test"},
		{"", network.Direct, []network.UserID{"alice", "carol"}, []network.UserID{"carol", "alice"}, []string{"@alice:test"}, "@alice:test"},
		{"", network.Direct, []network.UserID{"bob", "dave"}, []network.UserID{"dave"}, []string{"@bob:test"}, "@bob:test"},
	}
}

func (m *mem) chats() ([]*chat, error) {
	var all []*chat
	for _, p := range chatPlans() {
		all = append(all, m.chat(p))
	}
	return all, nil
}

func (m *mem) another(n int) (*chat, error) {
	return m.chat(chatPlan{
		name: network.ChatID(fmt.Sprintf("new%d", n)), kind: network.Group,
		members: []network.UserID{"alice", "carol"}, remote: []network.UserID{"carol"}, local: []string{"@alice:test"}, owner: "@alice:test",
	}), nil
}

func (m *mem) chat(p chatPlan) *chat {
	c := &chat{chatPlan: p, id: p.name}
	switch p.kind {
	case network.Direct:
		c.id = m.net.DM(p.members[0], p.members[1])
	case network.Channel:
		m.net.Channel(p.name, p.members...)
	default:
		m.net.Group(p.name, p.members...)
	}
	return c
}

func (m *mem) begin(_ context.Context, w *world) error {
	for _, c := range w.chats {
		if err := w.first(c); err != nil {
			return err
		}
	}
	return nil
}

func (m *mem) ready(context.Context, *chat) bool { return true } // it keeps what Causeway misses

func (m *mem) takes(side, deed) bool { return true }

func (m *mem) reaches(step.Name) bool { return true }

func (m *mem) do(w *world, c *chat, who network.UserID, d deed, choice int) error {
	return remote{m, w, c, who}.do(d, choice)
}

func (m *mem) waiting(all []*chat) (came string, waits int, known bool) {
	for _, u := range []network.UserID{"alice", "bob", relayUser} {
		waits += m.net.Pending(u)
	}
	var messages int64
	for _, c := range all {
		messages += m.net.Len(c.id)
	}
	return fmt.Sprint(messages), waits, true
}

func (m *mem) bare(text string) string { return text }

func (m *mem) heard(context.Context, *sql.DB, []*chat) error { return nil } // it has no doubt

func (m *mem) lines(c *chat) []string {
	var all []string
	for _, x := range m.net.Messages(c.id) {
		reply := network.MessageID("")
		if x.Content.Reply != nil {
			reply = x.Content.Reply.ID
		}
		all = append(all, fmt.Sprintf("%s by %s (login %q, txn %s) removed %v, %d edits, reply %q, %v: %.100s", x.ID, x.Sender, x.Login, x.Txn, x.Redacted, x.Edits, reply, x.Reactions, contentText(x.Content)))
	}
	return all
}

// play plays a fault of the network.
func (m *mem) play(ctx context.Context, w *world, r round) error {
	c := w.chats[int(r.Pick%uint64(len(chatPlans())))]
	switch r.Fault {
	case faultSignedOut:
		return m.signedOut(ctx, w, r)
	case faultCut:
		for range 3 {
			m.net.Cut()
			pause(ctx, r.Lasts)
		}
	case faultNetDown:
		up := m.net.Down()
		pause(ctx, 2*r.Lasts)
		up()
	case faultNetSlow:
		m.net.Fail(func(string, network.ChatID) error { pause(ctx, r.Lasts/2); return nil })
		pause(ctx, 3*r.Lasts)
		m.net.Fail(nil)
	case faultLimited:
		var n int
		var mu sync.Mutex // guards n
		m.net.Fail(func(string, network.ChatID) error {
			mu.Lock()
			defer mu.Unlock()
			if n++; n%3 == 0 {
				return &network.Error{Kind: network.RateLimited, Wait: 200 * time.Millisecond, User: "too fast", Err: errors.New("too fast")}
			}
			return nil
		})
		pause(ctx, 3*r.Lasts)
		m.net.Fail(nil)
	case faultNoAnswer:
		release := m.net.MuteChat(c.id)
		pause(ctx, r.Lasts)
		m.net.Cut()
		release()
	case faultChatHangs:
		release := m.net.HangChat(c.id)
		pause(ctx, 4*r.Lasts)
		release()
	default:
		return fmt.Errorf("nobody plays %q", r.Fault)
	}
	return nil
}

// signedOut has the network end an account's sessions, and its person sign in
// again through the bot.
func (m *mem) signedOut(ctx context.Context, w *world, r round) error {
	who := network.UserID("alice")
	if r.Pick%2 == 0 {
		who = "bob"
	}
	m.net.Revoke(who)
	pause(ctx, 2*r.Lasts)
	return w.talk(ctx, mxid(string(who)), []answered{
		{"", "Hello", false}, {"login " + string(m.id()), "ser name", false}, {string(who), "assword", false}, {"secret", "Signed in", false},
	})
}
