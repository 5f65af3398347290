package slack

import (
	"slices"
	"strings"
)

// A scope is a right of an app and what is lost without it.
type scope struct{ name, costs string }

// appScopes are the bot scopes that the manifest asks for. The first ones cannot be
// done without.
func appScopes() []scope {
	return []scope{
		{"chat:write", "nothing can be sent"},
		{"channels:history", "nothing arrives from public channels"},
		{"channels:read", "public channels have no name, topic or members"},
		{"users:read", "people have no names"},
		{"groups:history", "nothing arrives from private channels"},
		{"groups:read", "private channels have no name, topic or members"},
		{"im:history", "direct messages to the app do not arrive"},
		{"im:read", "direct messages to the app have no name"},
		{"im:write", "the app can begin no direct message"},
		{"mpim:write", "the app can begin no group message"},
		{"mpim:history", "nothing arrives from group messages"},
		{"mpim:read", "group messages have no name or members"},
		{"chat:write.customize", "relayed people have the app's name and picture"},
		{"chat:write.public", "the app can write only where it was invited"},
		{"channels:join", "the app cannot join public channels by itself"},
		{"channels:manage", "public channels cannot be made or archived, and their topic, name and members not changed"},
		{"groups:write", "private channels cannot be made or archived, and their topic, name and members not changed"},
		{"files:read", "files do not arrive"},
		{"files:write", "files cannot be sent"},
		{"reactions:read", "reactions do not arrive"},
		{"reactions:write", "reactions cannot be sent"},
		{"pins:read", "pins do not arrive"},
		{"pins:write", "nothing can be pinned"},
		{"bookmarks:read", "bookmarks of channels are not shown"},
		{"emoji:read", "custom emoji have no pictures"},
		{"usergroups:read", "user groups have no names"},
		{"metadata.message:read", "a message whose answer was lost cannot be found again"},
		{"users:read.email", "people cannot be found by e-mail"},
		{"users.profile:read", "when a crowd of new people speaks at once, some get their names later"},
	}
}

// userScopes are the scopes that a person who signs in by OAuth is asked for.
func userScopes() []scope {
	return []scope{
		{"chat:write", "they can send nothing"},
		{"channels:history", "nothing arrives from their public channels"},
		{"channels:read", "their public channels have no name, topic or members"},
		{"users:read", "people have no names"},
		{"groups:history", "nothing arrives from their private channels"},
		{"groups:read", "their private channels have no name, topic or members"},
		{"im:history", "their direct messages do not arrive"},
		{"im:read", "their direct messages do not open"},
		{"im:write", "they can begin no direct message"},
		{"mpim:write", "they can begin no group message"},
		{"mpim:history", "nothing arrives from their group messages"},
		{"mpim:read", "their group messages have no name or members"},
		{"channels:write", "they cannot join, make or archive public channels, or change their topic, name and members"},
		{"groups:write", "they cannot make or archive private channels, or change their topic, name and members"},
		{"files:read", "files do not arrive"},
		{"files:write", "they can send no files"},
		{"reactions:read", "reactions do not arrive"},
		{"reactions:write", "they can send no reactions"},
		{"pins:read", "pins do not arrive"},
		{"pins:write", "they can pin nothing"},
		{"bookmarks:read", "bookmarks of channels are not shown"},
		{"emoji:read", "custom emoji have no pictures"},
		{"usergroups:read", "user groups have no names"},
		{"metadata.message:read", "a message of theirs whose answer was lost cannot be found again"},
		{"users:read.email", "people cannot be found by e-mail"},
		{"users.profile:read", "when a crowd of new people speaks at once, some get their names later"},
	}
}

// wanted are the scopes that a login of a kind should have; none for a browser's
// session, which has no scopes.
func wanted(k kind) []scope {
	switch k {
	case kindApp:
		return appScopes()
	case kindUser:
		return userScopes()
	}
	return nil
}

// lacking are the scopes of want that are not in have; none if have is not known.
func lacking(have []string, want []scope) []scope {
	if have == nil {
		return nil
	}
	var missing []scope
	for _, s := range want {
		if !slices.Contains(have, s.name) {
			missing = append(missing, s)
		}
	}
	return missing
}

// missingWords says which scopes an app lacks and what each costs.
func missingWords(missing []scope) string {
	var words []string
	for _, s := range missing {
		words = append(words, s.name+" ("+s.costs+")")
	}
	return "the app lacks scopes: " + strings.Join(words, ", ") + "; add them and install the app again"
}

// scopeWords says what a missing scope costs, as the answer to a call names it.
func scopeWords(needed string) string {
	for one := range strings.SplitSeq(needed, ",") {
		one = strings.TrimSpace(one)
		for _, s := range appScopes() {
			if s.name == one {
				return "the app lacks the scope " + one + ", without which " + s.costs + ": add it and install the app again"
			}
		}
	}
	if needed == "" {
		return "the app lacks a scope for this: compare it with what 'causeway slack manifest' prints"
	}
	return "the app lacks the scope " + needed + ": add it and install the app again"
}
