package slack

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/causeway-chat/causeway/bridgekit/network"
)

// Config is the network's part of the configuration. Every text may also come
// from a file or the environment, by the key with _file or _env behind it, which
// is how secrets should be given.
type Config struct {
	Name string `yaml:"name"` // of the workspace, for people; default: the network's name

	// The tokens of the workspace's own app, see docs/slack.md. With them there is a
	// relay, which speaks for people without a login.
	BotToken string `yaml:"bot_token"` // xoxb-…
	AppToken string `yaml:"app_token"` // xapp-…, with the scope connections:write

	// SigningSecret has Slack push events to /net/<network>/events below the public
	// address; then app_token may be missing.
	SigningSecret string `yaml:"signing_secret"`

	// ClientID and ClientSecret are the app's, for people who sign in by a link to
	// Slack (OAuth). An app with PKCE has no secret.
	ClientID     string `yaml:"client_id"`
	ClientSecret string `yaml:"client_secret"`
	PKCE         bool   `yaml:"pkce"`

	// Relay false keeps the app from speaking for people. Default true.
	Relay *bool `yaml:"relay"`

	// Persons lets people sign in with the session of their browser. Default true.
	Persons *bool `yaml:"persons"`

	// Replies says how an answer outside of a thread is shown: "quote" (default), with
	// what it answers before it, or "thread", in the thread of that.
	Replies string `yaml:"replies"`

	// MuteChannels makes the rooms of channels silent for people with a login of their
	// own when they get into them, which they can undo. Default false.
	MuteChannels bool `yaml:"mute_channels"`

	// Proxy is a proxy for everything that goes to Slack; default: the environment's.
	Proxy string `yaml:"proxy"`

	// API is the base of the Web API; default https://slack.com/api/. GovSlack has
	// https://slack-gov.com/api/.
	API string `yaml:"api"`
}

// settings is a Config that was checked and filled.
type settings struct {
	Config
	relay   bool
	persons bool
	proxy   func(*http.Request) (*url.URL, error)
}

// The values of Replies.
const (
	repliesQuote  = "quote"
	repliesThread = "thread"
)

const defaultAPI = "https://slack.com/api/"

// check fills c with defaults and says which field is wrong.
func check(id network.NetworkID, c Config) (settings, error) {
	s := settings{Config: c, persons: c.Persons == nil || *c.Persons, proxy: http.ProxyFromEnvironment}
	if s.Name == "" {
		_, s.Name, _ = strings.Cut(string(id), ".")
	}
	if s.Name == "" {
		s.Name = "Slack"
	}
	if err := checkApp(c); err != nil {
		return s, err
	}
	if c.Relay != nil && *c.Relay && c.BotToken == "" {
		return s, errors.New("relay: it needs bot_token and app_token")
	}
	if s.Replies == "" {
		s.Replies = repliesQuote
	}
	if s.Replies != repliesQuote && s.Replies != repliesThread {
		return s, fmt.Errorf("replies: %q is neither quote nor thread", c.Replies)
	}
	s.relay = c.BotToken != "" && (c.Relay == nil || *c.Relay)
	if s.API == "" {
		s.API = defaultAPI
	}
	u, err := url.Parse(s.API)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return s, fmt.Errorf("api: %q is not the URL of Slack's API, such as %s", s.API, defaultAPI)
	}
	s.API = strings.TrimSuffix(s.API, "/") + "/"
	if c.Proxy != "" {
		p, err := url.Parse(c.Proxy)
		if err != nil || p.Host == "" {
			return s, fmt.Errorf("proxy: %q is not a URL such as http://proxy.example:3128", c.Proxy)
		}
		s.proxy = http.ProxyURL(p)
	}
	return s, nil
}

// checkPublic says what is wrong if the public address is missing.
func checkPublic(s settings, public string) error {
	switch {
	case public != "":
		return nil
	case s.SigningSecret != "" && s.AppToken == "":
		return errors.New("signing_secret: Slack pushes events to a public address, and public.url is not set")
	case s.ClientID != "":
		return errors.New("client_id: Slack sends people back to a public address, and public.url is not set")
	}
	return nil
}

// checkApp says what is wrong with the app that c has.
func checkApp(c Config) error {
	pushed := c.SigningSecret != ""
	switch {
	case c.BotToken == "" && c.ClientID == "" && (c.AppToken != "" || pushed):
		return errors.New("bot_token and app_token belong together: an app needs both, see docs/slack.md")
	case c.BotToken != "" && c.AppToken == "" && !pushed:
		return errors.New("bot_token and app_token belong together: an app needs both, or signing_secret instead of app_token, see docs/slack.md")
	case c.ClientID != "" && c.AppToken == "" && !pushed:
		return errors.New("client_id: the people who sign in get their events through the app, which needs app_token or signing_secret")
	case c.ClientID != "" && (c.ClientSecret == "") != c.PKCE:
		return errors.New("client_id: it needs either client_secret, or pkce: true for an app that has PKCE enabled")
	case c.ClientID == "" && (c.ClientSecret != "" || c.PKCE):
		return errors.New("client_id is missing; it is under Basic Information of the app")
	case pushed && !isToken(c.SigningSecret):
		return errors.New("signing_secret: this is none; it is under Basic Information of the app")
	}
	if c.BotToken != "" {
		if err := checkBotToken(c.BotToken); err != nil {
			return err
		}
	}
	if c.AppToken != "" {
		return checkAppToken(c.AppToken)
	}
	return nil
}

// checkAppTokens says what is wrong with the tokens of an app. They are easily
// swapped.
func checkAppTokens(bot, app string) error {
	if err := checkBotToken(bot); err != nil {
		return err
	}
	return checkAppToken(app)
}

// rotates is said of an app whose tokens expire after 12 hours and begin with xoxe
// (https://docs.slack.dev/authentication/using-token-rotation).
const rotates = "the app's tokens expire, as token rotation is switched on for it, and cannot be used: make another app without it, because Slack does not switch it off again"

func checkBotToken(bot string) error {
	switch {
	case strings.HasPrefix(bot, "xoxe"):
		return errors.New("bot_token: " + rotates)
	case strings.HasPrefix(bot, "xapp-"):
		return errors.New("bot_token: this is an app-level token (xapp-…); the bot's is under OAuth & Permissions and begins with xoxb-")
	case !strings.HasPrefix(bot, "xoxb-") || !isToken(bot):
		return errors.New("bot_token: a bot token begins with xoxb-; it is under OAuth & Permissions")
	}
	return nil
}

func checkAppToken(app string) error {
	if !strings.HasPrefix(app, "xapp-") || !isToken(app) {
		return errors.New("app_token: an app-level token begins with xapp-; make one with the scope connections:write under Basic Information")
	}
	return nil
}

// isToken reports whether s can be in a header.
func isToken(s string) bool {
	return len(s) < 1000 && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' })
}
