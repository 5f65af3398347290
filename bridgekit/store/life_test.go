package store_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/causeway-chat/causeway/bridgekit/store"
	"github.com/causeway-chat/causeway/bridgekit/store/storetest"
)

// Expiries come back in the order of their time, and once.
func TestExpiry(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open func() *store.DB) {
		ctx, db := t.Context(), open()
		now := time.UnixMilli(time.Now().UnixMilli())
		if _, ok, err := db.NextExpiry(ctx); ok || err != nil {
			t.Errorf("an empty table has a next: %v", err)
		}
		late := store.Expiry{Portal: 1, Room: "!a", Event: "$late", At: now.Add(time.Hour)}
		second := store.Expiry{Portal: 1, Room: "!a", Event: "$second", Sender: "@ghost:test", At: now}
		first := store.Expiry{Portal: 2, Room: "!b", Event: "$first", At: now.Add(-time.Hour)}
		again := first
		again.At = late.At
		write(t, db, func(tx *store.Tx) error {
			for _, e := range []store.Expiry{late, second, first, again} {
				tx.AddExpiry(e)
			}
			return nil
		})
		got, err := db.Expired(ctx, now, 10)
		if d := cmp.Diff([]store.Expiry{first, second}, got); d != "" || err != nil {
			t.Error(d, err)
		}
		if got, err = db.Expired(ctx, now, 1); len(got) != 1 || err != nil {
			t.Error("with a limit:", got, err)
		}
		write(t, db, func(tx *store.Tx) error { return tx.DeleteExpiry("!b", "$first") })
		if at, ok, err := db.NextExpiry(ctx); !ok || !at.Equal(now) || err != nil {
			t.Error("next:", at, ok, err)
		}
	})
}

// A clean-up keeps how far it is, is widened while it is under way, and begins anew
// when it has ended; what an earlier one says then does not count.
func TestCleanup(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open func() *store.DB) {
		ctx, db := t.Context(), open()
		one := func(room string) store.Cleanup {
			t.Helper()
			all, err := db.Cleanups(ctx, false)
			i := slices.IndexFunc(all, func(c store.Cleanup) bool { return c.Room == room })
			if err != nil || i < 0 {
				t.Fatal(room, all, err)
			}
			return all[i]
		}
		begin := func(c store.Cleanup) {
			t.Helper()
			write(t, db, func(tx *store.Tx) error { return tx.AddCleanup(c) })
		}
		begin(store.Cleanup{Room: "!a", Name: "#a", Network: "irc.a", Scope: store.ScopeGhosts, Reason: "why"})
		c := one("!a")
		if c.Total != -1 || c.Done != 0 || !c.Finished.IsZero() || c.Begun.IsZero() || c.Network != "irc.a" {
			t.Errorf("begun: %+v", c)
		}
		c.Total, c.Done, c.Trouble = 12, 3, "some"
		write(t, db, func(tx *store.Tx) error { return tx.SaveCleanup(c) })
		if d := cmp.Diff(c, one("!a")); d != "" {
			t.Error(d)
		}
		begin(store.Cleanup{Room: "!a", Name: "#a", Network: "irc.b", Scope: store.ScopeAll})
		begin(store.Cleanup{Room: "!a", Name: "#a", Network: "irc.b", Scope: store.ScopeOurs})
		if c = one("!a"); c.Network != "" || c.Scope != store.ScopeAll || c.Total != -1 || c.Trouble != "" {
			t.Errorf("widened: %+v", c)
		}
		c.Finished = time.UnixMilli(time.Now().UnixMilli())
		write(t, db, func(tx *store.Tx) error { return tx.SaveCleanup(c) })
		if open, err := db.Cleanups(ctx, true); len(open) != 0 || err != nil {
			t.Error("open:", open, err)
		}
		write(t, db, func(tx *store.Tx) error { return tx.ForgetCleanups(c.Finished) })
		one("!a")
		begin(store.Cleanup{Room: "!a", Name: "#a", Network: "irc.b", Scope: store.ScopeGhosts})
		if c = one("!a"); c.Network != "irc.b" || c.Scope != store.ScopeGhosts || !c.Finished.IsZero() {
			t.Errorf("begun again: %+v", c)
		}
		write(t, db, func(tx *store.Tx) error { return tx.DeleteCleanup("!a") })
		if all, err := db.Cleanups(ctx, false); len(all) != 0 || err != nil {
			t.Error("deleted:", all, err)
		}
	})
}

// Who facts know to be in a room is listed by room, whatever the rooms are called.
func TestJoinedGhosts(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open func() *store.DB) {
		ctx, db := t.Context(), open()
		write(t, db, func(tx *store.Tx) error {
			for _, name := range []string{"join !a_b @x:t", "join !aXb @y:t", "join !a_b @z:t", "joined !a_b @n:t", "reg @x:t"} {
				if _, err := tx.Exec("INSERT INTO fact (name, value) VALUES (?, 'join')", name); err != nil {
					return err
				}
			}
			return nil
		})
		in, err := db.JoinedGhosts(ctx, "!a_b")
		slices.Sort(in)
		if d := cmp.Diff([]string{"@x:t", "@z:t"}, in); d != "" || err != nil {
			t.Error(d, err)
		}
		all, err := db.JoinedRooms(ctx)
		for _, users := range all {
			slices.Sort(users)
		}
		if d := cmp.Diff(map[string][]string{"!a_b": {"@x:t", "@z:t"}, "!aXb": {"@y:t"}}, all); d != "" || err != nil {
			t.Error(d, err)
		}
	})
}
