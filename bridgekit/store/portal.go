package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/hub"
	"github.com/causeway-chat/causeway/bridgekit/network"
)

// A PortalState is the stage of a portal's life.
type PortalState string

const (
	PortalNew    PortalState = ""       // no room yet
	PortalMaking PortalState = "making" // its room is being made, or was when the process ended
	PortalOpen   PortalState = "open"   // has a room
	PortalClosed PortalState = "closed" // unbridged, or access is lost; a new message does not open it again
)

// A Portal is a chat and its room.
type Portal struct {
	ID      int64 // names the chat's lanes; never reused
	Network network.NetworkID
	Chat    network.ChatKey
	Room    string // Matrix room ID, "" before the room is made
	State   PortalState
	Relay   network.LoginID // login that speaks for people without one; "" if nobody does
	Info    PortalInfo
}

// PortalInfo is what was last shown in the room, to write only what changes,
// and what the chat can carry.
type PortalInfo struct {
	Kind     network.ChatKind `json:"kind,omitempty"`
	Name     string           `json:"name,omitempty"`
	Topic    string           `json:"topic,omitempty"`
	Purpose  string           `json:"purpose,omitempty"`
	Avatar   string           `json:"avatar,omitempty"` // mxc://
	Other    network.UserID   `json:"other,omitempty"`
	Features network.Features `json:"features"`
	// Plumbed: the room was there before; its name and topic are not ours.
	Plumbed bool `json:"plumbed,omitempty"`
	// Expiry is how long new messages of the chat live; 0 for ever.
	Expiry time.Duration `json:"expiry,omitempty"`
	// Archived: nobody may say anything in the chat. Closed is what it took to speak
	// in the room before that closed it: by type of event, "" for all others.
	Archived bool           `json:"archived,omitempty"`
	Closed   map[string]int `json:"closed,omitempty"`
	// Moderators are the ghosts who moderate the whole network, as far as the room
	// knows, by Matrix ID. True: that gave them their power level in it.
	Moderators map[string]bool `json:"moderators,omitempty"`
	// Former is the room that the chat had before it was plumbed into this one,
	// if it can go back there.
	Former string `json:"former,omitempty"`
	// Before is the room in which older messages are, if the chat has moved.
	Before string `json:"before,omitempty"`
	// FormerMade: Causeway made that room.
	FormerMade bool `json:"former_made,omitempty"`
	// Alias is the room's public alias, if it was made by one.
	Alias string `json:"alias,omitempty"`
	// Setup lists what is still to do after the room was made.
	Setup bool `json:"setup,omitempty"`
	// Hub is what passes between the network and the other networks of the room;
	// nil: the default.
	Hub *hub.Policy `json:"hub,omitempty"`
	// Since is when the room was bridged to the chat, if it was there before: what is
	// older is not told to the room's other networks.
	Since time.Time `json:"since,omitzero"`
	// Fill is set while the room lacks its past; nothing else is shown before.
	Fill *Fill `json:"fill,omitempty"`
	// MembersDue: some of those whom the network lists are still to come into the room.
	MembersDue bool `json:"members_due,omitempty"`
	// Pinned are the events that were last pinned in the room, from either side.
	Pinned []string `json:"pinned,omitempty"`
	// Bookmarks are the chat's bookmarks as they were last shown; nil: they never were.
	Bookmarks *Bookmarks `json:"bookmarks,omitempty"`
	// Shown is what the room says that it can do, to say only what changes.
	Shown string `json:"shown,omitempty"`
}

// Bookmarks are those of a chat, and the event of a room that shows them.
type Bookmarks struct {
	Room  string             `json:"room"`
	Event string             `json:"event"`
	All   []network.Bookmark `json:"all"`
}

const portalColumns = "id, network, chat, login, room, state, relay, info"

func scanPortal(scan func(...any) error) (Portal, error) {
	var p Portal
	var info string
	if err := scan(&p.ID, &p.Network, &p.Chat.ID, &p.Chat.Login, &p.Room, &p.State, &p.Relay, &info); err != nil {
		return p, err
	}
	if err := json.Unmarshal([]byte(info), &p.Info); err != nil {
		return p, fmt.Errorf("portal %d: %w", p.ID, err)
	}
	return p, nil
}

