//go:build goolm

package crypt

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/crypto"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/matrix"
)

// requestTime bounds one request to the homeserver.
const requestTime = 30 * time.Second

// A room is a row of that table.
type room struct {
	version    int64
	known      bool
	encryption string
	visibility string
	members    bool
}

func (c *Crypt) readRoom(ctx context.Context, at id.RoomID) (r room, err error) {
	err = c.db.QueryRow(ctx, "SELECT version, known, encryption, visibility, members FROM room WHERE room_id = $1", at).
		Scan(&r.version, &r.known, &r.encryption, &r.visibility, &r.members)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	if err != nil {
		err = fmt.Errorf("read room: %w", err)
	}
	return r, err
}

// Room tells whether and how a room is encrypted. It is asked before each message,
// so the answer is kept; /sync and Changed make it asked again. Errors are of the
// homeserver ([*matrix.Error]) or of the database; nothing may be sent in clear
// while it is not known.
func (c *Crypt) Room(ctx context.Context, at id.RoomID) (Settings, error) {
	r, err := c.room(ctx, at)
	if err != nil {
		return Settings{}, err
	}
	content, err := r.settings()
	if err != nil || content == nil {
		return Settings{}, err
	}
	return Settings{
		Encrypted: true, Known: content.Algorithm == id.AlgorithmMegolmV1,
		RotateAfter: time.Duration(content.RotationPeriodMillis) * time.Millisecond, RotateMessages: content.RotationPeriodMessages,
	}, nil
}

// settings are the content of m.room.encryption, nil if the room is not encrypted.
func (r room) settings() (*event.EncryptionEventContent, error) {
	if r.encryption == "" {
		return nil, nil
	}
	var content event.EncryptionEventContent
	if err := json.Unmarshal([]byte(r.encryption), &content); err != nil {
		return nil, fmt.Errorf("read room's encryption: %w", err)
	}
	return &content, nil
}

// room reads a room, and asks the homeserver if that is not known.
func (c *Crypt) room(ctx context.Context, at id.RoomID) (room, error) {
	for range 3 {
		r, err := c.readRoom(ctx, at)
		if err != nil || r.known {
			return r, err
		}
		fresh, err := c.askRoom(ctx, at)
		if err != nil {
			return r, err
		}
		if fresh.encryption == "" {
			fresh.encryption = r.encryption // nobody can take it away
		}
		stored, err := c.storeRoom(ctx, at, r.version, func(ctx context.Context) error {
			_, err := c.db.Exec(ctx, "UPDATE room SET known = TRUE, encryption = $2, visibility = $3 WHERE room_id = $1", at, fresh.encryption, fresh.visibility)
			return err
		})
		if err != nil || stored {
			return fresh, err
		}
	}
	return room{}, fmt.Errorf("read room: %w", errFast)
}

// askRoom reads a room's state from the homeserver.
func (c *Crypt) askRoom(ctx context.Context, at id.RoomID) (r room, err error) {
	for _, one := range []struct {
		typ  event.Type
		into func(json.RawMessage) error
	}{
		{event.StateEncryption, func(raw json.RawMessage) error {
			var content event.EncryptionEventContent
			err := json.Unmarshal(raw, &content)
			if err != nil || content.Algorithm == "" {
				// Somebody wants it encrypted, and says it wrongly.
				raw = json.RawMessage(`{"algorithm":"m.megolm.v1.aes-sha2"}`)
			}
			r.encryption = string(raw)
			return nil
		}},
		{event.StateHistoryVisibility, func(raw json.RawMessage) error {
			var content event.HistoryVisibilityEventContent
			if json.Unmarshal(raw, &content) == nil {
				r.visibility = string(content.HistoryVisibility)
			}
			return nil
		}},
	} {
		var raw json.RawMessage
		err := c.o.Homeserver.State(ctx, at, one.typ, "", &raw)
		if matrix.KindOf(err) == matrix.NotFound {
			continue
		}
		if err != nil {
			return r, err
		}
		if err := one.into(raw); err != nil {
			return r, err
		}
	}
	return r, nil
}

