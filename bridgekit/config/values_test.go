package config

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestPermissions(t *testing.T) {
	p := Permissions{"@alice:example.org": LevelAdmin, "@mallory:example.org": LevelBlock, "example.org": LevelUser, "*": LevelRelay, "evil.example": LevelBlock, "localhost:8448": LevelUser}
	for mxid, want := range map[string]Level{
		"@alice:example.org":      LevelAdmin,
		"@mallory:example.org":    LevelBlock,
		"@bob:example.org":        LevelUser,
		"@bob:matrix.org":         LevelRelay,
		"@bob:evil.example":       LevelBlock,
		"@bob:localhost:8448":     LevelUser,
		"@alice:example.org.evil": LevelRelay,
		"*":                       LevelBlock,
		"example.org":             LevelBlock,
		"alice:example.org":       LevelBlock,
		"@alice":                  LevelBlock,
		"@alice:":                 LevelBlock,
		"":                        LevelBlock,
	} {
		if got := p.Of(mxid); got != want {
			t.Errorf("%q: got %s, want %s", mxid, got, want)
		}
	}
	if got := (Permissions)(nil).Of("@a:b"); got != LevelBlock {
		t.Errorf("without permissions: %s", got)
	}
	for l := LevelBlock; l <= LevelAdmin; l++ {
		var back Level
		if text, _ := l.MarshalText(); back.UnmarshalText(text) != nil || back != l {
			t.Errorf("%s does not survive", l)
		}
	}
	if got := Level(9).String(); got != "level 9" {
		t.Error(got)
	}
}

