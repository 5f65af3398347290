package memnet_test

import (
	"context"
	"fmt"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/memnet"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/networktest"
)

// harness is memnet as the suite wants it: alice is our account, bob the other.
type harness struct {
	s       *memnet.Server
	o       memnet.Options
	login   network.Login
	address string // of a served network; empty: use the server directly
}

var _ networktest.Harness = (*harness)(nil)

func newHarness(o memnet.Options) *harness {
	s := memnet.New(o)
	h := &harness{s: s, o: o, login: s.Account("alice")}
	s.Group("general", "alice", "bob")
	s.Group("random", "alice", "bob")
	s.Channel("lobby", "bob")
	s.DM("alice", "bob")
	s.User("carol")
	return h
}

// served is a harness whose connectors come in over TCP.
func served(t *testing.T, o memnet.Options) *harness {
	h := newHarness(o)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = h.s.Serve(ctx, l)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	h.address = l.Addr().String()
	return h
}

func (h *harness) Connector() (network.Connector, error) {
	if h.address != "" {
		return memnet.Dial(h.address, "memnet.test", h.o), nil
	}
	return h.s.Connector("memnet.test"), nil
}

func (h *harness) Login() network.Login { return h.login }

func (h *harness) features() network.Features {
	if h.o.Features != nil {
		return *h.o.Features
	}
	return memnet.DefaultFeatures()
}

func (h *harness) Traits() networktest.Traits {
	t := networktest.Traits{
		Main: network.ChatKey{ID: "general"}, Second: network.ChatKey{ID: "random"},
		Direct: network.ChatKey{ID: "dm:alice:bob", Login: "alice"}, Other: "bob",
		Features: h.features(), Redelivers: !h.o.NoRedelivery,
		NoChat: "nowhere", NoUser: "nobody", NoMessage: "m999999",
		Joinable: "lobby", Findable: "lob",
	}
	switch t.Features.IDs {
	case network.IDsNone:
		t.NoMessage = ""
	case network.IDsPerLogin:
		t.NoMessage += "@alice"
	}
	return t
}

func (h *harness) Say(_ context.Context, chat network.ChatID, text string) (network.MessageID, error) {
	return h.known(h.s.User("bob").Say(chat, text))
}

// known turns a shared ID into alice's.
func (h *harness) known(id network.MessageID, err error) (network.MessageID, error) {
	return h.s.IDFor("alice", id), err
}

// shared turns alice's ID into the shared one.
func (h *harness) shared(chat network.ChatID, id network.MessageID) network.MessageID {
	for _, m := range h.s.Messages(chat) {
		if h.s.IDFor("alice", m.ID) == id {
			return m.ID
		}
	}
	return id
}

func (h *harness) Said(_ context.Context, chat network.ChatID) ([]string, error) {
	return h.s.Texts(chat, "alice"), nil
}

func (h *harness) Cut(context.Context) error {
	h.s.Cut()
	return nil
}

func (h *harness) Acts() networktest.Acts {
	a := networktest.Acts{
		Type: func(_ context.Context, chat network.ChatID) error { return h.s.User("bob").Type(chat, 5*time.Second) },
		SetTopic: func(_ context.Context, chat network.ChatID, topic string) error {
			return h.s.User("bob").SetTopic(chat, topic)
		},
		Topic: func(_ context.Context, chat network.ChatID) (string, error) { return h.s.Topic(chat), nil },
		Join: func(_ context.Context, chat network.ChatID) (network.UserID, error) {
			return "carol", h.s.User("carol").Join(chat)
		},
		Leave: func(_ context.Context, chat network.ChatID, u network.UserID) error { return h.s.User(u).Leave(chat) },
		Standing: func(_ context.Context, chat network.ChatID, u network.UserID) (network.Membership, error) {
			return h.s.Standing(chat, u), nil
		},
		OtherDevice: func(_ context.Context, chat network.ChatID, text string) (network.MessageID, error) {
			return h.known(h.s.User("alice").Say(chat, text))
		},
		Refuse: h.refuse,
		Kick: func(_ context.Context, chat network.ChatID) error {
			return h.s.User("bob").Remove(chat, "alice", network.Left)
		},
		Down: func(context.Context) (func(), error) { return h.s.Down(), nil },
		Revoke: func(context.Context) error {
			h.s.Revoke("alice")
			return nil
		},
		Sessions: func(context.Context) (int, error) { return h.s.Sessions("alice"), nil },
		Answer: func(_ context.Context, _ string, f network.Field, wrong bool) (string, error) {
			if !f.Secret {
				return "alice", nil
			}
			if wrong {
				return "guess", nil
			}
			return "secret", nil
		},
	}
	if h.features().IDs != network.IDsNone {
		h.messageActs(&a)
	}
	if !h.o.Basic {
		h.peopleActs(&a)
	}
	if h.features().MaxFile >= 0 && !h.o.Basic {
		h.mediaActs(&a)
	}
	return a
}

