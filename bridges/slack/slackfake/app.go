package slackfake

import (
	"slices"
	"strings"
)

// An App is a Slack app.
type App struct {
	ID, Name                              string
	ClientID, ClientSecret, SigningSecret string
	// Scopes are the bot's, default all that Causeway could want; UserScopes those of
	// people who install it.
	Scopes, UserScopes []string
	// Events are the subscriptions, as in a manifest ("message.channels"); nil: all.
	Events []string
	// RedirectURLs are those that an installation may go back to; nil: any.
	RedirectURLs []string
	// Distributed: not internal to a workspace, so history is limited to 15
	// messages and one call in a minute.
	Distributed bool
}

type app struct {
	App
	url      string              // events go there and not to sockets; see Subscribe
	installs map[string]*install // by team
	granted  []string            // the workspaces of the organisation that it is in
	pending  []*envelope         // in the order of what happened
	turn     int                 // whose turn among the sockets it is
	off      bool                // Socket Mode was switched off
	rotates  bool                // its tokens expire
	deaf     int                 // how many acknowledgements are not heard
	acks     []JSON
}

type install struct {
	team, user, bot string // workspace, the bot's user, the bot
}

// A Bot is an app in a workspace.
type Bot struct {
	Token     string // xoxb-…
	User, Bot string // its user, its bot ID
	Team      string
}

// A tokenKind is what a token may do.
type tokenKind int

const (
	botToken tokenKind = iota
	userToken
	sessionToken // of a browser, with a cookie
	appToken
)

type token struct {
	value   string
	kind    tokenKind
	app     *app // nil: of no app
	team    string
	org     string   // of a whole organisation (E…); empty: of the workspace
	granted []string // the workspaces of it that the token may see
	user    string
	bot     string
	scopes  []string
	cookie  string
	dead    string // the error that it gets
}

// has reports whether the token has any of the scopes.
func (t *token) has(scopes ...string) bool {
	return len(scopes) == 0 || t.kind == sessionToken || slices.ContainsFunc(scopes, func(one string) bool { return slices.Contains(t.scopes, one) })
}

// AllScopes are the scopes that an app has by default.
func AllScopes() []string {
	return strings.Fields(`app_mentions:read bookmarks:read bookmarks:write channels:history channels:join channels:manage channels:read
		chat:write chat:write.customize chat:write.public commands emoji:read files:read files:write groups:history groups:read groups:write
		im:history im:read im:write metadata.message:read mpim:history mpim:read mpim:write pins:read pins:write
		reactions:read reactions:write team:read usergroups:read users.profile:read users:read users:read.email users:write calls:read`)
}

// AllUserScopes are those of people by default.
func AllUserScopes() []string {
	return append(AllScopes(), "channels:write", "identify", "chat:write:user", "users.profile:write", "search:read")
}

// AddApp makes an app and returns its ID.
func (s *Server) AddApp(a App) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a.ID == "" {
		a.ID = s.id("A")
	}
	if a.Name == "" {
		a.Name = "App"
	}
	if a.ClientID == "" {
		a.ClientID = "1000." + a.ID
	}
	if a.ClientSecret == "" {
		a.ClientSecret = "secret-" + a.ID
	}
	if a.SigningSecret == "" {
		a.SigningSecret = "signing-" + a.ID
	}
	if a.Scopes == nil {
		a.Scopes = AllScopes()
	}
	if a.UserScopes == nil {
		a.UserScopes = AllUserScopes()
	}
	s.apps[a.ID] = &app{App: a, installs: map[string]*install{}}
	return a.ID
}

// Install puts an app into a workspace, with a bot.
func (s *Server) Install(appID, teamID string) Bot {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.install(must(s.apps, appID), s.teamID(teamID))
	return Bot{Token: t.value, User: t.user, Bot: t.bot, Team: t.team}
}

// install makes a bot, if the app has none there, and a token of it.
func (s *Server) install(a *app, team string) *token {
	in := a.installs[team]
	if in == nil {
		u := s.addUser(User{Team: team, Name: strings.ToLower(strings.ReplaceAll(a.Name, " ", "_")), RealName: a.Name, Bot: true, App: a.ID})
		in = &install{team: team, user: u.ID, bot: u.BotID}
		a.installs[team] = in
	}
	return s.addToken(&token{value: a.rotating("xoxb-") + s.id(""), kind: botToken, app: a, team: team, user: in.user, bot: in.bot, scopes: a.Scopes})
}

func (s *Server) addToken(t *token) *token {
	s.tokens[t.value] = t
	return t
}

// AppToken makes a token for Socket Mode (xapp-…).
func (s *Server) AppToken(appID string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := must(s.apps, appID)
	return s.addToken(&token{value: "xapp-1-" + a.ID + "-" + s.id(""), kind: appToken, app: a, scopes: []string{"connections:write", "authorizations:read"}}).value
}

// UserToken makes a token of a person (xoxp-…); without scopes it has the app's.
func (s *Server) UserToken(appID, userID string, scopes ...string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.userToken(must(s.apps, appID), must(s.users, userID), scopes).value
}

func (s *Server) userToken(a *app, u *user, scopes []string) *token {
	if len(scopes) == 0 {
		scopes = a.UserScopes
	}
	t := s.addToken(&token{value: a.rotating("xoxp-") + s.id(""), kind: userToken, app: a, team: u.Team, user: u.ID, scopes: scopes})
	s.widen(t)
	return t
}

// Session makes what a browser of a person has: a token (xoxc-…), and the value
// of the cookie d (xoxd-…) that it counts with only.
func (s *Server) Session(userID string) (token_, cookie string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := must(s.users, userID)
	t := s.addToken(&token{value: "xoxc-" + s.id(""), kind: sessionToken, team: u.Team, user: u.ID, cookie: "xoxd-" + s.id("") + "%2Bx%3D"})
	return t.value, t.cookie
}

// SetScopes gives a token other scopes.
func (s *Server) SetScopes(value string, scopes ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	must(s.tokens, value).scopes = scopes
}

// Refuse answers a token with an error from now on ("token_revoked",
// "account_inactive", "invalid_auth", "token_expired"), and ends its sockets;
// empty: no longer.
func (s *Server) Refuse(value, code string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := must(s.tokens, value)
	t.dead = code
	for c := range s.sockets {
		if code != "" && c.tok == t {
			c.close()
		}
	}
}
