package store_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"github.com/causeway-chat/causeway/bridgekit/hub"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/store"
	"github.com/causeway-chat/causeway/bridgekit/store/storetest"
)

// odd are texts that a database, or JSON on its way, could change.
var odd = []string{"", " ", "'", "\"\\", "<&>\u2028", "ünï 👩‍👩‍👧", "line\nline\r\n\ttab", strings.Repeat("x", 70_000), "?", "$1", "null", "{\"b\":\"\"}"}

// fill puts rows with odd values into every table.
func fill(t *testing.T, db *store.DB) {
	t.Helper()
	ctx := t.Context()
	for i, s := range odd {
		n := network.NetworkID(fmt.Sprint("net", i))
		data := []byte(s)
		if i == 0 {
			data = nil
		}
		if _, err := db.SaveLogin(ctx, store.Login{Network: n, Owner: s, Login: network.Login{ID: "l", User: network.UserID(s), Name: s, Data: data}}); err != nil {
			t.Fatal(err)
		}
		p, err := ensureOf(ctx, db, n, network.ChatKey{ID: network.ChatID(s), Login: "l"})
		if err != nil {
			t.Fatal(err)
		}
		p.Room, p.Info.Topic = "!r"+s, s
		big := bytes.Repeat([]byte{0, 1, 0xff, byte(i)}, i*100)
		write(t, db, func(tx *store.Tx) error {
			_, err := tx.Exec("INSERT INTO entry (lane, key, kind, target, state, due, reason, payload, created, changed) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
				int64(i)-3, []byte{byte(i), 0, 0xff}, s, s, i%6, int64(1)<<62, s, big, -1, 1<<53+1)
			tx.AddMessage(store.Message{Portal: p.ID, Event: "$e" + s, Remote: network.MessageID(s), Sender: s, Txn: network.TxnID(s), At: time.UnixMilli(1)})
			tx.AddExpiry(store.Expiry{Portal: p.ID, Room: p.Room, Event: s, Sender: s, At: time.UnixMilli(1 << 53)})
			return errors.Join(err, tx.AddCleanup(store.Cleanup{Room: p.Room, Name: s, Network: n, Scope: store.ScopeAll, Reason: s}), tx.SavePortal(p), tx.AddLoginChat(n, "l", p.ID), tx.SetCursor(n, "l", s, big),
				tx.AddPast(p.ID, store.Past{Number: -int64(i), Key: []byte{byte(i), 0xff}, Payload: big}), tx.Merge(n, network.UserID(s), network.UserID("into "+s)),
				tx.AddReaction(store.Reaction{Portal: p.ID, Target: "m", Sender: s, Emoji: s, Event: "$r"}))
		})
		if err := db.Spoke(ctx, p.ID, s); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(
			db.KV(n, "l").Set(ctx, s, big), db.SetManagementRoom(ctx, "@"+s, s), store.NewFacts(db).SetFact(ctx, "f"+s, s+"."),
			db.AddHubBan(ctx, s, store.HubBan{Who: "@" + hub.Banned(s), By: s, Reason: s, At: time.UnixMilli(1)}),
			db.SaveEmoji(ctx, store.Emoji{Network: n, Emoji: network.Emoji{ID: network.EmojiID(s), Name: s}, URI: s}),
			db.SavePage(ctx, store.Page{ID: s, Name: s, MIME: s, Data: big, Until: time.Now().Add(time.Hour)}),
		); err != nil {
			t.Fatal(err)
		}
	}
}

