package matrixtest

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// A user is an account, or only the bookkeeping of an ID that was invited.
type user struct {
	id         string
	registered bool
	password   string
	profile    map[string]json.RawMessage // displayname, avatar_url and others
	devices    map[string]string          // display name by ID
	rooms      map[*room]struct{}         // with any membership, until forgotten
	data       map[string]accountData     // global account data by type
	roomData   map[string]map[string]accountData
	filters    []json.RawMessage
	presence   presence
	keys       map[string]*deviceKeys // by device ID
	cross      crossSigning
	keysPos    int64 // when devices or keys changed last
}

type accountData struct {
	content json.RawMessage
	pos     int64
}

// account returns the record of a user ID, making it if needed. Called under
// mu.
func (hs *Server) account(userID string) *user {
	u := hs.users[userID]
	if u == nil {
		u = &user{
			id:      userID,
			profile: map[string]json.RawMessage{}, devices: map[string]string{}, rooms: map[*room]struct{}{},
			data: map[string]accountData{}, roomData: map[string]map[string]accountData{},
		}
		hs.users[userID] = u
	}
	return u
}

// newSession makes a device and an access token. Called under mu.
func (hs *Server) newSession(u *user, device, name string) session {
	if device == "" {
		device = strings.ToUpper(hs.newToken("")[:10])
	}
	// Whoever signs in on a device again ends its earlier token.
	maps.DeleteFunc(hs.sessions, func(_ string, s session) bool { return s.service == nil && s.user == u && s.device == device })
	u.devices[device] = name
	s := session{user: u, device: device, token: hs.newToken("syt_")}
	hs.sessions[s.token] = s
	return s
}

func (s session) credentials() map[string]any {
	return map[string]any{"user_id": s.user.id, "access_token": s.token, "device_id": s.device}
}

func (c *call) versions() (any, *Error) {
	unstable := map[string]bool{}
	for _, name := range c.hs.opts.Unstable {
		unstable[name] = true
	}
	return map[string]any{"versions": c.hs.opts.Versions, "unstable_features": unstable}, nil
}

func (c *call) whoami() (any, *Error) {
	out := map[string]any{"user_id": c.auth.user.id, "is_guest": false}
	if c.auth.device != "" {
		out["device_id"] = c.auth.device
	}
	return out, nil
}

// checkName checks a localpart for registration by as, nil for a person.
// Called under mu.
func (hs *Server) checkName(localpart string, as *appservice) *Error {
	id := hs.userIDOf(localpart)
	if !validLocalpart(localpart) || len(id) > maxField {
		return badRequest("M_INVALID_USERNAME", "User ID can only contain characters a-z, 0-9, or '=_-./+'")
	}
	if as != nil && !as.owns(id) {
		return badRequest(codeExclusive, "Invalid user localpart for this application service.")
	}
	for _, other := range hs.services {
		if other != as && other.exclusive(other.users, id) {
			return badRequest(codeExclusive, "This user ID is reserved by an application service.")
		}
	}
	if u := hs.users[id]; u != nil && u.registered {
		return badRequest("M_USER_IN_USE", "User ID already taken.")
	}
	return nil
}

func validLocalpart(s string) bool {
	return s != "" && strings.IndexFunc(s, func(r rune) bool {
		return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyz0123456789._=-/+", r)
	}) < 0
}

func (c *call) register() (any, *Error) {
	var req struct {
		Type         string          `json:"type"`
		Username     string          `json:"username"`
		Password     string          `json:"password"`
		DeviceID     string          `json:"device_id"`
		DeviceName   string          `json:"initial_device_display_name"`
		InhibitLogin bool            `json:"inhibit_login"`
		Auth         json.RawMessage `json:"auth"`
	}
	if err := c.decode(&req); err != nil {
		return nil, err
	}
	as := c.auth.service
	switch {
	case req.Type == "m.login.application_service" && as == nil:
		return nil, fail(http.StatusUnauthorized, "M_MISSING_TOKEN", "Missing access token")
	case as == nil:
		e := fail(http.StatusUnauthorized, codeUnknown, "User-interactive authentication needed")
		e.raw = json.RawMessage(`{"session":"x","flows":[{"stages":["m.login.dummy"]}],"params":{}}`)
		return nil, e
	case req.Type != "m.login.application_service":
		return nil, badRequest("M_UNKNOWN", "An appservice registers with type m.login.application_service")
	case as.reg.MSC4190 && !req.InhibitLogin:
		return nil, badRequest("M_APPSERVICE_LOGIN_UNSUPPORTED", "Appservice login is off for this appservice; set inhibit_login")
	}
	c.hs.mu.Lock()
	defer c.hs.mu.Unlock()
	if err := c.hs.checkName(req.Username, as); err != nil {
		return nil, err
	}
	u := c.hs.account(c.hs.userIDOf(req.Username))
	u.registered = true
	u.profile["displayname"] = mustJSON(req.Username)
	if req.InhibitLogin {
		return map[string]any{"user_id": u.id, "home_server": c.hs.opts.Domain}, nil
	}
	return c.hs.newSession(u, req.DeviceID, req.DeviceName).credentials(), nil
}

