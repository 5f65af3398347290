package ircuser

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/ergochat/irc-go/ircmsg"
	"github.com/ergochat/irc-go/ircreader"

	"github.com/causeway-chat/causeway/testbed/record"
)

// Line is a line of the IRC protocol.
type Line = ircmsg.Message

// Options say who connects where. Addr and Nick are required.
type Options struct {
	Addr     string
	TLS      *tls.Config // nil is plain text
	Nick     string
	RealName string   // "" is the nick
	Password string   // of the server; "" is none
	Caps     []string // capabilities to ask for; those the server lacks are left out
}

// writeTimeout is how long a line may wait for a server that does not read.
const writeTimeout = 2 * time.Minute

// User is a connected person.
type User struct {
	log   record.Log[Line]
	conn  net.Conn
	ended chan struct{} // closed when the reading goroutine is gone

	write sync.Mutex // held while a line is written

	mu   sync.Mutex // guards nick and caps
	nick string
	caps []string
}

// Dial connects and registers (RFC 2812, section 3.1; IRCv3 capability
// negotiation 302). It returns when the server has said welcome; ctx bounds only
// that.
func Dial(ctx context.Context, o Options) (*User, error) {
	conn, err := dial(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("connect %s: %w", o.Nick, err)
	}
	u := &User{conn: conn, nick: o.Nick, ended: make(chan struct{})}
	go u.read()
	if err := u.register(ctx, o); err != nil {
		u.Close()
		return nil, fmt.Errorf("register %s: %w", o.Nick, err)
	}
	return u, nil
}

func dial(ctx context.Context, o Options) (net.Conn, error) {
	if o.TLS == nil {
		return new(net.Dialer).DialContext(ctx, "tcp", o.Addr)
	}
	return (&tls.Dialer{Config: o.TLS}).DialContext(ctx, "tcp", o.Addr)
}

// register introduces the user. Errors of the server, such as a nick in use, end
// it.
func (u *User) register(ctx context.Context, o Options) error {
	var lines []Line
	if o.Password != "" {
		lines = append(lines, line("PASS", o.Password))
	}
	if len(o.Caps) > 0 {
		lines = append(lines, line("CAP", "LS", "302"))
	}
	name := o.RealName
	if name == "" {
		name = o.Nick
	}
	lines = append(lines, line("NICK", o.Nick), line("USER", "user", "0", "*", name))
	if err := u.sendAll(lines); err != nil {
		return err
	}
	if len(o.Caps) > 0 {
		if err := u.negotiate(ctx, o.Caps); err != nil {
			return fmt.Errorf("capabilities: %w", err)
		}
	}
	m, err := u.answer(ctx, 0, func(m Line) bool { return m.Command == "001" })
	if err != nil {
		return err
	}
	u.setNick(m.Params[0]) // some servers cut it
	return nil
}

// negotiate asks for those of want that the server offers.
func (u *User) negotiate(ctx context.Context, want []string) error {
	offered := make(map[string]bool)
	mark := 0
	for last := false; !last; {
		m, next, err := u.log.Wait(ctx, mark, capLine("LS"))
		if err != nil {
			return err
		}
		mark = next
		last = m.Params[2] != "*" // a star: more lines follow
		for _, c := range strings.Fields(m.Params[len(m.Params)-1]) {
			name, _, _ := strings.Cut(c, "=")
			offered[name] = true
		}
	}
	var ask []string
	for _, c := range want {
		if offered[c] {
			ask = append(ask, c)
		}
	}
	if len(ask) > 0 {
		if err := u.Send("CAP", "REQ", strings.Join(ask, " ")); err != nil {
			return err
		}
		m, _, err := u.log.Wait(ctx, mark, func(m Line) bool { return capLine("ACK")(m) || capLine("NAK")(m) })
		if err != nil {
			return err
		}
		if m.Params[1] == "NAK" {
			return fmt.Errorf("the server refused %v", ask)
		}
	}
	u.mu.Lock()
	u.caps = ask
	u.mu.Unlock()
	return u.Send("CAP", "END")
}

// capLine returns a match for a CAP line of the server with this subcommand.
func capLine(sub string) func(Line) bool {
	return func(m Line) bool {
		return m.Command == "CAP" && len(m.Params) > 2 && m.Params[1] == sub
	}
}

// read keeps what the server sends until the connection ends.
func (u *User) read() {
	defer close(u.ended)
	var r ircreader.Reader
	r.Initialize(u.conn, 512, 64<<10)
	for {
		raw, err := r.ReadLine()
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = errors.New("the server closed the connection")
			}
			u.log.Close(err)
			return
		}
		m, err := ircmsg.ParseLine(string(raw))
		if err != nil {
			continue // an empty line
		}
		if m.Command == "PING" {
			_ = u.Send("PONG", m.Params...) // if it fails, so will the next read
		}
		u.log.Append(m)
	}
}

// Nick returns the user's present nick, as far as Dial and SetNick know it.
func (u *User) Nick() string {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.nick
}

func (u *User) setNick(n string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.nick = n
}

// Caps returns the capabilities the server has granted.
func (u *User) Caps() []string {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.caps
}

// Mark returns the place in the log where the next line will be.
func (u *User) Mark() int { return u.log.Mark() }

// Since returns the lines received from mark on.
func (u *User) Since(mark int) []Line { return u.log.Since(mark) }

// Wait returns the first line from mark on that match accepts, waiting for it
// until ctx is done or the connection ends. The error shows what came instead.
func (u *User) Wait(ctx context.Context, mark int, match func(Line) bool) (Line, error) {
	m, _, err := u.log.Wait(ctx, mark, match)
	if err == nil {
		return m, nil
	}
	seen := u.log.Since(mark)
	if n := len(seen) - 10; n > 0 {
		seen = seen[n:]
	}
	var last strings.Builder
	for _, m := range seen {
		l, _ := m.Line()
		last.WriteString("\n\t" + strings.TrimSpace(l))
	}
	return m, fmt.Errorf("%s: %w; last received:%s", u.Nick(), err, last.String())
}

// Close cuts the connection, as a crash would, and waits for the reader. Quit
// says goodbye first.
func (u *User) Close() {
	_ = u.conn.Close()
	<-u.ended
}
