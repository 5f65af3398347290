package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
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
	name   network.NetworkID
	server *memnet.Server
	opts   memnet.Options
	people []string // with accounts of ours
	shares bool     // in hubs the relay reacts for others
	addr   string
	stop   context.CancelFunc
	serves sync.WaitGroup
}

// newMem serves a network on which some people have accounts.
func newMem(name network.NetworkID, o memnet.Options, people ...string) (*mem, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	m := &mem{name: name, server: memnet.New(o), opts: o, people: people, addr: l.Addr().String(), stop: stop}
	m.serves.Go(func() { _ = m.server.Serve(ctx, l) }) // until close
	return m, nil
}

func (m *mem) close() error {
	m.stop()
	m.serves.Wait()
	return nil
}

func (m *mem) id() network.NetworkID { return m.name }

func (m *mem) features() network.Features { return *m.opts.Features }

func (m *mem) title() string {
	if m.opts.Name == "" {
		return "Memnet"
	}
	return m.opts.Name
}

func (m *mem) net(side) far { return m }

func (m *mem) bears(c *chat, s side, who string) string {
	name := strings.TrimSuffix(strings.TrimPrefix(who, "@"), ":"+domain)
	switch {
	case slices.Contains(m.people, name) && (!c.hub() || slices.Contains(c.speakers(s), network.UserID(name))):
		return name
	case c.hub() && !m.shares:
		return ""
	}
	return string(relayUser)
}

func (m *mem) tell(s *spec) error {
	s.Mem = append(s.Mem, memSpec{m.id(), m.addr, m.opts})
	for _, name := range m.people {
		s.Logins = append(s.Logins, store.Login{Network: m.id(), Owner: mxid(name), Login: m.server.Account(network.UserID(name))})
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
		c.id = m.server.DM(p.members[0], p.members[1])
	case network.Channel:
		m.server.Channel(p.name, p.members...)
	default:
		m.server.Group(p.name, p.members...)
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

func (m *mem) inBook(id string) string { return id }

func (m *mem) threads() bool { return false }

func (m *mem) reaches(step.Name) bool { return true }

func (m *mem) do(w *world, c *chat, s side, who network.UserID, d deed, choice int) error {
	return remote{memMouth{m, c.id, who}, w, c, s, who}.do(d, choice)
}

func (m *mem) waiting(all []*chat) (came string, waits int, known bool) {
	for _, u := range []network.UserID{"alice", "bob", relayUser} {
		waits += m.server.Pending(u)
	}
	var messages int64
	for _, c := range all {
		messages += m.server.Len(c.id)
	}
	return fmt.Sprint(messages), waits, true
}

func (m *mem) bare(text string) string { return text }

func (m *mem) heard(context.Context, *sql.DB, []*chat) error { return nil } // it has no doubt

func (m *mem) lines(c *chat) []string {
	var all []string
	for _, x := range m.server.Messages(c.id) {
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
	return m.playOn(ctx, w, r, w.chats[int(r.Pick%uint64(len(chatPlans())))])
}

// playOn is play; if a chat is hit, it is c.
func (m *mem) playOn(ctx context.Context, w *world, r round, c *chat) error {
	switch r.Fault {
	case faultSignedOut:
		return m.signedOut(ctx, w, r)
	case faultCut:
		for range 3 {
			m.server.Cut()
			pause(ctx, r.Lasts)
		}
	case faultNetDown:
		up := m.server.Down()
		pause(ctx, 2*r.Lasts)
		up()
	case faultNetSlow:
		m.server.Fail(func(string, network.ChatID) error { pause(ctx, r.Lasts/2); return nil })
		pause(ctx, 3*r.Lasts)
		m.server.Fail(nil)
	case faultLimited:
		var n int
		var mu sync.Mutex // guards n
		m.server.Fail(func(string, network.ChatID) error {
			mu.Lock()
			defer mu.Unlock()
			if n++; n%3 == 0 {
				return &network.Error{Kind: network.RateLimited, Wait: 200 * time.Millisecond, User: "too fast", Err: errors.New("too fast")}
			}
			return nil
		})
		pause(ctx, 3*r.Lasts)
		m.server.Fail(nil)
	case faultNoAnswer:
		release := m.server.MuteChat(c.id)
		pause(ctx, r.Lasts)
		m.server.Cut()
		release()
	case faultChatHangs:
		release := m.server.HangChat(c.id)
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
	if len(m.people) == 0 {
		return nil // it has only a relay
	}
	who := network.UserID(m.people[r.Pick%uint64(len(m.people))])
	m.server.Revoke(who)
	pause(ctx, 2*r.Lasts)
	return w.talk(ctx, mxid(string(who)), []answered{
		{"", "Hello", false}, {"login " + string(m.id()), "ser name", false}, {string(who), "assword", false}, {"secret", "Signed in", false},
	})
}
