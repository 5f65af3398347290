package slackfake

import "slices"

// changed sends what follows from a change of a user's: user_change and the
// narrower event.
func (s *Server) userChanged(u *user, narrow string) {
	u.updated = s.now()
	for _, kind := range []string{"user_change", narrow} {
		if kind != "" {
			s.emit(event{body: JSON{"type": kind, "user": s.userJSON(u, true), "cache_ts": s.now()}, teams: s.audience(u), scopes: []string{"users:read"}})
		}
	}
}

// audience are the workspaces that know a user.
func (s *Server) audience(u *user) []string {
	out := []string{u.Team}
	for _, c := range s.list {
		if len(c.SharedWith) == 0 || !c.has(u.ID) {
			continue
		}
		for _, t := range c.teams() {
			if !slices.Contains(out, t) {
				out = append(out, t)
			}
		}
	}
	return out
}

// ChangeUser plays a user, or an administrator, who changes the profile, the role,
// or deactivates the account.
func (s *Server) ChangeUser(id string, f func(*User)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := must(s.users, id)
	before := u.User
	f(&u.User)
	u.ID, u.Team = before.ID, before.Team
	narrow := ""
	switch {
	case before.StatusText != u.StatusText || before.StatusEmoji != u.StatusEmoji:
		narrow = "user_status_changed"
	case before.Avatar != u.Avatar || before.DisplayName != u.DisplayName || before.RealName != u.RealName || before.Title != u.Title:
		narrow = "user_profile_changed"
	}
	s.userChanged(u, narrow)
}

// JoinTeam plays a user who comes into a workspace.
func (s *Server) JoinTeam(one User) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.addUser(one)
	s.emit(event{body: JSON{"type": "team_join", "user": s.userJSON(u, true), "cache_ts": s.now()}, teams: []string{u.Team}, scopes: []string{"users:read"}})
	return u.ID
}

// SetPresence plays a user who comes or goes; sessions that subscribed to the user
// (presence_sub) hear of it.
func (s *Server) SetPresence(id string, active bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := must(s.users, id)
	u.Away = !active
	s.present(u)
}

func (u *user) presence() string {
	if u.Away {
		return "away"
	}
	return "active"
}

// peopleMethods are those about people and what they share.
func peopleMethods() map[string]method {
	read := []string{"users:read"}
	return map[string]method{
		"users.getPresence":     {tier: tier3, scopes: read, run: usersGetPresence},
		"users.setPresence":     {tier: tier2, scopes: []string{"users:write"}, run: usersSetPresence},
		"users.lookupByEmail":   {tier: tier3, scopes: []string{"users:read.email"}, run: usersLookupByEmail},
		"users.profile.get":     {tier: tier4, scopes: []string{"users.profile:read"}, run: usersProfileGet},
		"bots.info":             {tier: tier3, scopes: read, run: botsInfo},
		"emoji.list":            {tier: tier2, scopes: []string{"emoji:read"}, run: emojiList},
		"usergroups.list":       {tier: tier2, scopes: []string{"usergroups:read"}, run: usergroupsList},
		"usergroups.users.list": {tier: tier2, scopes: []string{"usergroups:read"}, run: usergroupsUsersList},
	}
}

func usersGetPresence(c *call) (JSON, error) {
	if c.str("user") == "" {
		c.args["user"] = c.tok.user
	}
	u, err := c.person()
	if err != nil {
		return nil, err
	}
	out := JSON{"presence": u.presence()}
	if u.ID == c.tok.user {
		out["online"], out["auto_away"], out["manual_away"], out["connection_count"], out["last_activity"] = !u.Away, false, u.Away, 1, c.s.now()
	}
	return out, nil
}

func usersSetPresence(c *call) (JSON, error) {
	switch c.str("presence") {
	case "away", "auto":
	default:
		return nil, fail("invalid_presence")
	}
	u := c.s.users[c.tok.user]
	u.Away = c.str("presence") == "away"
	c.s.present(u)
	return nil, nil
}

func usersLookupByEmail(c *call) (JSON, error) {
	for _, u := range c.s.order {
		if u.Email != "" && u.Email == c.str("email") && u.Team == c.tok.team && !u.Deleted {
			return JSON{"user": c.userJSON(u)}, nil
		}
	}
	return nil, fail("users_not_found")
}

func usersProfileGet(c *call) (JSON, error) {
	if c.str("user") == "" {
		c.args["user"] = c.tok.user
	}
	u, err := c.person()
	if err != nil {
		return nil, err
	}
	return JSON{"profile": c.s.profile(u, c.tok.has("users:read.email"))}, nil
}

func botsInfo(c *call) (JSON, error) {
	for _, a := range c.s.sortedApps() {
		for _, in := range a.installs {
			if in.bot == c.str("bot") {
				o := c.s.botProfile(a, in.bot, in.team)
				delete(o, "team_id")
				return JSON{"bot": with(o, JSON{"user_id": in.user})}, nil
			}
		}
	}
	for _, u := range c.s.order {
		if u.Bot && u.BotID == c.str("bot") {
			return JSON{"bot": JSON{
				"id": u.BotID, "deleted": u.Deleted, "name": u.RealName, "updated": u.updated, "app_id": u.App, "user_id": u.ID,
				"icons": JSON{"image_36": u.Avatar, "image_48": u.Avatar, "image_72": u.Avatar},
			}}, nil
		}
	}
	return nil, fail("bot_not_found")
}
