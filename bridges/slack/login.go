package slack

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"

	"github.com/causeway-chat/causeway/bridgekit/network"
)

// kind says what a login is.
type kind string

const (
	kindApp    kind = "app"    // a bot token and an app-level token
	kindPerson kind = "person" // a browser's token and cookie
	kindUser   kind = "user"   // a person's token of the configured app, by OAuth
)

// credentials are Login.Data.
type credentials struct {
	Kind   kind   `json:"kind"`
	Token  string `json:"token"`
	App    string `json:"app,omitempty"`
	Cookie string `json:"cookie,omitempty"` // the value of d, as it is sent
}

// credentials are those of l.
func (c *Connector) credentials(l network.Login) (credentials, error) {
	if l.ID == relayID {
		if !c.set.relay {
			return credentials{}, network.Errorf(network.LoggedOut, "the configuration has no app any more", "open: no relay")
		}
		return credentials{Kind: kindApp, Token: c.set.BotToken, App: c.set.AppToken}, nil
	}
	var d credentials
	if err := json.Unmarshal(l.Data, &d); err != nil {
		return d, network.Errorf(network.LoggedOut, "sign in again", "open: login data: %w", err)
	}
	switch {
	case d.Token == "" || d.Kind != kindApp && d.Kind != kindPerson && d.Kind != kindUser:
		return d, network.Errorf(network.LoggedOut, "sign in again", "open: login data of kind %q", d.Kind)
	case d.Kind == kindUser && c.set.AppToken == "" && c.set.SigningSecret == "":
		return d, network.Errorf(network.LoggedOut, "the configuration has no app any more, through which this login had its events", "open: no app")
	case d.Kind == kindUser:
		d.App = c.set.AppToken // of today
	}
	return d, nil
}

// Flows implements network.Connector.
func (c *Connector) Flows() []network.LoginFlow {
	var flows []network.LoginFlow
	if c.set.ClientID != "" && c.public != "" {
		flows = append(flows, network.LoginFlow{ID: "oauth", Name: "as yourself, by a link to Slack", Do: c.withOAuth})
	}
	if c.set.persons {
		flows = append(flows, network.LoginFlow{ID: "browser", Name: "as yourself, with the token and cookie of your browser's session", Do: c.withBrowser})
	}
	return append(flows, network.LoginFlow{ID: "app", Name: "as an app of the workspace, with its tokens", Do: c.withApp})
}

func (c *Connector) withBrowser(ctx context.Context, p network.Prompter) (network.Login, error) {
	token, err := p.Ask(ctx, network.Field{Name: "Token", Secret: true,
		Hint: "sign in to Slack in a browser; the token begins with xoxc- and is in its local storage, in localConfig_v2"})
	if err != nil {
		return network.Login{}, fmt.Errorf("ask token: %w", err)
	}
	d := credentials{Kind: kindPerson, Token: findToken(token)}
	if d.Token == "" {
		return network.Login{}, network.Errorf(network.Rejected, "there is no token in this: it begins with xoxc- or xoxs-", "login: token")
	}
	cookie, err := p.Ask(ctx, network.Field{Name: "Cookie", Secret: true,
		Hint: `the cookie "d" of slack.com, which begins with xoxd-; pasted as it is, percent-encoded or not`})
	if err != nil {
		return network.Login{}, fmt.Errorf("ask cookie: %w", err)
	}
	if d.Cookie = findCookie(cookie); d.Cookie == "" {
		return network.Login{}, network.Errorf(network.Rejected, "there is no cookie in this: it begins with xoxd-", "login: cookie")
	}
	return c.tryLogin(ctx, d)
}

func (c *Connector) withApp(ctx context.Context, p network.Prompter) (network.Login, error) {
	bot, err := p.Ask(ctx, network.Field{Name: "Bot token", Hint: "xoxb-…, under OAuth & Permissions of your app", Secret: true})
	if err != nil {
		return network.Login{}, fmt.Errorf("ask bot token: %w", err)
	}
	app, err := p.Ask(ctx, network.Field{Name: "App token", Hint: "xapp-…, with the scope connections:write, under Basic Information", Secret: true})
	if err != nil {
		return network.Login{}, fmt.Errorf("ask app token: %w", err)
	}
	d := credentials{Kind: kindApp, Token: strings.TrimSpace(bot), App: strings.TrimSpace(app)}
	if err := checkAppTokens(d.Token, d.App); err != nil {
		return network.Login{}, network.Errorf(network.Rejected, err.Error(), "login: %w", err)
	}
	return c.tryLogin(ctx, d)
}

// tryLogin finds out whose credentials these are and whether they work.
func (c *Connector) tryLogin(ctx context.Context, d credentials) (network.Login, error) {
	a := c.newAPI(d)
	defer a.close()
	who, err := a.whoami(ctx)
	if err == nil && d.Kind == kindApp {
		if _, _, err = a.web.StartSocketModeContext(ctx); err != nil {
			err = connectError(err)
		}
	}
	if err != nil {
		if network.KindOf(err) == network.LoggedOut { // here it is the answer that was wrong
			return network.Login{}, network.Errorf(network.Rejected, "Slack does not take this: "+network.UserText(err), "login: %w", err)
		}
		return network.Login{}, fmt.Errorf("login: %w", err)
	}
	data, err := json.Marshal(d)
	if err != nil {
		return network.Login{}, fmt.Errorf("login data: %w", err)
	}
	return network.Login{
		ID: network.LoginID(who.TeamID + "-" + who.UserID), User: network.UserID(who.UserID),
		Name: who.User + " on " + who.Team, Data: data,
	}, nil
}

// findToken is the token of a browser's session in what a person pasted, which may
// be the token alone, quoted, or the whole value it was found in.
func findToken(pasted string) string {
	for _, prefix := range []string{"xoxc-", "xoxs-"} {
		if i := strings.Index(pasted, prefix); i >= 0 {
			return word(pasted[i:], func(r rune) bool { return r == '-' || isAlnum(r) })
		}
	}
	return ""
}

// findCookie is the value of the cookie d in what a person pasted: the value alone,
// percent-encoded or not, or a whole Cookie header. It is returned as browsers send
// it, percent-encoded once.
func findCookie(pasted string) string {
	i := strings.Index(pasted, "xoxd-")
	if i < 0 {
		return ""
	}
	value := word(pasted[i:], func(r rune) bool { return strings.ContainsRune("-%+/=_.~", r) || isAlnum(r) })
	for range 3 { // copied from places that encode once more
		plain, err := url.PathUnescape(value)
		if err != nil || plain == value {
			break
		}
		value = plain
	}
	if value == "xoxd-" {
		return ""
	}
	return url.QueryEscape(value)
}

// word is the beginning of s that consists of good runes.
func word(s string, good func(r rune) bool) string {
	if i := strings.IndexFunc(s, func(r rune) bool { return !good(r) }); i >= 0 {
		return s[:i]
	}
	return s
}

func isAlnum(r rune) bool {
	return r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z'
}
