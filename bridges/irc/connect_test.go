package irc

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridges/irc/ircfake"
)

func TestSASL(t *testing.T) {
	long := strings.Repeat("p", 291) // with the names and NULs base64 of this is 400 bytes
	for name, password := range map[string]string{"short": "secret", "exactly 400": long[:300-14], "several chunks": strings.Repeat(long, 4)} {
		t.Run(name, func(t *testing.T) {
			cfg := ircfake.Modern()
			cfg.Accounts["alice"] = password
			s := startFake(t, cfg)
			login := aliceLogin(password)
			r := newCore(t, s, "relay: false", &login).online("#a")
			s.User("bob").Join("#a")
			r.must("#a", network.Text("hi"))
			if got := s.Said("#a")[0].Account; got != "alice" {
				t.Errorf("signed in as %q, want alice", got)
			}
			r.stop()
		})
	}
	t.Run("wrong", func(t *testing.T) {
		cfg := ircfake.Modern()
		cfg.Accounts["alice"] = "other"
		login := aliceLogin("guess")
		r := newCore(t, startFake(t, cfg), "relay: false", &login).start()
		wantKind(t, r.ended(), network.LoggedOut, "alice")
		r.until("the state dead", func() bool { return r.states[len(r.states)-1].Status == network.Dead })
	})
}

// certificate makes a certificate for loopback and its PEM.
func certificate(t *testing.T, name string) (tls.Certificate, []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, tpl, tpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	text = append(text, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: raw})...)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, text
}