func TestSize(t *testing.T) {
	for text, want := range map[string]string{
		"0": "0", "1": "1", "1023": "1023", "1024": "1KiB", "1k": "1KiB", "512 MiB": "512MiB", "2GB": "2GiB", "3t": "3TiB", "1536MiB": "1536MiB", "10b": "10",
		"": "!", "-1": "!", "1.5G": "!", "1PB": "!", "MB": "!", "9999999999999T": "!", "1 0": "!",
	} {
		var s Size
		got := "!"
		if s.UnmarshalText([]byte(text)) == nil {
			got = s.String()
		}
		if got != want {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
	}
}

func TestDuration(t *testing.T) {
	for text, want := range map[string]string{
		"7d": "7d", "24h": "1d", "90m": "1h30m", "3m": "3m", "2h": "2h", "10s": "10s", "20m": "20m", "0s": "0s", "1d12h": "!", "d": "!", "-1d": "!", "40000d": "!", "7": "!",
	} {
		got := "!"
		if d, err := parseDuration(text); err == nil {
			got = formatDuration(d)
		}
		if got != want {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
	}
	if d, _ := parseDuration("7d"); d != 168*time.Hour {
		t.Error(d)
	}
}

func TestDatabase(t *testing.T) {
	for text, want := range map[string]string{
		"sqlite:causeway.db":                    "sqlite:causeway.db",
		"sqlite:/var/lib/causeway/causeway.db":  "sqlite:/var/lib/causeway/causeway.db",
		"postgres://u:p%40ss@h:5432/n":          "postgres://u@h:5432/n",
		"postgresql:///n?host=/run&password=pw": "postgresql:///n",
		"sqlite:":                               "!",
		"sqlite:///x":                           "!",
		"sqlite:x?mode=ro":                      "!",
		"postgres://u:p@h":                      "!",
		"postgres://u:p%zz@h/n":                 "!",
		"causeway.db":                           "!",
	} {
		var db Database
		got := "!"
		if err := db.UnmarshalText([]byte(text)); err == nil {
			got = db.String()
		} else if strings.Contains(err.Error(), "p%zz") {
			t.Errorf("%q: the password is in the error: %v", text, err)
		}
		if got != want {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
	}
}

// TestSecretsStayOut: neither the key nor the database's password is printed or logged.
func TestSecretsStayOut(t *testing.T) {
	c, err := parse(t, minimal+"database: postgres://me:hunter2@db/name\n", nil)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "%v %+v %s %x %d %v", c.Key, c.Key, c.Key, c.Key, &c.Key, struct{ K Key }{c.Key})
	timeless := func(_ []string, a slog.Attr) slog.Attr { // a time may hold any digits
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}
	slog.New(slog.NewJSONHandler(&b, &slog.HandlerOptions{ReplaceAttr: timeless})).Info("start", "key", c.Key, "database", c.Database)
	fmt.Fprint(&b, c.Database)
	for _, secret := range []string{testKey, "255", "hunter2"} {
		if strings.Contains(b.String(), secret) {
			t.Errorf("%s is in %s", secret, &b)
		}
	}
}

func TestChecks(t *testing.T) {
	for _, c := range []struct {
		check     func(string) error
		good, bad []string
	}{
		{CheckURL, []string{"http://localhost", "https://a.example:8448/x", "http://[::1]:1"},
			[]string{"localhost:8008", "ftp://a", "http://", "http://a:b@c", "http://a?x", "http://a#x", "http://a:99999", "http://a/b c", "http://%"}},
		{CheckDomain, []string{"example.org", "localhost", "localhost:8448", "1.2.3.4", "[::1]", "[::1]:80"},
			[]string{"https://example.org", "example.org/", "a b", "a_b", "[zz]", "[::g]", "a:b", "a:99999", "@a:b.c"}},
		{CheckUserID, []string{"@a:b", "@Old#Name:example.org:80"},
			[]string{"a:b", "@:b", "@a", "@a:", "@a b:c", "@ä:b", "@a:b c", "@" + strings.Repeat("a", 255) + ":b"}},
		{CheckLocalpart, []string{"causeway", "a.b_c=d/e-f+1"}, []string{"A", "a b", "", "ä", strings.Repeat("a", 101)}},
		{CheckListen, []string{"127.0.0.1:1", ":0", "[::1]:80", "localhost:65535"}, []string{"80", "a:", "a:http", "a:-1", "a b:1", "http://a:1"}},
		{CheckNetworkName, []string{"irc.libera", "whatsapp.a-1"}, []string{"irc", "irc.", ".a", "irc.A", "irc1.a", "irc.a.b", "irc.a_b"}},
	} {
		for _, s := range c.good {
			if err := c.check(s); err != nil {
				t.Errorf("%q: %v", s, err)
			}
		}
		for _, s := range c.bad {
			if c.check(s) == nil {
				t.Errorf("%q: no error", s)
			}
		}
	}
}

func TestAdvice(t *testing.T) {
	quiet := "appservice: {}\npermissions: {'@a:example.org': admin}\nnetworks: {irc.a: }\n"
	for _, one := range []struct{ name, content, want string }{
		{"nothing", minimal + quiet, ""},
		{"bare", minimal, "networks is empty|names no admin"},
		{"http", strings.ReplaceAll(minimal, "localhost", "hs.example.org") + quiet, "homeserver.url is http:// to another machine"},
		{"open", minimal + "permissions: {'*': admin}\nnetworks: {irc.a: }\n", `gives admin to "*"`},
		{"metrics", minimal + quiet + "metrics: {listen: ':1'}\n", "metrics.listen is :1"},
		{"wide", minimal + strings.Replace(quiet, "{}", "{listen: '0.0.0.0:5'}", 1), "listen on 127.0.0.1:5"},
		{"narrow", minimal + strings.Replace(quiet, "{}", "{url: 'http://causeway:29350'}", 1), "listen on 0.0.0.0:29350"},
		{"proxy", minimal + strings.Replace(quiet, "{}", "{url: 'https://causeway.example.org'}", 1), ""},
		{"port", minimal + strings.Replace(quiet, "{}", "{url: 'http://localhost:1'}", 1), "has port 1 and appservice.listen port 29350"},
	} {
		t.Run(one.name, func(t *testing.T) {
			c, err := parse(t, one.content, nil)
			if err != nil {
				t.Fatal(err)
			}
			got := strings.Join(c.Advice(), "\n")
			if one.want == "" && got != "" {
				t.Errorf("advice:\n%s", got)
			}
			for want := range strings.SplitSeq(one.want, "|") {
				if !strings.Contains(got, want) {
					t.Errorf("%q is not in\n%s", want, got)
				}
			}
		})
	}
}

func TestAdviceModes(t *testing.T) {
	dir := t.TempDir()
	path, key := filepath.Join(dir, "causeway.yaml"), filepath.Join(dir, "causeway.key")
	content := "homeserver: {url: 'http://localhost:8008', domain: example.org}\nkey_file: causeway.key\n" +
		"permissions: {'@a:example.org': admin}\nnetworks: {irc.a: }\n"
	for name, data := range map[string]string{path: content, key: testKey} {
		if err := os.WriteFile(name, []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(key, 0o644); err != nil {
		t.Fatal(err)
	}
	c, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"everybody on this machine can read " + key + " (mode 0644): chmod o-rwx " + key}
	if diff := cmp.Diff(want, c.Advice()); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestNearest(t *testing.T) {
	names := []string{"url", "domain", "link_expiry", "listen", "permissions"}
	for s, want := range map[string]string{
		"ulr": "url", "URL": "url", "uri": "url", "domian": "domain", "linkexpiry": "link_expiry", "link-expiry": "link_expiry",
		"permission": "permissions", "lsiten": "listen", "colour": "", "x": "", strings.Repeat("a", 100): "",
	} {
		if got := nearest(s, names); got != want {
			t.Errorf("%q: got %q, want %q", s, got, want)
		}
	}
}

// Keys of different purposes differ, and never change: what is stored would be lost.
func TestKeyFor(t *testing.T) {
	k := Key{1, 2, 3}
	if got := hex.EncodeToString(k.For(KeySeal)); got != "6ca2c149d170839f2ca3b3be37ed6bc4a4d215013897eec38a0c8a7a63624c10" {
		t.Errorf("the key for %q is %s", KeySeal, got)
	}
	if bytes.Equal(k.For(KeySeal), k.For(KeyMarks)) {
		t.Error("two purposes have one key")
	}
}
