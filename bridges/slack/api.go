package slack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/network"
	goslack "github.com/slack-go/slack"
)

// maxAnswer bounds the answer to a call, in bytes.
const maxAnswer = 32 << 20

// An api is Slack's Web API for one account. It may be used concurrently.
type api struct {
	base  string
	cred  credentials
	http  *http.Client
	trans *http.Transport
	pace  *pacer
	web   *goslack.Client // the same account, for what the library has
	org   org
	who   atomic.Pointer[identity] // whose it is, as Slack said last; nil: nobody has asked

	threads *threadAccess // who reads threads if this account may not; nil: nobody
}

// newAPI makes the API for an account. Close it; a connection that a late answer
// still uses then ends half a minute after it.
func (c *Connector) newAPI(cred credentials) *api {
	trans := &http.Transport{
		Proxy: c.set.proxy, ForceAttemptHTTP2: true, MaxIdleConnsPerHost: 8,
		IdleConnTimeout: 30 * time.Second, TLSHandshakeTimeout: 15 * time.Second, ResponseHeaderTimeout: time.Minute,
	}
	a := &api{base: c.set.API, cred: cred, trans: trans, pace: c.pacerOf(cred.Token)}
	a.http = &http.Client{Transport: cookied{trans, c.set.API, cred.Cookie}, CheckRedirect: withinSlack(c.set.API)}
	a.web = goslack.New(cred.Token, goslack.OptionAPIURL(a.base), goslack.OptionAppLevelToken(cred.App),
		goslack.OptionHTTPClient(paced{a.http, a.pace, a.base}), goslack.OptionLog(log.New(io.Discard, "", 0)))
	return a
}

// close ends connections that are not in use.
func (a *api) close() { a.trans.CloseIdleConnections() }

// cookied is a transport that sends the cookie of a browser's session, to Slack only.
type cookied struct {
	next   http.RoundTripper
	base   string
	cookie string
}

// RoundTrip implements http.RoundTripper.
func (c cookied) RoundTrip(r *http.Request) (*http.Response, error) {
	if c.cookie != "" && isSlack(c.base, r.URL) {
		r = r.Clone(r.Context())
		r.Header.Set("Cookie", "d="+c.cookie)
	}
	return c.next.RoundTrip(r)
}

// isSlack reports whether u is a place of Slack's that may see what is secret: the
// API's own host, or Slack's by TLS.
func isSlack(base string, u *url.URL) bool {
	if b, err := url.Parse(base); err == nil && u.Scheme == b.Scheme && strings.EqualFold(u.Host, b.Host) {
		return true
	}
	host := strings.ToLower(u.Hostname())
	for _, domain := range []string{"slack.com", "slack-gov.com", "slack-edge.com"} {
		if u.Scheme == "https" && (host == domain || strings.HasSuffix(host, "."+domain)) {
			return true
		}
	}
	return false
}

// withinSlack follows redirects to Slack's own places only: what is secret goes nowhere
// else, and nobody has us ask addresses inside of our own net.
func withinSlack(base string) func(r *http.Request, via []*http.Request) error {
	return func(r *http.Request, via []*http.Request) error {
		if !isSlack(base, r.URL) || len(via) >= 10 {
			return http.ErrUseLastResponse
		}
		return nil
	}
}

// paced is the HTTP client of the library: it waits for the turn of each method.
type paced struct {
	next *http.Client
	pace *pacer
	base string
}

// Do waits for the method's turn and calls it.
func (p paced) Do(r *http.Request) (*http.Response, error) {
	if !strings.HasPrefix(r.URL.String(), p.base) {
		return p.next.Do(r)
	}
	method, ctx := path.Base(r.URL.Path), r.Context()
	for left := patienceOf(ctx); ; {
		wait := p.pace.take(method)
		if wait == 0 {
			break
		}
		if wait > left {
			return nil, &goslack.RateLimitedError{RetryAfter: wait}
		}
		left -= wait
		if err := sleep(ctx, wait); err != nil {
			return nil, err
		}
	}
	resp, err := p.next.Do(r)
	if err == nil && resp.StatusCode == http.StatusTooManyRequests {
		p.pace.refused(method, retryAfter(resp.Header))
	}
	return resp, err
}

// retryAfter is how long Slack asks to wait.
func retryAfter(h http.Header) time.Duration {
	if n, err := strconv.Atoi(h.Get("Retry-After")); err == nil && n > 0 {
		return time.Duration(min(n, 3600)) * time.Second
	}
	return time.Second
}

// answer is what every answer has.
type answer struct {
	OK       bool   `json:"ok"`
	Error    string `json:"error"`
	Needed   string `json:"needed"`
	Provided string `json:"provided"`
	Meta     struct {
		Next string `json:"next_cursor"`
	} `json:"response_metadata"`
}