func TestTLS(t *testing.T) {
	server, ca := certificate(t, "irc.test")
	_, client := certificate(t, "relay-cert")
	cfg := ircfake.Modern()
	cfg.TLS = &tls.Config{Certificates: []tls.Certificate{server}, ClientAuth: tls.RequestClientCert}
	cfg.Certs["relay-cert"] = "relayaccount"
	s := startFake(t, cfg)
	dir := t.TempDir()
	write := func(name string, data []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	caFile, certFile := write("ca.pem", ca), write("client.pem", client)
	start := func(text string) *core {
		c := newCore(t, s, "", nil)
		conn, err := New(network.Options{ID: "irc.test", Decode: decodeYAML(fmt.Sprintf("server: %s\nnick: relay\n%s", s.Addr(), text))})
		if err != nil {
			t.Fatal(err)
		}
		c.conn = conn.(*Connector)
		c.conn.now = quick()
		return c
	}
	t.Run("unknown authority", func(t *testing.T) {
		wantKind(t, start("").start().ended(), network.Unavailable, "tls_ca")
		_, err := start("").conn.Probe(t.Context())
		wantKind(t, err, network.Unavailable, "tls_ca")
	})
	t.Run("insecure by wish", func(t *testing.T) { start("tls_verify: false").online().stop() })
	t.Run("external", func(t *testing.T) {
		r := start(fmt.Sprintf("tls_ca: %s\ntls_cert: %s\nsasl: {login: relay}\n", caFile, certFile)).online("#a")
		r.must("#a", network.Text("hi"))
		if got := s.Said("#a")[0].Account; got != "relayaccount" {
			t.Errorf("signed in as %q", got)
		}
		r.stop()
	})
	t.Run("plain port", func(t *testing.T) {
		c := start("tls_verify: false")
		plain := startFake(t, ircfake.Legacy())
		c.conn.set.addrs = []string{plain.Addr()}
		c.conn.set.ConnectTimeout = time.Second
		wantKind(t, c.start().ended(), network.Unavailable, "TLS")
	})
	t.Run("missing file", func(t *testing.T) {
		c := start("tls_ca: " + filepath.Join(dir, "nothing.pem"))
		if _, err := c.conn.Open(t.Context(), c.host(), c.login); err == nil || !strings.Contains(err.Error(), "tls_ca") {
			t.Errorf("error %v, want one that names tls_ca", err)
		}
	})
}

func TestServerPassword(t *testing.T) {
	cfg := ircfake.Legacy()
	cfg.Password = "letmein"
	s := startFake(t, cfg)
	wantKind(t, newCore(t, s, "password: wrong", nil).start().ended(), network.LoggedOut, "password")
	newCore(t, s, "password: letmein", nil).online().stop()
}

func TestNickServFallback(t *testing.T) {
	cfg := ircfake.Legacy()
	cfg.NickServ = true
	cfg.Accounts["cw"] = "secret"
	s := startFake(t, cfg)
	s.User("bob").Join("#a")
	s.Mode("#a", "+r")
	c := newCore(t, s, "sasl: {login: cw, password: secret}\nautojoin: [{name: '#a'}]", nil)
	r := c.online()
	r.notice("You are now identified")
	if !s.In("#a", "relay") {
		t.Error("the channel for registered people was not joined after signing in")
	}
	r.stop()
	if n := count(c, func(m *network.Message) bool { return m.Chat.ID == "nickserv" }); n > 0 {
		t.Error("NickServ's answer made a direct chat")
	}
}

func TestNickCollision(t *testing.T) {
	for name, cfg := range map[string]ircfake.Config{"modern": ircfake.Modern(), "legacy": ircfake.Legacy()} {
		t.Run(name, func(t *testing.T) {
			s := startFake(t, cfg)
			thief, second := s.User("relay"), s.User("relay_")
			thief.Join("#a")
			r := newCore(t, s, "", nil).online("#a")
			r.until("the state limited", func() bool {
				st := r.states[len(r.states)-1]
				return st.Status == network.Limited && st.User == "relay1" && strings.Contains(st.Words, "relay1")
			})
			second.Quit("")
			thief.Nick("other")
			r.until("the own nick again", func() bool {
				st := r.states[len(r.states)-1]
				return st.Status == network.Online && st.User == "relay"
			})
			r.stop()
		})
	}
}

func TestNickRefused(t *testing.T) {
	cfg := ircfake.Legacy()
	cfg.NickLen = 9
	s := startFake(t, cfg)
	s.User("causeway_") // the short form is taken too
	r := newCore(t, s, "nick: causeway-relay", nil).online()
	r.until("a short nick", func() bool { return len(r.states[len(r.states)-1].User) <= 9 })
	r.stop()
}

func TestFailover(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	dead := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	s := startFake(t, ircfake.Modern())
	c := newCore(t, s, "", nil)
	c.conn.set.addrs = []string{dead, s.Addr()}
	c.online().stop()
	c.conn.set.addrs = []string{dead}
	wantKind(t, c.start().ended(), network.Unavailable, "refuses")
}

func TestRefusedConnections(t *testing.T) {
	s := startFake(t, ircfake.Modern())
	c := newCore(t, s, "", nil)
	s.Refuse("Throttled: Reconnecting too fast")
	err := c.start().ended()
	wantKind(t, err, network.RateLimited, "slowly")
	if network.WaitOf(err) < 30*time.Second {
		t.Errorf("waits only %v", network.WaitOf(err))
	}
	s.Refuse("K-Lined: spam")
	wantKind(t, c.start().ended(), network.LoggedOut, "K-Lined: spam")
	s.Refuse("")
	r := c.online()
	s.Kill("relay", "go away")
	err = r.ended()
	wantKind(t, err, network.RateLimited, "go away")
	if network.WaitOf(err) < time.Minute {
		t.Errorf("after a KILL it waits only %v", network.WaitOf(err))
	}
}

func TestPingTimeout(t *testing.T) {
	cfg := ircfake.Modern()
	s := startFake(t, cfg)
	c := newCore(t, s, "ping_interval: 50ms\nping_timeout: 50ms", nil)
	r := c.online()
	s.Pause()
	wantKind(t, r.ended(), network.Unavailable, "does not answer")
	s.Resume()
}

func TestSilentServer(t *testing.T) {
	s := startFake(t, ircfake.Modern())
	s.Pause()
	c := newCore(t, s, "connect_timeout: 100ms", nil)
	wantKind(t, c.start().ended(), network.Unavailable, "does not answer")
	s.Resume()
}

func TestJoinAtStart(t *testing.T) {
	s := startFake(t, ircfake.Modern())
	s.User("bob").Join("#locked", "#open", "#banned")
	s.Mode("#locked", "+k", "key")
	s.Mode("#banned", "+b", "relay!*@*")
	c := newCore(t, s, "autojoin: [{name: '#locked', key: key}]\nuser_modes: +i\non_connect: ['AWAY :bridge']", nil)
	c.chats = []network.ChatKey{{ID: "#open"}, {ID: "#banned"}, {ID: "bob", Login: relayID}}
	for i := range 100 { // more than fit into one line
		c.chats = append(c.chats, network.ChatKey{ID: network.ChatID(fmt.Sprintf("#channel-number-%d", i))})
	}
	r := c.online()
	for _, ch := range []string{"#locked", "#open", "#channel-number-99"} {
		if !s.In(ch, "relay") {
			t.Errorf("%s is not joined", ch)
		}
	}
	if n := r.notice("banned"); n.Chat.ID != "#banned" {
		t.Errorf("that we are banned is told in %v", n.Chat)
	}
	_, err := r.send("#banned", network.Text("hi"))
	wantKind(t, err, network.Rejected, "banned")
	s.Mode("#banned", "-b", "relay!*@*")
	if err := s.Wait(t.Context(), func() bool { return s.In("#banned", "relay") }); err != nil {
		t.Error(err)
	}
	r.stop()
	if n := count(c, func(n *network.ServiceNotice) bool { return strings.Contains(n.Parts[0].Text.String(), "banned") }); n != 1 {
		t.Errorf("the ban was told %d times", n)
	}
	// The key that was learned is kept for the next connection.
	c2 := newCore(t, s, "", nil)
	c2.values, c2.chats = c.values, []network.ChatKey{{ID: "#locked"}}
	r = c2.online()
	if !s.In("#locked", "relay") {
		t.Error("the key of #locked was forgotten")
	}
	r.stop()
}

func TestMOTDOnce(t *testing.T) {
	cfg := ircfake.Modern()
	cfg.MOTD = []string{"Welcome,", "  \x02friend\x02"}
	s := startFake(t, cfg)
	c := newCore(t, s, "", nil)
	r := c.online()
	if n := r.notice("Welcome"); !n.Chat.IsZero() || strings.Contains(n.Parts[0].Text.String(), "\x02") {
		t.Errorf("the message of the day is %+v", n)
	}
	r.stop()
	c.online().stop()
	if n := count(c, func(*network.ServiceNotice) bool { return true }); n != 1 {
		t.Errorf("the message of the day came %d times", n)
	}
}

func TestQuitIsSaid(t *testing.T) {
	s := startFake(t, ircfake.Modern())
	bob := s.User("bob")
	bob.Join("#a")
	r := newCore(t, s, "quit_message: gone fishing", nil).online("#a")
	r.stop()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := s.Wait(ctx, func() bool { return s.Clients() == 0 }); err != nil {
		t.Fatal(err)
	}
	var quits []string
	for _, m := range bob.Heard() {
		if m.Command == "QUIT" {
			quits = append(quits, m.Params[0])
		}
	}
	if !slices.Equal(quits, []string{"Quit: gone fishing"}) {
		t.Errorf("bob saw the quits %q", quits)
	}
}
