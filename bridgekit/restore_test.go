package bridgekit_test

import (
	"bytes"
	"database/sql"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/config"
	"github.com/causeway-chat/causeway/bridgekit/matrixtest"
	"github.com/causeway-chat/causeway/bridgekit/memnet"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/store"
	"github.com/causeway-chat/causeway/bridgekit/store/storetest"
)

// A backup is made under traffic, the bridge goes on for an hour, its database is
// lost and the backup restored. The network delivers again what lies behind the
// old cursor. Nothing is posted twice on either side, nothing is lost, what was
// made in the hour is found again and goes on.
func TestRestore(t *testing.T) {
	find, never := memnet.DefaultFeatures(), memnet.DefaultFeatures()
	find.Once, never.Once = network.OnceFind, network.OnceNever
	for name, o := range map[string]rigOptions{
		"strong":     {},
		"puppets":    {puppets: true},
		"find":       {net: memnet.Options{Features: &find}},
		"echo by ID": {net: memnet.Options{Echo: memnet.EchoID, Features: &never}},
		"both":       {puppets: true, net: memnet.Options{Echo: memnet.EchoID, Features: &find}},
	} {
		o.net.Cursors, o.net.History = true, true
		t.Run(name, func(t *testing.T) {
			virtual(t, o, func(r *rig) { r.restoring(time.Sleep) })
		})
	}
	t.Run("postgres", func(t *testing.T) {
		r := newRig(t, rigOptions{database: storetest.Postgres(t), net: memnet.Options{Cursors: true, History: true}})
		r.restoring(func(time.Duration) {})
	})
}

func (r *rig) restoring(pause func(time.Duration)) {
	r.solo()
	old := r.portal("old")
	r.scene("old", old, "early")
	r.settle("old", old)
	pause(time.Hour)

	traffic := make(chan struct{})
	go func() {
		defer close(traffic)
		for i := range 20 {
			r.say("carol", "old", fmt.Sprint("during c", i))
			r.alice.SendText(old, fmt.Sprint("during a", i))
			pause(time.Second)
		}
	}()
	pause(10 * time.Second)
	copied := r.backup()
	<-traffic
	r.hears("old", "alice", "during a19")
	r.sees(old, "during c19")

	r.scene("old", old, "lost")
	pause(20 * time.Minute)
	fresh := r.portal("fresh")
	r.scene("fresh", fresh, "lost")
	if _, err := r.net.User("dave").Tell("alice", "lost hello"); err != nil {
		r.t.Fatal(err)
	}
	dm := r.room("Dave")
	r.sees(dm, "lost hello")
	if r.hs.Room(dm).Membership(r.alice.ID) != "join" {
		r.alice.Join(dm)
	}
	r.alice.SendText(dm, "lost answer")
	chat := r.net.DM("alice", "dave")
	r.hears(string(chat), "alice", "lost answer")
	pause(40 * time.Minute)
	r.settle("old", old)
	r.settle("fresh", fresh)
	chats := []string{"old", "fresh", string(chat)}
	before := r.everything(chats)
	r.stop()

	r.hs.Restart() // it forgets transaction IDs, as it does within the hour
	r.restore(copied)
	for chat, room := range map[string]string{"old": old, "fresh": fresh} {
		r.say("carol", chat, "after away")
		r.alice.SendText(room, "after away too")
	}
	r.start()
	r.connected("alice")
	for chat, room := range map[string]string{"old": old, "fresh": fresh} {
		r.sees(room, "after away")
		r.hears(chat, "alice", "after away too")
		r.later(chat, room)
		r.scene(chat, room, "after")
	}
	r.alice.SendText(dm, "after more")
	r.hears(string(chat), "alice", "after more")
	if _, err := r.net.User("dave").Tell("alice", "after all"); err != nil {
		r.t.Fatal(err)
	}
	r.sees(dm, "after all")
	pause(time.Minute)
	r.settle("old", old)
	r.settle("fresh", fresh)
	r.compare(before, r.everything(chats), chats)
	r.stop()
	r.start() // nor does the next start post anything
	r.settle("old", old)
	r.compare(before, r.everything(chats), chats)
}

