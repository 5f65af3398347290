package slack

import (
	"strings"
	"testing"

	"github.com/causeway-chat/causeway/bridgekit/network"
)

func TestConfig(t *testing.T) {
	for name, test := range map[string]struct{ yaml, want string }{
		"nothing":        {"{}", ""},
		"app":            {"bot_token: xoxb-1\napp_token: xapp-1", ""},
		"unknown key":    {"bot: xoxb-1", "bot"},
		"half an app":    {"bot_token: xoxb-1", "belong together"},
		"no bot":         {"signing_secret: abc", "belong together"},
		"nowhere":        {"bot_token: xoxb-1\nsigning_secret: abc", "public.url"},
		"no way back":    {"bot_token: xoxb-1\napp_token: xapp-1\nclient_id: \"1.2\"\nclient_secret: x", "public.url"},
		"no secret":      {"bot_token: xoxb-1\napp_token: xapp-1\nclient_id: \"1.2\"", "client_secret"},
		"two ways":       {"bot_token: xoxb-1\napp_token: xapp-1\nclient_id: \"1.2\"\nclient_secret: x\npkce: true", "either"},
		"no client":      {"bot_token: xoxb-1\napp_token: xapp-1\nclient_secret: x", "client_id"},
		"no events":      {"client_id: \"1.2\"\nclient_secret: x", "client_id"},
		"rotating":       {"bot_token: xoxe.xoxb-1-abc\napp_token: xapp-1", "token rotation"},
		"swapped":        {"bot_token: xapp-1\napp_token: xoxb-1", "this is an app-level token"},
		"no bot token":   {"bot_token: xoxp-1\napp_token: xapp-1", "xoxb-"},
		"no app token":   {"bot_token: xoxb-1\napp_token: xoxb-2", "xapp-"},
		"relay, no app":  {"relay: true", "relay"},
		"line in token":  {"bot_token: \"xoxb-1\\nx\"\napp_token: xapp-1", "bot_token"},
		"strange api":    {"api: slack.com", "api"},
		"strange proxy":  {"proxy: nowhere", "proxy"},
		"answer as text": {"replies: maybe", "replies"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := New(network.Options{ID: "slack.acme", Decode: decodeYAML(test.yaml)})
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("got %v, want %q in it", err, test.want)
			}
		})
	}
}

func TestInfo(t *testing.T) {
	for yaml, relay := range map[string]bool{
		"{}": false, "bot_token: xoxb-1\napp_token: xapp-1": true, "bot_token: xoxb-1\napp_token: xapp-1\nrelay: false": false,
	} {
		conn, err := New(network.Options{ID: "slack.acme", Decode: decodeYAML(yaml)})
		if err != nil {
			t.Fatal(err)
		}
		info := conn.Info()
		if info.Name != "acme" || info.Protocol != "slack" || (info.Relay != nil) != relay {
			t.Errorf("%q gives %+v", yaml, info)
		}
	}
}

func TestPasted(t *testing.T) {
	for pasted, want := range map[string]string{
		"xoxc-1-2-abc":                           "xoxc-1-2-abc",
		" \"xoxc-1-2-abc\",":                     "xoxc-1-2-abc",
		`{"teams":{"T1":{"token":"xoxc-1-2-a"}}`: "xoxc-1-2-a",
		"xoxs-9-8":                               "xoxs-9-8",
		"xoxb-1":                                 "",
		"":                                       "",
	} {
		if got := findToken(pasted); got != want {
			t.Errorf("the token in %q is %q, want %q", pasted, got, want)
		}
	}
	const plain, once = "xoxd-a+b/c=", "xoxd-a%2Bb%2Fc%3D"
	for pasted, want := range map[string]string{
		plain: once, once: once, "xoxd-a%252Bb%252Fc%253D": once,
		"d=" + once: once, "Cookie: b=1; d=" + once + "; x=2": once, "\"" + plain + "\"": once,
		"xoxd-": "", "abc": "", "": "",
	} {
		if got := findCookie(pasted); got != want {
			t.Errorf("the cookie in %q is %q, want %q", pasted, got, want)
		}
	}
}