func (db *DB) portals(ctx context.Context, where string, args ...any) ([]Portal, error) {
	var out []Portal
	err := db.All(ctx, "SELECT "+portalColumns+" FROM portal WHERE "+where+" ORDER BY id", args, func(r *sql.Rows) error {
		p, err := scanPortal(r.Scan)
		out = append(out, p)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read portals: %w", err)
	}
	return out, nil
}

// PortalOf finds the portal of a chat; false if there is none.
func (db *DB) PortalOf(ctx context.Context, n network.NetworkID, chat network.ChatKey) (Portal, bool, error) {
	return first(db.portals(ctx, "network = ? AND chat = ? AND login = ?", n, chat.ID, chat.Login))
}

// Portal finds a portal by its number; false if there is none.
func (db *DB) Portal(ctx context.Context, id int64) (Portal, bool, error) {
	return first(db.portals(ctx, "id = ?", id))
}

// PortalsIn lists the portals of a room.
func (db *DB) PortalsIn(ctx context.Context, room string) ([]Portal, error) {
	return db.portals(ctx, "room = ? AND room <> ''", room)
}

// Portals lists all portals of a network that have a room; all networks if n is empty.
func (db *DB) Portals(ctx context.Context, n network.NetworkID) ([]Portal, error) {
	return db.portals(ctx, "(network = ? OR ? = '') AND room <> ''", n, n)
}

// Unfinished lists the portals whose room lacks something still, or is not in the
// lists of everybody in the chat.
func (db *DB) Unfinished(ctx context.Context) ([]Portal, error) {
	return db.portals(ctx, "state = 'open' AND (info LIKE ? OR info LIKE ? OR room <> '' AND EXISTS (SELECT 1 FROM login_chat WHERE login_chat.portal = portal.id AND placed = 0))", `%"setup":true%`, `%"members_due":true%`)
}

// DirectWith lists the portals of direct chats with somebody that have a room.
func (db *DB) DirectWith(ctx context.Context, n network.NetworkID, other network.UserID) ([]Portal, error) {
	name, err := json.Marshal(other)
	if err != nil {
		return nil, err
	}
	escaped := strings.NewReplacer(`~`, `~~`, `%`, `~%`, `_`, `~_`).Replace(`"other":` + string(name))
	all, err := db.portals(ctx, "network = ? AND room <> '' AND info LIKE ? ESCAPE '~'", n, "%"+escaped+"%")
	return slices.DeleteFunc(all, func(p Portal) bool { return p.Info.Other != other || p.Info.Kind != network.Direct }), err
}

// Making lists the portals whose room is being made.
func (db *DB) Making(ctx context.Context) ([]Portal, error) {
	return db.portals(ctx, "state = 'making'")
}

// EnsurePortals finds or makes the rows of chats' portals, in their order; new ones
// in one commit.
func (db *DB) EnsurePortals(ctx context.Context, n network.NetworkID, chats ...network.ChatKey) ([]Portal, error) {
	out := make([]Portal, len(chats))
	var missing []int
	for i, chat := range chats {
		p, ok, err := db.PortalOf(ctx, n, chat)
		if err != nil {
			return nil, err
		}
		if out[i] = p; !ok {
			missing = append(missing, i)
		}
	}
	if len(missing) == 0 {
		return out, nil
	}
	err := db.Write(ctx, len(missing), func(tx *Tx) error {
		for _, i := range missing {
			p, err := tx.makePortal(n, chats[i])
			if err != nil {
				return err
			}
			out[i] = p
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("make portals: %w", err)
	}
	return out, nil
}

// makePortal makes a row, unless somebody just did.
func (tx *Tx) makePortal(n network.NetworkID, chat network.ChatKey) (p Portal, err error) {
	made := Portal{Network: n, Chat: chat}
	ok, err := tx.One("INSERT INTO portal (network, chat, login, created) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING RETURNING id",
		[]any{n, chat.ID, chat.Login, time.Now().UnixMilli()}, &made.ID)
	if ok || err != nil {
		return made, err
	}
	err = tx.All("SELECT "+portalColumns+" FROM portal WHERE network = ? AND chat = ? AND login = ?", []any{n, chat.ID, chat.Login}, func(r *sql.Rows) (err error) {
		p, err = scanPortal(r.Scan)
		return err
	})
	if err == nil && p.ID == 0 {
		err = fmt.Errorf("row is missing")
	}
	return p, err
}

// SavePortal stores everything of p but its number.
func (tx *Tx) SavePortal(p Portal) error {
	info, err := json.Marshal(p.Info)
	if err != nil {
		return fmt.Errorf("save portal: %w", err)
	}
	_, err = tx.Exec("UPDATE portal SET network = ?, chat = ?, login = ?, room = ?, state = ?, relay = ?, info = ? WHERE id = ?",
		p.Network, p.Chat.ID, p.Chat.Login, p.Room, p.State, p.Relay, string(info), p.ID)
	return err
}

// LastActive tells when the newest message of each portal crossed that the map
// knows, or when the portal was made if there is none.
func (db *DB) LastActive(ctx context.Context) (map[int64]time.Time, error) {
	out := map[int64]time.Time{}
	err := db.All(ctx, "SELECT p.id, p.created, COALESCE((SELECT MAX(m.at) FROM message m WHERE m.portal = p.id), 0) FROM portal p", nil, func(r *sql.Rows) error {
		var portal, created, at int64
		err := r.Scan(&portal, &created, &at)
		out[portal] = time.UnixMilli(max(created, at))
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read last messages: %w", err)
	}
	return out, nil
}

// AllPortals lists the portals of a network, also those without a room; of all
// networks if n is empty.
func (db *DB) AllPortals(ctx context.Context, n network.NetworkID) ([]Portal, error) {
	return db.portals(ctx, "(network = ? OR ? = '')", n, n)
}

// DeletePortal removes p's row, its map and its entries. A chat that comes back
// gets a new number.
func (tx *Tx) DeletePortal(id int64, lanes ...int64) error {
	for _, q := range []string{"DELETE FROM login_chat WHERE portal = ?", "DELETE FROM portal WHERE id = ?"} {
		if _, err := tx.Exec(q, id); err != nil {
			return err
		}
	}
	return tx.ClearPortal(id, lanes...)
}

// ClearPortal removes a portal's map and entries.
func (tx *Tx) ClearPortal(id int64, lanes ...int64) error {
	for _, q := range []string{"DELETE FROM message WHERE portal = ?", "DELETE FROM reaction WHERE portal = ?", "DELETE FROM past WHERE portal = ?", "DELETE FROM speaker WHERE portal = ?"} {
		if _, err := tx.Exec(q, id); err != nil {
			return err
		}
	}
	for _, lane := range lanes {
		if _, err := tx.Exec("UPDATE entry SET state = 5, payload = NULL WHERE lane = ? AND state < 5", lane); err != nil {
			return err
		}
	}
	return nil
}

func first[T any](all []T, err error) (T, bool, error) {
	if err != nil || len(all) == 0 {
		var zero T
		return zero, false, err
	}
	return all[0], true, nil
}
