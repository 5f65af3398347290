package store_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/store"
	"github.com/causeway-chat/causeway/bridgekit/store/storetest"
)

func TestMain(m *testing.M) { os.Exit(storetest.Main(m)) }

func TestPortal(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open func() *store.DB) {
		ctx, db := t.Context(), open()
		key := network.ChatKey{ID: "#go", Login: ""}
		var wg sync.WaitGroup
		ids := make([]int64, 8)
		for i := range ids {
			wg.Go(func() {
				p, err := ensure(ctx, db, key)
				if err != nil {
					t.Error(err)
				}
				ids[i] = p.ID
			})
		}
		wg.Wait()
		for _, id := range ids {
			if id == 0 || id != ids[0] {
				t.Fatalf("concurrent EnsurePortals gave numbers %v", ids)
			}
		}
		want, _, _ := db.Portal(ctx, ids[0])
		want.Room, want.State, want.Relay = "!r:test", store.PortalOpen, "relay"
		want.Info = store.PortalInfo{Name: "Go 'n' ?", Topic: "\"t\"", Kind: network.Channel, Features: network.Features{MaxText: 400, IDs: network.IDsShared}}
		write(t, db, func(tx *store.Tx) error {
			return errors.Join(tx.SavePortal(want), tx.AddLoginChat("irc.test", "l1", want.ID))
		})
		for name, get := range map[string]func() ([]store.Portal, error){
			"room":    func() ([]store.Portal, error) { return db.PortalsIn(ctx, "!r:test") },
			"network": func() ([]store.Portal, error) { return db.Portals(ctx, "irc.test") },
			"all":     func() ([]store.Portal, error) { return db.Portals(ctx, "") },
			"login":   func() ([]store.Portal, error) { return db.ChatsOf(ctx, "irc.test", "l1") },
		} {
			got, err := get()
			if err != nil || len(got) != 1 {
				t.Fatalf("by %s: %v, %v", name, got, err)
			}
			if d := cmp.Diff(want, got[0]); d != "" {
				t.Errorf("by %s: %s", name, d)
			}
		}
		write(t, db, func(tx *store.Tx) error { return tx.DeletePortal(want.ID) })
		again, err := ensure(ctx, db, key)
		if err != nil || again.ID == want.ID {
			t.Errorf("a deleted portal's number was used again: %v, %v", again.ID, err)
		}
	})
}

// ensure finds or makes one portal.
func ensure(ctx context.Context, db *store.DB, chat network.ChatKey) (store.Portal, error) {
	return ensureOf(ctx, db, "irc.test", chat)
}

func ensureOf(ctx context.Context, db *store.DB, n network.NetworkID, chat network.ChatKey) (store.Portal, error) {
	all, err := db.EnsurePortals(ctx, n, chat)
	if err != nil {
		return store.Portal{}, err
	}
	return all[0], nil
}

func TestPortalsAtOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open func() *store.DB) {
		ctx, db := t.Context(), open()
		a, b, c := network.ChatKey{ID: "#a"}, network.ChatKey{ID: "#b"}, network.ChatKey{ID: "bob", Login: "l"}
		old, err := ensure(ctx, db, b)
		if err != nil {
			t.Fatal(err)
		}
		old.Room, old.State, old.Info = "!b", store.PortalOpen, store.PortalInfo{Name: "b", Setup: true}
		write(t, db, func(tx *store.Tx) error { return tx.SavePortal(old) })
		got, err := db.EnsurePortals(ctx, "irc.test", a, b, c)
		if err != nil || len(got) != 3 {
			t.Fatal(got, err)
		}
		want := []store.Portal{{ID: got[0].ID, Network: "irc.test", Chat: a}, old, {ID: got[2].ID, Network: "irc.test", Chat: c}}
		if d := cmp.Diff(want, got); d != "" || got[0].ID == 0 || got[2].ID == 0 || got[0].ID == got[2].ID {
			t.Error("made and found:", d)
		}
		got[0].Room, got[0].State, got[0].Info.Topic = "!a", store.PortalOpen, `"setup":true`
		write(t, db, func(tx *store.Tx) error { return tx.SavePortal(got[0]) })
		unfinished, err := db.Unfinished(ctx)
		if d := cmp.Diff([]store.Portal{old}, unfinished); d != "" || err != nil {
			t.Error("unfinished:", err, d)
		}
		// Who is in a chat and does not have its room in their lists is one too.
		old.Room, old.Info.Setup = "!b", false
		for _, test := range []struct {
			change func(tx *store.Tx) error
			want   int
		}{
			{func(tx *store.Tx) error { return tx.SavePortal(old) }, 0},
			{func(tx *store.Tx) error { return tx.AddLoginChat("irc.test", "l", old.ID) }, 1},
			{func(tx *store.Tx) error { return tx.Placed("irc.test", "l", old.ID) }, 0},
			{func(tx *store.Tx) error { return tx.Unplace(old.ID) }, 1},
		} {
			write(t, db, test.change)
			unplaced, uerr := db.Unplaced(ctx, old.ID)
			if all, err := db.Unfinished(ctx); err != nil || uerr != nil || len(all) != test.want || len(unplaced) != test.want {
				t.Errorf("%d unfinished, %d unplaced, want %d: %v %v", len(all), len(unplaced), test.want, err, uerr)
			}
		}
	})
}

