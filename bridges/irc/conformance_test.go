package irc

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/networktest"
	"github.com/causeway-chat/causeway/bridges/irc/convert"
	"github.com/causeway-chat/causeway/bridges/irc/ircfake"
)

func TestConformance(t *testing.T) {
	networktest.Run(t, map[string]func(t *testing.T) networktest.Harness{
		"modern": func(t *testing.T) networktest.Harness { return newHarness(t, ircfake.Modern()) },
		"legacy": func(t *testing.T) networktest.Harness { return newHarness(t, ircfake.Legacy()) },
	})
}

// A harness is a fake server with our account on it: alice, and bob who shares
// #main and #second with her.
type harness struct {
	t      *testing.T
	s      *ircfake.Server
	bob    *ircfake.User
	modern bool
	third  int
}

func newHarness(t *testing.T, cfg ircfake.Config) *harness {
	cfg.Accounts["alice"], cfg.Accounts["carol"] = "secret", "secret"
	cfg.Ops = []string{"alice"}
	s := startFake(t, cfg)
	h := &harness{t: t, s: s, bob: s.User("bob"), modern: cfg.Caps != nil}
	h.bob.Join("#main", "#second")
	s.User("zoe").Join("#lobby")
	return h
}

func (h *harness) Connector() (network.Connector, error) {
	conn, err := New(network.Options{ID: "irc.test", Decode: decodeYAML(fmt.Sprintf(
		"server: %s\ntls: false\nrelay: false\nflood: {lines: 100000, burst: 1000}\nmax_lines: 20\nhard_lines: 100\n", h.s.Addr()))})
	if err != nil {
		return nil, err
	}
	conn.(*Connector).now = quick()
	// As the program does at its start, also while the server is down.
	if _, err := conn.Probe(h.t.Context()); err != nil && network.KindOf(err) != network.Unavailable {
		return nil, err
	}
	return conn, nil
}

func (h *harness) Login() network.Login { return aliceLogin("secret") }

func (h *harness) key(name string) network.ChatKey {
	k := network.ChatKey{ID: network.ChatID(name)}
	if name == "bob" {
		k.Login = h.Login().ID
	}
	return k
}

func (h *harness) Traits() networktest.Traits {
	f := (&session{}).features()
	if h.modern {
		f.IDs, f.Once, f.JoinersSeePast = network.IDsShared, network.OnceFind, true
	}
	t := networktest.Traits{
		Main: h.key("#main"), Second: h.key("#second"), Direct: h.key("bob"), Other: "bob",
		Features: f, Redelivers: h.modern, Held: held,
		NoChat: "#nowhere", NoUser: "nobody", Joinable: "#lobby", Findable: "lob",
	}
	if h.modern {
		t.NoMessage = "mnope"
	}
	return t
}

