package matrix

import (
	"context"
	"encoding/json"
	"slices"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

func directFact(u id.UserID, room id.RoomID) string {
	return "direct " + string(u) + " " + string(room)
}
func muteFact(u id.UserID, room id.RoomID) string { return "mute " + string(u) + " " + string(room) }
func tagFact(u id.UserID, room id.RoomID) string  { return "tag " + string(u) + " " + string(room) }

// AddDirect lists a room among a local person's direct chats with somebody
// (m.direct), once: what they change later stands. What is listed there by others
// stays as it is; a list that is not of the form it should have is left alone.
// Another client that changes it in the same moment may lose its change, or ours.
func (h *Homeserver) AddDirect(ctx context.Context, u, with id.UserID, room id.RoomID) error {
	unlock, err := h.lock(ctx, "direct "+string(u))
	if err != nil {
		return err
	}
	defer unlock()
	if known, err := h.fact(ctx, directFact(u, room)); err != nil || known != "" {
		return err
	}
	all := map[string]json.RawMessage{}
	err = h.AccountData(ctx, u, event.AccountDataDirectChats.Type, &all)
	if err != nil && KindOf(err) != NotFound {
		return err
	}
	changed, err := listDirect(all, with, room)
	if err != nil {
		h.log.Warn("m.direct is left alone: it is not as it should be", "user", u, "err", err)
	} else if changed {
		if err := h.SetAccountData(ctx, u, event.AccountDataDirectChats.Type, all); err != nil {
			return err
		}
	}
	return h.setFact(ctx, directFact(u, room), "1")
}

// listDirect adds a room to the list of one person; it reports whether it was not
// among anybody's.
func listDirect(all map[string]json.RawMessage, with id.UserID, room id.RoomID) (changed bool, err error) {
	for _, raw := range all {
		var rooms []id.RoomID
		if json.Unmarshal(raw, &rooms) == nil && slices.Contains(rooms, room) {
			return false, nil
		}
	}
	var rooms []id.RoomID
	if raw := all[string(with)]; raw != nil {
		if err := json.Unmarshal(raw, &rooms); err != nil {
			return false, err
		}
	}
	all[string(with)], err = json.Marshal(append(rooms, room))
	return true, err
}

// KeepMuted makes a room silent for a local person, or not any more if it was made
// silent by this. It is done once for each change.
func (h *Homeserver) KeepMuted(ctx context.Context, u id.UserID, room id.RoomID, mute bool) error {
	known, err := h.fact(ctx, muteFact(u, room))
	if err != nil || (known != "") == mute {
		return err
	}
	if err := h.Mute(ctx, room, u, mute); err != nil {
		return err
	}
	value := ""
	if mute {
		value = "1"
	}
	return h.setFact(ctx, muteFact(u, room), value)
}

// KeepTag puts a room under a tag of a local person, "" for none, and takes it from
// under the one that this put it under before. Other tags are the person's own.
func (h *Homeserver) KeepTag(ctx context.Context, u id.UserID, room id.RoomID, tag string) error {
	known, err := h.fact(ctx, tagFact(u, room))
	if err != nil || known == tag {
		return err
	}
	if known != "" {
		if err := h.DeleteTag(ctx, room, u, known); err != nil && KindOf(err) != NotFound {
			return err
		}
	}
	if tag != "" {
		if err := h.SetTag(ctx, room, u, tag); err != nil {
			return err
		}
	}
	return h.setFact(ctx, tagFact(u, room), tag)
}
