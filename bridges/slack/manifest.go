package slack

import (
	"encoding/json"
	"fmt"
)

// appEvents are the events that the app subscribes to.
func appEvents() []string {
	return []string{
		"channel_archive", "channel_deleted", "channel_left", "channel_rename", "channel_unarchive",
		"emoji_changed", "group_archive", "group_deleted", "group_left", "group_rename", "group_unarchive",
		"member_joined_channel", "member_left_channel", "message.channels", "message.groups", "message.im", "message.mpim",
		"pin_added", "pin_removed", "reaction_added", "reaction_removed", "subteam_created", "subteam_updated", "team_join", "user_change",
	}
}

// Manifest is an app's manifest, as JSON, for the workspace's owners to make an app
// of their own from (https://docs.slack.dev/reference/app-manifest).
func Manifest(name string) ([]byte, error) {
	if name == "" || len([]rune(name)) > 35 {
		return nil, fmt.Errorf("an app's name has 1 to 35 characters, not %d", len([]rune(name)))
	}
	var scopes []string
	for _, s := range appScopes() {
		scopes = append(scopes, s.name)
	}
	type object map[string]any
	m := object{
		"display_information": object{
			"name": name, "description": "Joins channels here to rooms on Matrix",
			"long_description": "Causeway carries what is said in the channels that this app is in to rooms on Matrix, and back: " +
				"messages, threads, reactions, files, edits and deletions. It runs on your own server. " +
				"Invite the app to a channel to let it be bridged; take it out to end that.",
			"background_color": "#2c3e50",
		},
		"features": object{
			"bot_user": object{"display_name": name, "always_online": true},
			"app_home": object{"home_tab_enabled": false, "messages_tab_enabled": true, "messages_tab_read_only_enabled": false},
		},
		"oauth_config": object{"scopes": object{"bot": scopes}},
		"settings": object{
			"event_subscriptions": object{"bot_events": appEvents()}, "socket_mode_enabled": true,
			"org_deploy_enabled": false, "token_rotation_enabled": false,
		},
	}
	data, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	return append(data, '\n'), nil
}
