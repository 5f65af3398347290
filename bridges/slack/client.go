package slack

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/network"
	"golang.org/x/sync/errgroup"
)

// tuning are times that people have no reason to change; tests have.
type tuning struct {
	pace     float64       // how many times faster than Slack allows methods may be called; 0: without limit
	ping     time.Duration // the longest silence of a socket
	alive    time.Duration // how often it is noted that the connection works
	overlap  time.Duration // how far before the last message missed ones are looked for
	deep     time.Duration // the shortest absence after which old threads are looked at
	threads  time.Duration // how old a thread may be in which a reply is found
	shared   time.Duration // how long to wait until Slack has shown a file in its channel
	watch    time.Duration // how often Slack may be told anew whose presence is asked for
	looks    time.Duration // how long to wait between two looks for bookmarks; 0: there are none
	relook   time.Duration // after what time a chat's bookmarks are looked at again
	retell   time.Duration // after what time the core is told again of bookmarks that are the same
	push     time.Duration // how long a request of Slack's may wait for its event to be stored; Slack waits 3 s
	settle   time.Duration // how long after the start, or after one has left, a login may be missing at its app
	sweepers int           // how many chats are read at once in which nothing happens
}

func usual() tuning {
	return tuning{
		pace: 1, ping: 30 * time.Second, alive: time.Minute, overlap: time.Minute, deep: 2 * time.Minute,
		threads: 30 * 24 * time.Hour, push: 2500 * time.Millisecond, watch: 10 * time.Second, shared: 20 * time.Second, settle: 20 * time.Second, sweepers: 2,
		looks: 3 * time.Second, relook: time.Hour, retell: 24 * time.Hour,
	}
}

// A Client is one login's connection.
type Client struct {
	conn   *Connector
	set    settings
	tune   tuning
	cred   credentials
	login  network.Login
	host   network.Host
	echoes *echoes
	tries  tries
	faces  faceBook

	mu   sync.Mutex
	live *account // nil while not connected; guarded by mu
}

// An account is a login that works: whose it is, and the API for it.
type account struct {
	*api
	identity
	typing chan<- string // chats to say in that the person types; nil: it cannot
	watch  *watch        // whose presence it is told; nil: nobody's
}

// A Person is a Client of somebody's own session, which can do more than an app.
type Person struct{ *Client }

// A User is a Client of somebody who allowed the app to act for them, and can say what
// they have read.
type User struct{ *Client }

var (
	_ network.Client = (*Client)(nil)
	_ network.Pinger = (*Client)(nil)
	_ network.Linker = (*Client)(nil)
)

// newClient makes the client for a login.
func newClient(c *Connector, cred credentials, h network.Host, l network.Login) network.Client {
	client := &Client{conn: c, set: c.set, tune: c.tune, cred: cred, login: l, host: h, echoes: newEchoes()}
	switch cred.Kind {
	case kindPerson:
		return &Person{client}
	case kindUser:
		return &User{client}
	}
	return client
}

// Run implements network.Client.
func (c *Client) Run(ctx context.Context, sink network.Sink) error {
	sink.State(network.LoginState{Status: network.Connecting})
	err := c.run(ctx, sink)
	if ctx.Err() != nil {
		return fmt.Errorf("slack: %w", ctx.Err())
	}
	switch network.KindOf(err) {
	case network.LoggedOut, network.Rejected:
		if network.KindOf(err) == network.Rejected { // a login that Slack refuses needs its person
			err = &network.Error{Kind: network.LoggedOut, User: network.UserText(err), Err: err}
		}
		sink.State(network.LoginState{Status: network.Dead, Words: network.UserText(err)})
	default:
		sink.State(network.LoginState{Status: network.Offline, Words: network.UserText(err)})
	}
	return err
}

func (c *Client) run(ctx context.Context, sink network.Sink) error {
	a := c.conn.newAPI(c.cred)
	defer a.close()
	who, err := a.whoami(ctx)
	if err != nil {
		return err
	}
	typing := make(chan string, 8)
	acc := &account{api: a, identity: who}
	switch c.cred.Kind {
	case kindPerson:
		acc.typing, acc.watch = typing, newWatch()
	case kindApp:
		acc.threads = newThreadAccess(&c.conn.readers)
	}
	s := newSession(c, acc, sink)
	defer c.setLive(nil)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		if c.cred.Kind == kindPerson {
			return runRTM(ctx, s, typing)
		}
		return c.conn.feedOf(c.cred.App).attach(ctx, s)
	})
	g.Go(func() error { return s.loop(ctx) })
	g.Go(func() error { return s.followBookmarks(ctx) })
	err = g.Wait()
	s.jobs.Wait()
	return err
}

// setLive makes acc what the other methods use; nil: nothing.
func (c *Client) setLive(acc *account) {
	if c.cred.Kind != kindApp {
		c.conn.readers.set(c, acc)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.live = acc
}

// account is the live account.
func (c *Client) account(ctx context.Context) (*account, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("slack: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.live == nil {
		return nil, errOffline()
	}
	return c.live, nil
}

// Ping implements network.Pinger.
func (c *Client) Ping(ctx context.Context) error {
	acc, err := c.account(ctx)
	if err != nil {
		return err
	}
	_, err = acc.whoami(ctx)
	return err
}

// checkChat refuses what cannot be a conversation.
func checkChat(id network.ChatID) error {
	if !isChat(id) {
		return network.Errorf(network.Rejected, "there is no such channel", "chat %q", id)
	}
	return nil
}

// errNotMessage is that an ID is no message's.
var errNotMessage = errors.New("not the ID of a message")

// checkMessage refuses what cannot be a message.
func checkMessage(id network.MessageID) error {
	if !isMessage(id) {
		return &network.Error{Kind: network.Rejected, User: "there is no such message", Err: fmt.Errorf("%q: %w", id, errNotMessage)}
	}
	return nil
}