// scene has carol, and alice in Matrix and on her phone, do in a chat what one can
// do, and waits until both sides show it.
func (r *rig) scene(chat, room, tag string) {
	r.t.Helper()
	carol, phone, on := r.net.User("carol"), r.net.User("alice"), network.ChatID(chat)
	do := func(err error) {
		r.t.Helper()
		if err != nil {
			r.t.Fatal(err)
		}
	}
	c1, c2, p := r.say("carol", chat, tag+" c1"), r.say("carol", chat, tag+" c2"), r.say("alice", chat, tag+" phone")
	_, err := carol.SayFile(on, network.Image, tag+".png", "image/png", []byte("picture"))
	do(err)
	r.sees(room, tag+".png")
	a1, a2 := r.alice.SendText(room, tag+" a1"), r.alice.SendText(room, tag+" a2")
	r.hears(chat, "alice", tag+" a2")
	do(carol.Edit(on, c1, tag+" c1b"))
	do(phone.Edit(on, p, tag+" phone b"))
	do(carol.Redact(on, c2))
	r.alice.Edit(room, a1, tag+" a1b")
	r.alice.Redact(room, a2, "")
	r.hears(chat, "alice", tag+" a1b")
	sent := r.message(chat, tag+" a1b")
	do(carol.React(on, sent.ID, tag+"+", false))
	do(carol.React(on, sent.ID, tag+"-", false))
	r.alice.React(room, r.event(room, tag+" c1").ID, tag+"+")
	taken := r.alice.React(room, r.event(room, tag+" c1").ID, tag+"-")
	r.waitNet("alice's reactions", func() bool { return len(r.message(chat, tag+" c1b").Reactions["alice"]) == 2 })
	r.alice.Redact(room, taken, "")
	r.waitNet("one reaction less", func() bool { return len(r.message(chat, tag+" c1b").Reactions["alice"]) == 1 })
	do(carol.React(on, sent.ID, tag+"-", true))
	do(carol.React(on, c1, tag+" own", false))
	r.reacted(room, r.event(room, tag+" c1").ID, tag+" own")
	content := r.alice.Upload(tag+".txt", "text/plain", []byte("text"))
	r.alice.Send(room, "m.room.message", map[string]any{"msgtype": "m.file", "body": tag + ".txt", "url": content})
	r.waitNet("alice's file", func() bool {
		return slices.ContainsFunc(r.net.Messages(on), func(m memnet.Message) bool {
			return m.Sender == "alice" && m.Content.Parts[0].Media != nil && m.Content.Parts[0].Media.Name == tag+".txt"
		})
	})
	r.waitNet("alice's redaction", func() bool { return !slices.Contains(r.net.Texts(on, "alice"), tag+" a2") })
}

// reacted waits for a reaction of somebody of the network in a room.
func (r *rig) reacted(room, target, emoji string) {
	r.t.Helper()
	r.wait("reaction "+emoji, func() bool {
		return slices.ContainsFunc(r.hs.Room(room).OfType("m.reaction"), func(e *matrixtest.Event) bool {
			rel := relation(e)
			return rel.Key == emoji && rel.Event == target && e.Sender != r.alice.ID
		})
	})
}

// later changes, from both sides, what was said in the hour that the copy does not
// know.
func (r *rig) later(chat, room string) {
	r.t.Helper()
	on := network.ChatID(chat)
	c1, a1 := r.event(room, "lost c1"), r.event(room, "lost a1")
	mine, theirs := r.message(chat, "lost a1b"), r.message(chat, "lost c1b")
	r.wait("the network's events", func() bool { return slices.Contains(r.bodies(room), "after away") })
	if err := r.net.User("carol").Edit(on, theirs.ID, "after c1c"); err != nil {
		r.t.Fatal(err)
	}
	r.wait("the edit of a message of the hour", func() bool {
		return slices.ContainsFunc(r.hs.Room(room).OfType("m.room.message"), func(e *matrixtest.Event) bool {
			return strings.HasSuffix(text(e), "after c1c") && relation(e).Event == c1.ID
		})
	})
	if err := r.net.User("carol").React(on, mine.ID, "after!", false); err != nil {
		r.t.Fatal(err)
	}
	r.reacted(room, a1.ID, "after!")
	r.alice.Edit(room, a1.ID, "after a1c")
	r.hears(chat, "alice", "after a1c")
	if got := r.message(chat, "after a1c").ID; got != mine.ID {
		r.t.Errorf("the edit of a message of the hour made %s, not %s", got, mine.ID)
	}
	r.alice.Reply(room, c1.ID, "after reply")
	r.hears(chat, "alice", "after reply")
	if reply := r.message(chat, "after reply").Content.Reply; reply == nil || reply.ID != theirs.ID {
		r.t.Errorf("the reply is to %v, not %s", reply, theirs.ID)
	}
}

// everything is what both sides hold: each line once for each time it is there.
func (r *rig) everything(chats []string) map[string]int {
	all := map[string]int{}
	for _, room := range r.hs.Rooms() {
		snap := r.hs.Room(room)
		all["room called "+snap.Name]++
		for _, e := range snap.Timeline {
			if e.StateKey == nil {
				rel := relation(e)
				all[fmt.Sprint(snap.Name, ": ", e.Type, " ", e.Sender, " ", e.ID, " ", text(e), " ", rel.Key)]++
			}
		}
	}
	for _, chat := range chats {
		for _, m := range r.net.Messages(network.ChatID(chat)) {
			all[fmt.Sprint(chat, ": ", m.ID, " ", m.Sender)]++
			for u, emoji := range m.Reactions {
				for _, e := range emoji {
					all[fmt.Sprint(chat, ": ", m.ID, " ", u, " reacted ", e)]++
				}
			}
		}
	}
	return all
}