// call calls a method and decodes its answer into out, unless that is nil. It waits
// out a rate limit for as long as the context's patience lasts. Errors are in words.
func (a *api) call(ctx context.Context, method string, args url.Values, out any) error {
	_, err := a.answer(ctx, method, args, out)
	return inWords(err, method)
}

// answer is call without words, with the answer's header.
func (a *api) answer(ctx context.Context, method string, args url.Values, out any) (http.Header, error) {
	start := time.Now()
	for {
		h, err := a.once(ctx, method, args, out)
		var limited *goslack.RateLimitedError
		if !errors.As(err, &limited) || time.Since(start)+limited.RetryAfter > patienceOf(ctx) {
			return h, err
		}
		if err := sleep(ctx, limited.RetryAfter); err != nil {
			return nil, err
		}
	}
}

// once calls a method once.
func (a *api) once(ctx context.Context, method string, args url.Values, out any) (http.Header, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, a.base+method, strings.NewReader(args.Encode()))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if a.cred.Token != "" {
		r.Header.Set("Authorization", "Bearer "+a.cred.Token)
	}
	resp, err := (paced{a.http, a.pace, a.base}).Do(r)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }() // it was read
	if resp.StatusCode == http.StatusTooManyRequests {
		return nil, &goslack.RateLimitedError{RetryAfter: retryAfter(resp.Header)}
	}
	if resp.StatusCode != http.StatusOK {
		return nil, goslack.StatusCodeError{Code: resp.StatusCode, Status: resp.Status}
	}
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return nil, err
	}
	var head answer
	if err := json.Unmarshal(data, &head); err != nil {
		return nil, fmt.Errorf("answer to %s: %w", method, err)
	}
	if !head.OK {
		if head.Error == "ratelimited" || head.Error == "rate_limited" {
			a.pace.refused(method, retryAfter(resp.Header))
			return nil, &goslack.RateLimitedError{RetryAfter: retryAfter(resp.Header)}
		}
		return nil, goslack.SlackErrorResponse{Err: head.Error, Needed: head.Needed, Provided: head.Provided}
	}
	if next := head.Meta.Next; next != "" && next == args.Get("cursor") {
		return nil, fmt.Errorf("answer to %s: the page after this one is this one", method) // to go on would never end
	}
	if out != nil {
		if err := json.Unmarshal(data, out); err != nil {
			return nil, fmt.Errorf("answer to %s: %w", method, err)
		}
	}
	return resp.Header, nil
}

// identity is whose account an api is.
type identity struct {
	UserID string `json:"user_id"`
	User   string `json:"user"`
	BotID  string `json:"bot_id"`
	TeamID string `json:"team_id"`
	Team   string `json:"team"`
	URL    string `json:"url"`
	// EnterpriseID is the organisation (E…), OrgInstall that the app is in all of it.
	EnterpriseID string   `json:"enterprise_id"`
	OrgInstall   bool     `json:"is_enterprise_install"`
	Scopes       []string `json:"-"` // nil if Slack does not say
}

// ended has the error of an app's token say where another one is: nobody signs in as
// an app.
func (a *api) ended(err error) error {
	if a.cred.Kind != kindApp || network.KindOf(err) != network.LoggedOut {
		return err
	}
	words := "Slack does not accept the app's bot token: copy it again, from OAuth & Permissions of the app"
	switch refusal(err) {
	case "token_revoked", "token_expired":
		words = "Slack has ended the app's bot token: install the app again, and use the token that OAuth & Permissions then shows"
	case "account_inactive":
		words = "the app was removed from the workspace, or deactivated there: install it again, and use the token that OAuth & Permissions then shows"
	}
	return &network.Error{Kind: network.LoggedOut, User: words, Err: err}
}

// whoami asks whose account this is.
func (a *api) whoami(ctx context.Context) (identity, error) {
	var who identity
	h, err := a.answer(ctx, "auth.test", nil, &who)
	if err != nil {
		return who, a.ended(inWords(err, "auth.test"))
	}
	if who.wide() {
		who.TeamID = who.EnterpriseID // whichever Slack names
	}
	a.org.learn(who)
	if who.UserID == "" || who.TeamID == "" {
		return who, network.Errorf(network.Unknown, "Slack did not say who this is", "auth.test: no user or team")
	}
	if s := h.Get("X-OAuth-Scopes"); s != "" && a.cred.Kind != kindPerson {
		for one := range strings.SplitSeq(s, ",") {
			who.Scopes = append(who.Scopes, strings.TrimSpace(one))
		}
	}
	a.who.Store(&who)
	return who, nil
}
