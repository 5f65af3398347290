package bridgekit_test

import (
	"context"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/config"
	"github.com/causeway-chat/causeway/bridgekit/portal"
	"github.com/causeway-chat/causeway/bridgekit/store"
	"github.com/causeway-chat/causeway/bridgekit/web"
)

// operator is the program's own commands.
func (r *rig) operator() *web.Client { return web.NewClient(r.opts.Control) }

// Operators end what they choose, and only that; rooms that people made are
// not deleted.
func TestUnbridgeMany(t *testing.T) {
	r := newRig(t, rigOptions{})
	r.opts.Control = filepath.Join(t.TempDir(), "c.sock")
	r.solo()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	rooms := map[string]string{}
	for _, name := range []string{"old-one", "two", "old-three"} {
		rooms[name] = r.portal(name)
	}
	own := r.ours(r.alice, 100)
	r.ask(r.alice, own, "!cw plumb "+string(netID)+" old-three confirm", "is bridged to old-three")
	all, err := r.operator().Portals(ctx, portal.Filter{Name: "OLD", Network: netID})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	var numbers []int64
	for _, p := range all {
		names, numbers = append(names, p.Name), append(numbers, p.ID)
	}
	slices.Sort(names)
	r.equal("chosen", []string{"old-one", "old-three"}, names)
	if n, err := r.operator().Unbridge(ctx, numbers, true); n != 2 || err != nil {
		t.Fatal(n, err)
	}
	r.wait("the room that Causeway made is empty", func() bool { return len(r.hs.Room(rooms["old-one"]).Joined()) == 0 })
	r.wait("the other is left by bridged people", func() bool { return len(r.hs.Room(own).Joined()) == 2 })
	r.equal("alice's room", "join", r.hs.Room(own).Membership(r.alice.ID))
	r.say("carol", "two", "goes on")
	r.sees(rooms["two"], "goes on")
	left, err := r.operator().Portals(ctx, portal.Filter{})
	if err != nil || len(left) != 1 || left[0].Name != "two" {
		t.Errorf("left are %v, %v", left, err)
	}
	// All clean-ups are told, and end.
	r.asks("all is clean", func() bool {
		jobs, err := r.operator().Cleanups(ctx)
		return err == nil && len(jobs) == 3 && !slices.ContainsFunc(jobs, func(c store.Cleanup) bool { return c.Finished.IsZero() })
	})
}

// What earlier lives have left behind is found and cleaned up; what is in use is
// left alone.
func TestOrphans(t *testing.T) {
	r := newRig(t, rigOptions{})
	r.opts.Control = filepath.Join(t.TempDir(), "c.sock")
	r.solo()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	r.management(r.bob)
	room, lost, gone := r.portal("team"), r.portal("lost"), r.portal("gone")
	invited := r.ours(r.bob, 0) // somebody made the bot known there
	if all, err := r.operator().Orphans(ctx); len(all) != 0 || err != nil {
		t.Fatalf("orphans of a clean start: %v, %v", all, err)
	}
	// A ghost of another network in a portal's room, a room that lost its portal,
	// a portal that lost its room.
	stranger := "@_cw_mem.other_zoe:test"
	service := r.hs.User(bot)
	r.registerGhost("_cw_mem.other_zoe")
	service.Invite(room, stranger)
	r.hs.User(stranger).Join(room)
	r.hs.User(bot).Leave(gone)
	r.stop()
	r.forgetPortal("lost")
	r.start()
	r.connected("alice")
	all, err := r.operator().Orphans(ctx)
	if err != nil {
		t.Fatal(err)
	}
	found := map[portal.OrphanKind]string{}
	for _, o := range all {
		found[o.Kind] += string(o.Room)
	}
	r.equal("orphans", map[portal.OrphanKind]string{portal.OrphanGhosts: room, portal.OrphanRoom: lost, portal.OrphanPortal: gone}, found)
	if _, err := r.operator().CleanOrphans(ctx); err != nil {
		t.Fatal(err)
	}
	r.wait("the stranger leaves", func() bool { return r.hs.Room(room).Membership(stranger) == "leave" })
	r.wait("ours leave the lost room", func() bool { return slices.Equal(r.hs.Room(lost).Joined(), []string{r.alice.ID}) })
	r.wait("ghosts leave the room without a bot", func() bool { return slices.Equal(r.hs.Room(gone).Joined(), []string{r.alice.ID}) })
	r.equal("bob's room", 2, len(r.hs.Room(invited).Joined()))
	r.equal("carol", "join", r.hs.Room(room).Membership(ghost("carol")))
	r.asks("nothing is left over", func() bool {
		all, err := r.operator().Orphans(ctx)
		return err == nil && len(all) == 0
	})
	r.say("carol", "team", "all is well")
	r.sees(room, "all is well")
}