func (h *harness) messageActs(a *networktest.Acts) {
	a.SetExpiry = func(_ context.Context, chat network.ChatID, life time.Duration) error {
		return h.s.User("bob").SetExpiry(chat, life)
	}
	a.Expiry = func(_ context.Context, chat network.ChatID) (time.Duration, error) { return h.s.Expiry(chat), nil }
	a.Lifetime = func(_ context.Context, chat network.ChatID, id network.MessageID) (time.Duration, error) {
		for _, m := range h.s.Messages(chat) {
			if m.ID == h.shared(chat, id) {
				return m.Content.Expiry, nil
			}
		}
		return 0, fmt.Errorf("no message %q", id)
	}
	a.Edit = func(_ context.Context, chat network.ChatID, id network.MessageID, text string) error {
		return h.s.User("bob").Edit(chat, h.shared(chat, id), text)
	}
	a.Redact = func(_ context.Context, chat network.ChatID, id network.MessageID) error {
		return h.s.User("bob").Redact(chat, h.shared(chat, id))
	}
	a.React = func(_ context.Context, chat network.ChatID, id network.MessageID, emoji string, remove bool) error {
		return h.s.User("bob").React(chat, h.shared(chat, id), emoji, remove)
	}
	a.SayThread = func(_ context.Context, chat network.ChatID, root network.MessageID, text string) (network.MessageID, error) {
		c := network.Text(text)
		c.Thread = &network.Ref{ID: root, Part: -1}
		return h.known(h.s.User("bob").Send(chat, c))
	}
	if !h.o.Basic {
		a.SetPurpose = func(_ context.Context, chat network.ChatID, purpose string) error {
			return h.s.User("bob").SetPurpose(chat, purpose)
		}
		a.SetArchived = func(_ context.Context, chat network.ChatID, archived bool) error {
			return h.s.User("bob").SetArchived(chat, archived)
		}
		a.Purpose = func(_ context.Context, chat network.ChatID) (string, error) { return h.s.Purpose(chat), nil }
		a.Pin = func(_ context.Context, chat network.ChatID, id network.MessageID, remove bool) error {
			return h.s.User("bob").Pin(chat, h.shared(chat, id), remove)
		}
		a.Pinned = func(_ context.Context, chat network.ChatID) (ids []network.MessageID, err error) {
			for _, id := range h.s.Pinned(chat) {
				ids = append(ids, h.s.IDFor("alice", id))
			}
			return ids, nil
		}
		a.Keep = func(_ context.Context, chat network.ChatID, k network.Kept) error {
			return h.s.User("alice").Keep(chat, k)
		}
		a.AddEmoji = func(_ context.Context, name string, picture []byte) error {
			h.s.AddEmoji(name, picture)
			return nil
		}
		a.RemoveEmoji = func(_ context.Context, name string) error {
			h.s.RemoveEmoji(name)
			return nil
		}
		a.SayEmoji = func(_ context.Context, chat network.ChatID, name string) (network.MessageID, error) {
			return h.known(h.s.User("bob").SayEmoji(chat, name))
		}
		a.Emoji = func(_ context.Context, chat network.ChatID) (names []string, err error) {
			for _, m := range h.s.Messages(chat) {
				for _, e := range memnet.EmojiOf(m.Content) {
					if m.Sender == "alice" && e.ID != "" {
						names = append(names, e.Name)
					}
				}
			}
			return names, nil
		}
		a.Avatar = func(_ context.Context, chat network.ChatID) ([]byte, error) { return h.s.Avatar(chat), nil }
	}
	a.Reactions = func(_ context.Context, chat network.ChatID, id network.MessageID) ([]string, error) {
		for _, m := range h.s.Messages(chat) {
			if m.ID == h.shared(chat, id) {
				return m.Reactions["alice"], nil
			}
		}
		return nil, fmt.Errorf("no message %q", id)
	}
}

