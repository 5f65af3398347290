package matrix

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

// MaxContent is the largest content in bytes of JSON that Send takes. An event
// may have 64 KiB (Client-Server API, "Size limits"), of which the server needs
// some for its signature and for references to other events.
const MaxContent = 62 << 10

const (
	// settle is how long a request whose answer nobody got has to finish before
	// what it was to do counts as not done: one that timed out, and those of an
	// earlier process, or from before the homeserver went away.
	settle = time.Second
	// resends is how often one Send repeats a request that may be done.
	resends = 2
)

// An Event is what to send into a room.
type Event struct {
	Room    id.RoomID
	As      id.UserID // the bot, a ghost, or a local person by double puppeting
	Type    event.Type
	Content any    // what marshals to a JSON object; mark fields are added
	Key     []byte // the key of the journal entry
	Step    string // which event of that entry
	At      time.Time
	// Lookup says that this may have been sent before, by an earlier process
	// or in an earlier call whose error was MaybeDone: its mark is looked
	// for first.
	Lookup bool
}

// Send sends an event once (Client-Server API,
// PUT /rooms/{roomId}/send/{eventType}/{txnId}), encrypted if the room is. A ghost is registered and
// brought into the room first, and again when the server says that it is not
// there. After a timeout, a broken connection, 502, 503 or 504 it waits a
// second, looks the event up and then sends it again, twice at most.
//
// The event ID can be empty with a nil error, for a reaction that exists
// already and cannot be found. A redacted event has lost its mark and is not
// found by Lookup.
//
// Errors: Down, RateLimited, Unsure, Server: again later, with Lookup if
// MaybeDone. NotJoined, Banned, NotAllowed, RoomGone, TooLarge: never.
func (h *Homeserver) Send(ctx context.Context, e Event) (id.EventID, error) {
	mark := h.Mark(e.Key, e.Step, e.Room)
	body, kind, err := h.body(ctx, e, mark)
	if err != nil && find(err) == nil {
		err = &Error{Op: "send", Err: err}
	}
	if err != nil {
		return "", err
	}
	e.Type = kind
	if len(body) > MaxContent {
		return "", &Error{Kind: TooLarge, Op: "send", Err: fmt.Errorf("content has %d bytes, the limit is %d", len(body), MaxContent),
			User: fmt.Sprintf("this message has %d KB; Matrix takes %d KB", len(body)>>10, MaxContent>>10)}
	}
	look := func(ctx context.Context) (id.EventID, bool, error) { return h.lookup(ctx, e, mark) }
	put := func(ctx context.Context) (id.EventID, error) { return h.put(ctx, e, body) }
	eventID, err := h.once(ctx, e, look, put)
	if codeOf(err) == codeDuplicateReaction {
		return h.duplicate(ctx, e, body), nil
	}
	return eventID, err
}

// once performs put so that it happens once, with look to find out whether it
// has.
func (h *Homeserver) once(ctx context.Context, e Event, look func(context.Context) (id.EventID, bool, error), put func(context.Context) (id.EventID, error)) (id.EventID, error) {
	if e.Lookup {
		if found, ok, err := look(ctx); ok || err != nil {
			return found, keepMaybe(err)
		}
	}
	for try := 0; ; try++ {
		eventID, err := h.asMember(ctx, e.Room, e.As, put)
		if err == nil || KindOf(err) != Unsure || ctx.Err() != nil || try == resends {
			return eventID, err
		}
		if sleep(ctx, settle) != nil {
			return "", err
		}
		found, ok, lookErr := look(ctx)
		switch {
		case ok:
			return found, nil
		case lookErr != nil:
			return "", keepMaybe(lookErr)
		}
	}
}

// keepMaybe notes on the error of a lookup that what was looked for may exist.
func keepMaybe(err error) error {
	e := find(err)
	if e == nil {
		return err
	}
	c := *e
	c.maybe = true
	return &c
}

// put is one attempt to send.
func (h *Homeserver) put(ctx context.Context, e Event, body json.RawMessage) (id.EventID, error) {
	at := path("v3", "rooms", e.Room, "send", e.Type.Type, txnID(e.Key, e.Step, e.As))
	return h.putEvent(ctx, e.As, "send", at, e.At, body)
}

// putEvent makes a PUT that answers with an event ID.
func (h *Homeserver) putEvent(ctx context.Context, as id.UserID, op string, at mautrix.ClientURLPath, ts time.Time, body any) (id.EventID, error) {
	var into mautrix.RespSendEvent
	err := h.do(ctx, as, op, func(ctx context.Context, c *mautrix.Client) error {
		return request(ctx, c, http.MethodPut, at, timestamp(ts), body, &into)
	})
	if err == nil && into.EventID == "" {
		err = &Error{Kind: Unsure, Op: op, maybe: true, Err: errNoEventID}
	}
	return into.EventID, err
}

var errNoEventID = errors.New("the answer holds no event ID")

