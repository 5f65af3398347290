package matterbridge

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/causeway-chat/causeway/bridgekit/config"
)

const file = "matterbridge.toml"

func TestConvert(t *testing.T) {
	in, err := os.ReadFile("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Convert(file, in)
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile("testdata/want.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("want.yaml and what is printed differ (-want +got):\n%s", diff)
	}
	for _, secret := range []string{"-secret", "4711471147114711"} {
		if !bytes.Contains(in, []byte(secret)) {
			t.Errorf("the file has no %q to keep", secret)
		}
		if bytes.Contains(got, []byte(secret)) {
			t.Errorf("%q is printed", secret)
		}
	}
}

// TestWrong: each error has file, line and column, says what to do, and keeps values.
func TestWrong(t *testing.T) {
	for in, want := range map[string]string{
		"[irc.a]\nPassword=hunter2\n":             "matterbridge.toml:2:10: this is not TOML: unexpected character",
		"[irc.a]\nPassword=\"hunter2\n":           "matterbridge.toml:2:18: this is not TOML: basic strings cannot have new lines; texts stand in double quotes",
		"[irc.a]\nNick=\"a\"\nNick=\"hunter2\"\n": "matterbridge.toml:3:1: this is not TOML: key Nick is already defined",
		"[irc.a]\nServer=[\"hunter2\"]\n":         "matterbridge.toml:2:8: irc.a.Server has a value of another kind than in matterbridge",
		"[irc]\nlibera=\"hunter2\"\n":             "matterbridge.toml:2:8: irc.libera has a value of another kind",
		"gateway=\"hunter2\"\n":                   "matterbridge.toml:1:9: gateway has a value of another kind",
		"{\"irc\": \"hunter2\"}":                  "matterbridge.toml:1:1: this is not TOML",
	} {
		out, err := Convert(file, []byte(in))
		var problems config.Problems
		if !errors.As(err, &problems) || len(problems) != 1 || len(out) > 0 {
			t.Errorf("%q: %q, %v", in, out, err)
			continue
		}
		if text := err.Error(); !strings.HasPrefix(text, want) || strings.Contains(text, "hunter") || strings.Contains(text, "\n") {
			t.Errorf("%q:\n got %s\nwant %s", in, text, want)
		}
	}
}

// TestParts: what single lines of the file become.
func TestParts(t *testing.T) {
	const irc = "[irc.a]\nServer=\"a:6697\"\nUseTLS=true\nNick=\"nick\"\n"
	const room = "[[gateway]]\nname=\"g\"\nenable=true\n"
	for name, one := range map[string]struct{ in, has, lacks string }{
		"nothing":         {"", "It has no networks that Causeway can bridge", "networks:\n"},
		"any certificate": {irc + "SkipTLSVerify=\"true\"", "    tls_verify: false\n", "tls: false"},
		"certificate":     {irc + "TLSClientCertificate=\"cert.pem\"", "    tls_cert: cert.pem\n", "sasl"},
		"Q":               {irc + "NickServNick=\"Q@CServe.quakenet.org\"\nNickServPassword=\"x\"\nNickServUsername=\"u\"", "on_connect", "sasl"},
		"charset":         {irc + "Charset=\"iso-8859-15\"", "    charset: iso-8859-15\n", "not known"},
		"no charset":      {irc + "Charset=\"cp437\"", "Charset of [irc.a]: \"cp437\" is not known here", "    charset:"},
		"no nick":         {"[irc.a]\nServer=\"a:6697\"", "[irc.a] needs a Server and a Nick", "    nick"},
		"same name":       {"[irc.a-b]\nServer=\"a\"\n[irc.a_b]\nServer=\"b\"", "[irc.a_b] cannot become a network of that name, or there is another", "server: b\n"},
		"legacy":          {"[slack-legacy.b]\nToken=\"x\"", "  slack.b:\n", "cannot"},
		"off by default":  {irc + "StripNick=false\nLabel=\"\"\nReplaceNicks=[]\nJoinDelay=0", "nick: nick", "Not as it was"},
		"one line":        {irc + room + "[[gateway.inout]]\naccount=\"irc.a\"\nchannel=\"#x\\nevil: true\"", "#x evil: true", "\nevil"},
		"no section":      {irc + room + "[[gateway.inout]]\naccount=\"irc.b\"\nchannel=\"#x\"", "gateway g: there is no section [irc.b]", "plumb irc"},
		"nothing left":    {room + "[[gateway.inout]]\naccount=\"xmpp.a\"\nchannel=\"x\"", "nothing of it can be carried over", "invite xmpp"},
		"option": {irc + room + "[[gateway.inout]]\naccount=\"discord.a\"\nchannel=\"x\"\n[gateway.inout.options]\nWebhookURL=\"secret\"",
			"matterbridge.toml:12: gateway.inout.options.WebhookURL: it is for a protocol that stays behind", "secret"},
		"one left": {irc + room + "[[gateway.inout]]\naccount=\"irc.a\"\nchannel=\"#x\"", "#     join irc.a #x\n", "!cw plumb irc"},
		"only read": {irc + room + "[[gateway.inout]]\naccount=\"irc.a\"\nchannel=\"#x\"\n[[gateway.in]]\naccount=\"matrix.m\"\nchannel=\"#r:e\"",
			"#r:e is only read; in Causeway a room shows every network", "direction"},
		"only written to": {irc + room + "[[gateway.in]]\naccount=\"irc.a\"\nchannel=\"#x\"\n[[gateway.out]]\naccount=\"matrix.m\"\nchannel=\"#r:e\"",
			"!cw hub set irc.a direction in", "whoever may write"},
		"two rooms": {irc + room + "[[gateway.inout]]\naccount=\"irc.a\"\nchannel=\"#x\"\n[[gateway.inout]]\naccount=\"matrix.m\"\nchannel=\"#r:e\"\n[[gateway.inout]]\naccount=\"matrix.m\"\nchannel=\"#s:e\"",
			"#s:e is a second Matrix room", "in the room #s:e"},
		"two directions": {irc + room + "[[gateway.in]]\naccount=\"irc.a\"\nchannel=\"#x\"\n[[gateway.out]]\naccount=\"irc.a\"\nchannel=\"#y\"",
			"#x of irc.a and #y of irc.a take messages in different directions", "direction out"},
		"two channels": {irc + room + "[[gateway.inout]]\naccount=\"irc.a\"\nchannel=\"#x\"\n[[gateway.inout]]\naccount=\"irc.a\"\nchannel=\"#y\"",
			"    # hub_with: [irc.a]\n", "direction"},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := Convert(file, []byte(one.in))
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(string(out), one.has) || strings.Contains(string(out), one.lacks) {
				t.Errorf("want %q and not %q in\n%s", one.has, one.lacks, out)
			}
		})
	}
}
