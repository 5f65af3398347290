package main

import (
	"net"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/causeway-chat/causeway/bridgekit/config"
)

// parseConfig is a configuration with more below the required two lines.
func parseConfig(t *testing.T, more string) *config.Config {
	t.Helper()
	c, err := config.Parse("causeway.yaml", []byte("homeserver: {url: 'http://localhost:8008', domain: example.org}\nkey: "+
		strings.Repeat("0f", 32)+"\n"+more), func(string) (string, bool) { return "", false })
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestListenFor(t *testing.T) {
	for url, want := range map[string]string{
		"http://localhost:29350":       "127.0.0.1:29350",
		"http://127.0.0.1:1":           "127.0.0.1:1",
		"http://[::1]:1":               "[::1]:1",
		"http://causeway:29350":        "0.0.0.0:29350 no one else",
		"http://10.0.0.2:1":            "0.0.0.0:1 no one else",
		"https://causeway.example.org": "127.0.0.1:29350 reverse proxy",
		"https://localhost:8443":       "127.0.0.1:29350 reverse proxy",
		"http://causeway":              "127.0.0.1:29350 reverse proxy",
	} {
		listen, note := listenFor(url)
		address, words, _ := strings.Cut(want, " ")
		if listen != address || !strings.Contains(note, words) || (words == "" && note != "") {
			t.Errorf("%s: %s, %q; want %s", url, listen, note, want)
		}
		if _, _, err := net.SplitHostPort(listen); err != nil {
			t.Errorf("%s: %v", url, err)
		}
	}
}

func TestIRCNetworks(t *testing.T) {
	for flags, want := range map[string]string{
		"irc.libera.chat":            "irc.libera: irc.libera.chat:6697",
		"irc.libera.chat:7000":       "irc.libera: irc.libera.chat:7000",
		"IRC.OFTC.net":               "irc.oftc: IRC.OFTC.net:6697",
		"work=chat.example.org:6697": "irc.work: chat.example.org:6697",
		"example.org:6667":           "irc.example: example.org:6667 plain",
		"localhost:6668":             "irc.localhost: localhost:6668 plain",
		"127.0.0.1:6668":             "irc.local: 127.0.0.1:6668 plain",
		"[::1]:6668":                 "irc.local: [::1]:6668 plain",
		"[2001:db8::1]":              "irc.local: [2001:db8::1]:6697",
		"a=x:1,b=x:1":                "irc.a: x:1, irc.b: x:1",
		"irc.a.net,irc.a.org":        "two networks would be irc.a",
		"A=x:1":                      "lower-case",
		"x:irc":                      "is not a server",
		"":                           "is not a server",
		"http://x":                   "is not a server",
		"irc.under_score.net":        "name it yourself: --irc NAME=irc.under_score.net:6697",
	} {
		list, err := ircNetworks(strings.Split(flags, ","), "nick")
		var got []string
		for _, e := range list {
			section := e.value.([]entry)
			text := e.key + ": " + section[0].value.(string)
			if len(section) == 3 && section[2].key == "tls" && section[2].value == false {
				text += " plain"
			}
			got = append(got, text)
		}
		if err != nil {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%q: %v, want %s", flags, err, want)
			}
		} else if strings.Join(got, ", ") != want {
			t.Errorf("%q: %q, want %s", flags, got, want)
		}
	}
	for _, nick := range []string{"", "a b", "a\r\nQUIT"} {
		if _, err := ircNetworks([]string{"x:1"}, nick); err == nil {
			t.Errorf("nick %q: no error", nick)
		}
	}
}

func TestQuote(t *testing.T) {
	for s, want := range map[string][2]string{
		"/srv/causeway/a.yaml": {"/srv/causeway/a.yaml", "/srv/causeway/a.yaml"},
		"/srv/my files/a":      {"'/srv/my files/a'", "'/srv/my files/a'"},
		"/srv/it's/a":          {`'/srv/it'\''s/a'`, `'/srv/it''s/a'`},
		"/srv/a:b":             {"/srv/a:b", "'/srv/a:b'"},
		"/srv/$HOME/a#b":       {"'/srv/$HOME/a#b'", "'/srv/$HOME/a#b'"},
	} {
		if diff := cmp.Diff(want, [2]string{shellQuote(s), yamlQuote(s)}); diff != "" {
			t.Errorf("%s: -want +got\n%s", s, diff)
		}
	}
}

func TestLicences(t *testing.T) {
	for modules, want := range map[string]string{
		"": "Apache-2.0",
		"maunium.net/go/mautrix go.mau.fi/util x":         "Apache-2.0; it contains maunium.net/go/mautrix, go.mau.fi/util under MPL-2.0",
		"maunium.net/go/mautrix go.mau.fi/libsignal more": "GPL-3.0 as a whole",
	} {
		b := build{modules: map[string]bool{}}
		for _, m := range strings.Fields(modules) {
			b.modules[m] = true
		}
		if got := b.licences(); !strings.HasPrefix(got, want) {
			t.Errorf("%s: %s", modules, got)
		}
	}
}
