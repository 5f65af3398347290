package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/causeway-chat/causeway/bridgekit/config"
)

// TestImportRuns: what import prints is a configuration that every connector takes, once
// the secrets are in their files and the operators have agreed.
func TestImportRuns(t *testing.T) {
	status, out, stderr := call(t, strings.NewReader(""), "import", "matterbridge", "matterbridge/testdata/matterbridge.toml")
	if status != 0 || stderr != "" {
		t.Fatalf("status %d: %s", status, stderr)
	}
	dir := t.TempDir()
	write := func(name, content string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, secret := range map[string]string{
		"irc-old-net-password": "p", "irc-old-net-sasl-password": "p", "irc-old-net-key-1": "key", "irc-libera-sasl-password": "p",
		"slack-hobby-bot-token": "xoxb-1", "slack-hobby-app-token": "xapp-1",
	} {
		if !strings.Contains(out, "\n#   "+name+": ") {
			t.Errorf("the file %s is not announced", name)
		}
		write(name, secret+"\n")
	}
	write("causeway.yaml", "homeserver: {url: 'http://localhost:8008', domain: example.org}\nkey: "+strings.Repeat("0f", 32)+"\n"+
		strings.ReplaceAll(out, "    # hub_with", "    hub_with"))
	c, err := config.Load(filepath.Join(dir, "causeway.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	list, err := openNetworks(c)
	if err != nil {
		t.Fatal(err)
	}
	if len(list) != 3 || list[0].Info().ID != "irc.old-net" || list[1].Info().Relay == nil || list[2].Info().Relay == nil {
		t.Errorf("the networks are %v", list)
	}
	if with := c.Network("irc.libera").HubWith; len(with) != 2 {
		t.Errorf("irc.libera meets %v", with)
	}
}
