package slack

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/network"
)

// relayID is the login ID of the configuration's own app. "~" is in no account's
// ID, so no person's login can have it.
const relayID network.LoginID = "~relay"

// A Connector is one configured workspace.
type Connector struct {
	id   network.NetworkID
	set  settings
	tune tuning
	dir  *directory

	public string   // where the world reaches our visits; "": nowhere
	visits *signIns // those under way

	readers readers // logins that may read threads for the app

	mu    sync.Mutex
	paces map[string]*pacer // by token; guarded by mu. Slack counts by who asks
	feeds map[string]*feed  // by app-level token; guarded by mu
}

var _ network.Connector = (*Connector)(nil)

// New makes the connector for a workspace from its part of the configuration. It
// does no I/O. Errors name the field that is wrong.
func New(o network.Options) (network.Connector, error) {
	var cfg Config
	if err := o.Decode(&cfg); err != nil {
		return nil, fmt.Errorf("configuration of %s: %w", o.ID, err)
	}
	set, err := check(o.ID, cfg)
	if err == nil {
		err = checkPublic(set, o.Public)
	}
	if err != nil {
		return nil, fmt.Errorf("configuration of %s: %w", o.ID, err)
	}
	return &Connector{id: o.ID, set: set, tune: usual(), dir: newDirectory(), paces: map[string]*pacer{}, feeds: map[string]*feed{}, public: o.Public, visits: newSignIns()}, nil
}

// Info implements network.Connector.
func (c *Connector) Info() network.Info {
	info := network.Info{ID: c.id, Protocol: "slack", Name: c.set.Name, URL: "https://slack.com"}
	if c.set.relay {
		// Who the app is, is known once it has signed in; LoginState tells it.
		info.Relay = &network.Login{ID: relayID, Name: "Causeway's app on " + c.set.Name}
	}
	return info
}

// Probe implements network.Connector: it asks the API whether it is there and, if
// the configuration has tokens, whether they work and what the app may do.
func (c *Connector) Probe(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	a := c.newAPI(credentials{Kind: kindApp, Token: c.set.BotToken, App: c.set.AppToken})
	defer a.close()
	if c.set.BotToken == "" {
		if err := a.call(ctx, "api.test", nil, nil); err != nil {
			return "", err
		}
		return c.set.API + " answers; the configuration has no app", nil
	}
	who, err := a.whoami(ctx)
	if err != nil {
		return "", err
	}
	words := fmt.Sprintf("the app is %s in %s", who.User, who.Team)
	if c.set.AppToken == "" {
		words += "; Slack has to push its events to " + c.public + eventsPath
	} else if _, _, err := a.web.StartSocketModeContext(ctx); err != nil {
		return "", connectError(err)
	}
	if missing := lacking(who.Scopes, appScopes()); len(missing) > 0 {
		return words, network.Errorf(network.Rejected, missingWords(missing), "it lacks %d scopes", len(missing))
	}
	return words, nil
}

// pacerOf is the pacer of a token. It outlives clients: Slack remembers too.
func (c *Connector) pacerOf(token string) *pacer {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.paces[token]
	if p == nil {
		p = newPacer(c.tune.pace)
		c.paces[token] = p
	}
	return p
}

// Open implements network.Connector.
func (c *Connector) Open(_ context.Context, h network.Host, l network.Login) (network.Client, error) {
	cred, err := c.credentials(l)
	if err != nil {
		return nil, err
	}
	if h.KV == nil || h.Cursor == nil || h.Chats == nil || h.Log == nil {
		return nil, errors.New("open: the host lacks something")
	}
	return newClient(c, cred, h, l), nil
}