// timestamp is the query that sets origin_server_ts (Application Service API,
// "Timestamp massaging").
func timestamp(at time.Time) map[string]string {
	if at.IsZero() {
		return nil
	}
	return map[string]string{"ts": strconv.FormatInt(max(at.UnixMilli(), 1), 10)}
}

// SendState sets a state event (PUT /rooms/{roomId}/state/{type}/{key}) as a
// member of the room. The same content again changes nothing, so it needs no
// key; after a lost answer the state is read before it is set again. The event
// ID is empty if the server does not tell which event holds the state.
// Errors are those of Send.
func (h *Homeserver) SendState(ctx context.Context, room id.RoomID, as id.UserID, eventType event.Type, key string, content any, at time.Time) (id.EventID, error) {
	var fields map[string]string
	if !h.IsGhost(as) {
		fields = h.stamp(room, as, h.Mark([]byte(key), eventType.Type, room))
	}
	body, err := withFields(content, fields)
	if err != nil {
		return "", &Error{Op: "set state", Err: err}
	}
	where := path("v3", "rooms", room, "state", eventType.Type, key)
	look := func(ctx context.Context) (id.EventID, bool, error) { return h.stateIs(ctx, where, body) }
	put := func(ctx context.Context) (id.EventID, error) {
		return h.putEvent(ctx, as, "set state", where, at, body)
	}
	return h.once(ctx, Event{Room: room, As: as}, look, put)
}

// stateIs reports whether a state event has a content, and its ID if known.
func (h *Homeserver) stateIs(ctx context.Context, where mautrix.ClientURLPath, body json.RawMessage) (id.EventID, bool, error) {
	var raw json.RawMessage
	err := h.do(ctx, h.BotID(), "read state", func(ctx context.Context, c *mautrix.Client) error {
		return request(ctx, c, http.MethodGet, where, map[string]string{"format": "event"}, nil, &raw)
	})
	if KindOf(err) == NotFound {
		return "", false, nil
	}
	if err != nil {
		return "", false, err
	}
	var evt struct {
		ID      id.EventID      `json:"event_id"`
		Content json.RawMessage `json:"content"`
	}
	// A server that does not know format=event answers with the content.
	if json.Unmarshal(raw, &evt) == nil && evt.ID != "" {
		return evt.ID, sameJSON(evt.Content, body), nil
	}
	return "", sameJSON(raw, body), nil
}

// Redact removes an event's content (PUT /rooms/{roomId}/redact/{eventId}/
// {txnId}). key and step name the happening as in Event. After a lost answer
// the target is read first, so it is not redacted twice. Redacting what the
// server does not have is NotFound; other errors are those of Send.
func (h *Homeserver) Redact(ctx context.Context, room id.RoomID, as id.UserID, target id.EventID, reason string, key []byte, step string) (id.EventID, error) {
	body := map[string]string{}
	if !h.IsGhost(as) {
		body = h.stamp(room, as, h.Mark(key, step, room))
	}
	if reason != "" {
		body["reason"] = reason
	}
	at := path("v3", "rooms", room, "redact", target, txnID(key, step, as))
	look := func(ctx context.Context) (id.EventID, bool, error) { return h.redaction(ctx, room, target) }
	put := func(ctx context.Context) (id.EventID, error) {
		return h.putEvent(ctx, as, "redact", at, time.Time{}, body)
	}
	return h.once(ctx, Event{Room: room, As: as}, look, put)
}

// withFields marshals content and adds fields to it. HTML characters stay as
// they are, so the length is that of the event.
func withFields(content any, fields map[string]string) (json.RawMessage, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(content); err != nil {
		return nil, fmt.Errorf("encode content: %w", err)
	}
	body := bytes.TrimSpace(b.Bytes())
	if len(body) < 2 || body[0] != '{' {
		return nil, fmt.Errorf("encode content: a %T is not a JSON object", content)
	}
	if len(fields) == 0 {
		return body, nil
	}
	b2, err := json.Marshal(fields)
	if err != nil {
		return nil, fmt.Errorf("encode fields: %w", err)
	}
	if bytes.Contains(body, []byte(`"chat.causeway.`)) {
		return replaceFields(body, fields) // a copy of what is marked already
	}
	if bytes.Equal(body, []byte("{}")) {
		return b2, nil
	}
	out := append(body[:len(body)-1:len(body)-1], ',')
	return append(out, b2[1:]...), nil
}

// replaceFields is withFields for content that may hold such fields already.
func replaceFields(body json.RawMessage, fields map[string]string) (json.RawMessage, error) {
	var all map[string]json.RawMessage
	if err := json.Unmarshal(body, &all); err != nil {
		return nil, fmt.Errorf("encode content: %w", err)
	}
	delete(all, MarkField)
	delete(all, PuppetField)
	rest, err := json.Marshal(all)
	if err != nil {
		return nil, fmt.Errorf("encode content: %w", err)
	}
	b, err := json.Marshal(fields)
	if err != nil {
		return nil, fmt.Errorf("encode fields: %w", err)
	}
	if len(all) == 0 {
		return b, nil
	}
	return append(append(rest[:len(rest)-1], ','), b[1:]...), nil
}
