package memnet

import (
	"context"
	"errors"
	"fmt"

	"github.com/causeway-chat/causeway/bridgekit/network"
)

// connector is the connector to one Server.
type connector struct {
	info    network.Info
	options Options
	dialer  dialer
}

var _ network.Connector = (*connector)(nil)

// Connector is a connector to the network, under a name of the configuration.
func (s *Server) Connector(id network.NetworkID) network.Connector {
	return s.ConnectorWith(id, s.options.Relay)
}

// ConnectorWith is Connector with another account as relay: two bridges in one
// network.
func (s *Server) ConnectorWith(id network.NetworkID, relay network.UserID) network.Connector {
	o := s.options
	o.Relay = relay
	return newConnector(id, o, s.relay(o), s)
}

// relay opens a session for the relay account, nil if there is none.
func (s *Server) relay(o Options) *network.Login {
	if o.Relay == "" {
		return nil
	}
	login := relayLogin(o)
	s.mu.Lock()
	defer s.mu.Unlock()
	if token := string(login.Data); s.tokens[token] == nil {
		a := s.accountOf(o.Relay)
		s.tokens[token] = a
		a.tokens = append(a.tokens, token)
	}
	return &login
}

// relayLogin is the login of the relay account. Its token is always the same.
func relayLogin(o Options) network.Login {
	return network.Login{ID: network.LoginID(o.Relay), User: o.Relay, Name: "the relay on " + o.Name, Data: []byte("relay:" + o.Relay)}
}

func newConnector(id network.NetworkID, o Options, relay *network.Login, d dialer) *connector {
	return &connector{
		info:    network.Info{ID: id, Protocol: "memnet", Name: o.Name, Relay: relay, Consent: o.Consent},
		options: o, dialer: d,
	}
}

// Info implements network.Connector.
func (c *connector) Info() network.Info { return c.info }

// Probe implements network.Connector.
func (c *connector) Probe(ctx context.Context) (string, error) {
	res, err := c.once(ctx, &request{Op: "probe"})
	if err != nil {
		return "", fmt.Errorf("probe: %w", err)
	}
	return res.Text, nil
}

// once connects, asks one thing and closes.
func (c *connector) once(ctx context.Context, r *request) (*response, error) {
	l, err := c.dialer.dial(ctx)
	if err != nil {
		return nil, err
	}
	defer l.close()
	return l.call(ctx, r)
}

// Flows implements network.Connector.
func (c *connector) Flows() []network.LoginFlow {
	return []network.LoginFlow{{ID: "password", Name: "User name and password", Do: c.password}}
}

// password asks for both and signs in.
func (c *connector) password(ctx context.Context, p network.Prompter) (network.Login, error) {
	user, err := p.Ask(ctx, network.Field{Name: "User name"})
	if err != nil {
		return network.Login{}, fmt.Errorf("ask user name: %w", err)
	}
	password, err := p.Ask(ctx, network.Field{Name: "Password", Hint: "the one of " + user, Secret: true})
	if err != nil {
		return network.Login{}, fmt.Errorf("ask password: %w", err)
	}
	res, err := c.once(ctx, &request{Op: "login", User: network.UserID(user), Text: password})
	if err != nil {
		return network.Login{}, fmt.Errorf("sign in: %w", err)
	}
	return network.Login{ID: network.LoginID(res.User.ID), User: res.User.ID, Name: res.Text, Data: res.Data}, nil
}

// Open implements network.Connector.
func (c *connector) Open(_ context.Context, h network.Host, l network.Login) (network.Client, error) {
	if len(l.Data) == 0 {
		return nil, &network.Error{
			Kind: network.LoggedOut, User: "the login is not complete; sign in again", Err: errors.New("memnet: open: no token"),
		}
	}
	basic := client{dialer: c.dialer, options: c.options, host: h, login: l}
	if c.options.Basic {
		return &basic, nil
	}
	full := fullClient{client: &basic}
	if c.options.Features.Once == network.OnceNever {
		return &full, nil
	}
	return &findingClient{fullClient: &full}, nil
}

// localLink is a link to a server in this process.
type localLink struct {
	s *Server
	c *conn
}

var (
	_ dialer = (*Server)(nil)
	_ link   = (*localLink)(nil)
)

// dial implements dialer.
func (s *Server) dial(ctx context.Context) (link, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("memnet: dial: %w", err)
	}
	c, err := s.newConn()
	if err != nil {
		return nil, err
	}
	return &localLink{s, c}, nil
}

func (l *localLink) call(ctx context.Context, r *request) (*response, error) {
	return l.s.handle(ctx, l.c, r)
}

func (l *localLink) close() { l.s.drop(l.c, errLost()) }
