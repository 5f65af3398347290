package slack

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	goslack "github.com/slack-go/slack"
	"go.yaml.in/yaml/v3"
)

// needs are the scopes of which a method needs one, or an event, as
// https://docs.slack.dev/reference tells. Some scopes make more of a method: those
// are in "also". "bot" and "user" where the two kinds of tokens need different ones.
type needs struct{ any, bot, user, also string }

const (
	reads  = "channels:read groups:read im:read mpim:read"
	hears  = "channels:history groups:history im:history mpim:history"
	opens  = "im:write mpim:write"
	manage = "channels:manage groups:write"
	writes = "channels:write groups:write"
)

func methodNeeds() map[string]needs {
	return map[string]needs{
		"api.test": {}, "auth.test": {}, "auth.teams.list": {}, "apps.connections.open": {}, "rtm.connect": {}, "oauth.v2.access": {}, "auth.revoke": {},
		"bots.info": {any: "users:read"}, "users.info": {any: "users:read"}, "users.list": {any: "users:read"},
		"users.lookupByEmail": {any: "users:read.email"}, "users.profile.get": {any: "users.profile:read"},
		"users.conversations": {any: reads},
		"chat.postMessage":    {any: "chat:write", also: "chat:write.customize chat:write.public"},
		"chat.meMessage":      {any: "chat:write"}, "chat.update": {any: "chat:write"}, "chat.delete": {any: "chat:write"}, "chat.getPermalink": {},
		"conversations.archive": {bot: manage, user: writes}, "conversations.unarchive": {bot: manage, user: writes},
		"conversations.create": {bot: manage, user: writes}, "conversations.rename": {bot: manage, user: writes},
		"conversations.invite": {bot: manage, user: writes}, "conversations.kick": {bot: manage, user: writes},
		"conversations.setTopic": {bot: manage, user: writes}, "conversations.setPurpose": {bot: manage, user: writes},
		"conversations.leave": {bot: manage, user: writes}, "conversations.mark": {bot: manage, user: writes},
		"conversations.close": {any: opens}, "conversations.open": {any: opens},
		"conversations.join":    {bot: "channels:join", user: "channels:write"},
		"conversations.history": {any: hears, also: "metadata.message:read"}, "conversations.replies": {any: hears, also: "metadata.message:read"},
		"conversations.info": {any: reads}, "conversations.list": {any: reads}, "conversations.members": {any: reads},
		"emoji.list": {any: "emoji:read"}, "usergroups.list": {any: "usergroups:read"},
		"files.info": {any: "files:read"}, "files.getUploadURLExternal": {any: "files:write"}, "files.completeUploadExternal": {any: "files:write"},
		"files.delete": {any: "files:write"}, "team.info": {any: "team:read"}, "bookmarks.list": {any: "bookmarks:read"},
		"pins.add": {any: "pins:write"}, "pins.remove": {any: "pins:write"}, "pins.list": {any: "pins:read"},
		"reactions.add": {any: "reactions:write"}, "reactions.remove": {any: "reactions:write"}, "reactions.get": {any: "reactions:read"},
	}
}

// eventNeeds is the scope that an event needs.
func eventNeeds(name string) string {
	kind, rest, _ := strings.Cut(name, "_")
	switch {
	case strings.HasPrefix(name, "message."):
		return strings.TrimPrefix(name, "message.") + ":history"
	case name == "app_uninstalled" || name == "tokens_revoked":
		return ""
	case name == "team_join" || name == "user_change":
		return "users:read"
	case kind == "member":
		return "channels:read"
	case kind == "emoji":
		return "emoji:read"
	case kind == "subteam":
		return "usergroups:read"
	case kind == "channel" || kind == "group" || kind == "pin" || kind == "reaction":
		return kind + "s:read"
	}
	return "no scope is known for " + name + " " + rest
}

// rtmOnly reports whether only sockets of people's own sessions bring an event.
func rtmOnly(name string) bool {
	return slices.Contains([]string{
		"user_typing", "channel_marked", "group_marked", "im_marked", "mpim_marked", "presence_change", "group_close",
		"user_profile_changed", "mpim_rename", "hello", "pong", "goodbye", "error", "reconnect_url",
	}, name)
}

// literals are the texts in this package's code, outside of tests; only those of cases
// of a switch over an event's type, if cases is set.
func literals(t *testing.T, cases bool) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	collect := func(n ast.Node) bool {
		if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
			if s, err := strconv.Unquote(lit.Value); err == nil {
				found[s] = true
			}
		}
		return true
	}
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		name := f.Name()
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") || name == "pacer.go" || name == "manifest.go" {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		if !cases {
			ast.Inspect(file, collect)
			continue
		}
		ast.Inspect(file, func(n ast.Node) bool {
			sw, ok := n.(*ast.SwitchStmt)
			if !ok {
				return true
			}
			sel, ok := sw.Tag.(*ast.SelectorExpr)
			if !ok || sel.Sel.Name != "Type" {
				return true
			}
			if of, ok := sel.X.(*ast.Ident); !ok || of.Name != "ev" {
				return true
			}
			for _, c := range sw.Body.List {
				for _, e := range c.(*ast.CaseClause).List {
					collect(e)
				}
			}
			return true
		})
	}
	return found
}

