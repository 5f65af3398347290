package network

import (
	"encoding/json"
	"fmt"
)

// eventVersion is raised when a stored event can no longer be read by the
// structs of this package without conversion.
const eventVersion = 1

type envelope struct {
	Version int             `json:"v"`
	Kind    string          `json:"kind"`
	Event   json.RawMessage `json:"event"`
}

// kinds lists every kind of event under the name it is stored by.
func kinds() map[string]func() Event {
	return map[string]func() Event{
		"message":        func() Event { return new(Message) },
		"edit":           func() Event { return new(Edit) },
		"redaction":      func() Event { return new(Redaction) },
		"reaction":       func() Event { return new(Reaction) },
		"reaction_set":   func() Event { return new(ReactionSet) },
		"vote":           func() Event { return new(Vote) },
		"poll_closed":    func() Event { return new(PollClosed) },
		"receipt":        func() Event { return new(Receipt) },
		"typing":         func() Event { return new(Typing) },
		"presence":       func() Event { return new(Presence) },
		"chat_change":    func() Event { return new(ChatChange) },
		"chat_kept":      func() Event { return new(ChatKept) },
		"chat_moved":     func() Event { return new(ChatMoved) },
		"chat_closed":    func() Event { return new(ChatClosed) },
		"chat_appeared":  func() Event { return new(ChatAppeared) },
		"member_change":  func() Event { return new(MemberChange) },
		"roles":          func() Event { return new(Roles) },
		"user_changed":   func() Event { return new(UserChanged) },
		"user_merged":    func() Event { return new(UserMerged) },
		"pins":           func() Event { return new(Pins) },
		"emoji_changed":  func() Event { return new(EmojiChanged) },
		"service_notice": func() Event { return new(ServiceNotice) },
		"gap":            func() Event { return new(Gap) },
	}
}

// EventKind is the name under which ev is stored, empty for a foreign type.
func EventKind(ev Event) string {
	switch ev.(type) {
	case *Message:
		return "message"
	case *Edit:
		return "edit"
	case *Redaction:
		return "redaction"
	case *Reaction:
		return "reaction"
	case *ReactionSet:
		return "reaction_set"
	case *Vote:
		return "vote"
	case *PollClosed:
		return "poll_closed"
	case *Receipt:
		return "receipt"
	case *Typing:
		return "typing"
	case *Presence:
		return "presence"
	case *ChatChange:
		return "chat_change"
	case *ChatKept:
		return "chat_kept"
	case *ChatMoved:
		return "chat_moved"
	case *ChatClosed:
		return "chat_closed"
	case *ChatAppeared:
		return "chat_appeared"
	case *MemberChange:
		return "member_change"
	case *Roles:
		return "roles"
	case *UserChanged:
		return "user_changed"
	case *UserMerged:
		return "user_merged"
	case *Pins:
		return "pins"
	case *EmojiChanged:
		return "emoji_changed"
	case *ServiceNotice:
		return "service_notice"
	case *Gap:
		return "gap"
	}
	return ""
}

// MarshalEvent encodes ev for storage.
func MarshalEvent(ev Event) ([]byte, error) {
	kind := EventKind(ev)
	if kind == "" {
		return nil, fmt.Errorf("marshal event: unknown type %T", ev)
	}
	body, err := json.Marshal(ev)
	if err != nil {
		return nil, fmt.Errorf("marshal %s: %w", kind, err)
	}
	return json.Marshal(envelope{Version: eventVersion, Kind: kind, Event: body})
}

// UnmarshalEvent decodes what MarshalEvent made, of this or an earlier version.
func UnmarshalEvent(data []byte) (Event, error) {
	var env envelope
	if err := json.Unmarshal(data, &env); err != nil {
		return nil, fmt.Errorf("unmarshal event: %w", err)
	}
	if env.Version > eventVersion {
		return nil, fmt.Errorf("unmarshal event: version %d is newer than this program's %d", env.Version, eventVersion)
	}
	make, ok := kinds()[env.Kind]
	if !ok {
		return nil, fmt.Errorf("unmarshal event: unknown kind %q", env.Kind)
	}
	ev := make()
	if err := json.Unmarshal(env.Event, ev); err != nil {
		return nil, fmt.Errorf("unmarshal %s: %w", env.Kind, err)
	}
	return ev, nil
}