// held is what becomes of a text: no control characters, no empty lines.
func held(text string) string {
	var lines []string
	for _, line := range strings.Split(convert.Clean(text, true), "\n") {
		if strings.TrimSpace(line) != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}

func (h *harness) to(chat network.ChatID) string {
	if chat == "bob" {
		return "alice"
	}
	return string(chat)
}

func (h *harness) Say(_ context.Context, chat network.ChatID, text string) (network.MessageID, error) {
	var id string
	for _, line := range strings.Split(held(text), "\n") {
		id = h.bob.Say(h.to(chat), line)
		if id == "" {
			return "", fmt.Errorf("%q was refused", line)
		}
	}
	if !h.modern || strings.Contains(held(text), "\n") {
		return "", nil
	}
	return network.MessageID(id), nil
}

// Said undoes our ways to tell of an edit: "* new text" and "s/old/new/".
func (h *harness) Said(_ context.Context, chat network.ChatID) ([]string, error) {
	var out []string
	for _, line := range h.s.Said(string(chat)) {
		if line.From == "bob" || line.From == "zoe" {
			continue
		}
		text := convert.Strip(line.Text)
		if now, ok := strings.CutPrefix(text, "* "); ok && len(out) > 0 {
			out[len(out)-1] = now
			continue
		}
		if f := strings.Split(text, "/"); len(f) == 4 && f[0] == "s" && f[3] == "" {
			out[len(out)-1] = strings.Replace(out[len(out)-1], f[1], f[2], 1)
			continue
		}
		out = append(out, text)
	}
	return out, nil
}

func (h *harness) Cut(context.Context) error {
	h.s.Cut()
	return nil
}

func (h *harness) Acts() networktest.Acts {
	a := networktest.Acts{
		SetTopic: func(_ context.Context, chat network.ChatID, topic string) error {
			h.s.Op(string(chat), "bob")
			h.bob.Topic(string(chat), topic)
			return nil
		},
		Join: func(_ context.Context, chat network.ChatID) (network.UserID, error) {
			h.third++
			nick := fmt.Sprintf("third%d", h.third)
			h.s.User(nick).Join(string(chat))
			return network.UserID(nick), nil
		},
		Leave: func(_ context.Context, chat network.ChatID, user network.UserID) error {
			h.s.User(string(user)).Part(string(chat), "bye")
			return nil
		},
		Topic: func(ctx context.Context, chat network.ChatID) (string, error) {
			topic, _ := h.s.Channel(string(chat))
			return topic, nil
		},
		Standing: h.standing,
		Refuse: func(_ context.Context, n int, how networktest.Refusal) error {
			if how == networktest.RateLimit {
				h.s.RefuseMessage(n, "439", "Target change too fast. Please wait 1 seconds.")
			} else {
				h.s.RefuseMessage(n, "442", "You're not on that channel")
			}
			return nil
		},
		Kick: func(_ context.Context, chat network.ChatID) error {
			h.s.Op(string(chat), "bob")
			h.bob.Kick(string(chat), "alice", "out")
			return nil
		},
		Down: func(context.Context) (func(), error) {
			h.s.Down()
			return func() { _ = h.s.Up() }, nil
		},
		Answer:   h.answer,
		Sessions: func(context.Context) (int, error) { return h.s.Clients(), nil },
	}
	if h.modern {
		h.modernActs(&a)
	}
	return a
}

// standing is a person's membership.
func (h *harness) standing(_ context.Context, chat network.ChatID, u network.UserID) (network.Membership, error) {
	if h.s.In(string(chat), string(u)) {
		return network.Joined, nil
	}
	return network.Left, nil
}

func (h *harness) modernActs(a *networktest.Acts) {
	a.Redact = func(_ context.Context, chat network.ChatID, id network.MessageID) error {
		h.bob.Redact(string(chat), string(id), "oops")
		return nil
	}
	a.Moderate = func(_ context.Context, chat network.ChatID, id network.MessageID) error {
		h.s.Op(string(chat), "bob")
		h.bob.Redact(string(chat), string(id), "not allowed")
		return nil
	}
	a.React = func(_ context.Context, chat network.ChatID, id network.MessageID, emoji string, remove bool) error {
		h.bob.React(string(chat), string(id), emoji, remove)
		return nil
	}
	a.Type = func(_ context.Context, chat network.ChatID) error {
		h.bob.Typing(string(chat), "active")
		return nil
	}
	a.OtherDevice = func(_ context.Context, chat network.ChatID, text string) (network.MessageID, error) {
		return network.MessageID(h.s.SayAs("alice", string(chat), text)), nil
	}
	a.Reactions = func(_ context.Context, chat network.ChatID, id network.MessageID) ([]string, error) {
		var on []string
		for _, l := range h.s.Tags(string(chat)) {
			if l.From != "alice" || l.Tags["+draft/reply"] != string(id) {
				continue
			}
			if emoji := l.Tags["+draft/react"]; emoji != "" && !slices.Contains(on, emoji) {
				on = append(on, emoji)
			}
			if emoji := l.Tags["+draft/unreact"]; emoji != "" {
				on = slices.DeleteFunc(on, func(e string) bool { return e == emoji })
			}
		}
		return on, nil
	}
	a.Revoke = func(context.Context) error {
		h.s.SetPassword("alice", "")
		h.s.Cut()
		return nil
	}
}

func (h *harness) answer(_ context.Context, flow string, f network.Field, wrong bool) (string, error) {
	switch {
	case f.Name == "Nick" && wrong && (flow == "nick" || !h.modern):
		return "not a nick", nil
	case f.Name == "Nick":
		return "carol", nil
	case f.Name == "Account":
		return "", nil
	case f.Name == "Password" && wrong:
		return "guess", nil
	case f.Name == "Password":
		return "secret", nil
	}
	return "", fmt.Errorf("no answer to %q", f.Name)
}
