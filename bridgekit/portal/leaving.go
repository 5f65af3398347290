package portal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/matrix"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/store"
)

const (
	// leavePause is how far apart people leave rooms that are cleaned up, of all
	// rooms together: few enough to leave the homeserver to the messages.
	leavePause = 100 * time.Millisecond
	// cleanupTries is how often somebody is tried to be brought out of a room.
	cleanupTries = 5
	// cleanupKept is how long it is known that a room was cleaned up.
	cleanupKept = 30 * 24 * time.Hour
	// cleanupLook is how often finished ones are looked for.
	cleanupLook = time.Hour
)

// A cleaner has people of ours leave rooms, one after another. What is to do is
// rows that commit with the end of their portals; who is still in a room is asked
// of the homeserver, so a restart goes on where it was. One goroutine runs it.
type cleaner struct {
	s    *Service
	wake bell
	left map[string][]id.UserID // by room: who is to leave; only run touches it
	bad  map[string]int         // failures in a row; only run touches it
}

func newCleaner(s *Service) *cleaner {
	return &cleaner{s: s, wake: newBell(), left: map[string][]id.UserID{}, bad: map[string]int{}}
}

// begun notes that there is a new row.
func (c *cleaner) begun() {
	c.wake.ring()
}

// run works until ctx is done: one person of each room in turn.
func (c *cleaner) run(ctx context.Context) error {
	for {
		open, err := c.s.db.Cleanups(ctx, true)
		for _, job := range open {
			if err = c.step(ctx, job); err != nil || !pause(ctx, leavePause) {
				break
			}
		}
		if err != nil && ctx.Err() == nil {
			c.s.log.Warn("clean up rooms", "err", err)
		}
		switch {
		case ctx.Err() != nil:
			return fmt.Errorf("clean-ups: %w", ctx.Err())
		case err != nil:
			pause(ctx, max(matrix.WaitOf(err), time.Second))
		case len(open) == 0:
			c.idle(ctx)
		}
	}
}

// idle waits for a new row.
func (c *cleaner) idle(ctx context.Context) {
	t := time.NewTimer(cleanupLook)
	defer t.Stop()
	select {
	case <-c.wake:
	case <-ctx.Done():
	case <-t.C:
		err := c.s.db.Write(ctx, 1, func(tx *store.Tx) error { return tx.ForgetCleanups(time.Now().Add(-cleanupKept)) })
		if err != nil {
			c.s.log.Warn("forget old clean-ups", "err", err)
		}
	}
}

// pause waits, and reports whether ctx lasted as long.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// step has one person leave a room, or finishes it.
func (c *cleaner) step(ctx context.Context, job store.Cleanup) error {
	if err := c.s.hs.Wait(ctx); err != nil {
		return err
	}
	stays, err := c.s.networksIn(ctx, job.Room)
	if err != nil {
		return err
	}
	if len(stays) > 0 { // it was bridged again meanwhile
		job.Scope = store.ScopeGhosts
	}
	left, known := c.left[job.Room]
	if !known || job.Total < 0 {
		if left, err = c.s.whoLeaves(ctx, job); err != nil {
			return c.failed(ctx, job, "", err)
		}
		job.Total = job.Done + len(left)
	}
	left = slices.DeleteFunc(left, func(u id.UserID) bool {
		n, _, ok := c.s.hs.ParseGhost(u)
		return ok && stays[network.NetworkID(n)]
	})
	c.left[job.Room] = left
	if len(left) == 0 {
		return c.finish(ctx, job)
	}
	u := left[0]
	if err := c.s.takeOut(ctx, job, u); err != nil {
		return c.failed(ctx, job, u, err)
	}
	delete(c.bad, job.Room)
	c.left[job.Room] = left[1:]
	job.Done++
	return c.save(ctx, job)
}

// finish has the bot leave last, if it is to.
func (c *cleaner) finish(ctx context.Context, job store.Cleanup) error {
	if job.Scope != store.ScopeGhosts {
		if err := c.s.ignoreGone(c.s.hs.Leave(ctx, id.RoomID(job.Room), c.s.hs.BotID(), "")); err != nil {
			return c.failed(ctx, job, "", err)
		}
	}
	delete(c.left, job.Room)
	delete(c.bad, job.Room)
	job.Finished = time.Now()
	return c.save(ctx, job)
}

