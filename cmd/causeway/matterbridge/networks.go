package matterbridge

import (
	"bytes"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	"golang.org/x/text/encoding/htmlindex"

	"github.com/causeway-chat/causeway/bridgekit/config"
	"github.com/causeway-chat/causeway/bridgekit/hub"
)

// section is a network of causeway.yaml, of either protocol, in the order in which
// people read it. Secrets are the names of files.
type section struct {
	Server       string    `yaml:"server,omitempty"`
	TLS          *bool     `yaml:"tls,omitempty"`
	TLSVerify    *bool     `yaml:"tls_verify,omitempty"`
	TLSCert      string    `yaml:"tls_cert,omitempty"`
	PasswordFile string    `yaml:"password_file,omitempty"`
	Nick         string    `yaml:"nick,omitempty"`
	Username     string    `yaml:"username,omitempty"`
	Realname     string    `yaml:"realname,omitempty"`
	SASL         *sasl     `yaml:"sasl,omitempty"`
	NickServ     string    `yaml:"nickserv,omitempty"`
	Charset      string    `yaml:"charset,omitempty"`
	Channels     []channel `yaml:"autojoin,omitempty"`
	BotToken     string    `yaml:"bot_token_file,omitempty"`
	AppToken     string    `yaml:"app_token_file,omitempty"`
	RelayFormat  string    `yaml:"relay_format,omitempty"`
}

type sasl struct {
	Login        string `yaml:"login,omitempty"`
	PasswordFile string `yaml:"password_file"`
}

type channel struct {
	Name    string `yaml:"name"`
	KeyFile string `yaml:"key_file"`
}

// A net is a network that comes over.
type net struct {
	id      string
	section section
	joins   bool     // it is told who comes and goes elsewhere
	meets   []string // networks that its operators have to let it meet
}

// networks makes the sections of all accounts that Causeway has protocols for.
func (c *conversion) networks() {
	for _, name := range slices.Sorted(maps.Keys(c.doc.IRC)) {
		if n := c.network("irc", name); n != nil {
			c.irc(n, "irc."+name, c.doc.IRC[name])
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.doc.Slack)) {
		c.slack("slack", name, c.doc.Slack[name].ShowJoinPart)
	}
	for _, name := range slices.Sorted(maps.Keys(c.doc.SlackLegacy)) {
		c.slack("slack-legacy", name, c.doc.SlackLegacy[name].ShowJoinPart)
	}
}

// network notes the network of an account under a name that Causeway takes; nil if
// there is none.
func (c *conversion) network(protocol, name string) *net {
	from := protocol + "." + name
	old := strings.ToLower(from)
	clean := regexp.MustCompile(`[^a-z0-9-]+`).ReplaceAllString(strings.ToLower(name), "-")
	id := strings.TrimSuffix(protocol, "-legacy") + "." + clean
	taken := func(n *net) bool { return n.id == id }
	switch {
	case config.CheckNetworkName(id) != nil || slices.ContainsFunc(c.nets, taken):
		c.lost("[%s] cannot become a network of that name, or there is another: name it with lower-case letters, digits and hyphens in %s, and in its gateways", from, c.file)
		return nil
	case id != old:
		c.lost("[%s] is called %s: the name is in the Matrix IDs of its people", from, id)
	}
	n := &net{id: id}
	c.nets, c.byAccount[old] = append(c.nets, n), n
	return n
}

func (c *conversion) irc(n *net, from string, a account) {
	off := false
	s := &n.section
	s.Server, s.Nick, s.Username, s.Realname = a.Server.s, a.Nick.s, a.UserName.s, a.RealName.s
	n.joins = a.ShowJoinPart.yes()
	if s.Server == "" || s.Nick == "" {
		c.lost("[%s] needs a Server and a Nick: write server and nick into %s of causeway.yaml", from, n.id)
	}
	switch {
	case !a.UseTLS.yes():
		s.TLS = &off
		c.lost("[%s] has no TLS, and password and messages can be read on their way: take tls: false out if the server has it, usually on port 6697", from)
	case a.SkipTLSVerify.yes():
		s.TLSVerify = &off
	}
	if cert := a.TLSClientCertificate.s; cert != "" && s.TLS == nil {
		s.TLSCert = cert
	}
	if a.Password.s != "" {
		s.PasswordFile = c.secret(n, "password", "Password of ["+from+"]")
	}
	switch {
	case a.NickServPassword.s == "":
	case strings.Contains(a.NickServNick.s, "@"):
		c.lost("[%s] signs in to %s, which Causeway does not know: write the line into on_connect, in a configuration that only you can read", from, a.NickServNick.s)
	case a.UseSASL.yes():
		s.SASL = &sasl{Login: a.NickServNick.s, PasswordFile: c.secret(n, "sasl-password", "NickServPassword of ["+from+"]")}
	default:
		s.SASL = &sasl{PasswordFile: c.secret(n, "sasl-password", "NickServPassword of ["+from+"]")}
		s.NickServ = a.NickServNick.s
	}
	if a.Charset.s != "" {
		if _, err := htmlindex.Get(a.Charset.s); err == nil {
			s.Charset = a.Charset.s
		} else {
			c.lost("Charset of [%s]: %q is not known here: set charset to another name of it", from, a.Charset.s)
		}
	}
	if a.RemoteNickFormat.s != "" {
		c.relayFormat(s, from, a.RemoteNickFormat.s)
	}
}

// relayFormat carries a RemoteNickFormat over if it has only what Causeway knows.
func (c *conversion) relayFormat(s *section, from, format string) {
	replace := strings.NewReplacer("{NICK}", "{name}", "{NOPINGNICK}", "{name}", "{PROTOCOL}", "{network}", "{BRIDGE}", "{network}")
	ours := replace.Replace(format)
	if _, err := hub.ParseFormat(ours); err != nil {
		c.lost("RemoteNickFormat of [%s]: relay_format has {name}, {network} and {mxid} only (docs/hub-rooms.md); without it people are shown as <name>", from)
		return
	}
	s.RelayFormat = ours
}

func (c *conversion) slack(protocol, name string, joins text) {
	n := c.network(protocol, name)
	if n == nil {
		return
	}
	n.joins = joins.yes()
	n.section.BotToken = c.secret(n, "bot-token", "a new app's bot token, xoxb-…")
	n.section.AppToken = c.secret(n, "app-token", "the same app's token for its socket, xapp-…")
	c.lost("Token of [%s.%s]: Causeway needs an app of its own, with other scopes. Make it from what \"causeway slack manifest\" prints; docs/slack.md has the steps", protocol, name)
}

// secret names the file for a secret.
func (c *conversion) secret(n *net, what, holds string) string {
	file := strings.ReplaceAll(n.id, ".", "-") + "-" + what
	c.secrets = append(c.secrets, file+": "+holds)
	return file
}

// write writes the section of a network.
func (n *net) write(b *bytes.Buffer) error {
	var out bytes.Buffer
	enc := yaml.NewEncoder(&out)
	enc.SetIndent(2)
	if err := enc.Encode(n.section); err != nil {
		return fmt.Errorf("write %s: %w", n.id, err)
	}
	fmt.Fprintf(b, "  %s:\n", n.id)
	for line := range strings.Lines(out.String()) {
		b.WriteString("    " + line)
	}
	if len(n.meets) > 0 {
		fmt.Fprintf(b, "    # hub_with: [%s]\n", strings.Join(n.meets, ", "))
	}
	return nil
}
