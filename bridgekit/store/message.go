package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/network"
)

// A Message is one row of the message map: this event is (a part of) that
// remote message. A message of three parts has three events; an event that the
// network had to split has several remote IDs; a message of a network without
// IDs has a row with an empty Remote.
type Message struct {
	Portal int64
	Event  string // Matrix event ID
	Remote network.MessageID
	Part   int
	Login  network.LoginID // whose connection the remote ID belongs to
	Sender string          // remote user ID, or Matrix user ID if it came from there
	Txn    network.TxnID   // of an outgoing message
	At     time.Time
}

const messageColumns = "portal, event, remote, part, login, sender, txn, at"

func (db *DB) messages(ctx context.Context, where string, args ...any) ([]Message, error) {
	var out []Message
	err := db.All(ctx, "SELECT "+messageColumns+" FROM message WHERE "+where+" ORDER BY part, remote", args, func(r *sql.Rows) error {
		m, err := scanMessage(r.Scan)
		out = append(out, m)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read message map: %w", err)
	}
	return out, nil
}

func scanMessage(scan func(...any) error) (m Message, err error) {
	var at int64
	err = scan(&m.Portal, &m.Event, &m.Remote, &m.Part, &m.Login, &m.Sender, &m.Txn, &at)
	m.At = time.UnixMilli(at)
	return m, err
}

// MessagesByEvent lists the rows of a Matrix event in a portal.
func (db *DB) MessagesByEvent(ctx context.Context, portal int64, event string) ([]Message, error) {
	return db.messages(ctx, "portal = ? AND event = ?", portal, event)
}

// MessagesByRemote lists the rows of a remote message in a portal.
func (db *DB) MessagesByRemote(ctx context.Context, portal int64, remote network.MessageID) ([]Message, error) {
	return db.messages(ctx, "portal = ? AND remote = ? AND remote <> ''", portal, remote)
}

// HasRemote reports whether MessagesByRemote would list any: every new message is
// asked about, and almost none is there.
func (db *DB) HasRemote(ctx context.Context, portal int64, remote network.MessageID) (bool, error) {
	has, err := db.One(ctx, "SELECT 1 FROM message WHERE portal = ? AND remote = ? AND remote <> '' LIMIT 1", []any{portal, remote}, new(int))
	if err != nil {
		return false, fmt.Errorf("look into message map: %w", err)
	}
	return has, nil
}

// MessagesByTxn lists the rows of an outgoing call in a portal.
func (db *DB) MessagesByTxn(ctx context.Context, portal int64, txn network.TxnID) ([]Message, error) {
	return db.messages(ctx, "portal = ? AND txn = ? AND txn <> ''", portal, txn)
}

// AddMessage stores a row of the map; a known row is left as it is.
func (tx *Tx) AddMessage(m Message) {
	tx.Add(Bulk{"INSERT INTO message (" + messageColumns + ") VALUES ", "(?, ?, ?, ?, ?, ?, ?, ?)", " ON CONFLICT DO NOTHING"}, nil,
		[]any{m.Portal, m.Event, m.Remote, m.Part, m.Login, m.Sender, m.Txn, m.At.UnixMilli()})
}

// DeleteMessage removes the rows of a Matrix event in a portal.
func (tx *Tx) DeleteMessage(portal int64, event string) error {
	_, err := tx.Exec("DELETE FROM message WHERE portal = ? AND event = ?", portal, event)
	return err
}