// failed tries again, and after some tries goes on without u, or ends the room.
func (c *cleaner) failed(ctx context.Context, job store.Cleanup, u id.UserID, err error) error {
	switch matrix.KindOf(err) {
	case matrix.Down, matrix.RateLimited, matrix.Auth:
		return err
	}
	if c.bad[job.Room]++; c.bad[job.Room] < cleanupTries && ctx.Err() == nil && !hopeless(err) {
		return err
	}
	if ctx.Err() != nil {
		return err
	}
	c.s.log.Warn("clean up room", "room", job.Room, "user", u, "err", err)
	delete(c.bad, job.Room)
	job.Trouble = matrix.UserText(err)
	if u == "" {
		delete(c.left, job.Room)
		job.Finished = time.Now()
		return c.save(ctx, job)
	}
	c.left[job.Room] = c.left[job.Room][1:]
	return c.save(ctx, job)
}

func (c *cleaner) save(ctx context.Context, job store.Cleanup) error {
	return c.s.db.Write(ctx, 1, func(tx *store.Tx) error { return tx.SaveCleanup(job) })
}

// hopeless reports whether trying again cannot help.
func hopeless(err error) bool {
	switch matrix.KindOf(err) {
	case matrix.NotAllowed, matrix.Banned, matrix.NotJoined, matrix.RoomGone, matrix.NotFound:
		return true
	}
	return false
}

// networksIn are the networks that a room is bridged to. The database is asked: the
// row of a clean-up commits with the end of its portal, of which memory may not know
// for a moment.
func (s *Service) networksIn(ctx context.Context, room string) (map[network.NetworkID]bool, error) {
	portals, err := s.db.PortalsIn(ctx, room)
	if err != nil {
		return nil, err
	}
	out := map[network.NetworkID]bool{}
	for _, p := range portals {
		if p.State == store.PortalOpen {
			out[p.Network] = true
		}
	}
	return out, nil
}

// whoLeaves lists whom a clean-up brings out: bridged people first.
func (s *Service) whoLeaves(ctx context.Context, job store.Cleanup) ([]id.UserID, error) {
	members, err := s.membersOf(ctx, id.RoomID(job.Room))
	if err != nil {
		return nil, err
	}
	var out []id.UserID
	for u, m := range members {
		if u == s.hs.BotID() || m != event.MembershipJoin && m != event.MembershipInvite {
			continue
		}
		n, _, ghost := s.hs.ParseGhost(u)
		if ghost && (job.Network == "" || n == string(job.Network)) || !ghost && job.Scope == store.ScopeAll {
			out = append(out, u)
		}
	}
	slices.SortFunc(out, func(a, b id.UserID) int {
		if x, y := s.hs.IsGhost(a), s.hs.IsGhost(b); x != y {
			if x {
				return -1
			}
			return 1
		}
		return strings.Compare(string(a), string(b))
	})
	return out, nil
}

// membersOf is who is in a room, as the bot sees it; of a room that it is out of
// the ghosts that it brought there.
func (s *Service) membersOf(ctx context.Context, room id.RoomID) (map[id.UserID]event.Membership, error) {
	ours, err := s.db.JoinedGhosts(ctx, string(room))
	if err != nil {
		return nil, err
	}
	out := map[id.UserID]event.Membership{}
	for _, u := range ours {
		out[id.UserID(u)] = event.MembershipJoin
	}
	bot, err := s.hs.Member(ctx, room, s.hs.BotID(), s.hs.BotID())
	if err != nil && !harmless(err) {
		return nil, err
	}
	if bot != event.MembershipJoin {
		return out, nil
	}
	return s.hs.Members(ctx, room)
}

// takeOut brings one person out of a room.
func (s *Service) takeOut(ctx context.Context, job store.Cleanup, u id.UserID) error {
	if s.hs.IsGhost(u) {
		return s.ignoreGone(s.hs.Leave(ctx, id.RoomID(job.Room), u, job.Reason))
	}
	err := s.hs.Kick(ctx, id.RoomID(job.Room), s.hs.BotID(), u, job.Reason)
	if matrix.KindOf(err) != matrix.NotAllowed {
		return s.ignoreGone(err)
	}
	m, merr := s.hs.Member(ctx, id.RoomID(job.Room), s.hs.BotID(), u)
	if merr != nil {
		return errors.Join(err, merr)
	}
	if m == event.MembershipJoin || m == event.MembershipInvite {
		return err
	}
	return nil // they have left
}

// beginCleanup has people leave a room.
func (s *Service) beginCleanup(ctx context.Context, job store.Cleanup) error {
	err := s.db.Write(ctx, 1, func(tx *store.Tx) error { return tx.AddCleanup(job) })
	if err == nil {
		s.clean.begun()
	}
	return err
}

// Cleanups lists the rooms that are cleaned up, or were lately; with open only
// those that are under way.
func (s *Service) Cleanups(ctx context.Context, open bool) ([]store.Cleanup, error) {
	return s.db.Cleanups(ctx, open)
}
