package matrixtest

import (
	"encoding/json"
	"maps"
	"strings"
)

// PowerLevels is m.room.power_levels with the defaults filled in.
type PowerLevels struct {
	Users         map[string]int64 `json:"users"`
	UsersDefault  int64            `json:"users_default"`
	Events        map[string]int64 `json:"events"`
	EventsDefault int64            `json:"events_default"`
	StateDefault  int64            `json:"state_default"`
	Ban           int64            `json:"ban"`
	Kick          int64            `json:"kick"`
	Redact        int64            `json:"redact"`
	Invite        int64            `json:"invite"`
	Notifications map[string]int64 `json:"notifications"`
}

// creatorPower is the level of a creator from room version 12 on: above
// every number that can be written.
const creatorPower = maxInt + 1

func parsePower(content []byte) (PowerLevels, *Error) {
	p := PowerLevels{StateDefault: 50, Ban: 50, Kick: 50, Redact: 50}
	err := decodeObject(content, &p)
	return p, err
}

// required is the level for sending an event.
func (p *PowerLevels) required(typ string, state bool) int64 {
	if n, ok := p.Events[typ]; ok {
		return n
	}
	if state {
		return p.StateDefault
	}
	return p.EventsDefault
}

// level is a user's level in the room.
func (rm *room) level(userID string) int64 {
	switch {
	case rm.privileged[userID]:
		return creatorPower
	case rm.power == nil && userID == rm.creator:
		return 100
	case rm.power == nil:
		return 0
	}
	if n, ok := rm.power.Users[userID]; ok {
		return n
	}
	return rm.power.UsersDefault
}

func (rm *room) levels() *PowerLevels {
	if rm.power == nil {
		return &PowerLevels{} // before the first m.room.power_levels
	}
	return rm.power
}

// authPower checks a change of the power levels: nobody may touch a level
// above their own, nor take one from somebody as high as they are (room
// version 10, authorisation rule 9).
func (rm *room) authPower(d draft) *Error {
	next, err := parsePower(d.content)
	if err != nil {
		return err
	}
	for id := range next.Users {
		if !strings.HasPrefix(id, "@") || !strings.Contains(id, ":") {
			return badJSON("Not a valid power_levels: %q is no user ID", id)
		}
		if rm.privileged[id] {
			return badJSON("Creator user %s must not appear in content.users", id)
		}
	}
	if rm.power == nil {
		return nil
	}
	mine := rm.level(d.sender)
	was, now := rm.power.flat(), next.flat()
	for name := range union(was, now) {
		a, had := was[name]
		b, has := now[name]
		if had == has && a == b {
			continue
		}
		if had && a > mine || has && b > mine {
			return forbidden("You don't have permission to add ops level greater than your own (%s)", name)
		}
		user, ok := strings.CutPrefix(name, "users ")
		if ok && user != d.sender && had && a >= mine {
			return forbidden("You don't have permission to remove ops level equal to your own (%s)", user)
		}
	}
	return nil
}

// flat lists all levels by name.
func (p *PowerLevels) flat() map[string]int64 {
	out := map[string]int64{
		"users_default": p.UsersDefault, "events_default": p.EventsDefault, "state_default": p.StateDefault,
		"ban": p.Ban, "kick": p.Kick, "redact": p.Redact, "invite": p.Invite,
	}
	for prefix, m := range map[string]map[string]int64{"users ": p.Users, "events ": p.Events, "notifications ": p.Notifications} {
		for k, n := range m {
			out[prefix+k] = n
		}
	}
	return out
}

func union(a, b map[string]int64) map[string]int64 {
	out := maps.Clone(a)
	maps.Copy(out, b)
	return out
}

// defaultPower is the power_levels content of a new room; over replaces
// its keys.
func defaultPower(rm *room, invited []string, over map[string]json.RawMessage) (json.RawMessage, *Error) {
	users := map[string]int64{}
	for _, id := range append([]string{rm.creator}, invited...) {
		if !rm.privileged[id] {
			users[id] = 100
		}
	}
	tombstone := int64(100)
	if len(rm.privileged) > 0 {
		tombstone = 150
	}
	content := map[string]any{
		"users": users, "users_default": 0,
		"events": map[string]int64{
			"m.room.name": 50, "m.room.power_levels": 100, "m.room.history_visibility": 100,
			"m.room.canonical_alias": 50, "m.room.avatar": 50, "m.room.tombstone": tombstone,
			"m.room.server_acl": 100, "m.room.encryption": 100,
		},
		"events_default": 0, "state_default": 50, "ban": 50, "kick": 50, "redact": 50, "invite": 50,
		"historical": 100,
	}
	for k, v := range over {
		content[k] = v
	}
	if raw, ok := over["users"]; ok && len(rm.privileged) == 0 {
		var given map[string]json.RawMessage
		if err := json.Unmarshal(raw, &given); err != nil || given[rm.creator] == nil {
			return nil, badJSON("Not a valid power_level_content_override: 'users' did not contain %s", rm.creator)
		}
	}
	b, err := json.Marshal(content)
	if err != nil {
		return nil, badJSON("power_level_content_override: %v", err)
	}
	return b, nil
}