// compare wants nothing gone, and new only what is said to be from afterwards.
func (r *rig) compare(before, after map[string]int, chats []string) {
	r.t.Helper()
	r.compareNetwork(before, chats)
	for line, n := range before {
		if after[line] != n && !strings.Contains(line, "a1b") && !strings.Contains(line, "c1b") {
			r.t.Errorf("%q: %d times, was %d times", line, after[line], n)
		}
	}
	texts := map[string]int{}
	redactions := 0
	for line, n := range after {
		_, event, isEvent := strings.Cut(line, ": m.r")
		switch {
		case before[line] == n, strings.Contains(line, "settled"), strings.Contains(line, "may appear twice"):
		case !isEvent:
			if n != 1 {
				r.t.Errorf("%q: %d times", line, n)
			}
		case strings.Contains(line, "m.room.redaction"):
			redactions++
		case !strings.Contains(line, "after"):
			if !strings.Contains(line, r.alice.ID) && !redactedNow(line) {
				r.t.Errorf("posted again: %q", line)
			}
		default:
			f := strings.Fields(event)
			texts[strings.Split(line, ":")[0]+f[1]+strings.Join(f[3:], " ")] += n
		}
	}
	for text, n := range texts {
		if n != 1 {
			r.t.Errorf("%q: %d times", text, n)
		}
	}
	if redactions != 8 { // four in each scene
		r.t.Errorf("%d redactions", redactions)
	}
}

// compareNetwork wants what is new on the network to be from afterwards, once. What
// was on its way when the copy was made may be doubled where nobody can tell, and
// is said to be.
func (r *rig) compareNetwork(before map[string]int, chats []string) {
	r.t.Helper()
	texts, doubled := map[string]int{}, 0
	for _, chat := range chats {
		for _, m := range r.net.Messages(network.ChatID(chat)) {
			if before[fmt.Sprint(chat, ": ", m.ID, " ", m.Sender)] > 0 {
				continue
			}
			text := m.Text
			if media := m.Content.Parts[0].Media; media != nil {
				text = media.Name
			}
			switch {
			case strings.Contains(text, "settled"):
			case strings.Contains(text, "after"):
				texts[chat+string(m.Sender)+text]++
			default:
				doubled++
				r.t.Logf("doubled on the network: %s", text)
			}
		}
	}
	for text, n := range texts {
		if n != 1 {
			r.t.Errorf("on the network %d times: %q", n, text)
		}
	}
	said := 0
	for _, room := range r.hs.Rooms() {
		for _, words := range r.notices(room) {
			if strings.Contains(words, "may appear twice") {
				said++
			}
		}
	}
	if doubled > said {
		r.t.Errorf("%d messages were doubled on the network, %d are said to be", doubled, said)
	}
}

// redactedNow reports whether a line is of an event without content.
func redactedNow(line string) bool {
	return strings.HasSuffix(strings.TrimRight(line, " "), ":test") || len(strings.Fields(line)) <= 4
}

// backup copies the database of the running bridge.
func (r *rig) backup() []byte {
	r.t.Helper()
	var b bytes.Buffer
	if _, err := store.Export(r.t.Context(), r.source(), r.opts.Config.Key.For(config.KeySeal), &b); err != nil {
		r.t.Fatal(err)
	}
	return b.Bytes()
}

// restore puts a copy in the place of the database.
func (r *rig) restore(copied []byte) {
	r.t.Helper()
	db := r.opts.Config.Database
	if db.Dialect == config.SQLite {
		for _, suffix := range []string{"", "-wal", "-shm"} {
			if err := os.Remove(db.Source + suffix); err != nil && !os.IsNotExist(err) {
				r.t.Fatal(err)
			}
		}
	} else {
		conn, err := sql.Open("pgx", db.Source)
		if err != nil {
			r.t.Fatal(err)
		}
		defer conn.Close()
		if _, err := conn.Exec("DROP SCHEMA public CASCADE; CREATE SCHEMA public"); err != nil {
			r.t.Fatal(err)
		}
	}
	if _, err := store.Restore(r.t.Context(), r.source(), r.opts.Config.Key.For(config.KeySeal), bytes.NewReader(copied)); err != nil {
		r.t.Fatal(err)
	}
}

// source is the bridge's database as store takes it.
func (r *rig) source() string {
	if db := r.opts.Config.Database; db.Dialect == config.SQLite {
		return "sqlite:" + db.Source
	}
	return r.opts.Config.Database.Source
}
