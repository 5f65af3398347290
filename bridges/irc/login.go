package irc

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/causeway-chat/causeway/bridgekit/network"
)

// loginData is Login.Data.
type loginData struct {
	Nick     string `json:"nick"`
	Account  string `json:"account,omitempty"`
	Password string `json:"password,omitempty"`
}

// identity is as whom to sign in for l.
func (c *Connector) identity(l network.Login) (identity, error) {
	id := identity{username: c.set.Username, realname: c.set.Realname, server: c.set.Password}
	if l.ID == relayID {
		if !c.set.relay {
			return id, network.Errorf(network.LoggedOut, "the configuration has no relay any more", "open: relay is false")
		}
		id.nick, id.account = c.set.Nick, c.set.Nick
		if s := c.set.SASL; s != nil {
			id.password = s.Password
			if s.Login != "" {
				id.account = s.Login
			}
		}
		return id, nil
	}
	var d loginData
	if err := json.Unmarshal(l.Data, &d); err != nil {
		return id, network.Errorf(network.LoggedOut, "sign in again", "open: login data: %w", err)
	}
	if err := checkNick(d.Nick); err != nil {
		return id, network.Errorf(network.LoggedOut, "sign in again: "+err.Error(), "open: nick: %w", err)
	}
	id.nick, id.account, id.password = d.Nick, d.Account, d.Password
	if id.account == "" {
		id.account = d.Nick
	}
	return id, nil
}

// Flows implements network.Connector.
func (c *Connector) Flows() []network.LoginFlow {
	return []network.LoginFlow{
		{ID: "account", Name: "with your registered account (SASL)", Do: c.withAccount},
		{ID: "nick", Name: "with a nick only, without an account", Do: c.withNick},
	}
}

func (c *Connector) withAccount(ctx context.Context, p network.Prompter) (network.Login, error) {
	var d loginData
	var err error
	if d.Nick, err = askNick(ctx, p); err != nil {
		return network.Login{}, err
	}
	account, err := p.Ask(ctx, network.Field{Name: "Account", Hint: "its name, if it is not your nick", Optional: true})
	if err != nil {
		return network.Login{}, fmt.Errorf("ask account: %w", err)
	}
	if d.Account = strings.TrimSpace(account); d.Account == "" {
		d.Account = d.Nick
	}
	if strings.ContainsAny(d.Account, " \x00\r\n~") {
		return network.Login{}, network.Errorf(network.Rejected, "an account has no spaces in its name", "login: account")
	}
	d.Password, err = p.Ask(ctx, network.Field{Name: "Password", Hint: "of your account on " + c.set.Name, Secret: true})
	if err != nil {
		return network.Login{}, fmt.Errorf("ask password: %w", err)
	}
	if d.Password == "" || strings.ContainsAny(d.Password, "\x00\r\n") {
		return network.Login{}, network.Errorf(network.Rejected, "this is not a password", "login: password")
	}
	return c.tryLogin(ctx, d, network.LoginID(rfc1459.fold(d.Account)))
}

func (c *Connector) withNick(ctx context.Context, p network.Prompter) (network.Login, error) {
	nick, err := askNick(ctx, p)
	if err != nil {
		return network.Login{}, err
	}
	// Nothing proves whose nick it is, so the ID says that by its "~".
	return c.tryLogin(ctx, loginData{Nick: nick}, network.LoginID("~nick/"+rfc1459.fold(nick)))
}

func askNick(ctx context.Context, p network.Prompter) (string, error) {
	nick, err := p.Ask(ctx, network.Field{Name: "Nick", Hint: "how people on IRC will see you"})
	if err != nil {
		return "", fmt.Errorf("ask nick: %w", err)
	}
	nick = strings.TrimSpace(nick)
	if err := checkNick(nick); err != nil {
		return "", network.Errorf(network.Rejected, err.Error(), "login: nick: %w", err)
	}
	return nick, nil
}

// tryLogin signs in once, to see whether the network takes it, and leaves.
func (c *Connector) tryLogin(ctx context.Context, d loginData, id network.LoginID) (network.Login, error) {
	data, err := json.Marshal(d)
	if err != nil {
		return network.Login{}, fmt.Errorf("login data: %w", err)
	}
	l := network.Login{ID: id, User: rfc1459.user(d.Nick), Name: d.Nick + " on " + c.set.Name, Data: data}
	who, err := c.identity(l)
	if err != nil {
		return network.Login{}, err
	}
	t, err := c.set.tlsConfig()
	if err != nil {
		return network.Login{}, fmt.Errorf("login: %w", err)
	}
	if t != nil {
		t.Certificates = nil
	}
	w, g, err := connect(ctx, c.set, t, who)
	if err != nil {
		if network.KindOf(err) == network.LoggedOut { // here it is the answer that was wrong
			return network.Login{}, network.Errorf(network.Rejected, network.UserText(err), "login: %w", err)
		}
		return network.Login{}, fmt.Errorf("login: %w", err)
	}
	c.mem.learn(offerOf(func(name string) bool { return g.caps.on[name] }))
	w.leave(c.set.Quit)
	if d.Password == "" && g.support.casemap.fold(g.nick) != g.support.casemap.fold(d.Nick) {
		return network.Login{}, network.Errorf(network.Rejected, fmt.Sprintf("the nick %q is taken: choose another, or sign in with its account", d.Nick), "login: nick in use")
	}
	l.User = g.support.casemap.user(d.Nick)
	return l, nil
}
