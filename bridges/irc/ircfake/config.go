package ircfake

import (
	"crypto/tls"
	"time"
)

// Config says what kind of server it is. The zero value is a legacy server.
type Config struct {
	Name    string // of the server; default "irc.test"
	Network string // ISUPPORT NETWORK; default "Test"
	// Caps are offered with CAP LS, as name or name=value; nil: the server does
	// not know the CAP command.
	Caps []string
	// ISupport are further tokens of RPL_ISUPPORT.
	ISupport    []string
	CaseMapping string // "ascii" or "rfc1459" (default)
	Password    string // that PASS must give; empty: none
	// Accounts are the passwords for SASL PLAIN and NickServ, by account.
	Accounts map[string]string
	// Certs are the accounts for SASL EXTERNAL, by the common name of the
	// client's certificate.
	Certs map[string]string
	// Ops are nicks that become operators wherever they join.
	Ops []string
	// NickServ is present and identifies people.
	NickServ bool
	TLS      *tls.Config // nil: plain
	LineLen  int         // bytes of a line without tags; default 512
	NickLen  int         // default 30
	TopicLen int         // default 390
	MOTD     []string    // nil: none
	// Flood is how many lines a client may send within a second; who sends more
	// is disconnected. 0: no limit.
	Flood int
	// History is how many messages CHATHISTORY returns at once.
	History int
	Host    string        // of every client; default "host.test"
	Ping    time.Duration // how often clients are pinged; 0: never
	// NoPong: the server never answers PING, as one that hangs.
	NoPong bool
}

// Modern is a server with everything.
func Modern() Config {
	return Config{
		Caps: []string{
			"sasl=PLAIN,EXTERNAL", "message-tags", "server-time", "echo-message", "labeled-response", "batch",
			"multi-prefix", "account-tag", "account-notify", "extended-join", "away-notify", "chghost", "setname",
			"invite-notify", "cap-notify", "draft/chathistory", "draft/message-redaction",
			"draft/multiline=max-bytes=4096,max-lines=24",
		},
		CaseMapping: "ascii",
		History:     100,
		Accounts:    map[string]string{},
		Certs:       map[string]string{},
	}
}

// Legacy is a server without any extension.
func Legacy() Config { return Config{Accounts: map[string]string{}} }

// filled is c with its defaults.
func (c Config) filled() Config {
	def := func(s *string, v string) {
		if *s == "" {
			*s = v
		}
	}
	num := func(n *int, v int) {
		if *n == 0 {
			*n = v
		}
	}
	def(&c.Name, "irc.test")
	def(&c.Network, "Test")
	def(&c.CaseMapping, "rfc1459")
	def(&c.Host, "host.test")
	num(&c.LineLen, 512)
	num(&c.NickLen, 30)
	num(&c.TopicLen, 390)
	num(&c.History, 100)
	return c
}
