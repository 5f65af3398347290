package slackfake

import "slices"

// InstallOrg puts an app into an organisation, and from there into some of its
// workspaces: its bot has one token for all of them. People who allow the app to act for
// them get such tokens too.
func (s *Server) InstallOrg(appID string, teams ...string) Bot {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := must(s.apps, appID)
	a.granted = nil
	for _, t := range teams {
		a.granted = append(a.granted, s.teamID(t))
	}
	first := a.granted[0]
	t := s.install(a, first)
	for _, other := range a.granted {
		a.installs[other] = a.installs[first]
	}
	s.widen(t)
	return Bot{Token: t.value, User: t.user, Bot: t.bot, Team: t.org}
}

// widen makes a token one of the organisation that its app is in.
func (s *Server) widen(t *token) {
	if t.app != nil && len(t.app.granted) > 0 {
		t.org, t.granted = s.teams[t.app.granted[0]].Enterprise, t.app.granted
	}
}

// orgMethods are those about organisations.
func orgMethods() map[string]method {
	return map[string]method{"auth.teams.list": {tier: tier2, run: authTeamsList}}
}

func authTeamsList(c *call) (JSON, error) {
	granted := c.tok.granted
	if c.tok.org == "" {
		granted = []string{c.tok.team}
	}
	list, meta, err := page(c, granted, 100, 1000)
	out := []JSON{}
	for _, id := range list {
		out = append(out, JSON{"id": id, "name": c.s.teams[id].Name})
	}
	return JSON{"teams": out, "response_metadata": meta}, err
}

// needsTeam are the methods that want team_id with a token of an organisation
// (https://docs.slack.dev/enterprise/developing-for-enterprise-orgs).
func needsTeam(name string) bool {
	switch name {
	case "conversations.list", "users.conversations", "users.list", "usergroups.list", "conversations.create", "bots.info":
		return true
	}
	return false
}

// act chooses the workspace in which a token of an organisation acts: the one that the
// call names, or that of the channel or person that it is about.
func (c *call) act() error {
	t := c.tok
	if t.org == "" || c.name == "auth.revoke" || c.name == "auth.test" || c.name == "auth.teams.list" {
		return nil
	}
	team := c.str("team_id")
	switch {
	case team == "" && needsTeam(c.name):
		return &failure{code: "missing_argument", more: JSON{"response_metadata": JSON{"messages": []string{"[ERROR] missing required field: team_id"}}}}
	case team != "" && !slices.Contains(t.granted, team):
		return fail("team_access_not_granted")
	case team == "":
		team = c.about()
	}
	one := *t
	one.team = team
	c.tok = &one
	return nil
}

// about is the workspace that a call is about, one of those that the token may see.
func (c *call) about() string {
	if ch := c.s.chans[c.str("channel")]; ch != nil {
		for _, team := range ch.teams() {
			if slices.Contains(c.tok.granted, team) {
				return team
			}
		}
	}
	for _, name := range []string{"user", "users", "channel"} {
		for _, id := range c.words(name) {
			if u := c.s.users[id]; u != nil && slices.Contains(c.tok.granted, u.Team) {
				return u.Team
			}
		}
	}
	return c.tok.team
}

// in reports whether a token is of any of some workspaces.
func (t *token) in(teams []string) bool {
	return slices.Contains(teams, t.team) || slices.ContainsFunc(t.granted, func(one string) bool { return slices.Contains(teams, one) })
}

// place is the workspace that a token is told an event from.
func (s *Server) place(t *token, e event) string {
	var teams []string
	if teams = e.teams; e.channel != nil {
		teams = e.channel.teams()
	}
	for _, team := range teams {
		if slices.Contains(t.granted, team) {
			return team
		}
	}
	return t.team
}
