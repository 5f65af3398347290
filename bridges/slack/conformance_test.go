package slack

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/causeway-chat/causeway/bridgekit/markup"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/networktest"
	"github.com/causeway-chat/causeway/bridges/slack/convert"
	"github.com/causeway-chat/causeway/bridges/slack/slackfake"
)

func TestConformance(t *testing.T) {
	networktest.Run(t, map[string]func(t *testing.T) networktest.Harness{
		"app":    func(t *testing.T) networktest.Harness { return newHarness(t, (*world).appLogin) },
		"person": func(t *testing.T) networktest.Harness { return newHarness(t, (*world).personLogin) },
		"user":   newUserHarness,
	})
}

// A harness is a fake Slack with a login of ours, and bob who speaks.
type harness struct {
	*world
	login  network.Login
	person bool
	third  int
	direct string
	cookie string // of the session whose token was given last
}

func newHarness(t *testing.T, login func(*world) network.Login) *harness {
	w := newWorld(t, slackfake.Config{})
	h := &harness{world: w, login: login(w)}
	h.person = string(h.login.User) == w.carol
	h.direct = w.AddChannel(slackfake.Channel{Kind: slackfake.IM, Members: []string{string(h.login.User), w.bob}})
	w.AddChannel(slackfake.Channel{Name: "lobby", Members: []string{w.bob}})
	return h
}

func (h *harness) Connector() (network.Connector, error) { return h.connector(""), nil }

func (h *harness) Login() network.Login { return h.login }

func (h *harness) Traits() networktest.Traits {
	c := &Client{cred: credentials{Kind: kindApp}}
	if h.person {
		c.cred.Kind = kindPerson
	}
	return networktest.Traits{
		Main: network.ChatKey{ID: network.ChatID(h.main)}, Second: network.ChatKey{ID: network.ChatID(h.second)},
		Direct: network.ChatKey{ID: network.ChatID(h.direct), Login: h.login.ID}, Other: network.UserID(h.bob),
		Features: c.features(&account{api: &api{}}), Redelivers: true, Held: held,
		NoChat: "C0NOWHERE", NoUser: "U0NOBODY", NoMessage: "1000000000.000001", Joinable: "#lobby", Findable: "lob",
	}
}

// held is what becomes of a text.
func held(text string) string {
	drafts := convert.Part(network.Text(text).Parts[0], convert.Options{})
	var all []string
	for _, d := range drafts {
		all = append(all, unescape(d.Text))
	}
	return strings.Join(all, "\n")
}

func (h *harness) Say(_ context.Context, chat network.ChatID, text string) (network.MessageID, error) {
	return network.MessageID(h.Post(string(chat), h.bob, typed(text))), nil
}

// typed is what Slack's own program makes of a text that somebody types.
func typed(text string) slackfake.JSON {
	return slackfake.JSON{"text": escape(text), "blocks": []any{slackfake.JSON{"type": "rich_text", "elements": []any{
		slackfake.JSON{"type": "rich_text_section", "elements": []any{slackfake.JSON{"type": "text", "text": text}}},
	}}}}
}

// Said reads what Slack shows, by our own reader of its texts.
func (h *harness) Said(_ context.Context, chat network.ChatID) ([]string, error) {
	var out []string
	for _, body := range h.Messages(string(chat)) {
		m, err := convert.Parse([]byte(jsonText(body)))
		if err != nil {
			return nil, err
		}
		if m.User == string(h.login.User) && m.Kind() == convert.Said {
			out = append(out, textOf(m.Content(convert.Lookup{})))
		}
	}
	return out, nil
}

func (h *harness) Cut(context.Context) error {
	h.world.Cut()
	return nil
}

func (h *harness) Acts() networktest.Acts {
	a := networktest.Acts{
		Edit: func(_ context.Context, chat network.ChatID, id network.MessageID, text string) error {
			h.EditWith(string(chat), string(id), typed(text))
			return nil
		},
		Redact: func(_ context.Context, chat network.ChatID, id network.MessageID) error {
			h.Delete(string(chat), string(id))
			return nil
		},
		SayThread: func(_ context.Context, chat network.ChatID, root network.MessageID, text string) (network.MessageID, error) {
			return network.MessageID(h.Reply(string(chat), h.bob, string(root), escape(text), false)), nil
		},
		Down: func(context.Context) (func(), error) {
			h.world.Down()
			return func() { _ = h.Up() }, nil
		},
		Refuse: h.refuse,
		Revoke: func(context.Context) error {
			var c credentials
			if err := json.Unmarshal(h.login.Data, &c); err != nil {
				return err
			}
			h.world.Refuse(c.Token, "token_revoked")
			if c.App != "" {
				h.world.Refuse(c.App, "token_revoked")
			}
			return nil
		},
		Answer:   h.answer,
		Sessions: func(context.Context) (int, error) { return h.Connections(h.app) + h.world.Sessions(h.carol), nil },
	}
	h.roomActs(&a)
	h.emojiActs(&a)
	h.peopleActs(&a)
	h.changeActs(&a)
	if h.person {
		a.Appear = func(_ context.Context, online bool, words string) error {
			h.SetPresence(h.bob, online)
			h.ChangeUser(h.bob, func(u *slackfake.User) { u.StatusText = escape(words) })
			return nil
		}
		a.ReadElsewhere = func(_ context.Context, chat network.ChatID, id network.MessageID) error {
			h.Read(string(chat), h.carol, string(id))
			return nil
		}
		a.OtherDevice = func(_ context.Context, chat network.ChatID, text string) (network.MessageID, error) {
			return network.MessageID(h.world.Say(string(chat), h.carol, escape(text))), nil
		}
		a.Type = func(_ context.Context, chat network.ChatID) error {
			h.Typing(string(chat), h.bob, "")
			return nil
		}
	}
	return a
}

