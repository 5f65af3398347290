package slack

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"html/template"
	"math/big"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/network"
	goslack "github.com/slack-go/slack"
)

const (
	signInTime  = 10 * time.Minute // as long as Slack's codes live
	maxSignIns  = 1000             // under way at once
	codeTries   = 3
	codeDigits  = 6
	stateLength = 32 // bytes
)

// A signIn is somebody's signing in by OAuth. Its state is in the link, so whoever has
// the link can come back with it; that the same person did is shown by the number
// that only the page tells which they come back to.
type signIn struct {
	state, verifier, number string
	until                   time.Time

	back chan struct{} // closed when somebody came back
	code string        // what Slack gave them; written before back is closed
	err  error         // or why there is none
	used bool          // somebody came back; guarded by signIns.mu
}

// signIns are those under way, by state. They may be used concurrently.
type signIns struct {
	mu  sync.Mutex
	all map[string]*signIn // guarded by mu
}

func newSignIns() *signIns { return &signIns{all: map[string]*signIn{}} }

// begin makes one. End it.
func (s *signIns) begin() (*signIn, error) {
	n, err := rand.Int(rand.Reader, big.NewInt(1_000_000))
	if err != nil {
		return nil, fmt.Errorf("make a number: %w", err)
	}
	in := &signIn{
		state: secret(), verifier: secret(), number: fmt.Sprintf("%0*d", codeDigits, n),
		until: time.Now().Add(signInTime), back: make(chan struct{}),
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.all) >= maxSignIns {
		return nil, network.Errorf(network.Rejected, "too many people are signing in at the moment: try again in some minutes", "login: %d at once", maxSignIns)
	}
	s.all[in.state] = in
	return in, nil
}

// end forgets one.
func (s *signIns) end(in *signIn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.all, in.state)
}

// find is the one of a state; nil if it is over, or somebody came back already.
func (s *signIns) find(state string) *signIn {
	s.mu.Lock()
	defer s.mu.Unlock()
	in := s.all[state]
	if in == nil || in.used || time.Now().After(in.until) {
		return nil
	}
	return in
}

// comeBack ends the waiting for whoever has a state, once.
func (s *signIns) comeBack(state, code string, err error) *signIn {
	s.mu.Lock()
	defer s.mu.Unlock()
	in := s.all[state]
	if in == nil || in.used || time.Now().After(in.until) {
		return nil
	}
	in.used, in.code, in.err = true, code, err
	close(in.back)
	return in
}

// secret is a text that nobody can guess, of 43 characters as RFC 7636 wants them.
func secret() string {
	b := make([]byte, stateLength)
	_, _ = rand.Read(b) // never fails
	return base64.RawURLEncoding.EncodeToString(b)
}

// withOAuth signs a person in as themselves, with a token of the app's. Only who has
// seen the page at the end knows the number that is asked for: a link that is sent to
// somebody else gives their account to nobody.
func (c *Connector) withOAuth(ctx context.Context, p network.Prompter) (network.Login, error) {
	in, err := c.visits.begin()
	if err != nil {
		return network.Login{}, err
	}
	defer c.visits.end(in)
	ctx, cancel := context.WithDeadlineCause(ctx, in.until, errLate)
	defer cancel()
	link := c.public + installPath + "?state=" + in.state
	if err := p.Show(ctx, network.Display{Text: "Open this link in a browser within 10 minutes, and allow access: " + link}); err != nil {
		return network.Login{}, fmt.Errorf("show the link: %w", err)
	}
	asking, stop := context.WithCancel(ctx)
	defer stop()
	go in.refused(asking, stop)
	for range codeTries {
		answer, err := p.Ask(asking, network.Field{Name: "Number", Hint: "the one on the page that you came to in the end"})
		select {
		case <-in.back:
			if in.err != nil {
				return network.Login{}, in.err
			}
		default:
			if err == nil {
				continue // a guess: nobody has seen the number yet
			}
		}
		if err != nil {
			return network.Login{}, late(ctx, fmt.Errorf("ask the number: %w", err))
		}
		if subtle.ConstantTimeCompare([]byte(strings.TrimSpace(answer)), []byte(in.number)) == 1 {
			return c.exchange(ctx, in)
		}
	}
	return network.Login{}, network.Errorf(network.Rejected, "this is not the number on the page: begin again", "login: wrong number")
}

// refused calls stop if the person came back without access, until ctx is done.
func (in *signIn) refused(ctx context.Context, stop func()) {
	select {
	case <-in.back:
		if in.err != nil {
			stop()
		}
	case <-ctx.Done():
	}
}

// errLate is that a sign-in took too long.
var errLate = errors.New("the link has expired")

// late puts words to err if the sign-in took too long.
func late(ctx context.Context, err error) error {
	if errors.Is(context.Cause(ctx), errLate) {
		return &network.Error{Kind: network.Rejected, User: "the link has expired: begin again", Err: err}
	}
	return err
}

