package slackfake

import "time"

// A Team is a workspace.
type Team struct {
	ID, Name, Domain string
	// Enterprise is the ID of the organisation (E…); empty: none.
	Enterprise, EnterpriseName string
	Icon                       string // URL of a picture
	// EditWindow and DeleteWindow are how long messages can be edited and deleted;
	// 0: for ever, less: never.
	EditWindow, DeleteWindow time.Duration
}

type team struct {
	Team
}

// AddTeam makes a workspace and returns its ID.
func (s *Server) AddTeam(t Team) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t.ID == "" {
		t.ID = s.id("T")
	}
	s.teams[t.ID] = &team{Team: t}
	return t.ID
}

// teamID is id, or the first workspace's.
func (s *Server) teamID(id string) string {
	if id == "" {
		return s.cfg.Team.ID
	}
	return must(s.teams, id).ID
}

func (t *team) json() JSON {
	icon := JSON{"image_default": t.Icon == ""}
	for _, size := range []string{"34", "44", "68", "88", "102", "132", "230"} {
		icon["image_"+size] = t.Icon
	}
	o := JSON{"id": t.ID, "name": t.Name, "url": t.url(), "domain": t.Domain, "email_domain": "", "icon": icon, "avatar_base_url": "https://ca.slack-edge.com/", "is_verified": false, "lob_sales_home_enabled": false}
	if t.Enterprise != "" {
		o["enterprise_id"], o["enterprise_name"], o["enterprise_domain"] = t.Enterprise, t.EnterpriseName, t.Domain
	}
	return o
}

func (t *team) url() string { return "https://" + t.Domain + ".slack.com/" }