// emojiActs are about custom emoji.
func (h *harness) emojiActs(a *networktest.Acts) {
	bare := func(name string) string { return strings.Trim(name, ":") }
	a.AddEmoji = func(_ context.Context, name string, picture []byte) error {
		h.world.AddEmoji(bare(name), h.Picture("image/png", picture))
		return nil
	}
	a.RemoveEmoji = func(_ context.Context, name string) error {
		h.world.RemoveEmoji(bare(name))
		return nil
	}
	a.SayEmoji = func(_ context.Context, chat network.ChatID, name string) (network.MessageID, error) {
		return network.MessageID(h.Post(string(chat), h.bob, slackfake.JSON{"text": "look " + name, "blocks": []any{slackfake.JSON{"type": "rich_text", "elements": []any{
			slackfake.JSON{"type": "rich_text_section", "elements": []any{
				slackfake.JSON{"type": "text", "text": "look "}, slackfake.JSON{"type": "emoji", "name": bare(name)},
			}},
		}}}})), nil
	}
	a.Emoji = func(_ context.Context, chat network.ChatID) (names []string, err error) {
		for _, body := range h.Messages(string(chat)) {
			m, err := convert.Parse([]byte(jsonText(body)))
			if err != nil {
				return nil, err
			}
			if m.User != string(h.login.User) {
				continue
			}
			c := m.Content(convert.Lookup{Emoji: func(name string) (string, bool) { return "https://" + name, true }})
			markup.Walk(c.Parts[0].Text, func(n markup.Node) bool {
				if n.Kind == markup.Emoji {
					names = append(names, n.Text)
				}
				return true
			})
		}
		return names, nil
	}
}

// roomActs are about what a channel shows.
func (h *harness) roomActs(a *networktest.Acts) {
	a.React = func(_ context.Context, chat network.ChatID, id network.MessageID, emoji string, remove bool) error {
		name, ok := convert.ReactionName(emoji, func(string) bool { return true })
		if !ok {
			return fmt.Errorf("Slack has no %s", emoji)
		}
		if remove {
			h.Unreact(string(chat), string(id), h.bob, name)
		} else {
			h.world.React(string(chat), string(id), h.bob, name)
		}
		return nil
	}
	a.Reactions = func(_ context.Context, chat network.ChatID, id network.MessageID) ([]string, error) {
		m, err := convert.Parse([]byte(jsonText(h.Message(string(chat), string(id)))))
		if err != nil {
			return nil, err
		}
		var on []string
		for _, r := range m.Reactions {
			if slices.Contains(r.Users, string(h.login.User)) {
				emoji, _ := convert.EmojiText(r.Name)
				on = append(on, emoji)
			}
		}
		return on, nil
	}
	a.Pin = func(_ context.Context, chat network.ChatID, id network.MessageID, remove bool) error {
		if remove {
			h.Unpin(string(chat), string(id), h.bob)
		} else {
			h.world.Pin(string(chat), string(id), h.bob)
		}
		return nil
	}
	a.Pinned = func(_ context.Context, chat network.ChatID) ([]network.MessageID, error) {
		var ids []network.MessageID
		for _, id := range h.Pins(string(chat)) {
			ids = append(ids, network.MessageID(id))
		}
		return ids, nil
	}
	a.SetTopic = func(_ context.Context, chat network.ChatID, topic string) error {
		h.world.SetTopic(string(chat), h.bob, escape(topic))
		return nil
	}
	a.Topic = func(_ context.Context, chat network.ChatID) (string, error) {
		return unescape(h.Channel(string(chat)).Topic), nil
	}
	a.SetPurpose = func(_ context.Context, chat network.ChatID, purpose string) error {
		h.world.SetPurpose(string(chat), h.bob, escape(purpose))
		return nil
	}
	a.Purpose = func(_ context.Context, chat network.ChatID) (string, error) {
		return unescape(h.Channel(string(chat)).Purpose), nil
	}
	a.SetArchived = func(_ context.Context, chat network.ChatID, archived bool) error {
		if archived {
			h.world.Archive(string(chat), h.bob)
		} else {
			h.world.Unarchive(string(chat), h.bob)
		}
		return nil
	}
	a.SayMedia = func(_ context.Context, chat network.ChatID, m networktest.SentMedia) (network.MessageID, error) {
		return network.MessageID(h.Upload(string(chat), h.bob, "", slackfake.File{Name: m.Name, Mime: m.MIME, Content: m.Data})), nil
	}
	a.Media = h.media
}

