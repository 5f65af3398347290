package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/network"
)

// diskFull lets the child's files grow no more for a while. It must say so: then
// at least what it logs names the disk.
func (w *world) diskFull(ctx context.Context, r round) error {
	n := w.nodes[0]
	path := filepath.Join(n.dir, logFile)
	before, err := os.Stat(path)
	if err != nil {
		return err
	}
	size := int64(r.Pick % (64 << 10))
	if err := n.order(order{Room: &size}); err != nil {
		return err
	}
	pause(ctx, 4*r.Lasts)
	size = -1
	if err := n.order(order{Room: &size}); err != nil {
		return err
	}
	log, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if said := string(log[before.Size():]); strings.Contains(said, "disk") || ctx.Err() != nil {
		return nil
	}
	w.missed++ // nothing was written meanwhile
	return nil
}

// clockJumps makes the machine's clock another one while Causeway is down, by
// hours and in either direction: what is stored has its times moved instead.
func (w *world) clockJumps(ctx context.Context, r round) error {
	if err := w.killAll(); err != nil {
		return err
	}
	hours := time.Duration(1+r.Pick/2%10) * time.Hour
	if r.Pick%2 == 0 {
		hours = -hours
	}
	source := "file:" + filepath.Join(w.dir, sqliteFile) + "?_pragma=busy_timeout(5000)"
	driver := "sqlite"
	if w.cluster != nil {
		driver, source = "pgx", w.cluster.DSN
	}
	db, err := sql.Open(driver, source)
	if err != nil {
		return err
	}
	by := hours.Milliseconds()
	_, err = db.ExecContext(ctx, fmt.Sprintf("UPDATE entry SET created = created - %d, changed = changed - %d, due = CASE WHEN due > 0 THEN due - %d ELSE 0 END", by, by, by))
	if err = errors.Join(err, db.Close()); err != nil {
		return err
	}
	return w.startAll()
}

func (w *world) killAll() (err error) {
	for _, n := range w.nodes {
		err = errors.Join(err, n.kill())
	}
	return errors.Join(err, w.hit(context.Background()))
}

// signedOut has the network end an account's sessions, and its person sign in
// again through the bot.
func (w *world) signedOut(ctx context.Context, r round) error {
	who := network.UserID("alice")
	if r.Pick%2 == 0 {
		who = "bob"
	}
	p := w.people["@"+string(who)+":"+domain]
	w.net.Revoke(who)
	pause(ctx, 2*r.Lasts)
	var out struct {
		Room string `json:"room_id"`
	}
	if err := p.user.Do("POST", "createRoom", object{"is_direct": true, "invite": []string{botID}, "preset": "trusted_private_chat"}, &out); err != nil {
		return err
	}
	talk := local{w, &chat{room: out.Room}, p}
	for _, step := range []struct{ say, answer string }{
		{"", "Hello"}, {"login " + string(netID), "ser name"}, {string(who), "assword"}, {"secret", "Signed in"},
	} {
		before := len(w.hs.Room(out.Room).Timeline)
		if step.say == "" {
			before = 0
		} else if _, err := talk.send("m.room.message", object{"msgtype": "m.text", "body": step.say}); err != nil {
			return err
		}
		err := until(ctx, fmt.Sprintf("the bot answers %q with %q", step.say, step.answer), time.Minute, func() (bool, error) {
			for _, e := range w.hs.Room(out.Room).Timeline[before:] {
				if e.Sender == botID && strings.Contains(e.Body(), step.answer) {
					return true, nil
				}
			}
			return false, w.revive()
		})
		if err != nil {
			return err
		}
	}
	return nil
}
