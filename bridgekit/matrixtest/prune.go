package matrixtest

import (
	"encoding/json"
	"strconv"
)

// prune returns what a redaction leaves of a content (room versions,
// "Redactions").
func prune(e *Event, roomVersion string) json.RawMessage {
	v, _ := strconv.Atoi(roomVersion) // versions are checked at creation
	if e.Type == "m.room.create" && v >= 11 {
		return e.Content
	}
	var fields map[string]json.RawMessage
	if e.StateKey == nil && e.Type != "m.room.redaction" || json.Unmarshal(e.Content, &fields) != nil {
		return json.RawMessage(`{}`)
	}
	kept := map[string]json.RawMessage{}
	for _, key := range keptKeys(e.Type, v) {
		if value, ok := fields[key]; ok {
			kept[key] = value
		}
	}
	return mustJSON(kept)
}

func keptKeys(typ string, version int) []string {
	switch typ {
	case "m.room.member":
		if version >= 9 {
			return []string{"membership", "join_authorised_via_users_server"}
		}
		return []string{"membership"}
	case "m.room.create":
		return []string{"creator"}
	case "m.room.join_rules":
		if version >= 8 {
			return []string{"join_rule", "allow"}
		}
		return []string{"join_rule"}
	case "m.room.power_levels":
		keys := []string{"ban", "events", "events_default", "kick", "redact", "state_default", "users", "users_default"}
		if version >= 11 {
			keys = append(keys, "invite")
		}
		return keys
	case "m.room.history_visibility":
		return []string{"history_visibility"}
	case "m.room.redaction":
		if version >= 11 {
			return []string{"redacts"}
		}
	case "m.room.aliases":
		if version < 6 {
			return []string{"aliases"}
		}
	}
	return nil
}
