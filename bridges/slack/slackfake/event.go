package slackfake

import "slices"

// An event is something that happened, for those who may see it.
type event struct {
	body JSON
	// subscription is its name in manifests; default the type.
	subscription string
	channel      *channel // of members only, if members is set
	members      bool
	only         string   // one user's own matter
	teams        []string // nil: all of the channel's, or the user's
	scopes       []string // an app needs any of them
	sessions     bool     // not for apps
	apps         bool     // for apps only
}

// emit sends an event to apps and sessions. The event's body must not change afterwards.
func (s *Server) emit(e event) {
	e.body = clone(e.body)
	if e.body["event_ts"] == nil {
		e.body["event_ts"] = s.ts()
	}
	if e.subscription == "" {
		e.subscription = str(e.body, "type")
	}
	for _, a := range s.sortedApps() {
		if !e.sessions {
			s.tellApp(a, e)
		}
	}
	for c := range s.sockets {
		if c.rtm && !e.apps && s.sees(c.tok, e) {
			c.send(c.tok.readable(e.body))
		}
	}
	s.happened()
}

// sees reports whether a token's user may see an event.
func (s *Server) sees(t *token, e event) bool {
	switch {
	case t.dead != "" || !t.has(e.scopes...):
		return false
	case e.only != "":
		return t.user == e.only
	case e.channel != nil && (e.members || e.channel.private()):
		return e.channel.has(t.user)
	case e.teams != nil:
		return t.in(e.teams)
	case e.channel != nil:
		return t.in(e.channel.teams())
	default:
		return true
	}
}

// tellApp sends an event to an app once for each workspace whose tokens see it.
func (s *Server) tellApp(a *app, e event) {
	if a.Events != nil && !slices.Contains(a.Events, e.subscription) {
		return
	}
	seen := map[string]bool{}
	for _, t := range s.sortedTokens() {
		team := s.place(t, e)
		if t.app != a || t.kind == appToken || seen[team] || !s.sees(t, e) {
			continue
		}
		seen[team] = true
		s.deliver(a, &envelope{kind: "events_api", payload: s.callback(a, t, e)})
	}
}

// callback is the outer event.
func (s *Server) callback(a *app, t *token, e event) JSON {
	place := s.place(t, e)
	enterprise := nullable(s.teams[place].Enterprise)
	var team, context any = t.team, t.team
	if t.org != "" { // the installation is in no workspace
		team, context = nil, nil
	}
	return JSON{
		"token": "verification", "team_id": place, "context_team_id": context, "context_enterprise_id": enterprise,
		"api_app_id": a.ID, "event": t.readable(e.body), "type": "event_callback", "event_id": s.id("Ev"), "event_time": s.now(),
		"authorizations": []JSON{{
			"enterprise_id": enterprise, "team_id": team, "user_id": t.user, "is_bot": t.kind == botToken, "is_enterprise_install": t.org != "",
		}},
		"is_ext_shared_channel": e.channel != nil && len(e.channel.SharedWith) > 0, "event_context": "4-" + s.id("EC"),
	}
}
