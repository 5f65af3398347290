package slackfake

// authMethods are those about tokens and connections.
func authMethods() map[string]method {
	return map[string]method{
		"auth.test":             {run: authTest},
		"apps.connections.open": {tier: tier1, scopes: []string{"connections:write"}, run: connectionsOpen},
		"rtm.connect":           {tier: tier1, run: rtmConnect},
		"team.info":             {tier: tier3, scopes: []string{"team:read"}, run: teamInfo},
		"api.test":              {open: true, run: func(c *call) (JSON, error) { return JSON{"args": c.args}, nil }},
	}
}

func authTest(c *call) (JSON, error) {
	t, u := c.s.teams[c.tok.team], c.s.users[c.tok.user]
	out := JSON{"url": t.url(), "team": t.Name, "user": u.Name, "team_id": t.ID, "user_id": u.ID, "is_enterprise_install": false}
	if c.tok.kind == botToken {
		out["bot_id"] = c.tok.bot
	}
	if t.Enterprise != "" {
		out["enterprise_id"] = t.Enterprise
	}
	if c.tok.org != "" {
		out["team_id"], out["team"], out["is_enterprise_install"] = t.Enterprise, t.EnterpriseName, true
	}
	return out, nil
}

func connectionsOpen(c *call) (JSON, error) {
	if c.tok.app.off {
		return nil, fail("forbidden_team")
	}
	return JSON{"url": c.s.ticket(c.tok)}, nil
}

// rtmConnect serves browsers' sessions alone: apps with granular scopes have no RTM.
func rtmConnect(c *call) (JSON, error) {
	if c.tok.kind != sessionToken {
		return nil, fail("not_allowed_token_type")
	}
	if c.s.cfg.NoRTM {
		return nil, fail("method_deprecated")
	}
	t, u := c.s.teams[c.tok.team], c.s.users[c.tok.user]
	address := c.s.ticket(c.tok)
	if c.bool("batch_presence_aware") {
		address += "?batch_presence_aware=1"
	}
	return JSON{
		"url": address, "self": JSON{"id": u.ID, "name": u.Name},
		"team": JSON{"id": t.ID, "name": t.Name, "domain": t.Domain},
	}, nil
}

func teamInfo(c *call) (JSON, error) {
	id := c.str("team")
	if id == "" {
		id = c.tok.team
	}
	t := c.s.teams[id]
	if t == nil {
		return nil, fail("team_not_found")
	}
	return JSON{"team": t.json()}, nil
}
