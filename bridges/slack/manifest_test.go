package slack

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

func TestManifest(t *testing.T) {
	data, err := Manifest("Causeway")
	if err != nil {
		t.Fatal(err)
	}
	var m struct {
		Display struct {
			Name, Description string
			Long              string `json:"long_description"`
		} `json:"display_information"`
		OAuth struct {
			Scopes struct{ Bot []string }
		} `json:"oauth_config"`
		Settings struct {
			Events struct {
				Bot []string `json:"bot_events"`
			} `json:"event_subscriptions"`
			Socket bool `json:"socket_mode_enabled"`
		}
	}
	if err := json.Unmarshal(data, &m); err != nil {
		t.Fatal(err)
	}
	if m.Display.Name != "Causeway" || !m.Settings.Socket || len(m.Display.Description) > 140 || len(m.Display.Long) < 174 {
		t.Errorf("Slack would not take %+v", m.Display)
	}
	if missing := lacking(m.OAuth.Scopes.Bot, appScopes()); len(missing) > 0 {
		t.Errorf("the manifest lacks %v", missing)
	}
	for _, ev := range []string{"message.channels", "message.groups", "message.im", "message.mpim", "reaction_added", "pin_added", "member_left_channel"} {
		if !slices.Contains(m.Settings.Events.Bot, ev) {
			t.Errorf("the app would not hear of %s", ev)
		}
	}
	if _, err := Manifest(strings.Repeat("x", 36)); err == nil {
		t.Error("a name of 36 characters was taken")
	}
}

func TestScopes(t *testing.T) {
	if missing := lacking(nil, appScopes()); missing != nil {
		t.Errorf("scopes that are not known lack %v", missing)
	}
	missing := lacking([]string{"chat:write"}, []scope{{"chat:write", "a"}, {"files:write", "no files"}})
	if words := missingWords(missing); !strings.Contains(words, "files:write (no files)") || strings.Contains(words, "chat:write (") {
		t.Errorf("words are %q", words)
	}
}