func (c *call) registerAvailable() (any, *Error) {
	c.hs.mu.Lock()
	defer c.hs.mu.Unlock()
	if err := c.hs.checkName(c.query.Get("username"), c.auth.service); err != nil {
		return nil, err
	}
	return map[string]bool{"available": true}, nil
}

func (c *call) loginFlows() (any, *Error) {
	return json.RawMessage(`{"flows":[{"type":"m.login.password"},{"type":"m.login.application_service"}]}`), nil
}

func (c *call) login() (any, *Error) {
	var req struct {
		Type       string `json:"type"`
		Identifier struct {
			Type string `json:"type"`
			User string `json:"user"`
		} `json:"identifier"`
		User       string `json:"user"` // before v1.0
		Password   string `json:"password"`
		DeviceID   string `json:"device_id"`
		DeviceName string `json:"initial_device_display_name"`
	}
	if err := c.decode(&req); err != nil {
		return nil, err
	}
	name := req.Identifier.User
	if req.Identifier.Type == "" {
		name = req.User
	}
	if !strings.HasPrefix(name, "@") {
		name = c.hs.userIDOf(name)
	}
	c.hs.mu.Lock()
	defer c.hs.mu.Unlock()
	u := c.hs.users[name]
	known := u != nil && u.registered
	switch as := c.auth.service; {
	case req.Type == "m.login.password":
		if !known || u.password == "" || u.password != req.Password {
			return nil, forbidden("Invalid username or password")
		}
	case req.Type != "m.login.application_service":
		return nil, badRequest(codeUnknown, "Unknown login type %s", req.Type)
	case as == nil:
		return nil, fail(http.StatusUnauthorized, "M_MISSING_TOKEN", "Missing access token")
	case as.reg.MSC4190:
		return nil, badRequest("M_APPSERVICE_LOGIN_UNSUPPORTED", "Appservice login is off for this appservice")
	case !as.owns(name) || !known:
		return nil, forbidden("%s is not a user of this appservice", name)
	}
	return c.hs.newSession(u, req.DeviceID, req.DeviceName).credentials(), nil
}

func (c *call) logout() (any, *Error) {
	if c.auth.service != nil {
		return nil, forbidden("An appservice token cannot log out")
	}
	c.hs.mu.Lock()
	defer c.hs.mu.Unlock()
	c.hs.dropDevice(c.auth.user, c.auth.device)
	return nil, nil
}

func (c *call) capabilities() (any, *Error) {
	available := map[string]string{}
	for v := 1; v <= maxRoomVersion; v++ {
		available[fmt.Sprint(v)] = "stable"
	}
	return map[string]any{"capabilities": map[string]any{
		"m.room_versions":   map[string]any{"default": c.hs.opts.RoomVersion, "available": available},
		"m.change_password": map[string]bool{"enabled": false},
	}}, nil
}

func (c *call) getDevices() (any, *Error) {
	c.hs.mu.Lock()
	defer c.hs.mu.Unlock()
	list := []map[string]string{}
	for _, id := range slices.Sorted(maps.Keys(c.auth.user.devices)) {
		list = append(list, map[string]string{"device_id": id, "display_name": c.auth.user.devices[id]})
	}
	return map[string]any{"devices": list}, nil
}

func (c *call) getDevice() (any, *Error) {
	c.hs.mu.Lock()
	defer c.hs.mu.Unlock()
	name, ok := c.auth.user.devices[c.param("deviceId")]
	if !ok {
		return nil, notFound("No such device")
	}
	return map[string]string{"device_id": c.param("deviceId"), "display_name": name}, nil
}

// putDevice renames a device; an appservice registered with MSC4190 creates
// it too (201).
func (c *call) putDevice() (any, *Error) {
	var req struct {
		Name *string `json:"display_name"`
	}
	if err := c.decode(&req); err != nil {
		return nil, err
	}
	c.hs.mu.Lock()
	defer c.hs.mu.Unlock()
	id, devices := c.param("deviceId"), c.auth.user.devices
	_, known := devices[id]
	if !known && (c.auth.service == nil || !c.auth.service.reg.MSC4190) {
		return nil, notFound("device does not exist")
	}
	if req.Name != nil || !known {
		devices[id] = textOf(c.body, "display_name")
	}
	if known {
		return nil, nil
	}
	return func(w http.ResponseWriter) { writeJSON(w, http.StatusCreated, []byte("{}")) }, nil
}

func (c *call) deleteDevice() (any, *Error) {
	if c.auth.service == nil || !c.auth.service.reg.MSC4190 {
		e := fail(http.StatusUnauthorized, codeUnknown, "User-interactive authentication needed")
		e.raw = json.RawMessage(`{"session":"x","flows":[{"stages":["m.login.password"]}],"params":{}}`)
		return nil, e
	}
	c.hs.mu.Lock()
	defer c.hs.mu.Unlock()
	c.hs.dropDevice(c.auth.user, c.param("deviceId"))
	return nil, nil
}
