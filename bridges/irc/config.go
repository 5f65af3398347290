package irc

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/text/encoding/htmlindex"
)

// Config is the network's part of the configuration. Every text may also come
// from a file or the environment, by the key with _file or _env behind it, which
// is how secrets should be given.
type Config struct {
	Name    string   `yaml:"name"`    // for people; default: the server's host name
	Server  string   `yaml:"server"`  // host:port, or host
	Servers []string `yaml:"servers"` // more of them, tried in order

	TLS        *bool  `yaml:"tls"`        // default true
	TLSCA      string `yaml:"tls_ca"`     // file with the PEM certificates to trust instead of the system's
	TLSVerify  *bool  `yaml:"tls_verify"` // default true; false accepts any certificate
	TLSCert    string `yaml:"tls_cert"`   // file with a client certificate, for SASL EXTERNAL
	TLSKey     string `yaml:"tls_key"`    // file with its key; default: in tls_cert
	ServerName string `yaml:"server_name"`

	Password string `yaml:"password"` // of the server, for everybody

	// The relay is a connection that speaks for people without a login.
	Relay    *bool  `yaml:"relay"` // default true
	Nick     string `yaml:"nick"`  // the relay's
	Username string `yaml:"username"`
	Realname string `yaml:"realname"`
	SASL     *SASL  `yaml:"sasl"`
	// NickServ is the service to identify to where SASL is not offered;
	// "-" for none. Default "NickServ".
	NickServ  string     `yaml:"nickserv"`
	Channels  []Autojoin `yaml:"autojoin"`
	OnConnect []string   `yaml:"on_connect"` // raw lines to send after connecting
	UserModes string     `yaml:"user_modes"` // such as "+iw"
	Quit      string     `yaml:"quit_message"`

	// Charset decodes lines that are not UTF-8. Default windows-1252.
	Charset  string `yaml:"charset"`
	Flood    Flood  `yaml:"flood"`
	MaxLines int    `yaml:"max_lines"` // longer texts become a link; default 5
	// HardLines is the limit where no link can be made. Default 25.
	HardLines int `yaml:"hard_lines"`

	PingInterval   time.Duration `yaml:"ping_interval"`   // silence after which the server is pinged; default 60s
	PingTimeout    time.Duration `yaml:"ping_timeout"`    // further silence after which it is gone; default 30s
	ConnectTimeout time.Duration `yaml:"connect_timeout"` // for connecting and signing in; default 30s
}

// SASL are the relay's credentials.
type SASL struct {
	Login    string `yaml:"login"` // account; default: the nick
	Password string `yaml:"password"`
}

// Autojoin is a channel that the relay joins.
type Autojoin struct {
	Name string `yaml:"name"`
	Key  string `yaml:"key"`
}

// Flood is how fast lines are sent.
type Flood struct {
	Lines float64 `yaml:"lines"` // per second; default 1.4
	Burst int     `yaml:"burst"` // at once, after silence; default 5
}

// Defaults of Config.
const (
	tlsPort   = "6697"
	plainPort = "6667"
)

// settings is a Config that was checked and filled.
type settings struct {
	Config
	addrs []string // host:port
	tls   bool
	relay bool
}

// check fills c with defaults and says which field is wrong.
func check(c Config) (settings, error) {
	s := settings{Config: c, tls: c.TLS == nil || *c.TLS, relay: c.Relay == nil || *c.Relay}
	if s.TLSVerify != nil && !*s.TLSVerify && s.TLSCA != "" {
		return s, errors.New("tls_verify: false and tls_ca contradict each other")
	}
	if !s.tls && (s.TLSCA != "" || s.TLSCert != "") {
		return s, errors.New("tls: tls_ca and tls_cert need it to be true")
	}
	if err := s.servers(); err != nil {
		return s, err
	}
	if err := s.identity(); err != nil {
		return s, err
	}
	s.fill()
	if _, err := htmlindex.Get(s.Charset); err != nil {
		return s, fmt.Errorf("charset: %q is not known; try windows-1252 or iso-8859-15", s.Charset)
	}
	if s.Flood.Lines < 0 || s.Flood.Burst < 0 {
		return s, errors.New("flood: lines and burst cannot be negative")
	}
	for _, line := range s.OnConnect {
		if strings.ContainsAny(line, "\r\n\x00") || strings.TrimSpace(line) == "" {
			return s, fmt.Errorf("on_connect: %q is not one line", line)
		}
	}
	if strings.ContainsAny(s.UserModes+s.NickServ, " \r\n\x00") {
		return s, errors.New("user_modes and nickserv: write them without spaces")
	}
	return s, nil
}