// asks waits for cond, which changes neither side, and so is asked again and again.
func (r *rig) asks(what string, cond func() bool) {
	r.t.Helper()
	deadline, tick := time.After(r.patience), time.NewTicker(20*time.Millisecond)
	defer tick.Stop()
	for !cond() {
		select {
		case <-tick.C:
		case <-deadline:
			r.t.Fatalf("%s did not come true", what)
		}
	}
}

// registerGhost makes an account of the appservice's.
func (r *rig) registerGhost(localpart string) {
	r.t.Helper()
	body := strings.NewReader(`{"type": "m.login.application_service", "username": "` + localpart + `"}`)
	req, err := http.NewRequestWithContext(r.t.Context(), http.MethodPost, "http://hs.test/_matrix/client/v3/register", body)
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+r.opts.Registration.ASToken)
	resp, err := (&http.Client{Transport: r.hs.Transport()}).Do(req)
	if err != nil || resp.StatusCode != http.StatusOK {
		r.t.Fatal(resp, err)
	}
	_ = resp.Body.Close() // nothing of it matters
}

// forgetPortal deletes a portal's row behind the bridge's back.
func (r *rig) forgetPortal(chat string) {
	r.t.Helper()
	c := r.opts.Config
	db, err := store.Open(r.t.Context(), "sqlite:"+c.Database.Source, c.Key.For(config.KeySeal))
	if err != nil {
		r.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(r.t.Context()))
	done := make(chan struct{})
	go func() { defer close(done); _ = db.Run(ctx) }() // it returns the end of ctx
	all, err := db.Portals(ctx, netID)
	for _, p := range all {
		if string(p.Chat.ID) == chat && err == nil {
			err = db.Write(ctx, 1, func(tx *store.Tx) error { return tx.DeletePortal(p.ID) })
		}
	}
	cancel()
	<-done
	if err != nil {
		r.t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		r.t.Fatal(err)
	}
}

// What has been silent for long is ended by a filter, through the bot; it says
// first which that is.
func TestUnbridgeSilent(t *testing.T) {
	virtual(t, rigOptions{}, func(r *rig) {
		silent := r.solo().portal("silent")
		loud := r.portal("loud")
		time.Sleep(100 * 24 * time.Hour)
		r.say("carol", "loud", "still here")
		r.sees(loud, "still here")
		m := r.management(r.alice)
		preview := text(r.ask(r.alice, m, "unbridge-many inactive 90d", "This ends 1 portal"))
		if !strings.Contains(preview, "silent on Memnet (mem.test), silent for 100 days") || strings.Contains(preview, "loud") {
			t.Errorf("the preview is %s", preview)
		}
		r.ask(r.alice, m, "unbridge-many inactive 90d confirm", "1 portal is ended")
		r.wait("the ghosts leave", func() bool { return len(r.hs.Room(silent).Joined()) == 2 })
		time.Sleep(time.Minute)
		r.say("carol", "loud", "and goes on")
		r.sees(loud, "and goes on")
		r.ask(r.alice, m, "cleanups", "1 of 1 have left, done")
		r.ask(r.alice, m, "orphans", "Nothing is left behind")
	})
}
