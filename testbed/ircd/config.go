package ircd

import (
	_ "embed"
	"fmt"
	"net"
	"os"
	"strings"
	"text/template"
)

// dhParameters are the group ffdhe2048 of RFC 7919. Without them ngIRCd makes
// parameters of its own at its start, which takes minutes.
//
//go:embed ffdhe2048.pem
var dhParameters []byte

// inspircdModules are loaded: all that Debian's package has of IRCv3.
const inspircdModules = `ssl_gnutls cap ircv3 ircv3_accounttag ircv3_batch ircv3_capnotify ircv3_chghost
	ircv3_ctctags ircv3_echomessage ircv3_invitenotify ircv3_labeledresponse ircv3_msgid
	ircv3_servertime services_account cgiirc`

// Limits are off and so is fakelag, the delaying of those who talk fast: tests
// come from one address and talk as fast as they can.
const inspircdConfig = `
<server name="insp.test" description="Causeway testbed" network="Test">
<admin name="admin" nick="admin" email="admin@insp.test">
<bind address="{{.Host}}" port="{{.Plain}}" type="clients">
<bind address="{{.Host}}" port="{{.TLS}}" type="clients" sslprofile="Clients">
{{range .Modules}}<module name="{{.}}">
{{end}}<sslprofile name="Clients" provider="gnutls" certfile="{{.Dir}}/cert.pem" keyfile="{{.Dir}}/key.pem" requestclientcert="yes">
{{with .WebIRC}}<cgihost type="webirc" password="{{.}}" mask="127.0.0.1">
{{end}}<connect name="all" allow="*" {{with .Password}}password="{{.}}" {{end}}timeout="30" pingfreq="120" hardsendq="10M" softsendq="1M" recvq="64K" threshold="10000" commandrate="100000" fakelag="no" localmax="20000" globalmax="20000" limit="20000" maxchans="1000" maxconnwarn="no" resolvehostnames="no" useident="no" modes="">
<performance softlimit="20000" somaxconn="1024" netbuffersize="10240" clonesonconnect="no" quietbursts="yes">
<options splitwhois="no" defaultmodes="not" syntaxhints="no" casemapping="ascii" nosnoticestack="no">
<security announceinvites="dynamic" maxtargets="20">
<limits maxnick="30" maxchan="64" maxuser="10" maxtopic="307" maxline="512">
<dns server="127.0.0.1" timeout="1">
<files motd="/dev/null">
`

const ngircdConfig = `
[Global]
Name = ng.test
Info = Causeway testbed
Listen = {{.Host}}
Ports = {{.Plain}}
AdminInfo1 = admin
MotdPhrase = hello
{{with .Password}}Password = {{.}}
{{end}}
[Limits]
ConnectRetry = 60
MaxConnections = 0
MaxConnectionsIP = 0
MaxJoins = 1000
MaxNickLength = 30
MaxPenaltyTime = 0
PingTimeout = 120
PongTimeout = 20
[Options]
DNS = no
Ident = no
PAM = no
OperCanUseMode = no
{{with .WebIRC}}WebircPassword = {{.}}
{{end}}
[SSL]
CertFile = {{.Dir}}/cert.pem
KeyFile = {{.Dir}}/key.pem
DHFile = {{.Dir}}/dh.pem
Ports = {{.TLS}}
`

// writeConfig writes the server's configuration.
func (s *Server) writeConfig(o Options) error {
	host, plain, err := net.SplitHostPort(s.plain)
	if err != nil {
		return err
	}
	_, secure, err := net.SplitHostPort(s.tls)
	if err != nil {
		return err
	}
	for _, p := range []string{o.Password, o.WebIRCPassword} {
		if strings.ContainsAny(p, "\"&<>\r\n ") {
			return fmt.Errorf("a password of an IRC server may not hold %q", p)
		}
	}
	text := inspircdConfig
	if s.kind == NgIRCd {
		text = ngircdConfig
	}
	t, err := template.New(string(s.kind)).Parse(text)
	if err != nil {
		return err
	}
	var out strings.Builder
	err = t.Execute(&out, map[string]any{
		"Host": host, "Plain": plain, "TLS": secure, "Dir": s.dir,
		"Password": o.Password, "WebIRC": o.WebIRCPassword,
		"Modules": strings.Fields(inspircdModules),
	})
	if err != nil {
		return err
	}
	return os.WriteFile(s.file("ircd.conf"), []byte(out.String()), 0o644)
}

// arguments are those that keep the server in the foreground.
func (s *Server) arguments() []string {
	if s.kind == NgIRCd {
		return []string{"--nodaemon", "--config", s.file("ircd.conf")}
	}
	args := []string{"--config=" + s.file("ircd.conf"), "--nofork", "--nopid", "--nolog"}
	if os.Getuid() == 0 {
		args = append(args, "--runasroot")
	}
	return args
}