// storeRoom stores what was asked, unless the room has changed meanwhile.
func (c *Crypt) storeRoom(ctx context.Context, at id.RoomID, version int64, store func(ctx context.Context) error) (stored bool, err error) {
	err = c.db.DoTxn(ctx, nil, func(ctx context.Context) error {
		_, err := c.db.Exec(ctx, `INSERT INTO room (room_id, version, known, encryption, visibility, members)
			VALUES ($1, 0, FALSE, '', '', FALSE) ON CONFLICT DO NOTHING`, at)
		if err != nil {
			return err
		}
		query := "SELECT version FROM room WHERE room_id = $1"
		if c.o.DB.postgres {
			query += " FOR UPDATE"
		}
		var now int64
		if err := c.db.QueryRow(ctx, query, at).Scan(&now); err != nil || now != version {
			return err
		}
		stored = true
		return store(ctx)
	})
	if err != nil {
		return false, fmt.Errorf("store room: %w", err)
	}
	return stored, nil
}

// Changed says that a room's members, its encryption or its history visibility
// have changed. /sync tells so too, later; who learns it earlier, by a transaction,
// calls this before the next message, so that newcomers can read it.
func (c *Crypt) Changed(ctx context.Context, at id.RoomID) error {
	if err := c.db.DoTxn(ctx, nil, func(ctx context.Context) error { return c.forget(ctx, at) }); err != nil {
		return fmt.Errorf("note change of room: %w", err)
	}
	return nil
}

// forget makes what is known about a room invalid and ends its session, within a
// transaction.
func (c *Crypt) forget(ctx context.Context, at id.RoomID) error {
	_, err := c.db.Exec(ctx, `INSERT INTO room (room_id, version, known, encryption, visibility, members)
		VALUES ($1, 1, FALSE, '', '', FALSE)
		ON CONFLICT (room_id) DO UPDATE SET version = room.version + 1, known = FALSE, members = FALSE`, at)
	if err == nil {
		_, err = c.db.Exec(ctx, "DELETE FROM crypto_megolm_outbound_session WHERE room_id = $1", at)
	}
	return err
}

// forgetAll is forget for all rooms: where /sync begins anew, nobody knows what
// was missed. All devices are asked for again, too.
func (c *Crypt) forgetAll(ctx context.Context) error {
	for _, query := range []string{
		"UPDATE room SET version = version + 1, known = FALSE, members = FALSE",
		"DELETE FROM crypto_megolm_outbound_session",
		"UPDATE crypto_tracked_user SET devices_outdated = TRUE",
	} {
		if _, err := c.db.Exec(ctx, query); err != nil {
			return err
		}
	}
	return nil
}

// people are who has to get a room's keys: those who have joined and, unless the
// room hides its history from them, those who are invited. Ghosts have no devices.
// The version is that of the room they are in.
func (c *Crypt) people(ctx context.Context, at id.RoomID) (users []id.UserID, version int64, err error) {
	for range 3 {
		if _, err := c.room(ctx, at); err != nil {
			return nil, 0, err
		}
		r, err := c.readRoom(ctx, at)
		if err != nil {
			return nil, 0, err
		}
		if r.members {
			users, err := c.readPeople(ctx, at)
			return users, r.version, err
		}
		users, err := c.askPeople(ctx, at, r.visibility != string(event.HistoryVisibilityJoined))
		if err != nil {
			return nil, 0, err
		}
		stored, err := c.storeRoom(ctx, at, r.version, func(ctx context.Context) error { return c.storePeople(ctx, at, users) })
		if err != nil || stored {
			return users, r.version, err
		}
	}
	return nil, 0, errFast
}

// errFast is for a room that never holds still; later it will.
var errFast = errors.New("the room changes faster than it can be read")

