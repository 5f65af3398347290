package slackfake

import "strconv"

func itoa(n int) string { return strconv.Itoa(n) }

// atof is a number of digits.
func atof(digits string) float64 {
	f, _ := strconv.ParseFloat(digits, 64) // 0 for what a test made up
	return f
}

// userMethods are those about people.
func userMethods() map[string]method {
	read := []string{"users:read"}
	return map[string]method{
		"users.info": {tier: tier4, scopes: read, run: usersInfo},
		"users.list": {tier: tier2, scopes: read, run: usersList},
	}
}

// known reports whether a token's owner may know a user: of the same workspace,
// or of a conversation that both share.
func (s *Server) known(t *token, u *user) bool {
	if u.Team == t.team {
		return true
	}
	for _, c := range s.list {
		if len(c.SharedWith) > 0 && c.has(u.ID) && s.inTeam(c, t.team) {
			return true
		}
	}
	return false
}

// person is the user that the call is about.
func (c *call) person() (*user, error) {
	u := c.s.users[c.str("user")]
	if u == nil {
		return nil, fail("user_not_found")
	}
	if !c.s.known(c.tok, u) {
		return nil, fail("user_not_visible")
	}
	return u, nil
}

// userJSON is a user as the caller sees one.
func (c *call) userJSON(u *user) JSON {
	o := c.s.userJSON(u, c.tok.has("users:read.email"))
	if u.Team != c.tok.team {
		o["is_stranger"] = true
	}
	return o
}

func usersInfo(c *call) (JSON, error) {
	u, err := c.person()
	if err != nil {
		return nil, err
	}
	return JSON{"user": c.userJSON(u)}, nil
}

func usersList(c *call) (JSON, error) {
	var team []*user
	for _, u := range c.s.order {
		if u.Team == c.tok.team {
			team = append(team, u)
		}
	}
	if c.str("limit") == "" && len(team) > 1000 {
		return nil, fail("limit_required")
	}
	list, meta, err := page(c, team, 1000, 1000)
	out := []JSON{}
	for _, u := range list {
		out = append(out, c.userJSON(u))
	}
	return JSON{"members": out, "cache_ts": c.s.now(), "response_metadata": meta}, err
}