// servers fills addrs.
func (s *settings) servers() error {
	list := slices.Clone(s.Config.Servers)
	if s.Server != "" {
		list = append([]string{s.Server}, list...)
	}
	if len(list) == 0 {
		return errors.New("server: name the IRC server, such as irc.libera.chat:6697")
	}
	port := tlsPort
	if !s.tls {
		port = plainPort
	}
	for _, one := range list {
		host, p, err := net.SplitHostPort(one)
		if err != nil {
			host, p = strings.Trim(one, "[]"), port
		}
		if host == "" || p == "" || strings.ContainsAny(host, " /@") {
			return fmt.Errorf("server: %q is not host:port", one)
		}
		s.addrs = append(s.addrs, net.JoinHostPort(host, p))
	}
	if s.Name == "" {
		s.Name, _, _ = net.SplitHostPort(s.addrs[0])
	}
	return nil
}

// identity checks what the relay is called and where it goes.
func (s *settings) identity() error {
	if !s.relay {
		if len(s.Channels) > 0 {
			return errors.New("autojoin: only a relay joins channels by itself, and relay is false")
		}
		return nil
	}
	if s.Nick == "" {
		return errors.New("nick: choose one for the relay, or set relay to false")
	}
	if err := checkNick(s.Nick); err != nil {
		return fmt.Errorf("nick: %w", err)
	}
	for _, ch := range s.Channels {
		if err := checkChannel(ch.Name, ""); err != nil {
			return fmt.Errorf("autojoin: %w", err)
		}
		if err := checkKey(ch.Key); err != nil {
			return fmt.Errorf("autojoin: %s: %w", ch.Name, err)
		}
	}
	if s.SASL != nil && s.SASL.Password == "" && s.TLSCert == "" {
		return errors.New("sasl: give a password (password_file keeps it out of here), or tls_cert for a certificate")
	}
	return nil
}

// fill sets defaults.
func (s *settings) fill() {
	orText := func(p *string, v string) {
		if *p == "" {
			*p = v
		}
	}
	orTime := func(p *time.Duration, v time.Duration) {
		if *p <= 0 {
			*p = v
		}
	}
	orText(&s.Username, "causeway")
	orText(&s.Realname, "Causeway, a Matrix bridge")
	orText(&s.NickServ, "NickServ")
	orText(&s.Quit, "Leaving")
	orText(&s.Charset, "windows-1252")
	if s.Flood.Lines == 0 {
		s.Flood.Lines = 1.4
	}
	if s.Flood.Burst == 0 {
		s.Flood.Burst = 5
	}
	if s.MaxLines <= 0 {
		s.MaxLines = 5
	}
	if s.HardLines <= 0 {
		s.HardLines = 25
	}
	s.HardLines = max(s.HardLines, s.MaxLines)
	orTime(&s.PingInterval, time.Minute)
	orTime(&s.PingTimeout, 30*time.Second)
	orTime(&s.ConnectTimeout, 30*time.Second)
}

// tlsConfig reads the certificates.
func (s *settings) tlsConfig() (*tls.Config, error) {
	if !s.tls {
		return nil, nil
	}
	cfg := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: s.ServerName}
	if s.TLSVerify != nil && !*s.TLSVerify {
		cfg.InsecureSkipVerify = true
	}
	if s.TLSCA != "" {
		pem, err := os.ReadFile(s.TLSCA)
		if err != nil {
			return nil, fmt.Errorf("tls_ca: %w", err)
		}
		cfg.RootCAs = x509.NewCertPool()
		if !cfg.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("tls_ca: no PEM certificate in %s", s.TLSCA)
		}
	}
	if s.TLSCert != "" {
		key := s.TLSKey
		if key == "" {
			key = s.TLSCert
		}
		cert, err := tls.LoadX509KeyPair(s.TLSCert, key)
		if err != nil {
			return nil, fmt.Errorf("tls_cert: %w", err)
		}
		cfg.Certificates = []tls.Certificate{cert}
	}
	return cfg, nil
}
