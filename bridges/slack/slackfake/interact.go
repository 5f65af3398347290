package slackfake

import (
	"encoding/json"
	"io"
	"net/http"
)

// Command plays a user who uses a slash command of an app: "/bridge", "status".
// It returns the ID of the envelope, see [Server.Acks].
func (s *Server) Command(appID, channel, user, command, text string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, c, u := must(s.apps, appID), must(s.chans, channel), must(s.users, user)
	return s.deliver(a, &envelope{kind: "slash_commands", accepts: true, payload: JSON{
		"token": "verification", "team_id": u.Team, "team_domain": s.teams[u.Team].Domain, "channel_id": c.ID, "channel_name": c.Name,
		"user_id": u.ID, "user_name": u.Name, "command": command, "text": text, "api_app_id": a.ID, "is_enterprise_install": "false",
		"response_url": s.responseURL(), "trigger_id": s.id("trigger."),
	}})
}

// Click plays a user who uses an interactive element of a message: action is what
// it says, with type, action_id and value.
func (s *Server) Click(appID, channel, ts, user string, action JSON) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, c, u := must(s.apps, appID), must(s.chans, channel), must(s.users, user)
	m := must(c.byTS, ts)
	return s.deliver(a, &envelope{kind: "interactive", accepts: true, payload: clone(JSON{
		"type": "block_actions", "user": JSON{"id": u.ID, "username": u.Name, "name": u.Name, "team_id": u.Team}, "api_app_id": a.ID,
		"token": "verification", "container": JSON{"type": "message", "message_ts": ts, "channel_id": c.ID, "is_ephemeral": false},
		"trigger_id": s.id("trigger."), "team": JSON{"id": u.Team, "domain": s.teams[u.Team].Domain}, "enterprise": nil,
		"is_enterprise_install": false, "channel": JSON{"id": c.ID, "name": c.Name}, "message": shown(m), "state": JSON{"values": JSON{}},
		"response_url": s.responseURL(), "actions": []JSON{with(JSON{"action_ts": s.ts()}, action)},
	})})
}

func (s *Server) responseURL() string { return s.URL() + "/response/" + s.id("") }

// response takes what an app says to a response_url.
func (s *Server) response(w http.ResponseWriter, r *http.Request) {
	var o JSON
	if err := json.NewDecoder(io.LimitReader(r.Body, 1<<20)).Decode(&o); err != nil {
		http.Error(w, "invalid_payload", http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.responses = append(s.responses, o)
	s.happened()
	_, _ = io.WriteString(w, "ok") // the client may be gone
}

// Responses are what apps said to response URLs.
func (s *Server) Responses() []JSON {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]JSON(nil), s.responses...)
}
