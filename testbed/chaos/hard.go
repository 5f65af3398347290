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

	"github.com/causeway-chat/causeway/testbed/clock"
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
	if clock.Works && r.Pick/20%4 > 0 {
		return w.clockOf(ctx, r)
	}
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

// clockOf makes a process' clock another one while it runs, twice, by up to ten hours
// each time. What it is the second time it remains, also for later processes.
func (w *world) clockOf(ctx context.Context, r round) error {
	n := w.victim(ctx, r)
	for _, pick := range []uint64{r.Pick / 2, r.Pick / 22} {
		ahead := time.Duration(pick%11)*time.Hour - 5*time.Hour
		if err := n.order(order{Clock: &ahead}); err != nil {
			return err
		}
		pause(ctx, r.Lasts)
	}
	return nil
}

func (w *world) killAll() (err error) {
	for _, n := range w.nodes {
		err = errors.Join(err, n.kill())
	}
	return errors.Join(err, w.hit(context.Background()))
}
