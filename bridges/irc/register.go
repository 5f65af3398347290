package irc

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/ergochat/irc-go/ircmsg"
	"github.com/ergochat/irc-go/ircutils"
)

// An identity is as whom to sign in.
type identity struct {
	nick, username, realname string
	account, password        string // for SASL or NickServ; empty password: none
	external                 bool   // there is a client certificate
	server                   string // the server's password
}

// A greeting is what is known when the server has accepted us.
type greeting struct {
	nick    string
	mask    string // our user@host, empty if unknown
	caps    caps
	support isupport
	motd    []string
	rest    []ircmsg.Message // what came meanwhile and is to be handled later
	account bool             // signed in by SASL
	msgids  bool             // messages have IDs
}

// A registration is the conversation from connecting to the end of the MOTD.
type registration struct {
	w       *wire
	id      identity
	g       *greeting
	asked   int      // CAP REQ without an answer
	mechs   []string // SASL mechanisms still to try
	tried   int      // nicks that were taken
	short   bool     // the server wants short nicks
	welcome bool
	probing bool
}

// probe is the token of the PING that ends a registration.
const probe = "causeway-probe"

// register signs in. Errors tell what the core shall do and the person too.
func register(ctx context.Context, w *wire, id identity, timeout time.Duration) (*greeting, error) {
	if err := w.conn.SetDeadline(time.Now().Add(timeout)); err != nil {
		return nil, fmt.Errorf("register: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { _ = w.conn.SetDeadline(time.Unix(1, 0)) }) // ends read and write
	defer stop()
	r := &registration{w: w, id: id, g: &greeting{nick: id.nick, caps: newCaps(), support: newISupport()}}
	if err := r.begin(); err != nil {
		return nil, signInError(ctx, r.lastWords(err))
	}
	for {
		m, err := w.read()
		if err != nil {
			return nil, signInError(ctx, err)
		}
		done, err := r.handle(&m)
		if err != nil {
			return nil, signInError(ctx, r.lastWords(err))
		}
		if done {
			break
		}
	}
	if !stop() {
		return nil, fmt.Errorf("register: %w", ctx.Err())
	}
	return r.g, w.conn.SetDeadline(time.Time{})
}

// lastWords is why the server closed the connection, if it said so before err,
// a failed write, happened.
func (r *registration) lastWords(err error) error {
	var known *network.Error
	if errors.As(err, &known) {
		return err
	}
	for {
		m, broken := r.w.read()
		if broken != nil {
			return err
		}
		var said *network.Error
		if errors.As(r.other(&m, m.Params), &said) {
			return said
		}
	}
}

// signInError puts words to an error that has none.
func signInError(ctx context.Context, err error) error {
	var known *network.Error
	var timeout net.Error
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("register: %w", ctx.Err())
	case errors.As(err, &known):
		return err
	case errors.As(err, &timeout) && timeout.Timeout(), errors.Is(err, os.ErrDeadlineExceeded):
		return network.Errorf(network.Unavailable, "the server does not answer", "register: %w", err)
	}
	return network.Errorf(network.Unavailable, "the server closed the connection while we signed in", "register: %w", err)
}

func (r *registration) begin() error {
	if r.id.server != "" {
		if err := r.w.send("PASS", r.id.server); err != nil {
			return err
		}
	}
	if err := r.w.send("CAP", "LS", "302"); err != nil {
		return err
	}
	if err := r.w.send("NICK", r.g.nick); err != nil {
		return err
	}
	return r.w.send("USER", r.id.username, "0", "*", r.id.realname)
}

// handle takes one message and reports whether the server has accepted us.
func (r *registration) handle(m *ircmsg.Message) (done bool, err error) {
	p := params(m.Params)
	switch m.Command {
	case "PING":
		return false, r.w.send("PONG", p.last())
	case "CAP":
		return false, r.capability(m)
	case "AUTHENTICATE", "900", "902", "903", "904", "905", "906", "907":
		return false, r.sasl(m.Command, p)
	case "432", "433", "436", "437":
		if !r.welcome {
			return false, r.nickTaken(m.Command)
		}
	case "001":
		r.welcome = true
		r.g.nick = p.at(0)
	case "005":
		if len(p) > 2 {
			r.g.support.take(p[1 : len(p)-1])
		}
	case "396":
		r.g.mask = withHost(r.g.mask, p.at(1))
	case "372":
		r.g.motd = append(r.g.motd, strings.TrimPrefix(p.last(), "- "))
	case "376", "422":
		return r.ready()
	case "PONG":
		return r.probing && p.last() == probe || r.probing && r.welcome, nil
	case "TAGMSG":
		if r.probing && m.Nick() == r.g.nick {
			r.g.msgids = m.HasTag("msgid")
			return false, nil
		}
	}
	return false, r.other(m, p)
}

// other handles what is no part of the plan.
func (r *registration) other(m *ircmsg.Message, p params) error {
	switch m.Command {
	case "464":
		return network.Errorf(network.LoggedOut, "the server wants another password: check password in the configuration", "register: 464 %s", p.last())
	case "465", "466":
		return network.Errorf(network.LoggedOut, "banned from this server: "+p.last(), "register: %s %s", m.Command, p.last())
	case "ERROR":
		return errorLine(p.last())
	case "KILL":
		return killed(p.last())
	}
	if r.welcome && len(r.g.rest) < 1000 {
		r.g.rest = append(r.g.rest, *m)
	}
	return nil
}

// capability is CAP, https://ircv3.net/specs/extensions/capability-negotiation.
func (r *registration) capability(m *ircmsg.Message) error {
	p := params(m.Params)
	c := &r.g.caps
	switch strings.ToUpper(p.at(1)) {
	case "LS":
		if c.take(m) {
			return r.request()
		}
		return nil
	case "NEW":
		c.take(m)
		return nil
	case "ACK":
		c.set(p.last())
		r.asked--
	case "NAK":
		names := strings.Fields(p.last())
		r.asked--
		if len(names) > 1 { // one that it does not like: ask for each
			r.asked += len(names)
			for _, name := range names {
				if err := r.w.send("CAP", "REQ", name); err != nil {
					return err
				}
			}
		}
	default:
		return nil
	}
	if r.asked > 0 || r.welcome {
		return nil
	}
	return r.authenticate()
}

// request asks for the capabilities that we use.
func (r *registration) request() error {
	var also []string
	if r.id.password != "" || r.id.external {
		also = []string{"sasl"}
	}
	for _, list := range r.g.caps.request(also...) {
		r.asked++
		if err := r.w.send("CAP", "REQ", list); err != nil {
			return err
		}
	}
	if r.asked == 0 {
		return r.w.send("CAP", "END")
	}
	return nil
}

// authenticate begins SASL if there is something to authenticate with.
func (r *registration) authenticate() error {
	have, any := r.g.caps.mechanisms()
	for _, mech := range []struct {
		name string
		can  bool
	}{{"EXTERNAL", r.id.external}, {"PLAIN", r.id.password != ""}} {
		if mech.can && (any || slices.Contains(have, mech.name)) {
			r.mechs = append(r.mechs, mech.name)
		}
	}
	if !r.g.caps.on["sasl"] || len(r.mechs) == 0 {
		return r.w.send("CAP", "END")
	}
	return r.w.send("AUTHENTICATE", r.mechs[0])
}

// sasl continues SASL, https://ircv3.net/specs/extensions/sasl-3.2.
func (r *registration) sasl(command string, p params) error {
	switch command {
	case "AUTHENTICATE":
		if len(r.mechs) == 0 {
			return nil
		}
		var secret []byte
		if r.mechs[0] == "PLAIN" {
			secret = []byte(r.id.account + "\x00" + r.id.account + "\x00" + r.id.password)
		}
		for _, chunk := range ircutils.EncodeSASLResponse(secret) {
			if err := r.w.send("AUTHENTICATE", chunk); err != nil {
				return err
			}
		}
		return nil
	case "900":
		if _, mask, ok := strings.Cut(p.at(1), "!"); ok {
			r.g.mask = mask
		}
		r.g.account = true
		return nil
	case "903", "907":
		if r.welcome {
			return nil
		}
		return r.w.send("CAP", "END")
	}
	if len(r.mechs) > 1 {
		r.mechs = r.mechs[1:]
		return r.w.send("AUTHENTICATE", r.mechs[0])
	}
	words := fmt.Sprintf("the network does not accept the account %q with this password: sign in again", r.id.account)
	if r.id.password == "" {
		words = "the network does not know our certificate: register it with the account (CERT ADD at NickServ)"
	}
	return network.Errorf(network.LoggedOut, words, "sasl: %s %s", command, p.last())
}

// nickTaken tries the next nick: with "_", then with a number.
func (r *registration) nickTaken(command string) error {
	r.tried++
	if command == "432" {
		if r.short || len(r.id.nick) <= 9 && r.tried == 1 {
			return network.Errorf(network.Rejected, fmt.Sprintf("this server does not allow the nick %q: choose another", r.id.nick), "register: 432")
		}
		r.short = true
	}
	if r.tried > 20 {
		return network.Errorf(network.Unavailable, fmt.Sprintf("the nick %q and all like it are taken", r.id.nick), "register: %s", command)
	}
	limit := 0
	if r.short {
		limit = 9
	}
	r.g.nick = nickLike(r.id.nick, r.tried, limit)
	return r.w.send("NICK", r.g.nick)
}

// nickLike is the nth nick to try after want, of at most limit bytes if that is
// not 0.
func nickLike(want string, n, limit int) string {
	tail := "_"
	if n > 1 {
		tail = strconv.Itoa(n - 1)
	}
	if limit > 0 && len(want)+len(tail) > limit {
		want = ircmsg.TruncateUTF8Safe(want, limit-len(tail))
	}
	return want + tail
}

// ready is the end of the MOTD: the last step finds out whether messages have
// IDs, which no server says before one is seen.
func (r *registration) ready() (done bool, err error) {
	g := r.g
	if g.support.msgids || g.support.history > 0 && g.caps.on[capHistory] {
		g.msgids = g.caps.on[capTags]
		return true, nil
	}
	if !g.caps.on[capTags] || !g.caps.on[capEcho] || r.probing {
		return !r.probing, nil
	}
	r.probing = true
	data, err := encodeLine(map[string]string{"+typing": "done"}, "TAGMSG", g.nick)
	if err != nil {
		return false, err
	}
	if err := r.w.write(data); err != nil {
		return false, err
	}
	return false, r.w.send("PING", probe)
}

// withHost is a mask (user@host) with another host, which may bring its user along.
func withHost(mask, host string) string {
	if host == "" || strings.Contains(host, "@") {
		return first(host, mask)
	}
	user, _, ok := strings.Cut(mask, "@")
	if !ok {
		user = longestUser
	}
	return user + "@" + host
}

// longestUser is taken for our user name until the server has said it.
const longestUser = "~causeway-b"

// first is the first text that is not empty.
func first(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}

// params are a message's parameters; those that are missing are empty.
type params []string

func (p params) at(i int) string {
	if i >= 0 && i < len(p) {
		return p[i]
	}
	return ""
}

func (p params) last() string { return p.at(len(p) - 1) }
