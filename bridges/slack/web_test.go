package slack

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridges/slack/slackfake"
)

// A site is the public address of a connector, on loopback.
type site struct {
	conn   *Connector
	public string

	mu       sync.Mutex
	answers  []int    // guarded by mu
	attempts []string // X-Slack-Retry-Num of each request; guarded by mu
}

// publish makes a connector whose visits are reached over HTTP.
func (w *world) publish(extra string) *site {
	w.t.Helper()
	server := httptest.NewUnstartedServer(nil)
	const at = "/net/slack.test"
	s := &site{public: "http://" + server.Listener.Addr().String() + at}
	conn, err := New(network.Options{ID: "slack.test", Public: s.public, Decode: decodeYAML("api: " + w.APIURL() + "\n" + extra)})
	if err != nil {
		w.t.Fatal(err)
	}
	s.conn = conn.(*Connector)
	s.conn.tune = quick()
	s.conn.tune.push = patience
	visits := http.StripPrefix(at, network.ResolveVisits(conn))
	server.Config.Handler = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		rec := &recorder{ResponseWriter: rw, status: http.StatusOK}
		visits.ServeHTTP(rec, r)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.answers = append(s.answers, rec.status)
		s.attempts = append(s.attempts, r.Header.Get("X-Slack-Retry-Num"))
	})
	server.Start()
	w.t.Cleanup(server.Close)
	return s
}

// A recorder notes the status of an answer.
type recorder struct {
	http.ResponseWriter
	status int
}

func (r *recorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

// Unwrap is for http.ResponseController.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

func (s *site) seen() (answers []int, attempts []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]int(nil), s.answers...), append([]string(nil), s.attempts...)
}

// pushes are the settings of an app whose events are pushed.
func (w *world) pushes() string {
	return "bot_token: " + w.bot.Token + "\nsigning_secret: signing-" + w.app + "\n"
}

// signsIn are the settings of an app through which people sign in.
func (w *world) signsIn() string {
	return "client_id: \"1000." + w.app + "\"\nclient_secret: secret-" + w.app + "\n"
}

// socket are the settings of an app with a socket.
func (w *world) socket() string {
	return "bot_token: " + w.bot.Token + "\napp_token: " + w.appToken + "\n"
}

// relay is the relay's core.
func (s *site) relay(t *testing.T) *core {
	t.Helper()
	l := s.conn.Info().Relay
	if l == nil {
		t.Fatal("there is no relay")
	}
	return newCore(t, s.conn, *l)
}

// userLogin is a login of somebody who allowed the app to act for them.
func (w *world) userLogin(user string) network.Login {
	return w.login(credentials{Kind: kindUser, Token: w.UserToken(w.app, user, names(userScopes())...)}, user)
}

// get fetches a page, following where it leads.
func get(t *testing.T, link string) (status int, page string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, link, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(data)
}

// A browsing is a person who signs in by the link: a Prompter.
type browsing struct {
	t      *testing.T
	before func(link string)          // called with the link
	answer func(number string) string // what they answer; nil: the number on the page
	link   string
	page   string
	asked  int
}

func (b *browsing) Show(_ context.Context, d network.Display) error {
	b.link = regexp.MustCompile(`http\S+`).FindString(d.Text)
	if u, err := url.Parse(b.link); err != nil || u.Query().Get("state") == "" {
		b.t.Errorf("there is no link in %q", d.Text)
	}
	if b.before != nil {
		b.before(b.link)
	}
	return nil
}

func (b *browsing) Ask(ctx context.Context, _ network.Field) (string, error) {
	b.asked++
	if b.page == "" {
		_, b.page = get(b.t, b.link)
	}
	number := regexp.MustCompile(`<strong>(\d{6})</strong>`).FindStringSubmatch(b.page)
	if number == nil { // nobody knows one
		<-ctx.Done()
		return "", ctx.Err()
	}
	if b.answer != nil {
		return b.answer(number[1]), nil
	}
	return " " + number[1], nil
}

