package slackfake

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// A grant is what a code of OAuth stands for.
type grant struct {
	app            *app
	user           *user
	scopes, person []string
	redirect       string
	challenge      string
	used           bool
}

func oauthMethods() map[string]method {
	return map[string]method{
		"oauth.v2.access": {tier: tier4, open: true, run: oauthAccess},
		"auth.revoke":     {tier: tier3, run: authRevoke},
	}
}

// SignIn says who sits at the browser that follows the link to install an app; empty:
// nobody.
func (s *Server) SignIn(user string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.browser = user
}

// Decline makes the one at the browser press Cancel from now on.
func (s *Server) Decline(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.declines = on
}

// authorize is the page on which people allow an app; who sits there does at once.
func (s *Server) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	s.mu.Lock()
	to, problem := s.granted(q)
	s.mu.Unlock()
	if problem != "" {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write([]byte("<!DOCTYPE html><html><body>" + problem + "</body></html>")) // the client may be gone
		return
	}
	http.Redirect(w, r, to, http.StatusFound)
}

// granted is where the browser goes, or what it shows.
func (s *Server) granted(q url.Values) (to, problem string) {
	var a *app
	for _, one := range s.sortedApps() {
		if one.ClientID == q.Get("client_id") {
			a = one
		}
	}
	back := q.Get("redirect_uri")
	switch {
	case a == nil:
		return "", "Invalid client_id parameter"
	case q.Get("scope") == "" && q.Get("user_scope") == "":
		return "", "Invalid permissions requested: no scopes"
	case back == "" && len(a.RedirectURLs) > 0:
		back = a.RedirectURLs[0]
	case back == "":
		return "", "redirect_uri did not match any configured URIs"
	case a.RedirectURLs != nil && !slices.ContainsFunc(a.RedirectURLs, func(one string) bool { return strings.HasPrefix(back, one) }):
		return "", "redirect_uri did not match any configured URIs"
	case s.users[s.browser] == nil:
		return "", "Sign in to your workspace"
	}
	answer := url.Values{"state": {q.Get("state")}}
	if s.declines {
		answer.Set("error", "access_denied")
	} else {
		code := s.id("code.")
		s.codes[code] = &grant{
			app: a, user: s.users[s.browser], scopes: scopes(q.Get("scope")), person: scopes(q.Get("user_scope")),
			redirect: q.Get("redirect_uri"), challenge: q.Get("code_challenge"),
		}
		answer.Set("code", code)
	}
	glue := "?"
	if strings.Contains(back, "?") {
		glue = "&"
	}
	return back + glue + answer.Encode(), ""
}

// scopes is a list with commas or spaces.
func scopes(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' || r == '+' })
}

// oauthAccess gives the tokens for a code.
func oauthAccess(c *call) (JSON, error) {
	id, secret, basic := c.r.BasicAuth()
	if !basic {
		id, secret = c.str("client_id"), c.str("client_secret")
	}
	g := c.s.codes[c.str("code")]
	switch {
	case g == nil || g.used:
		return nil, fail("invalid_code")
	case g.app.ClientID != id:
		return nil, fail("invalid_client_id")
	case g.challenge == "" && g.app.ClientSecret != secret:
		return nil, fail("bad_client_secret")
	case g.redirect != "" && g.redirect != c.str("redirect_uri"):
		return nil, fail("bad_redirect_uri")
	case g.challenge != "" && challenge(c.str("code_verifier")) != g.challenge:
		return nil, fail("invalid_code_verifier")
	}
	g.used = true
	t := c.s.teams[g.user.Team]
	person := JSON{"id": g.user.ID}
	out := JSON{
		"app_id": g.app.ID, "team": JSON{"id": t.ID, "name": t.Name}, "enterprise": nil, "is_enterprise_install": false, "authed_user": person,
	}
	if t.Enterprise != "" {
		out["enterprise"] = JSON{"id": t.Enterprise, "name": t.EnterpriseName}
	}
	if len(g.app.granted) > 0 {
		out["team"], out["is_enterprise_install"] = nil, true
	}
	if len(g.scopes) > 0 {
		bot := c.s.install(g.app, t.ID)
		bot.scopes = g.scopes
		out["access_token"], out["token_type"], out["scope"], out["bot_user_id"] = bot.value, "bot", join(g.scopes), bot.user
	}
	if len(g.person) > 0 {
		mine := c.s.userToken(g.app, g.user, g.person)
		person["access_token"], person["token_type"], person["scope"] = mine.value, "user", join(g.person)
		if g.app.rotates {
			person["refresh_token"], person["expires_in"] = "xoxe-1-"+c.s.id(""), 43200
		}
	}
	if len(g.scopes) > 0 && g.app.rotates {
		out["refresh_token"], out["expires_in"] = "xoxe-1-"+c.s.id(""), 43200
	}
	return out, nil
}

// Rotate switches token rotation on for an app, for ever: those of its tokens that come
// from now on are said to expire after 12 hours, with another token to renew them
// (https://docs.slack.dev/authentication/using-token-rotation). Nothing renews them here.
func (s *Server) Rotate(appID string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	must(s.apps, appID).rotates = true
}

// rotating is what a token of an app begins with, if that has others before it.
func (a *app) rotating(kind string) string {
	if a.rotates {
		return "xoxe." + kind + "1-"
	}
	return kind
}

// challenge is what PKCE makes of a verifier.
func challenge(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func authRevoke(c *call) (JSON, error) {
	if c.bool("test") {
		return JSON{"revoked": false}, nil
	}
	c.s.revoke(c.tok)
	return JSON{"revoked": true}, nil
}

// revoke ends a token and tells its app.
func (s *Server) revoke(t *token) {
	t.dead = "token_revoked"
	for c := range s.sockets {
		if c.tok == t {
			c.close()
		}
	}
	if t.app == nil || t.kind == appToken {
		return
	}
	kinds := JSON{"oauth": []string{}, "bot": []string{}}
	kinds[map[tokenKind]string{botToken: "bot", userToken: "oauth"}[t.kind]] = []string{t.user}
	s.tellInstall(t.app, t.team, JSON{"type": "tokens_revoked", "tokens": kinds})
}

// tellInstall sends an event that needs no token any more.
func (s *Server) tellInstall(a *app, team string, body JSON) {
	body["event_ts"] = s.ts()
	t := &token{team: team}
	if in := a.installs[team]; in != nil {
		t.user = in.user
	}
	s.deliver(a, &envelope{kind: "events_api", payload: s.callback(a, t, event{body: clone(body)})})
}

// Revoke plays a user or administrator who takes a token away.
func (s *Server) Revoke(value string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.revoke(must(s.tokens, value))
}

// Uninstall plays an administrator who removes an app from a workspace.
func (s *Server) Uninstall(appID, teamID string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, team := must(s.apps, appID), s.teamID(teamID)
	for _, t := range s.sortedTokens() {
		if t.app == a && t.team == team && t.kind != appToken && t.dead == "" {
			s.revoke(t)
			t.dead = "account_inactive"
		}
	}
	s.tellInstall(a, team, JSON{"type": "app_uninstalled"})
	if in := a.installs[team]; in != nil {
		s.users[in.user].Deleted = true
		s.userChanged(s.users[in.user], "")
	}
	delete(a.installs, team)
}
