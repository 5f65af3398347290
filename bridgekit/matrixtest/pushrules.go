package matrixtest

import (
	"encoding/json"
	"slices"
	"strings"
)

// A pushRule is a rule that a person made (Client-Server API, "Push rules"). The
// server's own rules are left out: nobody is notified here.
type pushRule struct {
	ID         string            `json:"rule_id"`
	Default    bool              `json:"default"`
	Enabled    bool              `json:"enabled"`
	Actions    []json.RawMessage `json:"actions"`
	Conditions []json.RawMessage `json:"conditions,omitempty"`
	Pattern    string            `json:"pattern,omitempty"`
}

// pushKinds are the kinds of rules, in the order of their precedence.
func pushKinds() []string { return []string{"override", "content", "room", "sender", "underride"} }

// rules reads a person's rules by kind. Called under mu.
func (u *user) rules() map[string][]pushRule {
	var content struct {
		Global map[string][]pushRule `json:"global"`
	}
	_ = json.Unmarshal(u.data["m.push_rules"].content, &content) // without any there are none
	all := map[string][]pushRule{}
	for _, kind := range pushKinds() {
		all[kind] = append([]pushRule{}, content.Global[kind]...)
	}
	return all
}

// setRules stores a person's rules, where /sync finds them. Called under mu.
func (hs *Server) setRules(u *user, all map[string][]pushRule) {
	u.data["m.push_rules"] = accountData{mustJSON(map[string]any{"global": all}), hs.nextPos()}
	hs.changed()
}

func (c *call) getPushRules() (any, *Error) {
	c.hs.mu.Lock()
	defer c.hs.mu.Unlock()
	return map[string]any{"global": c.auth.user.rules()}, nil
}

// pushRule finds the rule of a request; -1 if there is none. Called under mu.
func (c *call) pushRule() (all map[string][]pushRule, kind string, at int, err *Error) {
	kind = c.param("kind")
	if !slices.Contains(pushKinds(), kind) {
		return nil, "", -1, badRequest("M_UNRECOGNIZED", "Unrecognised rule kind: %s", kind)
	}
	all = c.auth.user.rules()
	at = slices.IndexFunc(all[kind], func(r pushRule) bool { return r.ID == c.param("ruleId") })
	return all, kind, at, nil
}

// thatPushRule is pushRule for a rule that has to be there.
func (c *call) thatPushRule() (all map[string][]pushRule, kind string, at int, err *Error) {
	all, kind, at, err = c.pushRule()
	if err == nil && at < 0 {
		err = notFound("No such rule.")
	}
	return all, kind, at, err
}

func (c *call) getPushRule() (any, *Error) {
	c.hs.mu.Lock()
	defer c.hs.mu.Unlock()
	all, kind, at, err := c.thatPushRule()
	if err != nil {
		return nil, err
	}
	return all[kind][at], nil
}

func (c *call) putPushRule() (any, *Error) {
	var req pushRule
	if err := c.decode(&req); err != nil {
		return nil, err
	}
	id := c.param("ruleId")
	switch {
	case strings.HasPrefix(id, "."):
		return nil, badRequest("M_UNKNOWN", "cannot add new rule_ids that start with '.'")
	case strings.ContainsAny(id, `/\`):
		return nil, badRequest(codeInvalidParam, "rule_id may not contain slashes")
	case req.Actions == nil:
		return nil, badRequest(codeInvalidParam, "No actions found")
	case c.param("kind") == "content" && req.Pattern == "":
		return nil, badRequest(codeInvalidParam, "Content rule missing 'pattern'")
	}
	c.hs.mu.Lock()
	defer c.hs.mu.Unlock()
	all, kind, at, err := c.pushRule()
	if err != nil {
		return nil, err
	}
	req.ID, req.Default, req.Enabled = id, false, true
	if at >= 0 {
		req.Enabled = all[kind][at].Enabled
		all[kind][at] = req
	} else {
		all[kind] = append([]pushRule{req}, all[kind]...) // the newest comes first
	}
	c.hs.setRules(c.auth.user, all)
	return nil, nil
}

func (c *call) deletePushRule() (any, *Error) {
	c.hs.mu.Lock()
	defer c.hs.mu.Unlock()
	all, kind, at, err := c.thatPushRule()
	if err != nil {
		return nil, err
	}
	all[kind] = slices.Delete(all[kind], at, at+1)
	c.hs.setRules(c.auth.user, all)
	return nil, nil
}

// Muted reports whether a person has made a room silent: a room rule without actions
// (before v1.7: dont_notify).
func (u *User) Muted(room string) bool {
	u.hs.mu.Lock()
	defer u.hs.mu.Unlock()
	return slices.ContainsFunc(u.hs.account(u.ID).rules()["room"], func(r pushRule) bool { return r.ID == room && r.Enabled && len(r.Actions) == 0 })
}

// Tags are the tags under which a person has a room, sorted.
func (u *User) Tags(room string) []string {
	u.hs.mu.Lock()
	defer u.hs.mu.Unlock()
	var content struct {
		Tags map[string]json.RawMessage `json:"tags"`
	}
	_ = json.Unmarshal(u.hs.account(u.ID).roomData[room]["m.tag"].content, &content) // without any there are none
	var tags []string
	for tag := range content.Tags {
		tags = append(tags, tag)
	}
	slices.Sort(tags)
	return tags
}

// AccountData is a person's account data of a type; nil if there is none.
func (u *User) AccountData(typ string) json.RawMessage {
	u.hs.mu.Lock()
	defer u.hs.mu.Unlock()
	return u.hs.account(u.ID).data[typ].content
}

// SetAccountData replaces a person's account data of a type.
func (u *User) SetAccountData(typ string, content any) {
	u.must("PUT", "user/"+u.ID+"/account_data/"+typ, content, nil)
}