func TestMessageMap(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open func() *store.DB) {
		ctx, db := t.Context(), open()
		at := time.UnixMilli(1_700_000_000_000)
		rows := []store.Message{
			{Portal: 1, Event: "$a", Remote: "m1", Part: 0, Login: "l", Sender: "bob", At: at},
			{Portal: 1, Event: "$b", Remote: "m1", Part: 1, Login: "l", Sender: "bob", At: at},
			{Portal: 1, Event: "$c", Remote: "", Part: 0, Sender: "@a:test", Txn: "t1", At: at},
			{Portal: 2, Event: "$a", Remote: "x", Part: 0, Sender: "bob", At: at},
		}
		write(t, db, func(tx *store.Tx) error {
			for _, m := range append(rows, rows[0]) { // a repetition is no error
				tx.AddMessage(m)
			}
			return nil
		})
		check := func(what string, got []store.Message, err error, want ...store.Message) {
			t.Helper()
			if d := cmp.Diff(want, got); d != "" || err != nil {
				t.Errorf("%s: %v %s", what, err, d)
			}
		}
		got, err := db.MessagesByRemote(ctx, 1, "m1")
		check("by remote", got, err, rows[0], rows[1])
		got, err = db.MessagesByEvent(ctx, 1, "$a")
		check("by event", got, err, rows[0])
		got, err = db.MessagesByTxn(ctx, 1, "t1")
		check("by txn", got, err, rows[2])
		got, err = db.MessagesByRemote(ctx, 1, "")
		check("by empty remote", got, err)
		write(t, db, func(tx *store.Tx) error { return tx.DeleteMessage(1, "$a") })
		got, err = db.MessagesByEvent(ctx, 2, "$a")
		check("other portal after delete", got, err, rows[3])

		r := store.Reaction{Portal: 1, Target: "m1", Sender: "bob", Emoji: "👍", Event: "$r1"}
		write(t, db, func(tx *store.Tx) error { return tx.AddReaction(r) })
		r.Event = "$r2"
		write(t, db, func(tx *store.Tx) error { return tx.AddReaction(r) })
		on, err := db.ReactionsOn(ctx, 1, "m1")
		if d := cmp.Diff([]store.Reaction{r}, on); d != "" || err != nil {
			t.Errorf("reactions: %v %s", err, d)
		}
		write(t, db, func(tx *store.Tx) error { return tx.SetReactionLine(1, "m1", "$r2") })
		if on, err := db.ReactionsOn(ctx, 1, "m1"); len(on) != 1 || err != nil {
			t.Errorf("the line is a reaction: %v %v", on, err)
		}
		if line, err := db.ReactionLine(ctx, 1, "m1"); line != "$r2" || err != nil {
			t.Errorf("line: %q %v", line, err)
		}
		write(t, db, func(tx *store.Tx) error { return tx.DeleteReaction(r) })
		if is, err := db.IsReactionLine(ctx, 1, "$r2"); !is || err != nil {
			t.Errorf("the line went with the reaction that it began with: %v", err)
		}
		write(t, db, func(tx *store.Tx) error { return tx.SetReactionLine(1, "m1", "") })
		if line, err := db.ReactionLine(ctx, 1, "m1"); line != "" || err != nil {
			t.Errorf("removed line: %q %v", line, err)
		}
		if _, ok, err := db.ReactionByEvent(ctx, 1, "$r2"); ok || err != nil {
			t.Errorf("deleted reaction is there: %v %v", ok, err)
		}
	})
}

