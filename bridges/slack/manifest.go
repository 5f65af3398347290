package slack

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	goslack "github.com/slack-go/slack"
	"go.yaml.in/yaml/v3"
)

// Paths below network.Options.Public.
const (
	eventsPath  = "/events"  // Slack pushes events there
	installPath = "/install" // the link that people get to sign in
	oauthPath   = "/oauth"   // where Slack sends them back to
)

// appEvents are the events that an app subscribes to for its bot, by their names in
// manifests.
func appEvents() []string {
	return append(userEvents(), "app_uninstalled", "channel_created", "team_join", "tokens_revoked", "user_change")
}

// userEvents are those that it subscribes to for people who signed in by OAuth.
// What is said of everybody the bot hears already.
func userEvents() []string {
	return []string{
		"channel_archive", "channel_deleted", "channel_id_changed", "channel_left", "channel_rename", "channel_unarchive",
		"emoji_changed", "group_archive", "group_deleted", "group_left", "group_rename", "group_unarchive",
		"member_joined_channel", "member_left_channel", "message.channels", "message.groups", "message.im", "message.mpim",
		"pin_added", "pin_removed", "reaction_added", "reaction_removed", "subteam_created", "subteam_updated",
	}
}

// longestName is how many characters the name of an app has at most.
const longestName = 35

// ManifestOptions say what app a manifest is for.
type ManifestOptions struct {
	Name string // of the app; default Causeway
	// Public is where the world reaches the network's visits, as in
	// network.Options; "": nowhere, and so nobody can sign in by OAuth.
	Public string
	// HTTP has Slack push events to Public instead of through a socket.
	HTTP bool
	// PKCE makes it an app that signs people in by PKCE, without a client secret. Slack
	// does not let that be undone.
	PKCE bool
}

// Manifest is the manifest of an app that a workspace creates for itself
// (https://docs.slack.dev/reference/app-manifest): as YAML with the reason for each
// scope, or as JSON. Errors are in words.
func Manifest(o ManifestOptions, asJSON bool) ([]byte, error) {
	m, err := manifest(o)
	if err != nil {
		return nil, err
	}
	if asJSON {
		data, err := json.MarshalIndent(written{m, shown{m.Features, home{m.Features.AppHome, false}}}, "", "  ")
		if err != nil {
			return nil, fmt.Errorf("manifest: %w", err)
		}
		return append(data, '\n'), nil
	}
	var doc yaml.Node
	if err := doc.Encode(m); err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	if home := below(&doc, "features", "app_home"); home != nil {
		home.Content = append(home.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: "messages_tab_read_only_enabled"}, &yaml.Node{Kind: yaml.ScalarNode, Value: "false"})
	}
	scopes := below(&doc, "oauth_config", "scopes")
	explain(below(scopes, "bot"), appScopes())
	explain(below(scopes, "user"), userScopes())
	var out strings.Builder
	enc := yaml.NewEncoder(&out)
	enc.SetIndent(2)
	if err := enc.Encode(&doc); err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	if err := enc.Close(); err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	return []byte(out.String()), nil
}

// A written is a manifest that says that people may write to the app, as Slack's own do:
// the library leaves out what is false, and what that means is not documented.
type (
	written struct {
		goslack.Manifest
		Features shown `json:"features"`
	}
	shown struct {
		goslack.Features
		AppHome home `json:"app_home"`
	}
	home struct {
		goslack.AppHome
		ReadOnly bool `json:"messages_tab_read_only_enabled"`
	}
)

// manifest is the manifest as values.
func manifest(o ManifestOptions) (goslack.Manifest, error) {
	if o.Name == "" {
		o.Name = "Causeway"
	}
	if n := utf8.RuneCountInString(o.Name); n > longestName {
		return goslack.Manifest{}, fmt.Errorf("an app's name has at most %d characters, and %q has %d", longestName, o.Name, n)
	}
	if o.HTTP && !strings.HasPrefix(o.Public, "https://") {
		return goslack.Manifest{}, errors.New("the public address has to begin with https://, as Slack pushes events over HTTPS only")
	}
	m := goslack.Manifest{
		Display: goslack.Display{
			Name: o.Name, Description: "Joins channels here to rooms on Matrix", BackgroundColor: "#2c3e50",
			LongDescription: "Causeway carries what is said in the channels that this app is in to rooms on Matrix, and back: " +
				"messages, threads, reactions, files, edits and deletions. It runs on your own server. " +
				"Invite the app to a channel to let it be bridged; take it out to end that.",
		},
		Features: goslack.Features{
			AppHome: goslack.AppHome{MessagesTabEnabled: true},
			BotUser: goslack.BotUser{DisplayName: o.Name, AlwaysOnline: true},
		},
		Settings: goslack.Settings{
			EventSubscriptions: &goslack.EventSubscriptions{BotEvents: appEvents()},
			SocketModeEnabled:  !o.HTTP,
		},
	}
	m.OAuthConfig.Scopes.Bot = names(appScopes())
	if o.HTTP {
		m.Settings.EventSubscriptions.RequestUrl = o.Public + eventsPath
	}
	if o.Public != "" {
		m.OAuthConfig.PKCEEnabled = o.PKCE
		m.Settings.EventSubscriptions.UserEvents = userEvents()
		m.OAuthConfig.Scopes.User = names(userScopes())
		m.OAuthConfig.RedirectUrls = []string{o.Public + oauthPath}
	}
	return m, nil
}

// names are the names of scopes.
func names(scopes []scope) []string {
	var out []string
	for _, s := range scopes {
		out = append(out, s.name)
	}
	return out
}

// below is the value in a tree of maps; nil if there is none.
func below(n *yaml.Node, keys ...string) *yaml.Node {
	for _, key := range keys {
		var found *yaml.Node
		for i := 0; n != nil && i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == key {
				found = n.Content[i+1]
			}
		}
		n = found
	}
	return n
}

// explain writes behind each scope what is lost without it.
func explain(list *yaml.Node, scopes []scope) {
	if list == nil {
		return
	}
	for i, n := range list.Content {
		n.LineComment = "without it: " + scopes[i].costs
	}
}
