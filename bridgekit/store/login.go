package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/network"
)

// A Login is a stored remote account.
type Login struct {
	Num     int64 // names the lane of what concerns the login itself
	Network network.NetworkID
	Owner   string // Matrix user ID; "" for a relay of the configuration
	network.Login
}

// Logins lists all logins.
func (db *DB) Logins(ctx context.Context) ([]Login, error) {
	var out []Login
	err := db.All(ctx, "SELECT num, network, id, owner, remote, name, data FROM login ORDER BY num", nil, func(r *sql.Rows) error {
		var l Login
		var data []byte
		if err := r.Scan(&l.Num, &l.Network, &l.ID, &l.Owner, &l.User, &l.Name, &data); err != nil {
			return err
		}
		plain, err := db.seal.Open(data, "login.data")
		l.Data = plain
		out = append(out, l)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read logins: %w", err)
	}
	return out, nil
}

// SaveLogin stores l under its network and ID and returns its number.
func (db *DB) SaveLogin(ctx context.Context, l Login) (num int64, err error) {
	err = db.Write(ctx, 1, func(tx *Tx) error {
		_, err := tx.One(`INSERT INTO login (network, id, owner, remote, name, data, created) VALUES (?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (network, id) DO UPDATE SET owner = excluded.owner, remote = excluded.remote, name = excluded.name, data = excluded.data
			RETURNING num`,
			[]any{l.Network, l.ID, l.Owner, l.User, l.Name, db.seal.Seal(l.Data, "login.data"), time.Now().UnixMilli()}, &num)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("save login: %w", err)
	}
	return num, nil
}

// SetLoginUser stores a login's own remote user ID.
func (db *DB) SetLoginUser(ctx context.Context, n network.NetworkID, id network.LoginID, user network.UserID) error {
	return db.Write(ctx, 1, func(tx *Tx) error {
		_, err := tx.Exec("UPDATE login SET remote = ? WHERE network = ? AND id = ?", user, n, id)
		return err
	})
}

// DeleteLogin removes a login and everything its connector stored.
func (db *DB) DeleteLogin(ctx context.Context, n network.NetworkID, id network.LoginID) error {
	return db.Write(ctx, 1, func(tx *Tx) error {
		for _, q := range []string{"DELETE FROM kv WHERE network = ? AND login = ?", "DELETE FROM cursor WHERE network = ? AND login = ?",
			"DELETE FROM login_chat WHERE network = ? AND login = ?", "DELETE FROM login WHERE network = ? AND id = ?"} {
			if _, err := tx.Exec(q, n, id); err != nil {
				return err
			}
		}
		return nil
	})
}

// AddLoginChat notes that a login is in a portal's chat.
func (tx *Tx) AddLoginChat(n network.NetworkID, login network.LoginID, portal int64) error {
	_, err := tx.Exec(`INSERT INTO login_chat (network, login, portal, since)
		SELECT CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS BIGINT), COALESCE(MAX(since), 0) + 1 FROM login_chat WHERE portal = ? ON CONFLICT DO NOTHING`, n, login, portal, portal)
	return err
}

// DeleteLoginChat notes that a login has left a portal's chat.
func (tx *Tx) DeleteLoginChat(n network.NetworkID, login network.LoginID, portal int64) error {
	_, err := tx.Exec("DELETE FROM login_chat WHERE network = ? AND login = ? AND portal = ?", n, login, portal)
	return err
}

// LoginsIn lists the logins that are in a portal's chat, in the order in which
// they came.
func (db *DB) LoginsIn(ctx context.Context, portal int64) ([]network.LoginID, error) {
	var out []network.LoginID
	err := db.All(ctx, "SELECT login FROM login_chat WHERE portal = ? ORDER BY since, login", []any{portal}, func(r *sql.Rows) error {
		var l network.LoginID
		err := r.Scan(&l)
		out = append(out, l)
		return err
	})
	return out, err
}

// ChatsOf lists the chats with a room that a login is in.
func (db *DB) ChatsOf(ctx context.Context, n network.NetworkID, login network.LoginID) ([]Portal, error) {
	return db.portals(ctx, "state <> 'closed' AND id IN (SELECT portal FROM login_chat WHERE network = ? AND login = ?)", n, login)
}

// KV is the store of a login's small values.
func (db *DB) KV(n network.NetworkID, login network.LoginID) network.KV {
	return kv{db: db, network: n, login: login}
}

// KVNames lists the names of the values that a login has.
func (db *DB) KVNames(ctx context.Context, n network.NetworkID, login network.LoginID) (names []string, err error) {
	err = db.All(ctx, "SELECT name FROM kv WHERE network = ? AND login = ? ORDER BY name", []any{n, login}, func(r *sql.Rows) error {
		var name string
		err := r.Scan(&name)
		names = append(names, name)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list values: %w", err)
	}
	return names, nil
}

type kv struct {
	db      *DB
	network network.NetworkID
	login   network.LoginID
}

var _ network.KV = kv{}

func (k kv) Get(ctx context.Context, name string) ([]byte, error) {
	var v []byte
	_, err := k.db.One(ctx, "SELECT value FROM kv WHERE network = ? AND login = ? AND name = ?", []any{k.network, k.login, name}, &v)
	if err != nil {
		return nil, fmt.Errorf("read value: %w", err)
	}
	return k.db.seal.Open(v, "kv."+name)
}

func (k kv) Set(ctx context.Context, name string, value []byte) error {
	if value == nil {
		value = []byte{}
	}
	sealed := k.db.seal.Seal(value, "kv."+name)
	return k.db.Write(ctx, 1, func(tx *Tx) error {
		_, err := tx.Exec("INSERT INTO kv (network, login, name, value) VALUES (?, ?, ?, ?) ON CONFLICT (network, login, name) DO UPDATE SET value = excluded.value",
			k.network, k.login, name, sealed)
		return err
	})
}

func (k kv) Delete(ctx context.Context, name string) error {
	return k.db.Write(ctx, 1, func(tx *Tx) error {
		_, err := tx.Exec("DELETE FROM kv WHERE network = ? AND login = ? AND name = ?", k.network, k.login, name)
		return err
	})
}

// Cursor reads a position of a login; nil if there is none.
func (db *DB) Cursor(ctx context.Context, n network.NetworkID, login network.LoginID, name string) ([]byte, error) {
	var v []byte
	_, err := db.One(ctx, "SELECT value FROM cursor WHERE network = ? AND login = ? AND name = ?", []any{n, login, name}, &v)
	return v, err
}

// SetCursor stores a position of a login.
func (tx *Tx) SetCursor(n network.NetworkID, login network.LoginID, name string, value []byte) error {
	if value == nil {
		value = []byte{}
	}
	_, err := tx.Exec("INSERT INTO cursor (network, login, name, value) VALUES (?, ?, ?, ?) ON CONFLICT (network, login, name) DO UPDATE SET value = excluded.value",
		n, login, name, value)
	return err
}
