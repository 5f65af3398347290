package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/network"
)

// A Reaction is a reaction that stands on both sides.
type Reaction struct {
	Portal int64
	Target network.MessageID // the remote message it is on
	Sender string            // remote user ID, or Matrix user ID if it came from there
	Emoji  string
	Event  string // Matrix event ID of the reaction
}

func (db *DB) reactions(ctx context.Context, where string, args ...any) ([]Reaction, error) {
	var out []Reaction
	err := db.All(ctx, "SELECT portal, target, sender, emoji, event FROM reaction WHERE "+where+" ORDER BY at, event", args, func(r *sql.Rows) error {
		var x Reaction
		err := r.Scan(&x.Portal, &x.Target, &x.Sender, &x.Emoji, &x.Event)
		out = append(out, x)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read reactions: %w", err)
	}
	return out, nil
}

// ReactionsOn lists the reactions on a remote message, the oldest first.
func (db *DB) ReactionsOn(ctx context.Context, portal int64, target network.MessageID) ([]Reaction, error) {
	return db.reactions(ctx, "portal = ? AND target = ? AND sender <> ''", portal, target)
}

// ReactionByEvent finds a reaction by its Matrix event; false if there is none.
func (db *DB) ReactionByEvent(ctx context.Context, portal int64, event string) (Reaction, bool, error) {
	return first(db.reactions(ctx, "portal = ? AND event = ? AND sender <> ''", portal, event))
}

// ReactionLine finds the line of text on the network that says who reacted to a remote
// message through the relay: the event under which the message map has it; "" if there
// is none. The table has it as nobody's reaction, so the two go together.
func (db *DB) ReactionLine(ctx context.Context, portal int64, target network.MessageID) (string, error) {
	r, _, err := first(db.reactions(ctx, "portal = ? AND target = ? AND sender = ''", portal, target))
	return r.Event, err
}

// IsReactionLine reports whether the message map has such a line under an event.
func (db *DB) IsReactionLine(ctx context.Context, portal int64, event string) (bool, error) {
	_, ok, err := first(db.reactions(ctx, "portal = ? AND event = ? AND sender = ''", portal, event))
	return ok, err
}

// SetReactionLine stores under which event the message map has the line about a remote
// message; "" if there is none any more.
func (tx *Tx) SetReactionLine(portal int64, target network.MessageID, event string) error {
	line := Reaction{Portal: portal, Target: target, Event: event}
	if event == "" {
		return tx.DeleteReaction(line)
	}
	return tx.AddReaction(line)
}

// AddReaction stores a reaction, replacing an earlier event for the same.
func (tx *Tx) AddReaction(r Reaction) error {
	_, err := tx.Exec(`INSERT INTO reaction (portal, target, sender, emoji, event, at) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (portal, target, sender, emoji) DO UPDATE SET event = excluded.event`,
		r.Portal, r.Target, r.Sender, r.Emoji, r.Event, time.Now().UnixMilli())
	return err
}

// DeleteReaction removes a reaction.
func (tx *Tx) DeleteReaction(r Reaction) error {
	_, err := tx.Exec("DELETE FROM reaction WHERE portal = ? AND target = ? AND sender = ? AND emoji = ?", r.Portal, r.Target, r.Sender, r.Emoji)
	return err
}
