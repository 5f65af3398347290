package slackfake

import (
	"maps"
	"slices"
)

// methods are those of the Web API that the fake knows.
func methods() map[string]method {
	all := map[string]method{}
	for _, group := range []map[string]method{authMethods(), chatMethods(), conversationMethods(), membershipMethods(), changeMethods(), userMethods(), reactionMethods(), pinMethods(), peopleMethods(), bookmarkMethods(), fileMethods(), oauthMethods(), orgMethods()} {
		maps.Copy(all, group)
	}
	return all
}

// sortedApps are the apps in the order of their IDs.
func (s *Server) sortedApps() []*app {
	var out []*app
	for _, id := range slices.Sorted(maps.Keys(s.apps)) {
		out = append(out, s.apps[id])
	}
	return out
}

// sortedTokens are the tokens, those of bots first.
func (s *Server) sortedTokens() []*token {
	var out []*token
	for _, value := range slices.Sorted(maps.Keys(s.tokens)) {
		out = append(out, s.tokens[value])
	}
	return out
}
