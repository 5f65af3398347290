package slack

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridges/slack/slackfake"
)

func TestScopes(t *testing.T) {
	if missing := lacking(nil, appScopes()); missing != nil {
		t.Errorf("scopes that are not known lack %v", missing)
	}
	missing := lacking([]string{"chat:write"}, []scope{{"chat:write", "a"}, {"files:write", "no files"}})
	if words := missingWords(missing); !strings.Contains(words, "files:write (no files)") || strings.Contains(words, "chat:write (") {
		t.Errorf("words are %q", words)
	}
}

// TestProbeNamesScopes: an app without a scope works, but not wholly.
func TestProbeNamesScopes(t *testing.T) {
	w := newWorld(t, slackfake.Config{})
	c := w.connector(fmt.Sprintf("bot_token: %s\napp_token: %s\n", w.bot.Token, w.AppToken(w.app)))
	if words, err := c.Probe(t.Context()); err != nil || !strings.Contains(words, "the app is") {
		t.Fatalf("with all scopes: %q, %v", words, err)
	}
	w.SetScopes(w.bot.Token, slices.DeleteFunc(slackfake.AllScopes(), func(s string) bool { return s == "pins:read" })...)
	words, err := c.Probe(t.Context())
	if said := network.UserText(err); !strings.Contains(words, "the app is") || !strings.Contains(said, "pins:read (pins do not arrive)") {
		t.Errorf("without pins:read: %q, %q", words, said)
	}
}
