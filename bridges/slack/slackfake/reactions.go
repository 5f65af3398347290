package slackfake

import (
	"regexp"
	"slices"
)

var reactionName = regexp.MustCompile(`^[a-z0-9_+'\p{L}-]+(::skin-tone-[2-6])?$`)

// A reaction is one emoji with those who gave it.
type reaction struct {
	name  string
	users []string
}

// show writes the reactions into a message.
func (m *message) show() {
	delete(m.body, "reactions")
	var list []any
	for _, r := range m.reactions {
		list = append(list, JSON{"name": r.name, "users": slices.Clone(r.users), "count": len(r.users)})
	}
	if list != nil {
		m.body["reactions"] = list
	}
}

// react gives a reaction, and reports whether it was not there.
func (s *Server) react(c *channel, m *message, user, name string) bool {
	i := slices.IndexFunc(m.reactions, func(r *reaction) bool { return r.name == name })
	if i < 0 {
		i = len(m.reactions)
		m.reactions = append(m.reactions, &reaction{name: name})
	}
	if slices.Contains(m.reactions[i].users, user) {
		return false
	}
	m.reactions[i].users = append(m.reactions[i].users, user)
	m.show()
	s.reacted(c, m, "reaction_added", user, name)
	return true
}

// unreact takes a reaction back, and reports whether it was there.
func (s *Server) unreact(c *channel, m *message, user, name string) bool {
	for i, r := range m.reactions {
		j := slices.Index(r.users, user)
		if r.name != name || j < 0 {
			continue
		}
		r.users = slices.Delete(r.users, j, j+1)
		if len(r.users) == 0 {
			m.reactions = slices.Delete(m.reactions, i, i+1)
		}
		m.show()
		s.reacted(c, m, "reaction_removed", user, name)
		return true
	}
	return false
}

func (s *Server) reacted(c *channel, m *message, kind, user, name string) {
	e := JSON{"type": kind, "user": user, "reaction": name, "item": JSON{"type": "message", "channel": c.ID, "ts": m.ts}}
	if author := m.author(); author != "" {
		e["item_user"] = author
	}
	s.emit(event{body: e, channel: c, members: true, scopes: []string{"reactions:read"}})
}

// React plays a user who reacts, with the emoji's name.
func (s *Server) React(channel, ts, user, name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := must(s.chans, channel)
	s.react(c, must(c.byTS, ts), must(s.users, user).ID, name)
}

// Unreact plays a user who takes a reaction back.
func (s *Server) Unreact(channel, ts, user, name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := must(s.chans, channel)
	s.unreact(c, must(c.byTS, ts), must(s.users, user).ID, name)
}

func reactionMethods() map[string]method {
	write := []string{"reactions:write"}
	return map[string]method{
		"reactions.add":    {tier: tier3, scopes: write, run: reactionsAdd},
		"reactions.remove": {tier: tier2, scopes: write, run: reactionsRemove},
		"reactions.get":    {tier: tier3, scopes: []string{"reactions:read"}, run: reactionsGet},
	}
}

// reactable is what a call reacts to, and with what.
func (c *call) reactable() (*channel, *message, string, error) {
	name := c.str("name")
	if c.str("timestamp") == "" {
		return nil, nil, "", fail("no_item_specified")
	}
	ch, m, err := c.message("timestamp")
	switch {
	case err != nil:
		return nil, nil, "", err
	case ch.Archived:
		return nil, nil, "", fail("is_archived")
	case !ch.has(c.tok.user) && ch.Kind != Public:
		return nil, nil, "", fail("not_in_channel")
	case c.name != "reactions.get" && !reactionName.MatchString(name):
		return nil, nil, "", fail("invalid_name")
	}
	return ch, m, name, nil
}

func reactionsAdd(c *call) (JSON, error) {
	ch, m, name, err := c.reactable()
	switch {
	case err != nil:
		return nil, err
	case len(m.reactions) >= 50 && !slices.ContainsFunc(m.reactions, func(r *reaction) bool { return r.name == name }):
		return nil, fail("too_many_emoji")
	case !c.s.react(ch, m, c.tok.user, name):
		return nil, fail("already_reacted")
	}
	return nil, nil
}

func reactionsRemove(c *call) (JSON, error) {
	ch, m, name, err := c.reactable()
	if err == nil && !c.s.unreact(ch, m, c.tok.user, name) {
		err = fail("no_reaction")
	}
	return nil, err
}

func reactionsGet(c *call) (JSON, error) {
	ch, m, _, err := c.reactable()
	if err != nil {
		return nil, err
	}
	return JSON{"type": "message", "channel": ch.ID, "message": with(shown(m), JSON{"permalink": c.s.permalink(ch, m, c.tok.team)})}, nil
}
