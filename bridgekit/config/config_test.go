package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/causeway-chat/causeway/internal/golden"
)

const testKey = "00000000000000000000000000000000000000000000000000000000000000ff"

// minimal is the least that Load accepts.
const minimal = "homeserver: {url: 'http://localhost:8008/', domain: example.org}\nkey: " + testKey + "\n"

func noEnv(string) (string, bool) { return "", false }

// parse is Parse of a file in a fresh folder with more files beside it.
func parse(t *testing.T, content string, env map[string]string, files ...txtar.File) (*Config, error) {
	t.Helper()
	dir := t.TempDir()
	for _, f := range files {
		path := filepath.Join(dir, f.Name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, f.Data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	lookup := func(name string) (string, bool) { v, ok := env[name]; return v, ok }
	c, err := Parse(filepath.Join(dir, "causeway.yaml"), []byte(content), lookup)
	if err != nil {
		err = errors.New(strings.ReplaceAll(err.Error(), dir+string(filepath.Separator), ""))
	}
	return c, err
}

// TestBad holds the error texts of testdata/bad: each file is a configuration,
// what is beside it, and what Load says.
func TestBad(t *testing.T) {
	paths, err := filepath.Glob("testdata/bad/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			env := map[string]string{}
			var content, want string
			var files []txtar.File
			for _, f := range archive.Files {
				switch f.Name {
				case "causeway.yaml":
					content = string(f.Data)
				case "want":
					want = string(f.Data)
				case "env":
					for line := range strings.Lines(string(f.Data)) {
						name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
						env[name] = value
					}
				default:
					files = append(files, f)
				}
			}
			_, err = parse(t, content, env, files...)
			if err == nil {
				t.Fatal("no error")
			}
			got := err.Error() + "\n"
			if strings.Contains(got, "hunter2") {
				t.Errorf("a secret is in the error:\n%s", got)
			}
			if golden.Update() {
				last := &archive.Files[len(archive.Files)-1]
				last.Data = []byte(got)
				if err := os.WriteFile(path, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

func TestDefaults(t *testing.T) {
	c, err := parse(t, minimal, nil)
	if err != nil {
		t.Fatal(err)
	}
	dir := c.Dir()
	want := map[string]string{
		"homeserver.url":          "http://localhost:8008",
		"appservice.url":          "http://localhost:29350",
		"appservice.registration": filepath.Join(dir, "registration.yaml"),
		"appservice.doublepuppet": "",
		"bot":                     "@causeway:example.org",
		"database":                "sqlite:" + filepath.Join(dir, "causeway.db"),
		"log":                     "info text",
		"limits":                  "2GiB 168h0m0s 50 50",
		"key":                     "[secret] " + testKey,
	}
	got := map[string]string{
		"homeserver.url":          c.Homeserver.URL,
		"appservice.url":          c.Appservice.URL,
		"appservice.registration": c.Appservice.Registration,
		"appservice.doublepuppet": c.Appservice.DoublePuppet,
		"bot":                     c.BotID(),
		"database":                c.Database.String(),
		"log":                     fmt.Sprint(c.Log.Level, " ", c.Log.Format),
		"limits":                  fmt.Sprint(c.Limits.Spool, " ", c.Limits.LinkExpiry, " ", c.History.Messages, " ", c.Limits.Members),
		"key":                     fmt.Sprintf("%x", c.Key) + " " + c.Key.Encode(),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestEverything(t *testing.T) {
	c, err := parse(t, `
homeserver:
  url_env: HS
  domain: "[::1]:8448"
appservice: {listen: "0.0.0.0:1", url: "http://causeway:1/", prefix: br.idge_, registration: /etc/r.yaml, double_puppet: dp.yaml}
bot: {name: bot, displayname: 12}
database_file: db.txt
key_file: key.txt
permissions: {"@A:example.org": admin, example.org: user, "*": relay}
networks:
  irc.libera: {nick: x}
  slack.acme:
public: {listen: ":80", url: "https://c.example.org/x/"}
relay: {prefix: "{name} ({mxid}) "}
history: {messages: 7, wait: 1m, catch_up: 8}
limits: {spool: 10 mb, link_expiry: 2d, members: 1}
log: {level: DEBUG, format: json}
metrics: {listen: ""}
`, map[string]string{"HS": "https://hs.example.org/"},
		txtar.File{Name: "db.txt", Data: []byte("postgres://me:pass@db/name?sslmode=disable\n")},
		txtar.File{Name: "key.txt", Data: []byte(testKey + "\n")})
	if err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprintln(c.Homeserver, c.Appservice.Listen, c.Appservice.URL, c.Appservice.Prefix, c.Bot, c.Database,
		c.Database.Source, c.Key, c.Networks[0].ID, c.Networks[1].Protocol, c.Public, c.Relay, c.History, c.Limits, c.Log, c.Metrics)
	want := "{https://hs.example.org [::1]:8448} 0.0.0.0:1 http://causeway:1 br.idge_ {bot 12} postgres://me@db/name " +
		"postgres://me:pass@db/name?sslmode=disable [secret] irc.libera slack {:80 https://c.example.org/x} " +
		"{{name} ({mxid}) } {7 1m0s 8} {10MiB 48h0m0s 1 20 0 2 30} {debug json} {}\n"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if c.Network("irc.libera") == nil || c.Network("irc.oftc") != nil {
		t.Error("Network finds the wrong ones")
	}
}

// TestNetworkDecode: a connector's struct is filled as strictly as the rest.
func TestNetworkDecode(t *testing.T) {
	type tls struct {
		Verify *bool `yaml:"verify"`
	}
	type section struct {
		Address  string         `yaml:"address"`
		Password string         `yaml:"password"`
		Channels []string       `yaml:"channels"`
		Pace     time.Duration  `yaml:"pace"`
		Limits   map[string]int `yaml:"limits"`
		Rate     float64        `yaml:"rate"`
		TLS      tls            `yaml:",inline"`
		Hidden   string         `yaml:"-"`
		Port     uint16
	}
	c, err := parse(t, minimal+`networks:
  irc.good:
    address: irc.example.org
    password_env: PASS
    channels: ["#a", "#b"]
    pace: 2s
    limits: {lines: 3}
    rate: 1.5
    verify: false
    port: 6697
  irc.bad:
    adress: irc.example.org
    channels: "#a"
    pace: quick
    limits: {lines: three}
    verify: perhaps
    rate: fast
    hidden: x
    port: 70000
`, map[string]string{"PASS": "pa$$w${ORD}"})
	if err != nil {
		t.Fatal(err)
	}
	got := section{Hidden: "kept"}
	if err := c.Options(*c.Network("irc.good")).Decode(&got); err != nil {
		t.Fatal(err)
	}
	no := false
	want := section{Address: "irc.example.org", Password: "pa$$w${ORD}", Channels: []string{"#a", "#b"},
		Pace: 2 * time.Second, Limits: map[string]int{"lines": 3}, Rate: 1.5, TLS: tls{&no}, Hidden: "kept", Port: 6697}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	err = c.Network("irc.bad").Decode(&got)
	text := strings.ReplaceAll(fmt.Sprint(err), c.Dir()+string(filepath.Separator), "")
	wantText := `causeway.yaml:14:5: there is no key "adress"; did you mean "address"?
causeway.yaml:15:15: channels must be a list, not text
causeway.yaml:16:11: pace: "quick" is not a duration; write a number with a unit, such as 30s, 15m, 12h or 7d
causeway.yaml:17:21: limits.lines must be a whole number, not text
causeway.yaml:18:13: verify must be true or false, not text
causeway.yaml:19:11: rate must be a number, not text
causeway.yaml:20:5: there is no key "hidden"; known are address, password, channels, pace, limits, rate, verify, port
causeway.yaml:21:11: port: 70000 is outside of what is possible`
	if diff := cmp.Diff(wantText, text); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if err := c.Network("irc.bad").Decode(got); err == nil {
		t.Error("Decode into something that is no pointer: no error")
	}
	if got := c.Network("irc.bad").Problem("no server"); !strings.HasSuffix(got.Error(), "causeway.yaml:13:3: irc.bad: no server") {
		t.Error(got)
	}
}

func TestLoad(t *testing.T) {
	path := filepath.Join(t.TempDir(), "causeway.yaml")
	_, err := Load(path)
	if want := path + ":1:1: there is no file " + path + "; make a configuration with: causeway init"; fmt.Sprint(err) != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if err := os.WriteFile(path, []byte(minimal), 0o600); err != nil {
		t.Fatal(err)
	}
	if c, err := Load(path); err != nil || c.File() != path || c.Dir() != filepath.Dir(path) {
		t.Errorf("got %v, %v", c, err)
	}
	if err := os.Truncate(path, maxFile+1); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(path); err == nil || !strings.Contains(err.Error(), "larger than 1 MiB") {
		t.Errorf("a huge file: %v", err)
	}
	if _, err := Load(filepath.Dir(path)); err == nil || !strings.Contains(err.Error(), "is not a file") {
		t.Errorf("a folder: %v", err)
	}
}

func TestReference(t *testing.T) {
	const path = "testdata/reference.yaml"
	got := Reference()
	if golden.Update() {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("-want +got (go test -update writes it)\n%s", diff)
	}
	// What is shown as default is the default, and what is shown as example works.
	uncommented := regexp.MustCompile(`(?m)^(\s*)# ([a-z_]+: \S+.*|".*)$`).ReplaceAllString(got, "$1$2")
	c, err := parse(t, strings.NewReplacer("key_file: causeway.key", "key: "+testKey,
		"  # irc.libera:\n", "  irc.libera:\n", "      the keys", "      # the keys").Replace(uncommented), nil)
	if err != nil {
		t.Fatalf("%v\n%s", err, uncommented)
	}
	d := Defaults()
	if c.Limits != d.Limits || c.Log != d.Log || c.Relay != d.Relay || c.Metrics != d.Metrics || c.Bot != d.Bot {
		t.Errorf("the defaults in the reference differ: %+v", c)
	}
}

// FuzzLoad: no input makes Parse or Decode panic, and every error has a line.
func FuzzLoad(f *testing.F) {
	paths, err := filepath.Glob("testdata/bad/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range paths {
		archive, err := txtar.ParseFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(archive.Files[0].Data)
	}
	for _, seed := range []string{minimal, minimal + "networks: {irc.a: {nick: x, list: [1, 2]}}", Reference(),
		"&a [*a]", "? ? ?", "%YAML 1.1\n---\n", "a: !!binary x", "<<: [{}]", "\xff\xfe", "- - - -", "!!map {key: !foo x}"} {
		f.Add([]byte(seed))
	}
	place := regexp.MustCompile(`^causeway\.yaml:[1-9]\d*:[1-9]\d*: `)
	dir := f.TempDir()
	f.Chdir(dir)
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := Parse("causeway.yaml", data, noEnv)
		if err == nil {
			c.Advice()
			for _, n := range c.Networks {
				var into struct {
					Nick  string
					List  []string
					Map   map[string]int
					Pace  time.Duration
					Inner *struct{ On bool }
				}
				err = errors.Join(err, n.Decode(&into))
			}
		}
		var problems Problems
		if err != nil && !errors.As(err, &problems) {
			t.Fatalf("not Problems: %v", err)
		}
		for _, p := range problems {
			if !place.MatchString(p.Error()) {
				t.Fatalf("no place: %v", p)
			}
		}
	})
}
