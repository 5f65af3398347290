package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/step"
	"github.com/causeway-chat/causeway/bridgekit/store"
	"github.com/causeway-chat/causeway/bridges/slack"
	"github.com/causeway-chat/causeway/bridges/slack/slackfake"
)

// Kinds of the fake Slack: how events come, and whether alice signed in by a link.
// Bob always has a browser's session.
const (
	slackSockets = "sockets"
	slackPushes  = "pushes"
	byLink       = ", by link"
)

func slackKinds() []string {
	return []string{slackSockets, slackPushes, slackSockets + byLink, slackPushes + byLink}
}

// A slackNet is the fake Slack with an app that is in all channels and speaks for eve.
// What is said in a channel comes by the app, and again until it is acknowledged; what is
// said in a direct chat to a browser's session comes once, and the past tells of
// words alone. So there nobody edits, removes or reacts on Slack.
type slackNet struct {
	server *slackfake.Server
	kind   string
	app    string
	secret string // with which it signs what it pushes
	relay  slackfake.Bot
	users  map[network.UserID]string // IDs by the names of the book

	mu       sync.Mutex
	sessions map[string]string // tokens of browsers by name; guarded by mu
}

func newSlack(p plan) (far, error) {
	patience := slices.Repeat([]time.Duration{300 * time.Millisecond}, 1000) // nothing is given up
	s, err := slackfake.Start(slackfake.Config{Redeliver: 2 * time.Second, Retries: patience})
	if err != nil {
		return nil, err
	}
	n := &slackNet{server: s, kind: p.Kind, secret: "signing-of-chaos", users: map[network.UserID]string{}, sessions: map[string]string{}}
	n.app = s.AddApp(slackfake.App{Name: "Causeway", SigningSecret: n.secret, ClientID: "1.2", ClientSecret: "client-secret"})
	n.relay = s.Install(n.app, "")
	n.users[relayUser] = n.relay.User
	for _, name := range []string{"alice", "bob", "carol", "dave"} {
		n.users[network.UserID(name)] = s.AddUser(slackfake.User{Name: name})
	}
	return n, nil
}

func (n *slackNet) close() error {
	n.server.Close()
	return nil
}

func (n *slackNet) id() network.NetworkID { return "slack.test" }

func (n *slackNet) title() string { return "Test" }

func (n *slackNet) net(side) far { return n }

func (n *slackNet) threads() bool { return true }

func (n *slackNet) features() network.Features {
	return network.Features{IDs: network.IDsShared, Once: network.OnceFind, Personas: true}
}

func (n *slackNet) bears(_ *chat, _ side, who string) string {
	if name := accountOf(who); name != string(relayUser) {
		return name
	}
	return ""
}

// inBook reads the ID in a ghost's name, in which every byte may be "=55".
func (n *slackNet) inBook(ghost string) string {
	id, err := url.PathUnescape(strings.ReplaceAll(ghost, "=", "%"))
	if err != nil {
		return ghost
	}
	return n.named(id)
}

// named is what the book calls a user.
func (n *slackNet) named(id string) string {
	for name, u := range n.users {
		if u == id {
			return string(name)
		}
	}
	return id
}

// tell gives Causeway the app's tokens, and accounts of alice and bob.
func (n *slackNet) tell(s *spec) error {
	s.NetworkID = n.id()
	s.Slack = &slack.Config{Name: n.title(), API: n.server.APIURL(), BotToken: n.relay.Token, Replies: "thread"}
	if strings.HasPrefix(n.kind, slackPushes) {
		s.Slack.SigningSecret = n.secret
	} else {
		s.Slack.AppToken = n.server.AppToken(n.app)
	}
	linked := strings.HasSuffix(n.kind, byLink)
	if linked {
		s.Slack.ClientID, s.Slack.ClientSecret = "1.2", "client-secret"
	}
	for _, name := range []string{"alice", "bob"} {
		cred := map[string]string{"kind": "user"}
		if linked && name == "alice" {
			cred["token"] = n.server.UserToken(n.app, n.users["alice"])
		} else {
			cred["kind"] = "person"
			cred["token"], cred["cookie"] = n.session(name)
		}
		data, err := json.Marshal(cred)
		if err != nil {
			return err
		}
		user := n.users[network.UserID(name)]
		s.Logins = append(s.Logins, store.Login{Network: n.id(), Owner: mxid(name), Login: network.Login{
			ID: network.LoginID(n.relay.Team + "-" + user), User: network.UserID(user), Name: name + " on Test", Data: data,
		}})
	}
	return nil
}

// session makes one of somebody's browser, and notes it.
func (n *slackNet) session(name string) (token, cookie string) {
	token, cookie = n.server.Session(n.users[network.UserID(name)])
	n.mu.Lock()
	defer n.mu.Unlock()
	n.sessions[name] = token
	return token, cookie
}

