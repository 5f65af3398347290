package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/causeway-chat/causeway/bridges/slack/slackfake"
)

// A town is the workspace with what people call things by.
type town struct {
	*slackfake.Server
	app    string
	bot    slackfake.Bot
	people map[string]string // IDs by name
	last   map[string]string // the last message that was made here, by channel
	tokens []string          // that were given out
}

// What the app's page shows.
const (
	clientID      = "1000.2000"
	clientSecret  = "client-secret"
	signingSecret = "signing-secret"
)

func newTown(s *slackfake.Server) *town {
	t := &town{Server: s, people: map[string]string{}, last: map[string]string{}}
	t.app = s.AddApp(slackfake.App{Name: "Causeway", ClientID: clientID, ClientSecret: clientSecret, SigningSecret: signingSecret})
	t.bot = s.Install(t.app, "")
	t.people["causeway"] = t.bot.User
	t.people["mia"] = s.AddUser(slackfake.User{Name: "mia", RealName: "Mia Meier", Owner: true, Admin: true, Email: "mia@acme.example"})
	t.people["you"] = s.AddUser(slackfake.User{Name: "you", RealName: "You Yourself", Email: "you@acme.example"})
	both := []string{t.people["mia"], t.people["you"]}
	general := s.AddChannel(slackfake.Channel{Name: "general", General: true, Members: both, Topic: "All of Acme", Purpose: "What everybody should know"})
	s.AddChannel(slackfake.Channel{Name: "random", Members: both})
	s.AddChannel(slackfake.Channel{Name: "council", Kind: slackfake.Private, Members: both})
	root := s.Past(general, t.people["mia"], slackfake.JSON{"text": "Long ago, *before* the bridge"})
	s.Past(general, t.people["you"], slackfake.JSON{"text": "and what was answered", "thread_ts": root})
	return t
}

const introduction = `Slack's API, "api" in Causeway's configuration:
  %s
The app's tokens, "bot_token" and "app_token":
  %s
  %s
Its client ID, client secret and signing secret:
  %s
  %s
  %s
Your browser's session, for "login … browser": token and cookie:
  %s
  %s
At the browser that follows a link to Slack sits: you. /help says what you can write here.
READY
`

func (t *town) introduce(out io.Writer) {
	token, cookie := t.Session(t.people["you"])
	t.tokens = []string{t.bot.Token, t.AppToken(t.app), token}
	t.SignIn(t.people["you"])
	_, _ = fmt.Fprintf(out, introduction, t.APIURL(), t.tokens[0], t.tokens[1], clientID, clientSecret, signingSecret, token, cookie)
}

const help = `WHO #CHANNEL TEXT               WHO (mia, you) says something
/thread WHO #CHANNEL TS TEXT    … in a thread; TS may be "last"
/edit WHO #CHANNEL TS TEXT      the message TS has another text
/delete WHO #CHANNEL TS         and is gone
/react WHO #CHANNEL TS NAME     a reaction, "tada"
/pin WHO #CHANNEL TS            a pin
/file WHO #CHANNEL NAME TEXT    a file with a text in it
/topic, /purpose, /rename WHO #CHANNEL TEXT
/archive, /unarchive, /join, /leave, /typing WHO #CHANNEL
/invite WHO #CHANNEL            WHO may be causeway, the app
/show #CHANNEL                  what the channel holds
/refuse TOKEN ERROR             the token counts no more ("token_revoked"), or again without ERROR
/scopes TOKEN SCOPE…            the token has these scopes only
/disable, /enable               Socket Mode
/down, /up                      Slack is away, and back
`

// errUsage is that a line means nothing.
var errUsage = errors.New("not understood: /help")

// do does what a line says.
func (t *town) do(out io.Writer, line string) error {
	words := strings.Fields(line)
	if len(words) == 0 {
		return nil
	}
	if !strings.HasPrefix(words[0], "/") {
		words = append([]string{"/say"}, words...)
	}
	switch verb, rest := words[0], words[1:]; verb {
	case "/help":
		_, err := io.WriteString(out, help)
		return err
	case "/show":
		return t.show(out, rest)
	case "/down", "/up", "/disable", "/enable", "/refuse", "/scopes":
		return t.server(verb, rest)
	default:
		return t.inChannel(out, verb, rest)
	}
}

