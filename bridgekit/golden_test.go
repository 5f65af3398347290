package bridgekit_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"database/sql"
	"errors"
	"flag"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/journal"
	"github.com/causeway-chat/causeway/bridgekit/markup"
	"github.com/causeway-chat/causeway/bridgekit/matrixtest"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/store"
)

// record makes TestGolden write the journal of this version instead of reading those
// of earlier ones: once for each release that stores anything in another way.
var record = flag.String("record", "", "write testdata/journal/NAME.db.gz, as this version leaves it")

// Each file in testdata/journal is the database of an earlier version, stopped with
// entries of every kind on their way in both directions. This version delivers them all.
func TestGolden(t *testing.T) {
	if *record != "" {
		recordJournal(t, filepath.Join("testdata", "journal", *record+".db.gz"))
		return
	}
	files, err := filepath.Glob(filepath.Join("testdata", "journal", "*.db.gz"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no journal to read: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".db.gz"), func(t *testing.T) {
			virtual(t, rigOptions{flavor: matrixtest.Options{ByName: true}}, func(r *rig) {
				room := r.opening()
				r.stop()
				r.file()
				r.net.Silently(r.carolActs)
				r.takeOver(unpack(t, file))
				r.start()
				r.connected("alice")
				r.golden(room)
			})
		})
	}
}

// opening is what both sides know before anything waits. Room, events and messages
// have the same IDs each time.
func (r *rig) opening() (room string) {
	r.t.Helper()
	r.solo()
	room = r.portal("town")
	for _, text := range []string{"c1", "c2"} {
		r.say("carol", "town", text)
		r.sees(room, text)
	}
	for _, text := range []string{"a1", "a2"} {
		r.alice.SendText(room, text)
		r.hears("town", "alice", text)
	}
	r.settle("town", room)
	return room
}

// file is alice's, which waits in the journals.
func (r *rig) file() string { return r.alice.Upload("a.txt", "text/plain", []byte("of alice")) }

// recordJournal has both sides act while neither can be reached, and keeps the database.
func recordJournal(t *testing.T, path string) {
	virtual(t, rigOptions{flavor: matrixtest.Options{ByName: true}}, func(r *rig) {
		room := r.opening()
		r.net.Fail(func(op string, _ network.ChatID) error {
			if slices.Contains([]string{"send", "edit", "redact", "react", "edit_chat"}, op) {
				return network.Errorf(network.Unavailable, "the network is away", "away")
			}
			return nil
		})
		r.aliceActs(room)
		r.pending(7)
		r.hs.Faults.Down(matrixtest.Unavailable)
		r.carolActs()
		r.pending(7 + 11)
		r.stop()
		r.pack(path)
	})
}

func (r *rig) aliceActs(room string) {
	r.t.Helper()
	a1, a2, c1 := r.event(room, "a1").ID, r.event(room, "a2").ID, r.event(room, "c1").ID
	r.alice.SendText(room, "a3")
	r.alice.Reply(room, c1, "a4")
	r.alice.Edit(room, a1, "a1 b")
	r.alice.React(room, c1, "+")
	r.alice.Redact(room, a2, "")
	r.alice.Send(room, "m.room.message", map[string]any{"msgtype": "m.file", "body": "a.txt", "url": r.file()})
	r.alice.SendText(room, "a5")
}

func (r *rig) carolActs() {
	r.t.Helper()
	carol := r.net.User("carol")
	do := func(err error) {
		r.t.Helper()
		if err != nil {
			r.t.Fatal(err)
		}
	}
	c1, c2 := r.message("town", "c1").ID, r.message("town", "c2").ID
	r.say("carol", "town", "c3")
	_, err := carol.Send("town", network.Content{Parts: []network.Part{{Text: markup.Plain("c4")}}, Reply: &network.Ref{ID: r.message("town", "a1").ID}})
	do(err)
	do(carol.Edit("town", c1, "c1 b"))
	do(carol.React("town", c1, "+", false))
	do(carol.Redact("town", c2))
	_, err = carol.SayFile("town", network.File, "c.txt", "text/plain", []byte("of carol"))
	do(err)
	do(carol.SetName("town", "city"))
	do(carol.SetTopic("town", "the topic"))
	do(carol.Pin("town", c1, false))
	r.net.Group("new", "alice", "carol") // a chat that has no room
	r.say("carol", "new", "c5")
	r.say("carol", "town", "c6")
}

// golden is what both sides must show in the end.
func (r *rig) golden(room string) {
	r.t.Helper()
	r.sees(r.room("new"), "c5")
	r.sees(room, "c6")
	r.hears("town", "alice", "a5")
	snap := r.hs.Room(room)
	var got []string
	for _, e := range snap.OfType("m.room.message") {
		if e.Sender == ghost("carol") {
			got = append(got, text(e))
		}
	}
	r.equal("the room", []string{"c1", "c3", "c4", "* c1 b", "c.txt", "c6"}, unsettled(got))
	r.equal("its name and topic", []string{"city", "the topic"}, []string{snap.Name, snap.Topic})
	r.equal("on the network", []string{"a1 b", "a3", "a4", "a.txt", "a5"}, unsettled(r.names("alice")))
	r.reacted(room, r.event(room, "c1").ID, "+")
	r.equal("alice's reaction", []string{"+"}, r.message("town", "c1 b").Reactions["alice"])
}

// names are the texts and files that somebody said in the town, without redacted ones.
func (r *rig) names(who network.UserID) (out []string) {
	for _, m := range r.net.Messages("town") {
		switch media := m.Content.Parts[0].Media; {
		case m.Sender != who || m.Redacted:
		case media != nil:
			out = append(out, media.Name)
		default:
			out = append(out, m.Text)
		}
	}
	return out
}

// pending waits, in virtual time, until n entries are in the journal.
func (r *rig) pending(n int) {
	r.t.Helper()
	got := 0
	for range 60 {
		time.Sleep(time.Second)
		r.read(func(ctx context.Context, db *store.DB) {
			if _, err := db.One(ctx, "SELECT COUNT(*) FROM entry WHERE state < ?", []any{journal.Failed}, &got); err != nil {
				r.t.Fatal(err)
			}
		})
		if got == n {
			return
		}
	}
	r.t.Fatalf("%d entries wait, want %d", got, n)
}

// pack writes the stopped bridge's database to path, in one file and compressed.
func (r *rig) pack(path string) {
	r.t.Helper()
	plain := filepath.Join(r.t.TempDir(), "copy.db")
	db, err := sql.Open("sqlite", r.opts.Config.Database.Source)
	if err != nil {
		r.t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec("VACUUM INTO ?", plain); err != nil {
		r.t.Fatal(err)
	}
	data, err := os.ReadFile(plain)
	if err != nil {
		r.t.Fatal(err)
	}
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write(data); err != nil {
		r.t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		r.t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(path, packed.Bytes(), 0o644); err != nil {
		r.t.Fatal(err)
	}
}

// unpack reads what pack wrote.
func unpack(t *testing.T, path string) []byte {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// takeOver puts a database in the place of the stopped bridge's.
func (r *rig) takeOver(data []byte) {
	r.t.Helper()
	for _, suffix := range []string{"-wal", "-shm"} {
		if err := os.Remove(r.opts.Config.Database.Source + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			r.t.Fatal(err)
		}
	}
	if err := os.WriteFile(r.opts.Config.Database.Source, data, 0o600); err != nil {
		r.t.Fatal(err)
	}
}