// media are the files that our account has sent to a chat.
func (h *harness) media(_ context.Context, chat network.ChatID) ([]networktest.SentMedia, error) {
	var all []networktest.SentMedia
	for _, body := range h.Messages(string(chat)) {
		m, err := convert.Parse([]byte(jsonText(body)))
		if err != nil {
			return nil, err
		}
		if m.User != string(h.login.User) {
			continue
		}
		for _, p := range m.Content(convert.Lookup{}).Parts {
			if p.Media == nil {
				continue
			}
			ref, err := convert.ParseFileRef(p.Media.Ref)
			if err != nil {
				return nil, err
			}
			content, _, _ := h.Content(ref.ID)
			all = append(all, networktest.SentMedia{Name: p.Media.Name, MIME: p.Media.MIME, Data: content})
		}
	}
	return all, nil
}

// peopleActs are about who is in a channel.
func (h *harness) peopleActs(a *networktest.Acts) {
	a.Join = func(_ context.Context, chat network.ChatID) (network.UserID, error) {
		h.third++
		id := h.AddUser(slackfake.User{Name: fmt.Sprintf("third%d", h.third)})
		h.world.Join(string(chat), id, "")
		return network.UserID(id), nil
	}
	a.Leave = func(_ context.Context, chat network.ChatID, user network.UserID) error {
		h.world.Leave(string(chat), string(user))
		return nil
	}
	a.Kick = func(_ context.Context, chat network.ChatID) error {
		h.world.Kick(string(chat), string(h.login.User), h.bob)
		return nil
	}
	a.Standing = func(_ context.Context, chat network.ChatID, u network.UserID) (network.Membership, error) {
		if slices.Contains(h.Members(string(chat)), string(u)) {
			return network.Joined, nil
		}
		return network.Left, nil
	}
}

// changeActs are about what bob and his channels become.
func (h *harness) changeActs(a *networktest.Acts) {
	a.SayBroadcast = func(_ context.Context, chat network.ChatID, root network.MessageID, text string) (network.MessageID, error) {
		return network.MessageID(h.Reply(string(chat), h.bob, string(root), escape(text), true)), nil
	}
	a.Rename = func(_ context.Context, name string) error {
		h.ChangeUser(h.bob, func(u *slackfake.User) { u.DisplayName = name })
		return nil
	}
	a.SetModerates = func(_ context.Context, on bool) error {
		h.ChangeUser(h.bob, func(u *slackfake.User) { u.Admin = on })
		return nil
	}
	a.ReadUpTo = func(_ context.Context, chat network.ChatID) (network.MessageID, error) {
		return network.MessageID(h.world.ReadUpTo(string(chat), string(h.login.User))), nil
	}
	a.MakeChat = func(_ context.Context, name string) error {
		h.Create(slackfake.Channel{Name: name, Creator: h.bob, Members: []string{h.bob}})
		return nil
	}
	if string(h.login.User) == h.bot.User { // of what people said Slack does not tell who removed it
		a.Moderate = func(_ context.Context, chat network.ChatID, id network.MessageID) error {
			h.Delete(string(chat), string(id))
			return nil
		}
	}
}

func (h *harness) refuse(_ context.Context, n int, how networktest.Refusal) error {
	f := slackfake.Fault{Method: "chat.postMessage", Skip: n, Error: "not_in_channel"}
	if how == networktest.RateLimit {
		f.Error, f.Status, f.RetryAfter = "", 429, 1
	}
	h.Break(f)
	return nil
}

func (h *harness) answer(_ context.Context, flow string, f network.Field, wrong bool) (string, error) {
	switch {
	case wrong && f.Name == "Token":
		return "xoxc-guess", nil
	case wrong && f.Name == "Bot token":
		return "xoxb-guess", nil
	case f.Name == "Bot token":
		return h.bot.Token, nil
	case f.Name == "App token":
		return h.appToken, nil
	case f.Name == "Token" || f.Name == "Cookie":
		token, cookie := h.Session(h.carol)
		if f.Name == "Token" {
			h.cookie = cookie
			return token, nil
		}
		return h.cookie, nil
	}
	return "", fmt.Errorf("no answer to %q of %s", f.Name, flow)
}
