package slackfake

import (
	"maps"
	"slices"
)

// A Usergroup is a handle that stands for several users.
type Usergroup struct {
	ID, Team, Name, Handle, Description string
	Users                               []string
	Disabled                            bool
}

func (s *Server) groupJSON(g *Usergroup, users bool) JSON {
	deleted := int64(0)
	if g.Disabled {
		deleted = s.now()
	}
	o := JSON{
		"id": g.ID, "team_id": g.Team, "is_usergroup": true, "is_subteam": true, "name": g.Name, "description": g.Description,
		"handle": g.Handle, "is_external": false, "date_create": s.now(), "date_update": s.now(), "date_delete": deleted,
		"auto_type": nil, "auto_provision": false, "enterprise_subteam_id": "", "created_by": "USLACKBOT", "updated_by": "USLACKBOT",
		"deleted_by": nil, "prefs": JSON{"channels": []any{}, "groups": []any{}}, "user_count": len(g.Users), "channel_count": 0,
	}
	if users {
		o["users"] = append([]string{}, g.Users...)
	}
	return o
}

// AddUsergroup makes a user group, of which nobody hears.
func (s *Server) AddUsergroup(g Usergroup) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addUsergroup(g).ID
}

func (s *Server) addUsergroup(g Usergroup) *Usergroup {
	g.Team = s.teamID(g.Team)
	if g.ID == "" {
		g.ID = s.id("S")
	}
	if g.Name == "" {
		g.Name = g.Handle
	}
	s.groups[g.ID] = &g
	return &g
}

// CreateUsergroup plays an administrator who makes a user group.
func (s *Server) CreateUsergroup(one Usergroup) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.addUsergroup(one)
	s.subteam(g, JSON{"type": "subteam_created", "subteam": s.groupJSON(g, true)})
	return g.ID
}

// ChangeUsergroup plays an administrator who changes one.
func (s *Server) ChangeUsergroup(id string, f func(*Usergroup)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := must(s.groups, id)
	before := slices.Clone(g.Users)
	f(g)
	s.subteam(g, JSON{"type": "subteam_updated", "subteam": s.groupJSON(g, true)})
	added, removed := without(g.Users, before), without(before, g.Users)
	if len(added)+len(removed) == 0 {
		return
	}
	s.subteam(g, JSON{
		"type": "subteam_members_changed", "subteam_id": id, "team_id": g.Team, "date_previous_update": s.now(), "date_update": s.now(),
		"added_users": added, "added_users_count": len(added), "removed_users": removed, "removed_users_count": len(removed),
	})
	for _, u := range added {
		s.emit(event{body: JSON{"type": "subteam_self_added", "subteam_id": id}, only: u, scopes: []string{"usergroups:read"}})
	}
	for _, u := range removed {
		s.emit(event{body: JSON{"type": "subteam_self_removed", "subteam_id": id}, only: u, scopes: []string{"usergroups:read"}})
	}
}

// without are those of a that are not in b.
func without(a, b []string) []string {
	out := []string{}
	for _, one := range a {
		if !slices.Contains(b, one) {
			out = append(out, one)
		}
	}
	return out
}

func (s *Server) subteam(g *Usergroup, body JSON) {
	s.emit(event{body: body, teams: []string{g.Team}, scopes: []string{"usergroups:read"}})
}

func usergroupsList(c *call) (JSON, error) {
	out := []JSON{}
	for _, id := range slices.Sorted(maps.Keys(c.s.groups)) {
		if g := c.s.groups[id]; g.Team == c.tok.team && (!g.Disabled || c.bool("include_disabled")) {
			out = append(out, c.s.groupJSON(g, c.bool("include_users")))
		}
	}
	return JSON{"usergroups": out}, nil
}

func usergroupsUsersList(c *call) (JSON, error) {
	g := c.s.groups[c.str("usergroup")]
	if g == nil || g.Team != c.tok.team {
		return nil, fail("no_such_subteam")
	}
	return JSON{"users": append([]string{}, g.Users...)}, nil
}

// AddEmoji plays somebody who adds a custom emoji: the URL of a picture, or
// alias:name of another one.
func (s *Server) AddEmoji(name, url string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.emoji[name] = url
	s.emit(event{body: JSON{"type": "emoji_changed", "subtype": "add", "name": name, "value": url}, scopes: []string{"emoji:read"}})
}

// RemoveEmoji plays somebody who removes one.
func (s *Server) RemoveEmoji(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	must(s.emoji, name)
	delete(s.emoji, name)
	s.emit(event{body: JSON{"type": "emoji_changed", "subtype": "remove", "names": []string{name}}, scopes: []string{"emoji:read"}})
}

// RenameEmoji plays somebody who renames one.
func (s *Server) RenameEmoji(name, to string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	url := must(s.emoji, name)
	delete(s.emoji, name)
	s.emoji[to] = url
	s.emit(event{body: JSON{"type": "emoji_changed", "subtype": "rename", "old_name": name, "new_name": to, "value": url}, scopes: []string{"emoji:read"}})
}

func emojiList(c *call) (JSON, error) {
	return JSON{"emoji": maps.Clone(c.s.emoji), "cache_ts": c.s.ts(), "categories_version": "5"}, nil
}