func (c *Crypt) readPeople(ctx context.Context, at id.RoomID) (users []id.UserID, err error) {
	rows, err := c.db.Query(ctx, "SELECT user_id FROM member WHERE room_id = $1", at)
	if err != nil {
		return nil, fmt.Errorf("read members: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var u id.UserID
		if err := rows.Scan(&u); err != nil {
			return nil, fmt.Errorf("read members: %w", err)
		}
		users = append(users, u)
	}
	return users, rows.Err()
}

func (c *Crypt) storePeople(ctx context.Context, at id.RoomID, users []id.UserID) error {
	if _, err := c.db.Exec(ctx, "DELETE FROM member WHERE room_id = $1", at); err != nil {
		return err
	}
	for _, u := range users {
		if _, err := c.db.Exec(ctx, "INSERT INTO member (room_id, user_id) VALUES ($1, $2) ON CONFLICT DO NOTHING", at, u); err != nil {
			return err
		}
	}
	_, err := c.db.Exec(ctx, "UPDATE room SET members = TRUE WHERE room_id = $1", at)
	return err
}

// askPeople reads the members from the homeserver (Client-Server API,
// GET /rooms/{roomId}/members).
func (c *Crypt) askPeople(ctx context.Context, at id.RoomID, invited bool) (users []id.UserID, err error) {
	cli, err := c.o.Homeserver.Client(c.o.Homeserver.BotID())
	if err != nil {
		return nil, err
	}
	var page struct {
		Chunk []struct {
			Type     string `json:"type"`
			StateKey string `json:"state_key"`
			Content  struct {
				Membership event.Membership `json:"membership"`
			} `json:"content"`
		} `json:"chunk"`
	}
	err = c.o.Homeserver.Attempt(ctx, requestTime, "read members", func(ctx context.Context) error {
		at := cli.BuildURLWithQuery(mautrix.ClientURLPath{"v3", "rooms", at, "members"}, map[string]string{"not_membership": "leave"})
		_, err := cli.MakeFullRequest(ctx, mautrix.FullRequest{Method: http.MethodGet, URL: at, ResponseJSON: &page})
		return err
	})
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	witness := c.witness
	c.mu.Unlock()
	for _, e := range page.Chunk {
		u, m := id.UserID(e.StateKey), e.Content.Membership
		if (m == event.MembershipJoin || m == event.MembershipInvite && invited) && (u == witness || !c.o.Homeserver.IsGhost(u)) {
			users = append(users, u)
		}
	}
	return users, nil
}

// A rooms is what a machine asks about rooms. It is asked within transactions, so
// it knows only what is stored.
type rooms Crypt

var _ crypto.StateStore = (*rooms)(nil)

// IsEncrypted reports whether a room is known to be encrypted.
func (s *rooms) IsEncrypted(ctx context.Context, at id.RoomID) (bool, error) {
	r, err := (*Crypt)(s).readRoom(ctx, at)
	return r.encryption != "", err
}

// GetEncryptionEvent is how a room is encrypted, nil if that is not known.
func (s *rooms) GetEncryptionEvent(ctx context.Context, at id.RoomID) (*event.EncryptionEventContent, error) {
	r, err := (*Crypt)(s).readRoom(ctx, at)
	if err != nil {
		return nil, err
	}
	return r.settings()
}

// GetHistoryVisibility is who may see what was before them; nil if that is not
// known, which is everybody.
func (s *rooms) GetHistoryVisibility(ctx context.Context, at id.RoomID) (*event.HistoryVisibilityEventContent, error) {
	r, err := (*Crypt)(s).readRoom(ctx, at)
	if err != nil || r.visibility == "" {
		return nil, err
	}
	return &event.HistoryVisibilityEventContent{HistoryVisibility: event.HistoryVisibility(r.visibility)}, nil
}

// FindSharedRooms are the encrypted rooms in which somebody gets keys.
func (s *rooms) FindSharedRooms(ctx context.Context, u id.UserID) (out []id.RoomID, err error) {
	rows, err := s.db.Query(ctx, "SELECT m.room_id FROM member m JOIN room r ON r.room_id = m.room_id WHERE m.user_id = $1 AND r.encryption <> ''", u)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var at id.RoomID
		if err := rows.Scan(&at); err != nil {
			return nil, err
		}
		out = append(out, at)
	}
	return out, rows.Err()
}