// server is what happens to all of Slack, or to a token.
func (t *town) server(verb string, rest []string) error {
	switch {
	case verb == "/down":
		t.Down()
	case verb == "/up":
		return t.Up()
	case verb == "/disable":
		t.Disable(t.app)
	case verb == "/enable":
		t.Enable(t.app)
	case len(rest) == 0:
		return errUsage
	case !slices.Contains(t.tokens, rest[0]):
		return fmt.Errorf("there is no token %q", rest[0])
	case verb == "/refuse":
		t.Refuse(rest[0], strings.Join(rest[1:], ""))
	case verb == "/scopes":
		t.SetScopes(rest[0], rest[1:]...)
	}
	return nil
}

// show prints a channel.
func (t *town) show(out io.Writer, rest []string) error {
	if len(rest) == 0 {
		return errUsage
	}
	id, err := t.channel(rest[0])
	if err != nil {
		return err
	}
	c := t.Channel(id)
	_, _ = fmt.Fprintf(out, "#%s, topic %q, purpose %q, members %v, pins %v\n", c.Name, c.Topic, c.Purpose, t.Members(id), t.Pins(id))
	for _, m := range t.Messages(id) {
		who := m["username"]
		if who == nil {
			who = m["user"]
		}
		_, _ = fmt.Fprintf(out, "%v  %v: %v", m["ts"], who, m["text"])
		for _, key := range []string{"thread_ts", "reactions", "edited", "subtype"} {
			if v := m[key]; v != nil {
				_, _ = fmt.Fprintf(out, "  %s=%v", key, v)
			}
		}
		if files, _ := m["files"].([]any); len(files) > 0 {
			_, _ = fmt.Fprintf(out, "  files=%d", len(files))
		}
		_, _ = fmt.Fprintln(out)
	}
	return nil
}

// channel is the ID of one by its name, or by itself.
func (t *town) channel(name string) (string, error) {
	if id := t.ChannelNamed(strings.TrimPrefix(name, "#")); id != "" {
		return id, nil
	}
	return "", fmt.Errorf("there is no %s", name)
}

// inChannel is what somebody does in a channel.
func (t *town) inChannel(out io.Writer, verb string, rest []string) error {
	if len(rest) < 2 {
		return errUsage
	}
	who, text := t.people[rest[0]], strings.Join(rest[2:], " ")
	if who == "" {
		return fmt.Errorf("there is no %s", rest[0])
	}
	c, err := t.channel(rest[1])
	if err != nil {
		return err
	}
	ts := ""
	switch verb {
	case "/say":
		ts = t.Say(c, who, text)
	case "/file":
		name, content, _ := strings.Cut(text, " ")
		ts = t.Upload(c, who, "", slackfake.File{Name: name, Content: []byte(content + "\n")})
	case "/thread", "/edit", "/delete", "/react", "/pin":
		ts, err = t.toMessage(verb, c, who, rest[2:])
	default:
		err = t.toChannel(verb, c, who, text)
	}
	if err == nil && ts != "" {
		t.last[c] = ts
		_, err = fmt.Fprintln(out, ts)
	}
	return err
}

// toMessage does something with a message, whose ts is the first word.
func (t *town) toMessage(verb, c, who string, rest []string) (string, error) {
	if len(rest) == 0 {
		return "", errUsage
	}
	ts, text := rest[0], strings.Join(rest[1:], " ")
	if ts == "last" {
		ts = t.last[c]
	}
	if !slices.ContainsFunc(t.Messages(c), func(m slackfake.JSON) bool { return m["ts"] == ts }) {
		return "", fmt.Errorf("there is no message %q", ts)
	}
	switch verb {
	case "/thread":
		return t.Reply(c, who, ts, text, false), nil
	case "/edit":
		t.Edit(c, ts, text)
	case "/delete":
		t.Delete(c, ts)
	case "/react":
		t.React(c, ts, who, text)
	case "/pin":
		t.Pin(c, ts, who)
	}
	return "", nil
}

// toChannel does something with a channel.
func (t *town) toChannel(verb, c, who, text string) error {
	switch verb {
	case "/topic":
		t.SetTopic(c, who, text)
	case "/purpose":
		t.SetPurpose(c, who, text)
	case "/rename":
		t.Rename(c, who, text)
	case "/archive":
		t.Archive(c, who)
	case "/unarchive":
		t.Unarchive(c, who)
	case "/join":
		t.Join(c, who, "")
	case "/invite":
		t.Join(c, who, t.people["mia"])
	case "/leave":
		t.Leave(c, who)
	case "/typing":
		t.Typing(c, who, "")
	default:
		return errUsage
	}
	return nil
}