// content is everything in a database, table by table.
func content(t *testing.T, db *store.DB) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	for table, order := range map[string]string{
		"entry": "id", "portal": "id", "message": "portal, event, remote", "reaction": "portal, target, sender, emoji", "login": "num",
		"login_chat": "network, login, portal", "kv": "network, login, name", "cursor": "network, login, name", "matrix_user": "mxid", "fact": "name", "page": "id",
		"speaker": "portal, mxid", "expiry": "room, event", "cleanup": "room", "hub_ban": "room, who",
		"past": "portal, number", "emoji": "network, id", "merged": "network, person",
	} {
		err := db.All(t.Context(), "SELECT * FROM "+table+" ORDER BY "+order, nil, func(r *sql.Rows) error {
			columns, err := r.Columns()
			if err != nil {
				return err
			}
			values, dest := make([]any, len(columns)), make([]any, len(columns))
			for i := range values {
				dest[i] = &values[i]
			}
			err = r.Scan(dest...)
			out[table] = append(out[table], fmt.Sprintf("%q %T", values, values))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// sources are fresh databases of both kinds by name.
func sources(t *testing.T) map[string]string {
	return map[string]string{"sqlite": storetest.SQLite(t), "postgres": storetest.Postgres(t)}
}

// filled makes a database with rows in every table, one portal of which is gone.
func filled(t *testing.T, source string) {
	t.Helper()
	db, stop, err := storetest.Start(source)
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	fill(t, db)
	last, err := ensureOf(t.Context(), db, "gone", network.ChatKey{ID: "gone"})
	if err != nil {
		t.Fatal(err)
	}
	write(t, db, func(tx *store.Tx) error { return tx.DeletePortal(last.ID) })
}

func backup(t *testing.T, source string) []byte {
	t.Helper()
	var b bytes.Buffer
	if _, err := store.Export(t.Context(), source, storetest.Key(), &b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestCopy: between both kinds of database, restored and moved, nothing changes
// but the note that it was restored; numbers that were given are not given again.
func TestCopy(t *testing.T) {
	for _, from := range []string{"sqlite", "postgres"} {
		for _, to := range []string{"sqlite", "postgres"} {
			for _, how := range []string{"restore", "move"} {
				t.Run(from+"_"+to+"_"+how, func(t *testing.T) {
					source := sources(t)[from]
					target := storetest.SQLite(t)
					if to == "postgres" {
						target = other(t, source)
					}
					filled(t, source)
					begin := time.Now()
					var copied store.Copied
					var err error
					if how == "move" {
						copied, err = store.Move(t.Context(), source, target, storetest.Key())
					} else {
						copied, err = store.Restore(t.Context(), target, storetest.Key(), bytes.NewReader(backup(t, source)))
					}
					if err != nil {
						t.Fatal(err)
					}
					db := storetest.Source(t, target)()
					restored, err := db.Restored(t.Context())
					if err != nil || (how == "restore") != (restored.At.After(begin) && !restored.Taken.After(restored.At)) {
						t.Errorf("the note that it was restored: %v, %v", restored, err)
					}
					write(t, db, func(tx *store.Tx) error {
						_, err := tx.Exec("DELETE FROM fact WHERE name = ?", "restored")
						return err
					})
					from := storetest.Source(t, source)()
					if how == "restore" { // what waits is not merged with what comes
						write(t, from, func(tx *store.Tx) error {
							_, err := tx.Exec("UPDATE entry SET target = '' WHERE state < 4")
							return err
						})
					}
					want, got := content(t, from), content(t, db)
					if d := cmp.Diff(want, got); d != "" {
						t.Error(d)
					}
					for _, n := range copied.Tables {
						if int(n.Rows) != len(want[n.Name]) || n.Rows == 0 {
							t.Errorf("table %s: %d rows were counted, there are %d", n.Name, n.Rows, len(want[n.Name]))
						}
					}
					if len(copied.Tables) != len(want) {
						t.Errorf("%d tables were copied, there are %d", len(copied.Tables), len(want))
					}
					p, err := ensureOf(t.Context(), db, "new", network.ChatKey{ID: "new"})
					if err != nil || p.ID != int64(len(odd))+2 {
						t.Errorf("the next portal has number %d, %v", p.ID, err)
					}
				})
			}
		}
	}
}

// other is a second PostgreSQL database of a test.
func other(t *testing.T, source string) (target string) {
	t.Helper()
	if strings.HasPrefix(source, "sqlite:") {
		return storetest.Postgres(t)
	}
	admin, err := sql.Open("pgx", source)
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	name := fmt.Sprint("other", time.Now().UnixNano())
	if _, err := admin.Exec("CREATE DATABASE " + name); err != nil {
		t.Fatal(err)
	}
	i, q := strings.LastIndex(source, "/"), strings.Index(source, "?")
	return source[:i+1] + name + source[q:]
}

// TestRestoreRefuses: what is no whole backup for this place is refused with words,
// and leaves the target empty.
func TestRestoreRefuses(t *testing.T) {
	source := storetest.SQLite(t)
	filled(t, source)
	whole := backup(t, source)
	repack := func(f func(string) string) []byte {
		r, err := zstd.NewReader(bytes.NewReader(whole))
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		plain, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		w, err := zstd.NewWriter(&b)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, f(string(plain))); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	flipped := bytes.Clone(whole)
	flipped[len(flipped)/2] ^= 1
	lines := func(s string) []string { return strings.SplitAfter(s, "\n") }
	for name, one := range map[string]struct {
		data []byte
		key  []byte
		want string
	}{
		"nothing":      {nil, nil, "not a whole backup"},
		"noise":        {[]byte("noise"), nil, "not a whole backup"},
		"another file": {repack(func(string) string { return "{}\n" }), nil, "does not begin like one"},
		"cut":          {whole[:len(whole)-100], nil, "ends too early"},
		"flipped bit":  {flipped, nil, "not a whole backup"},
		"cut lines":    {repack(func(s string) string { l := lines(s); return strings.Join(l[:len(l)-5], "") }), nil, "ends too early"},
		"lost row": {repack(func(s string) string {
			l := lines(s)
			return strings.Join(append(l[:2:2], l[3:]...), "")
		}), nil, "does not have its rows"},
		"changed row": {repack(func(s string) string { return strings.Replace(s, `"net3"`, `"net2x"`, 1) }), nil, "changed after it was made"},
		"more":        {repack(func(s string) string { return s + "[]\n" }), nil, "something behind its end"},
		"other key":   {whole, []byte(strings.Repeat("o", store.KeySize)), "another key"},
		"newer schema": {repack(func(s string) string {
			return regexp.MustCompile(`"schema":[0-9]+`).ReplaceAllString(s, `"schema":999`)
		}), nil, "newer Causeway"},
		"newer format": {repack(func(s string) string { return strings.Replace(s, `"version":1`, `"version":2`, 1) }), nil, "of format 2"},
		"other table":  {repack(func(s string) string { return strings.Replace(s, `{"table":"fact"`, `{"table":"fiction"`, 1) }), nil, "no table fiction"},
	} {
		for kind, target := range sourcesNamed(t, name) {
			t.Run(name+"/"+kind, func(t *testing.T) {
				key := one.key
				if key == nil {
					key = storetest.Key()
				}
				_, err := store.Restore(t.Context(), target, key, bytes.NewReader(one.data))
				if err == nil || !strings.Contains(err.Error(), one.want) {
					t.Fatalf("error %v, want %q", err, one.want)
				}
				if _, err := store.Restore(t.Context(), target, storetest.Key(), bytes.NewReader(whole)); err != nil {
					t.Errorf("afterwards the whole backup is refused: %v", err)
				}
				_, err = store.Restore(t.Context(), target, storetest.Key(), bytes.NewReader(whole))
				if err == nil || !strings.Contains(err.Error(), "not empty") {
					t.Errorf("a database with content was restored over: %v", err)
				}
			})
		}
	}
}

// sourcesNamed is sources for a part of a test.
func sourcesNamed(t *testing.T, name string) map[string]string {
	out := map[string]string{"sqlite": "sqlite:" + filepath.Join(t.TempDir(), "t.db")}
	if slices.Contains([]string{"cut", "changed row", "newer schema"}, name) { // a database takes its time
		t.Run("target "+name, func(t *testing.T) { out["postgres"] = storetest.Postgres(t) })
	}
	return out
}

// TestCopyInUse: a backup is made beside a running writer; a restore or a move is
// refused.
func TestCopyInUse(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open func() *store.DB) {
		db := open()
		fill(t, db)
		source := sourceOf(t, db)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var wrote atomic.Int64
		done := make(chan struct{})
		go func() {
			defer close(done)
			for ctx.Err() == nil {
				if store.NewFacts(db).SetFact(ctx, fmt.Sprint("more", wrote.Load()), "x") == nil {
					wrote.Add(1)
				}
			}
		}()
		// A copy is made so fast that nothing may be written in the meantime.
		var whole []byte
		during := false
		for range 200 {
			before := wrote.Load()
			if whole = backup(t, source); wrote.Load() > before {
				during = true
				break
			}
		}
		cancel()
		<-done
		if !during {
			t.Error("nothing was ever written during a backup")
		}
		idle := storetest.SQLite(t)
		filled(t, idle)
		for what, err := range map[string]error{
			"restore":   second(store.Restore(t.Context(), source, storetest.Key(), bytes.NewReader(whole))),
			"move from": second(store.Move(t.Context(), source, storetest.SQLite(t), storetest.Key())),
			"move to":   second(store.Move(t.Context(), idle, source, storetest.Key())),
		} {
			if !errors.Is(err, store.ErrInUse) {
				t.Errorf("%s while it is in use: %v", what, err)
			}
		}
		if _, err := store.Restore(t.Context(), storetest.SQLite(t), storetest.Key(), bytes.NewReader(whole)); err != nil {
			t.Error(err)
		}
	})
}

func second[T any](_ T, err error) error { return err }

// sourceOf is where an open database is.
func sourceOf(t *testing.T, db *store.DB) string {
	t.Helper()
	var path string
	if _, err := db.One(t.Context(), "SELECT file FROM pragma_database_list WHERE name = 'main'", nil, &path); err == nil {
		return "sqlite:" + path
	}
	var name string
	if _, err := db.One(t.Context(), "SELECT current_database()::text", nil, &name); err != nil {
		t.Fatal(err)
	}
	server := os.Getenv("CAUSEWAY_TEST_POSTGRES")
	i, q := strings.LastIndex(server, "/"), strings.Index(server, "?")
	return server[:i+1] + name + server[q:]
}

// TestCopyMemory: what a copy needs does not grow with what is copied.
func TestCopyMemory(t *testing.T) {
	source := storetest.SQLite(t)
	db, stop, err := storetest.Start(source)
	if err != nil {
		t.Fatal(err)
	}
	const rows, size = 40_000, 3000
	write(t, db, func(tx *store.Tx) error {
		for i := range rows {
			if _, err := tx.Exec("INSERT INTO entry (lane, key, kind, target, state, payload, created, changed) VALUES (1, ?, 'message', '', 0, ?, 1, 1)",
				fmt.Append(nil, i), make([]byte, size)); err != nil {
				return err
			}
		}
		return nil
	})
	stop()
	defer debug.SetGCPercent(debug.SetGCPercent(20)) // what is counted is what is held, and hardly what was dropped
	runtime.GC()
	var before runtime.MemStats
	runtime.ReadMemStats(&before)
	peak := &heapPeak{}
	r, w := io.Pipe()
	go func() {
		_, err := store.Export(context.Background(), source, storetest.Key(), io.MultiWriter(w, peak))
		w.CloseWithError(err)
	}()
	copied, err := store.Restore(t.Context(), storetest.SQLite(t), storetest.Key(), r)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(copied.Tables, func(n store.TableRows) bool { return n.Name == "entry" && n.Rows == rows }) {
		t.Errorf("copied %v", copied.Tables)
	}
	if grown := int64(peak.most) - int64(before.HeapInuse); grown > 72<<20 {
		t.Errorf("memory grew by %d MiB for %d MiB of rows", grown>>20, rows*size>>20)
	}
}

// heapPeak notes the largest heap while something is written to it.
type heapPeak struct{ most uint64 }

func (p *heapPeak) Write(b []byte) (int, error) {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	p.most = max(p.most, m.HeapInuse)
	return len(b), nil
}
