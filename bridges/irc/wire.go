package irc

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/ergochat/irc-go/ircmsg"
	"github.com/ergochat/irc-go/ircreader"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/htmlindex"
)

// longestLine is how long a line from the server may be, tags included.
const longestLine = 64 << 10

// A wire is a connection that carries lines. One goroutine may read and one
// write at a time.
type wire struct {
	conn    net.Conn
	reader  ircreader.Reader
	charset encoding.Encoding
}

// dial connects to one server. Errors say in words what to do.
func dial(ctx context.Context, addr string, t *tls.Config, charset string) (*wire, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, dialError(addr, err)
	}
	if t != nil {
		t = t.Clone()
		if t.ServerName == "" {
			t.ServerName, _, _ = net.SplitHostPort(addr)
		}
		secure := tls.Client(conn, t)
		if err := secure.HandshakeContext(ctx); err != nil {
			_ = conn.Close() // the handshake's error says more
			return nil, tlsError(addr, err)
		}
		conn = secure
	}
	w := &wire{conn: conn}
	w.reader.Initialize(conn, 512, longestLine)
	if w.charset, err = htmlindex.Get(charset); err != nil {
		_ = conn.Close() // nothing was said on it
		return nil, fmt.Errorf("charset: %w", err)
	}
	return w, nil
}

// dialError puts words to a failed connection.
func dialError(addr string, err error) error {
	words := "cannot reach " + addr + ": check the address and whether a firewall is in the way"
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		words = "there is no server named " + addr + ": check server in the configuration"
	case strings.Contains(err.Error(), "refused"):
		words = addr + " refuses connections: the server is down or the port is wrong"
	case errors.Is(err, context.DeadlineExceeded):
		words = addr + " does not answer"
	}
	return &network.Error{Kind: network.Unavailable, User: words, Err: fmt.Errorf("dial: %w", err)}
}

// tlsError puts words to a failed handshake.
func tlsError(addr string, err error) error {
	words := "no TLS with " + addr + ": if the port is one without TLS, set tls to false"
	var host x509.HostnameError
	var unknown x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &host):
		words = "the certificate of " + addr + " is for another name: check server, or set server_name"
	case errors.As(err, &unknown):
		words = "the certificate of " + addr + " is signed by nobody we trust: name its authority in tls_ca"
	case errors.As(err, &invalid):
		words = "the certificate of " + addr + " is not valid (expired?): tell the network's administrators"
	}
	return &network.Error{Kind: network.Unavailable, User: words, Err: fmt.Errorf("tls: %w", err)}
}

// read returns the next message. Lines that are no messages are skipped.
func (w *wire) read() (ircmsg.Message, error) {
	for {
		raw, err := w.reader.ReadLine()
		if err != nil {
			return ircmsg.Message{}, fmt.Errorf("read: %w", err)
		}
		if m, ok := w.parse(string(raw)); ok {
			return m, nil
		}
	}
}

// parse reads a line; ok is false if it is none.
func (w *wire) parse(line string) (m ircmsg.Message, ok bool) {
	m, err := ircmsg.ParseLine(line)
	if err != nil {
		return m, false
	}
	m.Source = w.decode(m.Source)
	for i, p := range m.Params {
		m.Params[i] = w.decode(p)
	}
	return m, true
}

// decode is text as UTF-8: what is not is taken for the fallback charset.
func (w *wire) decode(text string) string {
	if utf8.ValidString(text) {
		return text
	}
	if whole := untorn(text); utf8.ValidString(whole) && len(whole) > 0 && whole[len(whole)-1] >= utf8.RuneSelf {
		return whole
	}
	out, err := w.charset.NewDecoder().String(text)
	if err != nil {
		out = text
	}
	return strings.ToValidUTF8(out, "\uFFFD")
}

// untorn is text without the beginning of a rune at its end: servers cut lines
// that are too long at any byte.
func untorn(text string) string {
	for i := len(text) - 1; i >= 0 && i >= len(text)-utf8.UTFMax; i-- {
		if utf8.RuneStart(text[i]) {
			if utf8.FullRuneInString(text[i:]) {
				return text
			}
			return text[:i]
		}
	}
	return text
}

// send writes one line at once; for signing in, before there is an outbox.
func (w *wire) send(command string, params ...string) error {
	data, err := encodeLine(nil, command, params...)
	if err != nil {
		return err
	}
	return w.write(data)
}

// leave says goodbye, waits until the server has closed the connection, so that
// the nick is free again, and closes it. What goes wrong does not matter any more.
func (w *wire) leave(words string) {
	defer func() { _ = w.conn.Close() }()
	if w.conn.SetDeadline(time.Now().Add(time.Second)) != nil || w.send("QUIT", words) != nil || w.conn.SetReadDeadline(time.Now().Add(time.Second)) != nil {
		return
	}
	for {
		if _, err := w.read(); err != nil {
			return
		}
	}
}

func (w *wire) write(data []byte) error {
	if err := w.conn.SetWriteDeadline(time.Now().Add(20 * time.Second)); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	if _, err := w.conn.Write(data); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return nil
}

// encodeLine makes the bytes of one line. It fails if a parameter could be taken
// for something else: an end of line, or more than one parameter.
func encodeLine(tags map[string]string, command string, params ...string) ([]byte, error) {
	for _, p := range params {
		if strings.ContainsAny(p, "\r\n\x00") {
			return nil, network.Errorf(network.Rejected, "this text cannot be sent on IRC", "%s: a line end in a parameter", command)
		}
	}
	m := ircmsg.MakeMessage(tags, "", command, params...)
	switch command {
	case "PRIVMSG", "NOTICE", "TOPIC", "PART", "KICK", "QUIT", "REDACT", "USER", "AWAY":
		if len(params) > 1 || command == "QUIT" {
			m.ForceTrailing()
		}
	}
	data, err := m.LineBytesStrict(true, 0)
	if err != nil {
		return nil, network.Errorf(network.Rejected, "this cannot be sent on IRC", "%s: %w", command, err)
	}
	return data, nil
}
