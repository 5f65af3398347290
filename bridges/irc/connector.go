package irc

import (
	"context"
	"errors"
	"fmt"

	"github.com/causeway-chat/causeway/bridgekit/network"
)

// relayID is the login ID of the configuration's own connection. "~" is in no
// account's name, so no person's login can have it.
const relayID network.LoginID = "~relay"

// A Connector is one configured IRC network.
type Connector struct {
	id  network.NetworkID
	set settings
	now tuning
	mem *memory
}

var _ network.Connector = (*Connector)(nil)

// New makes the connector for a network from its part of the configuration. It
// does no I/O. Errors name the field that is wrong.
func New(o network.Options) (network.Connector, error) {
	var cfg Config
	if err := o.Decode(&cfg); err != nil {
		return nil, fmt.Errorf("configuration of %s: %w", o.ID, err)
	}
	set, err := check(cfg)
	if err != nil {
		return nil, fmt.Errorf("configuration of %s: %w", o.ID, err)
	}
	return &Connector{id: o.ID, set: set, now: usual(), mem: &memory{}}, nil
}

// Info implements network.Connector.
func (c *Connector) Info() network.Info {
	info := network.Info{ID: c.id, Protocol: "irc", Name: c.set.Name, URL: "", Consent: true}
	if c.set.relay {
		info.Relay = &network.Login{
			ID: relayID, User: rfc1459.user(c.set.Nick), Name: c.set.Nick + " on " + c.set.Name,
		}
	}
	return info
}

// Probe implements network.Connector: it connects, asks for the capabilities and
// leaves without signing in.
func (c *Connector) Probe(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, c.set.ConnectTimeout)
	defer cancel()
	t, err := c.set.tlsConfig()
	if err != nil {
		return "", &network.Error{Kind: network.Rejected, User: err.Error(), Err: fmt.Errorf("probe: %w", err)}
	}
	var last error
	for _, addr := range c.set.addrs {
		w, err := dial(ctx, addr, t, c.set.Charset)
		if err != nil {
			last = err
			continue
		}
		found, err := c.probeWire(ctx, w)
		_ = w.conn.Close() // said goodbye already
		if err == nil {
			secure := " with TLS"
			if t == nil {
				secure = " without TLS"
			}
			return addr + secure + found, nil
		}
		last = err
	}
	return "", last
}

// probeWire asks what the server can do.
func (c *Connector) probeWire(ctx context.Context, w *wire) (string, error) {
	stop := context.AfterFunc(ctx, func() { _ = w.conn.Close() }) // ends the read
	defer stop()
	if err := w.send("CAP", "LS", "302"); err != nil {
		return "", signInError(ctx, err)
	}
	if err := w.send("PING", probe); err != nil {
		return "", signInError(ctx, err)
	}
	found := newCaps()
	for {
		m, err := w.read()
		if err != nil {
			return "", signInError(ctx, err)
		}
		p := params(m.Params)
		switch {
		case m.Command == "ERROR":
			return "", errorLine(p.last())
		case m.Command == "CAP" && p.at(1) == "LS" && !found.take(&m):
			continue
		case m.Command == "CAP", m.Command == "421", m.Command == "451", m.Command == "PONG":
			_ = w.send("QUIT", "probe") // it is closed anyway
			c.mem.learn(offerOf(func(name string) bool { _, ok := found.offered[name]; return ok }))
			_, sasl := found.offered["sasl"]
			if sasl {
				return fmt.Sprintf(", %d extensions, SASL", len(found.offered)), nil
			}
			return fmt.Sprintf(", %d extensions, no SASL", len(found.offered)), nil
		}
	}
}

// Open implements network.Connector.
func (c *Connector) Open(ctx context.Context, h network.Host, l network.Login) (network.Client, error) {
	id, err := c.identity(l)
	if err != nil {
		return nil, err
	}
	t, err := c.set.tlsConfig()
	if err != nil {
		return nil, &network.Error{Kind: network.Rejected, User: err.Error(), Err: fmt.Errorf("open: %w", err)}
	}
	id.external = t != nil && len(t.Certificates) > 0 && l.ID == relayID
	if t != nil && l.ID != relayID {
		t.Certificates = nil // the relay's: it would sign a person in as the relay
	}
	if h.KV == nil || h.Cursor == nil || h.Chats == nil || h.Log == nil {
		return nil, errors.New("open: the host lacks something")
	}
	o, err := c.mem.recall(ctx, h.KV)
	if err != nil {
		return nil, fmt.Errorf("open: %w", err)
	}
	client := &Client{set: c.set, tune: c.now, login: l, id: id, tls: t, host: h, memory: c.mem}
	return client.with(o), nil
}
