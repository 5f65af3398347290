package matrix

import (
	"context"
	"net/http"
	"time"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

// ResolveAlias is the room that has an alias of our server. NotFound: none.
func (h *Homeserver) ResolveAlias(ctx context.Context, localpart string) (id.RoomID, error) {
	var into mautrix.RespAliasResolve
	err := h.do(ctx, h.BotID(), "resolve alias", func(ctx context.Context, c *mautrix.Client) error {
		return request(ctx, c, http.MethodGet, path("v3", "directory", "room", h.RoomAlias(localpart)), nil, nil, &into)
	})
	return into.RoomID, err
}

// DeleteAlias deletes an alias. One that does not exist is deleted.
func (h *Homeserver) DeleteAlias(ctx context.Context, localpart string) error {
	err := h.do(ctx, h.BotID(), "delete alias", func(ctx context.Context, c *mautrix.Client) error {
		return request(ctx, c, http.MethodDelete, path("v3", "directory", "room", h.RoomAlias(localpart)), nil, nil, nil)
	})
	if KindOf(err) == NotFound {
		return nil
	}
	return err
}

// SetPublicAlias publishes an alias for a room of ours and lets everyone join who
// knows it. An alias that another room has is NotAllowed.
func (h *Homeserver) SetPublicAlias(ctx context.Context, room id.RoomID, localpart string) error {
	rule := map[string]event.JoinRule{"join_rule": event.JoinRulePublic}
	if _, err := h.SendState(ctx, room, h.BotID(), event.StateJoinRules, "", rule, time.Time{}); err != nil {
		return err
	}
	return h.publish(ctx, room, Room{As: h.BotID(), PublicAlias: localpart})
}

// publish gives a room its public alias and says so in the room. An alias that
// another room has is NotAllowed, and left there: people may use it.
func (h *Homeserver) publish(ctx context.Context, room id.RoomID, r Room) error {
	alias := h.RoomAlias(r.PublicAlias)
	set := func(ctx context.Context, c *mautrix.Client) error {
		return request(ctx, c, http.MethodPut, path("v3", "directory", "room", alias), nil, map[string]id.RoomID{"room_id": room}, nil)
	}
	err := h.do(ctx, r.As, "set alias", set)
	if codeOf(err) == codeExclusive {
		// Dendrite 0.13 lets only the registration's own sender use its namespace.
		err = h.attempt(ctx, requestTimeout, "set alias", func(ctx context.Context) error { return set(ctx, h.client("", h.opts.ASToken)) })
	}
	if e := find(err); e != nil && e.Status == http.StatusConflict {
		has, resolveErr := h.ResolveAlias(ctx, r.PublicAlias)
		if resolveErr != nil {
			return resolveErr
		}
		if has != room {
			e.User = "the alias " + string(alias) + " belongs to another room"
			return withKind(e, NotAllowed)
		}
		err = nil
	}
	if err != nil {
		return err
	}
	_, err = h.SendState(ctx, room, r.As, event.StateCanonicalAlias, "", map[string]id.RoomAlias{"alias": alias}, time.Time{})
	return err
}