// exchange turns the code into a token, and finds out whose it is.
func (c *Connector) exchange(ctx context.Context, in *signIn) (network.Login, error) {
	options := []goslack.OAuthOption{goslack.OAuthOptionAPIURL(c.set.API)}
	if c.set.PKCE {
		options = append(options, goslack.OAuthOptionCodeVerifier(in.verifier))
	}
	a := c.newAPI(credentials{})
	defer a.close()
	got, err := goslack.GetOAuthV2ResponseContext(ctx, a.http, c.set.ClientID, c.set.ClientSecret, in.code, c.public+oauthPath, options...)
	if err != nil {
		return network.Login{}, late(ctx, oauthError(err))
	}
	d := credentials{Kind: kindUser, Token: got.AuthedUser.AccessToken, App: c.set.AppToken}
	switch {
	case d.Token == "":
		return network.Login{}, network.Errorf(network.Rejected, "Slack gave no token for you; the app may lack user scopes: compare it with what 'causeway slack manifest' prints", "login: no token")
	case got.AuthedUser.RefreshToken != "" || got.AuthedUser.ExpiresIn > 0 || strings.HasPrefix(d.Token, "xoxe"):
		return network.Login{}, c.giveBack(ctx, d, network.Errorf(network.Rejected, rotates, "login: rotating token"))
	}
	if err := c.sameTeam(ctx, got); err != nil {
		return network.Login{}, c.giveBack(ctx, d, err)
	}
	l, err := c.tryLogin(ctx, d)
	if err != nil {
		return l, c.giveBack(ctx, d, err)
	}
	return l, nil
}

// sameTeam refuses people of another workspace than the app's bot, or of another
// organisation if either is in all of one: then Slack names no workspace.
func (c *Connector) sameTeam(ctx context.Context, got *goslack.OAuthV2Response) error {
	if c.set.BotToken == "" {
		return nil
	}
	a := c.newAPI(credentials{Kind: kindApp, Token: c.set.BotToken})
	defer a.close()
	who, err := a.whoami(ctx)
	if err != nil {
		return fmt.Errorf("login: whose app this is: %w", err)
	}
	same := who.TeamID == got.Team.ID
	if who.wide() || got.IsEnterpriseInstall {
		same = who.EnterpriseID != "" && who.EnterpriseID == got.Enterprise.ID
	}
	if !same {
		return network.Errorf(network.Rejected, "this is another workspace than "+who.Team, "login: team %s, organisation %s", got.Team.ID, got.Enterprise.ID)
	}
	return nil
}

// giveBack revokes a token that is not kept, and returns why.
func (c *Connector) giveBack(ctx context.Context, d credentials, why error) error {
	a := c.newAPI(d)
	defer a.close()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	if err := a.call(ctx, "auth.revoke", nil, nil); err != nil {
		return errors.Join(why, fmt.Errorf("revoke: %w", err))
	}
	return why
}

// oauthError says why there is no token.
func oauthError(err error) error {
	what := map[string]string{
		"invalid_code": "the link was used before, or is too old: begin again", "code_already_used": "the link was used before: begin again",
		"bad_client_secret": "the configuration's client_secret is wrong", "invalid_client_id": "the configuration's client_id is wrong",
		"bad_redirect_uri": "the app does not allow our address to come back to: compare its redirect URLs with what 'causeway slack manifest' prints",
	}[refusal(err)]
	if what == "" {
		return fmt.Errorf("login: %w", inWords(err, "oauth.v2.access"))
	}
	return network.Errorf(network.Rejected, what, "login: oauth.v2.access: %w", err)
}

// install sends a browser that has the link on to Slack.
func (c *Connector) install(w http.ResponseWriter, r *http.Request) {
	in := c.visits.find(r.URL.Query().Get("state"))
	if in == nil {
		showPage(w, http.StatusNotFound, "This link is over", "It was used, or is older than 10 minutes. Ask the bot for another one.", "")
		return
	}
	q := url.Values{
		"client_id": {c.set.ClientID}, "user_scope": {strings.Join(names(userScopes()), ",")},
		"redirect_uri": {c.public + oauthPath}, "state": {in.state},
	}
	if c.set.PKCE {
		sum := sha256.Sum256([]byte(in.verifier)) // RFC 7636, 4.2
		q.Set("code_challenge", base64.RawURLEncoding.EncodeToString(sum[:]))
		q.Set("code_challenge_method", "S256")
	}
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, strings.TrimSuffix(c.set.API, "api/")+"oauth/v2/authorize?"+q.Encode(), http.StatusFound)
}

// cameBack is where Slack sends the browser to.
func (c *Connector) cameBack(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	code, refused := q.Get("code"), q.Get("error")
	var err error
	if refused != "" || code == "" {
		err = network.Errorf(network.Rejected, "you did not allow access", "login: Slack says %q", refused)
	}
	in := c.visits.comeBack(q.Get("state"), code, err)
	switch {
	case in == nil:
		showPage(w, http.StatusNotFound, "This link is over", "It was used, or is older than 10 minutes. Ask the bot for another one.", "")
	case err != nil:
		showPage(w, http.StatusOK, "Nothing was signed in", "You did not allow access. Go back to your Matrix client.", "")
	default:
		showPage(w, http.StatusOK, "Nearly done", "Go back to your Matrix client, and write this number to the bot. If you did not ask the bot to sign you in, close this page: nothing happens then.", in.number)
	}
}

// showPage shows a few words. Nothing in it comes from the request.
func showPage(w http.ResponseWriter, status int, title, words, number string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	t := template.Must(template.New("").Parse(pageText))
	_ = t.Execute(w, struct{ Title, Words, Number string }{title, words, number}) // the browser may be gone
}

const pageText = `<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{{.Title}}</title>
<style>body{font-family:sans-serif;max-width:32em;margin:4em auto;padding:0 1em}strong{font-size:3em;letter-spacing:.1em}</style></head>
<body><h1>{{.Title}}</h1><p>{{.Words}}</p>{{with .Number}}<p><strong>{{.}}</strong></p>{{end}}</body></html>
`
