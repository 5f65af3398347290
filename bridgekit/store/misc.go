package store

import (
	"context"
	"database/sql"
	"time"
)

// ManagementRoom is the room in which the bot talks to a user; "" if there is none.
func (db *DB) ManagementRoom(ctx context.Context, mxid string) (room string, err error) {
	_, err = db.One(ctx, "SELECT management FROM matrix_user WHERE mxid = ?", []any{mxid}, &room)
	return room, err
}

// ManagementRooms lists the users of all management rooms by room.
func (db *DB) ManagementRooms(ctx context.Context) (map[string]string, error) {
	out := map[string]string{}
	err := db.All(ctx, "SELECT mxid, management FROM matrix_user WHERE management <> ''", nil, func(r *sql.Rows) error {
		var user, room string
		err := r.Scan(&user, &room)
		out[room] = user
		return err
	})
	return out, err
}

// SetManagementRoom stores the room in which the bot talks to a user.
func (db *DB) SetManagementRoom(ctx context.Context, mxid, room string) error {
	return db.Write(ctx, 1, func(tx *Tx) error {
		_, err := tx.Exec("INSERT INTO matrix_user (mxid, management) VALUES (?, ?) ON CONFLICT (mxid) DO UPDATE SET management = excluded.management", mxid, room)
		return err
	})
}

// ReplaceManagementRoom is SetManagementRoom, unless another room than from has
// become a user's meanwhile; from is "" if there was none. It returns the room that stands then.
func (db *DB) ReplaceManagementRoom(ctx context.Context, mxid, from, to string) (stands string, err error) {
	err = db.Write(ctx, 1, func(tx *Tx) error {
		stands = ""
		if _, err := tx.One("SELECT management FROM matrix_user WHERE mxid = ?", []any{mxid}, &stands); err != nil || stands != from {
			return err
		}
		stands = to
		_, err := tx.Exec("INSERT INTO matrix_user (mxid, management) VALUES (?, ?) ON CONFLICT (mxid) DO UPDATE SET management = excluded.management", mxid, to)
		return err
	})
	return stands, err
}

// A Page is a published document, or a link to a medium of the homeserver.
type Page struct {
	ID    string // secret part of the link
	Name  string
	MIME  string
	Data  []byte // the document; for an encrypted medium how to read it, else nil
	Media string // mxc:// URI; "" for a document
	Until time.Time
}

// SavePage publishes p; a known ID gets the new content and time.
func (db *DB) SavePage(ctx context.Context, p Page) error {
	sealed := db.seal.Seal(p.Data, "page")
	return db.Write(ctx, 1, func(tx *Tx) error {
		_, err := tx.Exec(`INSERT INTO page (id, name, mime, data, media, until) VALUES (?, ?, ?, ?, ?, ?)
			ON CONFLICT (id) DO UPDATE SET name = excluded.name, mime = excluded.mime, data = excluded.data, media = excluded.media, until = excluded.until`,
			p.ID, p.Name, p.MIME, sealed, p.Media, p.Until.UnixMilli())
		return err
	})
}

// Page finds a published document that has not expired; false if there is none.
func (db *DB) Page(ctx context.Context, id string) (Page, bool, error) {
	p := Page{ID: id}
	var until int64
	var sealed []byte
	ok, err := db.One(ctx, "SELECT name, mime, data, media, until FROM page WHERE id = ? AND until > ?", []any{id, time.Now().UnixMilli()},
		&p.Name, &p.MIME, &sealed, &p.Media, &until)
	if err != nil || !ok {
		return p, false, err
	}
	p.Until = time.UnixMilli(until)
	p.Data, err = db.seal.Open(sealed, "page")
	return p, err == nil, err
}

// Expire deletes pages whose time is over.
func (db *DB) Expire(ctx context.Context) error {
	return db.Write(ctx, 1, func(tx *Tx) error {
		_, err := tx.Exec("DELETE FROM page WHERE until <= ?", time.Now().UnixMilli())
		return err
	})
}