func TestLogin(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open func() *store.DB) {
		ctx, db := t.Context(), open()
		l := store.Login{Network: "irc.test", Owner: "@a:test", Login: network.Login{ID: "l", User: "alice", Name: "Alice", Data: []byte("secret")}}
		num, err := db.SaveLogin(ctx, l)
		if err != nil {
			t.Fatal(err)
		}
		l.Name = "Alice 2"
		again, err := db.SaveLogin(ctx, l)
		if err != nil || again != num {
			t.Fatalf("saved again: number %d, was %d, %v", again, num, err)
		}
		l.Num = num
		got, err := db.Logins(ctx)
		if d := cmp.Diff([]store.Login{l}, got); d != "" || err != nil {
			t.Fatalf("%v %s", err, d)
		}
		kv := db.KV("irc.test", "l")
		for _, v := range []string{"one", "", "two"} {
			if err := kv.Set(ctx, "k", []byte(v)); err != nil {
				t.Fatal(err)
			}
			if got, err := kv.Get(ctx, "k"); err != nil || string(got) != v || got == nil {
				t.Fatalf("value %q, %v, want %q", got, err, v)
			}
		}
		write(t, db, func(tx *store.Tx) error { return tx.SetCursor("irc.test", "l", "pts", []byte("9")) })
		if c, err := db.Cursor(ctx, "irc.test", "l", "pts"); string(c) != "9" || err != nil {
			t.Errorf("cursor %q %v", c, err)
		}
		if err := db.DeleteLogin(ctx, "irc.test", "l"); err != nil {
			t.Fatal(err)
		}
		if v, err := kv.Get(ctx, "k"); v != nil || err != nil {
			t.Errorf("a deleted login's value is there: %q %v", v, err)
		}
		if c, err := db.Cursor(ctx, "irc.test", "l", "pts"); c != nil || err != nil {
			t.Errorf("a deleted login's cursor is there: %q %v", c, err)
		}
	})
}

func TestFactsAndPages(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open func() *store.DB) {
		ctx, db := t.Context(), open()
		f := store.NewFacts(db)
		for _, v := range []string{"1", "2", ""} {
			if err := f.SetFact(ctx, "x", v); err != nil {
				t.Fatal(err)
			}
			for name, facts := range map[string]*store.Facts{"same": f, "fresh": store.NewFacts(db)} {
				if got, err := facts.Fact(ctx, "x"); got != v || err != nil {
					t.Errorf("%s: %q %v, want %q", name, got, err, v)
				}
			}
		}
		if err := f.Learn(ctx, "y", "1"); err != nil {
			t.Fatal(err)
		}
		if got, err := f.Fact(ctx, "y"); got != "1" || err != nil {
			t.Errorf("learned: %q %v", got, err)
		}
		write(t, db, func(*store.Tx) error { return nil }) // what was queued before is stored by then
		if got, err := store.NewFacts(db).Fact(ctx, "y"); got != "1" || err != nil {
			t.Errorf("learned, for others: %q %v", got, err)
		}
		if err := errors.Join(f.Learn(ctx, "y", "2"), f.SetFact(ctx, "y", "")); err != nil {
			t.Fatal(err)
		}
		for name, facts := range map[string]*store.Facts{"same": f, "fresh": store.NewFacts(db)} {
			if got, err := facts.Fact(ctx, "y"); got != "" || err != nil {
				t.Errorf("%s: %q %v is known after it was removed", name, got, err)
			}
		}
		live := store.Page{ID: "a", Name: "x.txt", MIME: "text/plain", Data: []byte("hi"), Until: time.UnixMilli(time.Now().Add(time.Hour).UnixMilli())}
		dead := live
		dead.ID, dead.Until = "b", time.Now().Add(-time.Second)
		for _, p := range []store.Page{live, dead} {
			if err := db.SavePage(ctx, p); err != nil {
				t.Fatal(err)
			}
		}
		got, ok, err := db.Page(ctx, "a")
		if d := cmp.Diff(live, got); !ok || err != nil || d != "" {
			t.Errorf("%v %v %s", ok, err, d)
		}
		if _, ok, _ := db.Page(ctx, "b"); ok {
			t.Error("an expired page is served")
		}
		if err := db.Expire(ctx); err != nil {
			t.Error(err)
		}
		if err := db.SetManagementRoom(ctx, "@a:test", "!m:test"); err != nil {
			t.Fatal(err)
		}
		rooms, err := db.ManagementRooms(ctx)
		if d := cmp.Diff(map[string]string{"!m:test": "@a:test"}, rooms); d != "" || err != nil {
			t.Errorf("%v %s", err, d)
		}
		for _, c := range []struct{ user, from, to, stands string }{
			{"@a:test", "", "!late:test", "!m:test"}, {"@a:test", "!m:test", "!next:test", "!next:test"}, {"@a:test", "!m:test", "", "!next:test"},
			{"@b:test", "", "!b:test", "!b:test"},
		} {
			stands, err := db.ReplaceManagementRoom(ctx, c.user, c.from, c.to)
			if room, _ := db.ManagementRoom(ctx, c.user); stands != c.stands || room != c.stands || err != nil {
				t.Errorf("%+v: %q stands, %q is stored, %v", c, stands, room, err)
			}
		}
	})
}