// Every event that is handled is subscribed to, and every subscription is handled.
func TestManifestEvents(t *testing.T) {
	handled := literals(t, true)
	if !handled["reaction_added"] || !handled["user_typing"] {
		t.Fatalf("the switch over events was not found: %v", handled)
	}
	handled["message"] = true // has a case of its own
	subscribed := map[string]bool{}
	for _, name := range appEvents() {
		typ, _, _ := strings.Cut(name, ".")
		subscribed[typ] = true
		if !handled[typ] {
			t.Errorf("the manifest subscribes to %s, which nothing handles", name)
		}
	}
	for name := range handled {
		if name != "" && !subscribed[name] && !rtmOnly(name) {
			t.Errorf("%s is handled, and the manifest does not subscribe to it", name)
		}
	}
	for _, name := range userEvents() {
		if !slices.Contains(appEvents(), name) {
			t.Errorf("%s is subscribed to for people and not for the bot", name)
		}
	}
}

// Every method and event has its scope, and no scope is there for nothing.
func TestManifestScopes(t *testing.T) {
	method := regexp.MustCompile(`^(api|apps|auth|bookmarks|bots|calls|canvases|chat|conversations|dnd|emoji|files|oauth|pins|reactions|rtm|search|stars|team|usergroups|users)(\.[a-zA-Z0-9]+)+$`)
	for kind, scopes := range map[string][]scope{"bot": appScopes(), "user": userScopes()} {
		have, used := names(scopes), map[string]bool{}
		calls := 0
		for name := range literals(t, false) {
			if !method.MatchString(name) {
				continue
			}
			calls++
			n, ok := methodNeeds()[name]
			if !ok {
				t.Errorf("%s is called, and this test does not know which scope it needs", name)
			}
			own := n.bot
			if kind == "user" {
				own = n.user
			}
			any := strings.Fields(n.any + " " + own)
			if len(any) > 0 && !slices.ContainsFunc(any, func(s string) bool { return slices.Contains(have, s) }) {
				t.Errorf("%s is called, which needs one of %v, and a %s token has none of them", name, any, kind)
			}
			for _, s := range append(any, strings.Fields(n.also)...) {
				used[s] = true
			}
		}
		if calls < 20 {
			t.Fatalf("only %d methods were found", calls)
		}
		events := appEvents()
		if kind == "user" {
			events = userEvents()
		}
		for _, name := range events {
			s := eventNeeds(name)
			used[s] = true
			if s != "" && !slices.Contains(have, s) {
				t.Errorf("%s needs %s, which a %s token has not", name, s, kind)
			}
		}
		for _, s := range scopes {
			if !used[s.name] {
				t.Errorf("the %s scope %s is used by nothing", kind, s.name)
			}
			if s.costs == "" {
				t.Errorf("the %s scope %s does not say what is lost without it", kind, s.name)
			}
		}
	}
}

func TestManifest(t *testing.T) {
	const public = "https://cw.example.org/net/slack.acme"
	for name, c := range map[string]struct {
		opts             ManifestOptions
		request          string
		socket, redirect bool
	}{
		"socket":            {ManifestOptions{}, "", true, false},
		"socket and public": {ManifestOptions{Public: public}, "", true, true},
		"http":              {ManifestOptions{Public: public, HTTP: true, PKCE: true}, public + "/events", false, true},
	} {
		t.Run(name, func(t *testing.T) {
			var fromYAML, fromJSON goslack.Manifest
			text, err := Manifest(c.opts, false)
			if err != nil {
				t.Fatal(err)
			}
			if err := yaml.Unmarshal(text, &fromYAML); err != nil {
				t.Fatal(err)
			}
			data, err := Manifest(c.opts, true)
			if err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(data, &fromJSON); err != nil {
				t.Fatal(err)
			}
			for _, m := range []goslack.Manifest{fromYAML, fromJSON} {
				if m.Display.Name != "Causeway" || m.Settings.SocketModeEnabled != c.socket || m.Settings.EventSubscriptions.RequestUrl != c.request {
					t.Errorf("the manifest is %+v", m)
				}
				if m.OAuthConfig.PKCEEnabled != c.opts.PKCE {
					t.Errorf("PKCE is %v", m.OAuthConfig.PKCEEnabled)
				}
				if !slices.Equal(m.OAuthConfig.Scopes.Bot, names(appScopes())) {
					t.Errorf("the bot's scopes are %v", m.OAuthConfig.Scopes.Bot)
				}
				if c.redirect != slices.Equal(m.OAuthConfig.RedirectUrls, []string{public + "/oauth"}) || c.redirect != (len(m.OAuthConfig.Scopes.User) > 0) {
					t.Errorf("OAuth is %+v", m.OAuthConfig)
				}
				if n := len([]rune(m.Display.LongDescription)); n < 175 || n > 4000 {
					t.Errorf("the long description has %d characters, and Slack wants 175 to 4000", n)
				}
			}
			if !strings.Contains(string(text), "messages_tab_read_only_enabled: false\n") || !strings.Contains(string(data), `"messages_tab_read_only_enabled": false`) {
				t.Errorf("nothing says that people may write to the app:\n%s%s", text, data)
			}
			if !strings.Contains(string(text), "- reactions:read # without it: reactions do not arrive\n") {
				t.Errorf("no reasons stand behind the scopes:\n%s", text)
			}
		})
	}
	for words, o := range map[string]ManifestOptions{
		"35 characters": {Name: strings.Repeat("x", 36)},
		"HTTPS":         {Public: "http://cw.example.org/net/slack.acme", HTTP: true},
	} {
		if _, err := Manifest(o, false); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%+v: %v, want words on %s", o, err, words)
		}
	}
}
