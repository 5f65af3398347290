package slackclients

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/causeway-chat/causeway/bridges/slack/slackfake"
)

// limit is far above what a session takes.
const limit = 5 * time.Minute

// What the clients saw.
type seen struct {
	User     string
	Scopes   bool
	History  int
	Replies  []string
	File     string
	FileSame bool
	Limited  int
	Info     string
	Error    string
	Blocks   string
	// Signature is said by the library for Python alone: those for Node.js have none.
	Signature *bool
}

// A play is a workspace with one client in it.
type play struct {
	*slackfake.Server
	t                   *testing.T
	ctx                 context.Context
	app, alice, channel string
	bot                 slackfake.Bot
}

// TestSession: each client does what a bridge does, and the fake is Slack to it.
func TestSession(t *testing.T) {
	for _, c := range clients() {
		t.Run(c.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			defer cancel()
			if _, err := c.command(ctx, ""); err != nil {
				t.Skip(err)
			}
			p := newPlay(ctx, t)
			cmd, err := c.command(ctx, p.argument())
			p.ok(err)
			var out, errs bytes.Buffer
			cmd.Stdout, cmd.Stderr = &out, &errs
			p.ok(cmd.Start())
			ended := make(chan struct{})
			var result error
			go func() {
				defer close(ended)
				result = cmd.Wait()
			}()
			err = p.act(c.name, ended)
			if err != nil {
				cancel()
			}
			<-ended // nothing writes to out any more
			if err = errors.Join(err, result); err != nil {
				t.Fatalf("%v\n%s%s", err, out.String(), errs.String())
			}
			var got seen
			said := strings.TrimSpace(out.String()) // what the libraries have to say, and the last line
			if err := json.Unmarshal([]byte(said[strings.LastIndex(said, "\n")+1:]), &got); err != nil {
				t.Fatalf("%v\n%s%s", err, out.String(), errs.String())
			}
			p.check(c.name, got)
		})
	}
}

func newPlay(ctx context.Context, t *testing.T) *play {
	// An hour: nothing is delivered twice because the machine is slow.
	s, err := slackfake.Start(slackfake.Config{Redeliver: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	p := &play{Server: s, t: t, ctx: ctx, app: s.AddApp(slackfake.App{Name: "Causeway", SigningSecret: "hush"})}
	p.bot = s.Install(p.app, "")
	p.alice = s.AddUser(slackfake.User{Name: "alice"})
	p.channel = s.AddChannel(slackfake.Channel{Name: "general", Members: []string{p.alice, p.bot.User}})
	for range 24 {
		s.Past(p.channel, p.alice, slackfake.JSON{"text": "long ago"})
	}
	s.Break(slackfake.Fault{Method: "users.info", Status: http.StatusTooManyRequests, RetryAfter: 1})
	return p
}

func (p *play) ok(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

// argument is what the session is given.
func (p *play) argument() string {
	at, body := strconv.FormatInt(time.Now().Unix(), 10), `{"type":"event_callback"}`
	raw, err := json.Marshal(map[string]string{
		"api": p.APIURL(), "bot": p.bot.Token, "app": p.AppToken(p.app), "channel": p.channel, "person": p.alice,
		"secret": "hush", "timestamp": at, "body": body, "signature": slackfake.Sign("hush", at, []byte(body)),
	})
	p.ok(err)
	return string(raw)
}

// act plays Slack and its people until the client has ended, or an error.
func (p *play) act(name string, ended <-chan struct{}) error {
	ctx, cancel := context.WithCancel(p.ctx)
	defer cancel()
	go func() {
		select {
		case <-ended:
			cancel()
		case <-ctx.Done():
		}
	}()
	wait := func(what string, cond func() bool) error {
		if err := p.Wait(ctx, cond); err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		return nil
	}
	said := func(text string) func() bool {
		return func() bool { return slices.Contains(p.Texts(p.channel), text) }
	}
	if err := wait("it connects", func() bool { return p.Connections(p.app) == 1 }); err != nil {
		return err
	}
	p.Say(p.channel, p.alice, "begin")
	if err := wait("it edits its reply", said("in the thread, edited")); err != nil {
		return err
	}
	for _, m := range p.Messages(p.channel) {
		if m["text"] == "from "+name {
			p.React(p.channel, m["ts"].(string), p.alice, "tada")
		}
	}
	if err := wait("it uploads", said("a file")); err != nil {
		return err
	}
	p.Command(p.app, p.channel, p.alice, "/bridge", "status")
	if err := wait("it goes on", said("refresh, please")); err != nil {
		return err
	}
	old := p.Calls("apps.connections.open")
	p.Refresh(p.app)
	if err := wait("it connects anew", func() bool { return p.Calls("apps.connections.open") > old }); err != nil {
		return err
	}
	p.Say(p.channel, p.alice, "after the refresh")
	select {
	case <-ended:
		return nil
	case <-p.ctx.Done():
		return fmt.Errorf("it does not end: %w", p.ctx.Err())
	}
}

// check compares what the client saw, and what it left behind, with what has to be.
func (p *play) check(name string, got seen) {
	t := p.t
	if got.User != p.bot.User || !got.Scopes || got.Info != "alice" || got.Limited != 1 {
		t.Errorf("%+v", got)
	}
	if got.Error != "channel_not_found" || got.Blocks != "invalid_blocks" {
		t.Errorf("errors: %q, %q", got.Error, got.Blocks)
	}
	// 24 of long ago, "begin", the post and its broadcast reply.
	if got.History != 27 || strings.Join(got.Replies, "; ") != "from "+name+"; in the thread, edited" {
		t.Errorf("history: %d, %q", got.History, got.Replies)
	}
	content, size, _ := p.Content(got.File)
	if !got.FileSame || int64(len(content)) != size || !strings.HasPrefix(string(content), name) {
		t.Errorf("file: %v, %d bytes", got.FileSame, size)
	}
	if name == "python" && (got.Signature == nil || !*got.Signature) {
		t.Error("the signature is not valid")
	}
	if n := p.Calls("users.info"); n != 2 {
		t.Errorf("users.info was called %d times", n)
	}
	if n := p.Calls("conversations.history"); n != 3 {
		t.Errorf("history was paged in %d calls", n)
	}
	if unknown := p.Unknown(); len(unknown) > 0 {
		t.Errorf("the fake does not know %v", unknown)
	}
	var root slackfake.JSON
	for _, m := range p.Messages(p.channel) {
		if m["text"] == "from "+name {
			root = m
		}
	}
	if root["username"] != "Carol" || root["reply_count"] != 2.0 || root["subtype"] != "bot_message" {
		t.Errorf("%v", root)
	}
	commands := 0
	for _, a := range p.Acks(p.app) {
		if payload, _ := a["payload"].(map[string]any); payload["text"] == "done: status" {
			commands++
		}
	}
	if commands != 1 {
		t.Errorf("%d answers to the command", commands)
	}
}