// One bad operation fails alone, and the others of its group are committed.
func TestGroupCommit(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open func() *store.DB) {
		ctx, db := t.Context(), open()
		gate := make(chan struct{})
		var order []int
		var wg sync.WaitGroup
		hold := &store.Op{Weight: 1, Do: func(*store.Tx) error { <-gate; return nil }}
		if err := db.Queue(ctx, hold); err != nil {
			t.Fatal(err)
		}
		errs := make([]error, 5)
		for i := range errs {
			wg.Add(1)
			err := db.Queue(ctx, &store.Op{Weight: 1, Do: func(tx *store.Tx) error {
				switch i {
				case 2:
					_, err := tx.Exec("INSERT INTO fact (name, value) VALUES (?, NULL)", "bad") // NOT NULL
					return err
				case 3:
					panic("in an operation")
				}
				_, err := tx.Exec("INSERT INTO fact (name, value) VALUES (?, ?)", string(rune('a'+i)), "v")
				return err
			}, Done: func(err error) { errs[i] = err; order = append(order, i); wg.Done() }})
			if err != nil {
				t.Fatal(err)
			}
		}
		close(gate)
		wg.Wait()
		for i, err := range errs {
			if bad := i == 2 || i == 3; bad != (err != nil) {
				t.Errorf("operation %d: %v", i, err)
			}
		}
		if d := cmp.Diff([]int{0, 1, 2, 3, 4}, order); d != "" {
			t.Error(d)
		}
		var n int
		if _, err := db.One(ctx, "SELECT COUNT(*) FROM fact WHERE value = ?", []any{"v"}, &n); err != nil || n != 3 {
			t.Errorf("%d rows, %v, want 3", n, err)
		}
	})
}

func TestWriteAfterEnd(t *testing.T) {
	db, stop, err := storetest.Start(storetest.SQLite(t))
	if err != nil {
		t.Fatal(err)
	}
	stop()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	if err := db.Write(ctx, 1, func(*store.Tx) error { return nil }); !errors.Is(err, store.ErrClosed) {
		t.Errorf("got %v, want ErrClosed", err)
	}
}

// A clean end leaves one file: what backs it up copies all there is.
func TestCleanEnd(t *testing.T) {
	src := storetest.SQLite(t)
	db, stop, err := storetest.Start(src)
	if err != nil {
		t.Fatal(err)
	}
	write(t, db, func(tx *store.Tx) error {
		_, err := tx.Exec("INSERT INTO fact (name, value) VALUES (?, ?)", "a", "b")
		return err
	})
	stop()
	files, err := filepath.Glob(strings.TrimPrefix(src, "sqlite:") + "*")
	if err != nil || len(files) != 1 {
		t.Errorf("files %v, %v", files, err)
	}
}

// A database from a newer program is refused with words.
func TestNewerSchema(t *testing.T) {
	for _, kind := range []func(testing.TB) string{storetest.SQLite, storetest.Postgres} {
		src := kind(t)
		db, stop, err := storetest.Start(src)
		if err != nil {
			t.Fatal(err)
		}
		write(t, db, func(tx *store.Tx) error {
			_, err := tx.Exec("INSERT INTO goose_db_version (version_id, is_applied) VALUES (?, ?)", 999, true)
			return err
		})
		stop()
		if _, err := store.Open(t.Context(), src, storetest.Key()); err == nil || !strings.Contains(err.Error(), "newer Causeway") {
			t.Errorf("got %v", err)
		}
	}
}

func TestOpenBadSource(t *testing.T) {
	for _, src := range []string{"", "mysql://x", "sqlite:", "postgres://u:secret@127.0.0.1:1/x?sslmode=disable&connect_timeout=1"} {
		_, err := store.Open(t.Context(), src, storetest.Key())
		if err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", src, err)
		}
	}
	if _, err := store.Open(t.Context(), storetest.SQLite(t), []byte("short")); err == nil {
		t.Error("a short key was taken")
	}
}

func TestSealer(t *testing.T) {
	s, err := store.NewSealer(storetest.Key())
	if err != nil {
		t.Fatal(err)
	}
	sealed := s.Seal([]byte("plain"), "a")
	if got, err := s.Open(sealed, "a"); string(got) != "plain" || err != nil {
		t.Errorf("%q %v", got, err)
	}
	if _, err := s.Open(sealed, "b"); err == nil {
		t.Error("opened as something else")
	}
	sealed[len(sealed)-1] ^= 1
	if _, err := s.Open(sealed, "a"); err == nil {
		t.Error("opened although changed")
	}
}

func write(t *testing.T, db *store.DB, f func(tx *store.Tx) error) {
	t.Helper()
	if err := db.Write(t.Context(), 1, f); err != nil {
		t.Fatal(err)
	}
}