// peopleActs are about what is told of people beside what they say.
func (h *harness) peopleActs(a *networktest.Acts) {
	bob := h.s.User("bob")
	a.SayBroadcast = func(_ context.Context, chat network.ChatID, root network.MessageID, text string) (network.MessageID, error) {
		c := network.Text(text)
		c.Thread, c.Broadcast = &network.Ref{ID: root, Part: -1}, true
		return h.known(bob.Send(chat, c))
	}
	a.Rename = func(_ context.Context, name string) error {
		bob.Rename(name)
		return nil
	}
	a.SetModerates = func(_ context.Context, on bool) error {
		bob.SetModerates(on)
		return nil
	}
	a.Appear = func(_ context.Context, online bool, words string) error {
		bob.Appear(online, words)
		return nil
	}
	a.Read = func(_ context.Context, chat network.ChatID, id network.MessageID) error {
		return bob.Read(chat, h.shared(chat, id))
	}
	a.ReadElsewhere = func(_ context.Context, chat network.ChatID, id network.MessageID) error {
		return h.s.User("alice").Read(chat, h.shared(chat, id))
	}
	a.ReadUpTo = func(_ context.Context, chat network.ChatID) (network.MessageID, error) {
		return h.s.IDFor("alice", h.s.ReadUpTo(chat, "alice")), nil
	}
	a.Moderate = func(_ context.Context, chat network.ChatID, id network.MessageID) error {
		return bob.Moderate(chat, h.shared(chat, id))
	}
	a.MakeChat = func(_ context.Context, name string) error {
		bob.Create(network.ChatID(name))
		return nil
	}
}

func (h *harness) mediaActs(a *networktest.Acts) {
	a.SayMedia = func(_ context.Context, chat network.ChatID, m networktest.SentMedia) (network.MessageID, error) {
		return h.known(h.s.User("bob").SayFile(chat, network.Image, m.Name, m.MIME, m.Data))
	}
	a.Media = func(_ context.Context, chat network.ChatID) ([]networktest.SentMedia, error) {
		var all []networktest.SentMedia
		for _, m := range h.s.Messages(chat) {
			if media := m.Content.Parts[0].Media; media != nil && m.Sender == "alice" {
				all = append(all, networktest.SentMedia{Name: media.Name, MIME: media.MIME, Data: h.s.File(media.Ref)})
			}
		}
		return all, nil
	}
}

// refuse lets n sends through and turns down the one after them.
func (h *harness) refuse(_ context.Context, n int, how networktest.Refusal) error {
	var left atomic.Int64
	left.Store(int64(n))
	h.s.Fail(func(op string, _ network.ChatID) error {
		if op != "send" || left.Add(-1) != -1 {
			return nil
		}
		if how == networktest.NotIn {
			return network.Errorf(network.Gone, "you are not in this chat", "test: not in")
		}
		return &network.Error{Kind: network.RateLimited, Wait: 10 * time.Millisecond, User: "too fast"}
	})
	return nil
}

// legacy is a network as old IRC servers are.
func legacy() memnet.Options {
	f := memnet.DefaultFeatures()
	f.IDs, f.Once, f.MaxText, f.MaxFile = network.IDsNone, network.OnceNever, 400, -1
	return memnet.Options{Features: &f, Basic: true, NoRedelivery: true, Echo: memnet.EchoNone}
}

// private is a network whose message IDs differ from login to login.
func private() memnet.Options {
	f := memnet.DefaultFeatures()
	f.IDs, f.Once = network.IDsPerLogin, network.OnceFind
	return memnet.Options{Features: &f, Echo: memnet.EchoID, Cursors: true}
}

func TestConformance(t *testing.T) {
	networktest.Run(t, map[string]func(t *testing.T) networktest.Harness{
		"full":    func(*testing.T) networktest.Harness { return newHarness(memnet.Options{}) },
		"legacy":  func(*testing.T) networktest.Harness { return newHarness(legacy()) },
		"private": func(*testing.T) networktest.Harness { return newHarness(private()) },
		"served":  func(t *testing.T) networktest.Harness { return served(t, memnet.Options{}) },
	})
}
