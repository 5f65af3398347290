package slackfake

import (
	"fmt"
	"slices"
	"strings"
)

// A User is somebody of a workspace.
type User struct {
	ID, Team                    string // by default made; the first workspace
	Name                        string // the handle
	RealName, DisplayName       string // default: Name; none
	Email, Title, Phone         string
	Avatar                      string // URL of a picture; empty: a default one
	StatusText, StatusEmoji     string
	TZ                          string // default "Europe/Berlin"
	Bot, Deleted, Admin, Owner  bool
	PrimaryOwner                bool
	Restricted, UltraRestricted bool // guest of several channels, of one
	Away                        bool
	App, BotID                  string // of a bot
	StatusExpiration            int64
}

type user struct {
	User
	updated int64
}

// must is what m has under an ID that a test gave.
func must[T any](m map[string]T, id string) T {
	v, ok := m[id]
	if !ok {
		panic(fmt.Sprintf("slackfake: there is no %q", id))
	}
	return v
}

// AddUser makes a user, of whom nobody hears, and returns the ID.
func (s *Server) AddUser(u User) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addUser(u).ID
}

func (s *Server) addUser(u User) *user {
	u.Team = s.teamID(u.Team)
	if u.ID == "" {
		kind := "U"
		if s.teams[u.Team].Enterprise != "" {
			kind = "W"
		}
		u.ID = s.id(kind)
	}
	if u.Name == "" {
		u.Name = strings.ToLower(u.ID)
	}
	if u.RealName == "" {
		u.RealName = u.Name
	}
	if u.TZ == "" {
		u.TZ = "Europe/Berlin"
	}
	if u.Bot && u.BotID == "" {
		u.BotID = s.id("B")
	}
	one := &user{User: u, updated: s.now()}
	s.users[u.ID] = one
	s.order = append(s.order, one)
	return one
}

// profile is the profile; the address is for those who may see it.
func (s *Server) profile(u *user, email bool) JSON {
	p := JSON{
		"title": u.Title, "phone": u.Phone, "skype": "", "real_name": u.RealName, "real_name_normalized": u.RealName,
		"display_name": u.DisplayName, "display_name_normalized": u.DisplayName, "fields": nil,
		"status_text": u.StatusText, "status_emoji": u.StatusEmoji, "status_emoji_display_info": []any{},
		"status_expiration": u.StatusExpiration, "status_text_canonical": "", "team": u.Team,
		"avatar_hash": fmt.Sprintf("g%x", len(u.Avatar)),
	}
	p["huddle_state"], p["huddle_state_expiration_ts"] = "default_unset", 0
	for _, h := range s.huddles {
		if slices.Contains(h.now, u.ID) {
			p["huddle_state"], p["huddle_state_call_id"] = "in_a_huddle", h.id
		}
	}
	first, last, _ := strings.Cut(u.RealName, " ")
	p["first_name"], p["last_name"] = first, last
	avatar := u.Avatar
	if avatar == "" {
		avatar = "https://secure.gravatar.com/avatar/" + strings.ToLower(u.ID) + ".jpg?d=mm"
	} else {
		p["is_custom_image"], p["image_original"], p["image_1024"] = true, avatar, avatar
	}
	for _, size := range []string{"24", "32", "48", "72", "192", "512"} {
		p["image_"+size] = avatar
	}
	if email && u.Email != "" {
		p["email"] = u.Email
	}
	if u.Bot {
		p["api_app_id"], p["bot_id"], p["always_active"] = u.App, u.BotID, false
	}
	return p
}

func (s *Server) userJSON(u *user, email bool) JSON {
	o := JSON{
		"id": u.ID, "team_id": u.Team, "name": u.Name, "deleted": u.Deleted, "profile": s.profile(u, email),
		"is_bot": u.Bot, "is_app_user": false, "updated": u.updated,
	}
	if e := s.teams[u.Team]; e.Enterprise != "" {
		o["enterprise_user"] = JSON{"id": u.ID, "enterprise_id": e.Enterprise, "enterprise_name": e.EnterpriseName, "is_admin": false, "is_owner": false, "teams": []string{u.Team}}
	}
	if u.Deleted {
		return o
	}
	return with(o, JSON{
		"color": "9f69e7", "real_name": u.RealName, "tz": u.TZ, "tz_label": "Central European Time", "tz_offset": 3600,
		"is_admin": u.Admin || u.Owner || u.PrimaryOwner, "is_owner": u.Owner || u.PrimaryOwner, "is_primary_owner": u.PrimaryOwner,
		"is_restricted": u.Restricted || u.UltraRestricted, "is_ultra_restricted": u.UltraRestricted,
		"is_email_confirmed": true, "who_can_share_contact_card": "EVERYONE",
	})
}