// browsing reports whether somebody has a browser's session.
func (n *slackNet) browsing(name string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.sessions[name] != ""
}

func (n *slackNet) chats() ([]*chat, error) {
	alice, bob, eve := mxid("alice"), mxid("bob"), mxid("eve")
	return []*chat{
		n.chat(slackfake.Public, chatPlan{"team", network.Channel, []network.UserID{"alice", "bob", "carol", "dave", relayUser}, []network.UserID{"carol", "dave", "alice"}, []string{alice, bob}, alice}),
		n.chat(slackfake.Private, chatPlan{"club", network.Group, []network.UserID{"alice", "carol", "dave", relayUser}, []network.UserID{"dave", "carol"}, []string{alice, eve}, alice}),
		n.chat(slackfake.IM, chatPlan{"", network.Direct, []network.UserID{"alice", "carol"}, []network.UserID{"carol", "alice"}, []string{alice}, alice}),
		n.chat(slackfake.IM, chatPlan{"", network.Direct, []network.UserID{"bob", "dave"}, []network.UserID{"dave"}, []string{bob}, bob}),
	}, nil
}

func (n *slackNet) chat(kind slackfake.Kind, p chatPlan) *chat {
	var members []string
	for _, name := range p.members {
		members = append(members, n.users[name])
	}
	return &chat{chatPlan: p, id: network.ChatID(n.server.AddChannel(slackfake.Channel{Name: string(p.name), Kind: kind, Members: members}))}
}

// another is a channel that carol has, into which she takes alice and the app.
func (n *slackNet) another(i int) (*chat, error) {
	c := n.chat(slackfake.Public, chatPlan{
		name: network.ChatID(fmt.Sprintf("new%d", i)), kind: network.Channel,
		members: []network.UserID{"carol"}, remote: []network.UserID{"carol"}, local: []string{mxid("alice")}, owner: mxid("alice"),
	})
	for _, who := range []network.UserID{relayUser, "alice"} {
		n.server.Join(string(c.id), n.users[who], n.users["carol"])
		c.members = append(c.members, who)
	}
	return c, nil
}

// begin has Slack push events, if it does, and each chat begun.
func (n *slackNet) begin(ctx context.Context, w *world) error {
	if strings.HasPrefix(n.kind, slackPushes) {
		address := "http://" + w.nodes[0].spec.Public + "/net/" + string(n.id()) + "/events"
		err := until(ctx, "Causeway takes events", 3*time.Minute, func() (bool, error) {
			return n.server.Subscribe(ctx, n.app, address) == nil, w.revive()
		})
		if err != nil {
			return err
		}
	}
	err := until(ctx, "the accounts are connected", 3*time.Minute, func() (bool, error) {
		for _, name := range []string{"alice", "bob"} { // what was said to a session before is not missed
			if n.browsing(name) && n.server.Sessions(n.users[network.UserID(name)]) == 0 {
				return false, w.revive()
			}
		}
		return true, nil
	})
	if err != nil {
		return err
	}
	for _, c := range w.chats {
		if err := w.first(c); err != nil {
			return err
		}
	}
	return nil
}

// ready: it keeps what Causeway misses. But who comes into a channel while their session
// is not connected gets its room with the next message there.
func (n *slackNet) ready(ctx context.Context, c *chat) bool {
	if !strings.HasPrefix(string(c.name), "new") || !n.browsing("alice") {
		return true
	}
	return until(ctx, "alice is connected", time.Second, func() (bool, error) { return n.server.Sessions(n.users["alice"]) > 0, nil }) == nil
}

// takes: what others said only administrators remove.
func (n *slackNet) takes(_ side, d deed) bool { return d != deedOther }

func (n *slackNet) reaches(step.Name) bool { return true }

func (n *slackNet) do(w *world, c *chat, s side, who network.UserID, d deed, choice int) error {
	if c.kind == network.Direct && n.browsing(strings.TrimSuffix(strings.TrimPrefix(c.owner, "@"), ":"+domain)) &&
		slices.Contains([]deed{deedEdit, deedRemove, deedReact, deedUnsay, deedBurst}, d) {
		d = deedSay
	}
	return remote{slackMouth{n, c, n.users[who]}, w, c, s, who}.do(d, choice)
}

func (n *slackNet) waiting(all []*chat) (came string, waits int, known bool) {
	messages := 0
	for _, c := range all {
		messages += len(n.server.Messages(string(c.id)))
	}
	return fmt.Sprint(messages), n.server.Pending(n.app), false
}

func (n *slackNet) bare(text string) string { return text }

func (n *slackNet) heard(context.Context, *sql.DB, []*chat) error { return nil } // it has no doubt
