package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSlackManifest(t *testing.T) {
	file := filepath.Join(t.TempDir(), "causeway.yaml")
	for name, c := range map[string]struct {
		args  []string
		has   []string
		lacks string
		wrong string
	}{
		"socket":     {args: nil, has: []string{"socket_mode_enabled: true", "name: Causeway"}, lacks: "redirect_urls"},
		"called":     {args: []string{"--name", "Bridge", "--json"}, has: []string{`"display_name": "Bridge"`}, lacks: "request_url"},
		"http":       {args: []string{"slack.acme", "--http", "--public-url", "https://cw.example.org/"}, has: []string{"request_url: https://cw.example.org/net/slack.acme/events", "- https://cw.example.org/net/slack.acme/oauth"}, lacks: "socket_mode_enabled"},
		"nowhere":    {args: []string{"slack.acme", "--http"}, wrong: "public address"},
		"no network": {args: []string{"--public-url", "https://cw.example.org"}, wrong: "say which network"},
		"bad name":   {args: []string{"Acme", "--public-url", "https://cw.example.org"}, wrong: "not a network's name"},
	} {
		t.Run(name, func(t *testing.T) {
			var started bool
			var out bytes.Buffer
			root := newRoot(&started)
			args := append([]string{"slack", "manifest"}, c.args...)
			if _, err := os.Stat(file); err == nil {
				t.Fatal("there is a configuration")
			}
			t.Chdir(filepath.Dir(file))
			root.SetArgs(args)
			root.SetOut(&out)
			err := root.ExecuteContext(t.Context())
			var usage usageError
			if c.wrong != "" {
				if !errors.As(err, &usage) || !strings.Contains(err.Error(), c.wrong) {
					t.Errorf("the error is %v, want one of usage with %q", err, c.wrong)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range c.has {
				if !strings.Contains(out.String(), want) {
					t.Errorf("no %q in\n%s", want, out.String())
				}
			}
			if strings.Contains(out.String(), c.lacks) {
				t.Errorf("there is %q in\n%s", c.lacks, out.String())
			}
		})
	}
}