func TestOAuth(t *testing.T) {
	for name, pkce := range map[string]bool{"secret": false, "pkce": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, slackfake.Config{})
			settings := w.socket() + w.signsIn()
			if pkce {
				settings = w.socket() + "client_id: \"1000." + w.app + "\"\npkce: true\n"
			}
			s := w.publish(settings)
			w.SignIn(w.carol)
			flow := flowOf(t, s.conn, "oauth")
			b := &browsing{t: t}
			l, err := flow.Do(t.Context(), b)
			if err != nil {
				t.Fatal(err)
			}
			if l.User != network.UserID(w.carol) || string(l.ID) != w.bot.Team+"-"+w.carol || !strings.Contains(l.Name, "carol") {
				t.Errorf("signed in as %+v", l)
			}
			if !strings.Contains(b.page, "Go back to your Matrix client") {
				t.Errorf("the page says %s", b.page)
			}
			if status, _ := get(t, b.link); status != http.StatusNotFound {
				t.Errorf("the link answers %d when it was used", status)
			}
			c := newCore(t, s.conn, l)
			ops, _ := c.run()
			w.Say(w.main, w.bob, "hello")
			c.wait("bob's words", func() bool { return len(c.texts(w.main)) == 1 })
			sent, err := ops.Send(t.Context(), network.Outgoing{Txn: "0123456789abcdef0123456789abcdef", Chat: network.ChatID(w.main), Content: network.Text("hi")})
			if err != nil {
				t.Fatal(err)
			}
			if got := w.Message(w.main, string(sent.Parts[0][0])); got["user"] != w.carol {
				t.Errorf("carol's words are %v", got)
			}
			if ops.Type != nil || ops.MarkRead == nil {
				t.Error("such a login cannot type, and can mark as read")
			}
		})
	}
}

func flowOf(t *testing.T, c *Connector, id string) network.LoginFlow {
	t.Helper()
	for _, f := range c.Flows() {
		if f.ID == id {
			return f
		}
	}
	t.Fatalf("there is no flow %q among %v", id, c.Flows())
	return network.LoginFlow{}
}

// What goes wrong is said, and leaves no token behind.
func TestOAuthRefused(t *testing.T) {
	for name, c := range map[string]struct {
		extra   func(w *world) string
		browser func(w *world, b *browsing)
		words   string
		revoked int
	}{
		"declined":     {nil, func(w *world, _ *browsing) { w.Decline(true) }, "you did not allow access", 0},
		"wrong number": {nil, func(_ *world, b *browsing) { b.answer = func(n string) string { return n + "1" } }, "not the number", 0},
		"guessed before": {nil, func(_ *world, b *browsing) {
			b.page, b.answer = "<strong>000000</strong>", func(string) string { return "123456" }
		}, "not the number", 0},
		"other workspace": {nil, func(w *world, _ *browsing) {
			w.SignIn(w.AddUser(slackfake.User{Team: w.AddTeam(slackfake.Team{Name: "Other"}), Name: "eve"}))
		}, "another workspace", 1},
		"rotating":     {func(w *world) string { w.Rotate(w.app); return w.signsIn() }, nil, "token rotation", 1},
		"wrong secret": {func(w *world) string { return "client_id: \"1000." + w.app + "\"\nclient_secret: guess\n" }, nil, "client_secret is wrong", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, slackfake.Config{})
			extra := w.signsIn()
			if c.extra != nil {
				extra = c.extra(w)
			}
			s := w.publish(w.socket() + extra)
			w.SignIn(w.carol)
			b := &browsing{t: t}
			if c.browser != nil {
				c.browser(w, b)
			}
			_, err := flowOf(t, s.conn, "oauth").Do(t.Context(), b)
			if network.KindOf(err) != network.Rejected || !strings.Contains(network.UserText(err), c.words) {
				t.Errorf("the error is %v: %q, want %q", err, network.UserText(err), c.words)
			}
			if got := w.Calls("auth.revoke"); got != c.revoked {
				t.Errorf("%d tokens were revoked, want %d", got, c.revoked)
			}
			if status, _ := get(t, b.link); status != http.StatusNotFound {
				t.Errorf("the link answers %d afterwards", status)
			}
		})
	}
}

// A state is good for one coming back, whoever comes with it.
func TestOAuthState(t *testing.T) {
	w := newWorld(t, slackfake.Config{})
	s := w.publish(w.socket() + w.signsIn())
	if status, _ := get(t, s.public+"/oauth?code=1&state=guess"); status != http.StatusNotFound {
		t.Errorf("a guessed state answers %d", status)
	}
	b := &browsing{t: t}
	w.SignIn(w.carol)
	b.before = func(link string) {
		state := link[strings.Index(link, "state=")+len("state="):]
		if status, _ := get(t, s.public+"/oauth?code=1&state="+state); status != http.StatusOK {
			t.Errorf("the state answers %d", status)
		}
		if status, page := get(t, s.public+"/oauth?code=2&state="+state); status != http.StatusNotFound || strings.Contains(page, "<strong>") {
			t.Errorf("the state answers %d a second time: %s", status, page)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := flowOf(t, s.conn, "oauth").Do(ctx, b)
		done <- err
	}()
	cancel()
	if err := <-done; err == nil {
		t.Error("a login without a person came about")
	}
	if n := len(s.conn.visits.all); n != 0 {
		t.Errorf("%d sign-ins are left over", n)
	}
}
