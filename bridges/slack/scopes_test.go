package slack

import (
	"strings"
	"testing"
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
