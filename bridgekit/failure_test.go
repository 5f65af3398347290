package bridgekit_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/config"
	"github.com/causeway-chat/causeway/bridgekit/matrixtest"
	"github.com/causeway-chat/causeway/bridgekit/memnet"
	"github.com/causeway-chat/causeway/bridgekit/network"
)

// number is the entry's number in an answer of the queue command.
func number(answer string) string {
	for _, f := range strings.Fields(answer) {
		if n := strings.TrimSuffix(f, ":"); n != f && strings.Trim(n, "0123456789") == "" {
			return n
		}
	}
	return "?"
}

// A room that the homeserver answers 500 for holds up nothing else; after five
// tries its message is a dead letter, which an administrator can retry.
func TestRoomFails(t *testing.T) {
	virtual(t, rigOptions{}, func(r *rig) {
		room := r.solo().portal("team")
		other := r.portal("other")
		m := r.management(r.alice)
		tries := 0
		r.hs.Faults.Set(func(c matrixtest.Call) (f matrixtest.Fault) {
			if c.Route == matrixtest.RouteSend && strings.Contains(c.Path, room) {
				if tries++; tries <= 5 {
					f.Status = http.StatusInternalServerError
				}
			}
			return f
		})
		r.say("carol", "team", "bad luck")
		r.say("carol", "team", "after it")
		r.say("carol", "other", "unharmed")
		r.sees(other, "unharmed")
		r.sees(room, "after it")
		r.notice(room, "could not be shown here")
		if tries < 6 || slices.Contains(r.bodies(room), "bad luck") {
			t.Errorf("%d tries, room has %q", tries, r.bodies(room))
		}
		answer := text(r.ask(r.alice, m, "queue", "Failed:"))
		r.ask(r.alice, m, "queue retry "+number(answer), "queued again")
		r.sees(room, "bad luck")
		r.equal("bodies", []string{"after it", "bad luck"}, unsettled(r.bodies(room)))
		r.ask(r.alice, m, "queue", "Nothing failed")
	})
}

// A 500 may have taken effect all the same: what is tried again looks first.
func TestRoomFailsAfterTheFact(t *testing.T) {
	virtual(t, rigOptions{}, func(r *rig) {
		room := r.solo().portal("team")
		n := 0
		r.hs.Faults.Set(func(c matrixtest.Call) (f matrixtest.Fault) {
			if c.Route == matrixtest.RouteSend {
				if n++; n == 1 {
					r.hs.Restart()
					return matrixtest.Fault{Status: http.StatusInternalServerError, Perform: true}
				}
			}
			return f
		})
		r.say("carol", "team", "once")
		r.say("carol", "team", "twice")
		r.sees(room, "twice")
		r.equal("bodies", []string{"once", "twice"}, unsettled(r.bodies(room)))
	})
}

// What a network refuses is said in the room, to the sender's message and in its
// status; an administrator sees it in the queue, others may not.
func TestDeadLetters(t *testing.T) {
	virtual(t, rigOptions{}, func(r *rig) {
		room := r.solo().portal("team")
		m, other := r.management(r.alice), r.management(r.bob)
		refuse := true
		r.net.Fail(func(op string, _ network.ChatID) error {
			if op == "send" && refuse {
				return network.Errorf(network.Rejected, "the moon is full", "test")
			}
			return nil
		})
		first := r.alice.SendText(room, "secret one")
		second := r.alice.SendText(room, "secret two")
		notice := r.notice(room, "the moon is full")
		r.wait("both notices", func() bool { return len(r.notices(room)) == 2 })
		if rel := relation(notice); rel.Reply.Event != first {
			t.Errorf("the notice answers %+v", rel)
		}
		status := r.hs.Room(room).OfType("com.beeper.message_send_status")
		if len(status) != 2 || relation(status[0]).Event != first || status[0].Text("status") != "FAIL_PERMANENT" {
			t.Errorf("status events %v", status)
		}
		refuse = false
		answer := text(r.ask(r.alice, m, "queue", "Failed:"))
		if strings.Contains(answer, "secret") {
			t.Errorf("the queue shows contents: %s", answer)
		}
		n := number(answer)
		r.ask(r.alice, m, "queue show "+n, "the moon is full")
		r.ask(r.bob, other, "queue", "administrator")
		r.ask(r.bob, other, "queue retry "+n, "administrator")
		r.ask(r.alice, m, "queue retry "+n, "queued again")
		r.hears("team", "alice", "secret one")
		next := number(text(r.ask(r.alice, m, "queue", "Failed:")))
		r.ask(r.alice, m, "queue drop "+next, "given up")
		r.ask(r.alice, m, "queue drop "+next, "no such failed entry")
		r.settle("team", room)
		r.equal("on the network", []string{"secret one"}, unsettled(r.net.Texts("team", "alice")))
		_ = second
	})
}

// Errors that pass are tried again, without end or with one; those that tell a
// time wait for it.
func TestPassingErrors(t *testing.T) {
	virtual(t, rigOptions{}, func(r *rig) {
		room := r.solo().portal("team")
		fails := map[string][]error{
			"limited": {network.Errorf(network.RateLimited, "", "x"), &network.Error{Kind: network.RateLimited, Wait: time.Minute, Err: io.EOF}},
			"away":    slices.Repeat([]error{network.Errorf(network.Unavailable, "", "x")}, 20),
			"odd":     slices.Repeat([]error{io.ErrUnexpectedEOF}, 4),
			"unsure":  slices.Repeat([]error{network.Errorf(network.Unsure, "", "x")}, 3),
		}
		for _, kind := range []string{"limited", "away", "odd", "unsure"} {
			left := fails[kind]
			r.net.Fail(func(op string, _ network.ChatID) (err error) {
				if op == "send" && len(left) > 0 {
					err, left = left[0], left[1:]
				}
				return err
			})
			r.alice.SendText(room, kind)
			r.alice.SendText(room, kind+", then this")
			r.hears("team", "alice", kind+", then this")
			r.net.Fail(nil)
		}
		var want []string
		for _, kind := range []string{"limited", "away", "odd", "unsure"} {
			want = append(want, kind, kind+", then this")
		}
		r.equal("on the network", want, r.net.Texts("team", "alice"))
		r.equal("notices", []string(nil), r.notices(room))
	})
}

// While a worker of the homeserver is away that the others can do without, messages
// wait; none fails, however long it takes.
func TestWorkerAway(t *testing.T) {
	virtual(t, rigOptions{}, func(r *rig) {
		room := r.solo().portal("team")
		away := time.Now().Add(20 * time.Minute)
		r.hs.Faults.Set(func(c matrixtest.Call) (f matrixtest.Fault) {
			if c.Route == matrixtest.RouteSend && time.Now().Before(away) {
				f.Status, f.Code = http.StatusServiceUnavailable, "M_UNKNOWN"
			}
			return f
		})
		r.say("carol", "team", "one")
		r.say("carol", "team", "two")
		r.patience = time.Hour
		r.sees(room, "two")
		r.equal("in the room", []string{"begin team", "one", "two"}, r.bodies(room))
		r.equal("notices", []string(nil), r.notices(room))
	})
}

// A ghost that was kicked comes back with its next word, one that was banned does
// not, and neither holds the room up.
func TestRemovedGhosts(t *testing.T) {
	virtual(t, rigOptions{}, func(r *rig) {
		room := r.solo().portal("team")
		b := r.hs.User(bot)
		r.say("dave", "team", "dave is here")
		r.sees(room, "dave is here")
		b.Kick(room, ghost("dave"))
		r.say("dave", "team", "dave again")
		r.sees(room, "dave again")
		b.Ban(room, ghost("dave"))
		r.say("dave", "team", "banned words")
		r.say("dave", "team", "more banned words")
		r.say("carol", "team", "carol goes on")
		r.sees(room, "carol goes on")
		if slices.Contains(r.bodies(room), "banned words") {
			t.Error("a banned ghost spoke")
		}
		r.notice(room, "dave is banned from this room")
		r.settle("team", room)
		r.equal("notices", 1, len(r.notices(room)))
	})
}

// When the bot is removed from a room the chat's portal is closed, its person is
// told, and a command brings it back in another room.
func TestBotRemoved(t *testing.T) {
	for _, told := range []bool{true, false} {
		t.Run(fmt.Sprintf("pushed %v", told), func(t *testing.T) {
			virtual(t, rigOptions{}, func(r *rig) {
				r.solo()
				m := r.management(r.alice)
				r.net.Channel("team", "alice", "carol")
				r.say("carol", "team", "begin")
				room := r.room("team")
				r.alice.Join(room)
				if !told {
					r.hs.Attach(r.opts.Registration.ID, nil)
				}
				r.hs.User(bot).Leave(room)
				r.say("dave", "team", "anyone?")
				if !told {
					r.hs.Attach(r.opts.Registration.ID, r.bridge.Handler())
				}
				r.notice(m, "not bridged any more")
				r.say("carol", "team", "nobody hears this")
				r.ask(r.alice, m, "join "+string(netID)+" team", "team")
				r.say("carol", "team", "back again")
				r.wait("the new room", func() bool {
					for _, id := range r.hs.Rooms() {
						if id != room && slices.Contains(r.bodies(id), "back again") {
							return true
						}
					}
					return false
				})
			})
		})
	}
}

// Events that are none, and transactions that come again with more in them.
func TestTransactions(t *testing.T) {
	forEachDatabase(t, func(t *testing.T, database string) {
		r := newRig(t, rigOptions{database: database})
		room := r.solo().portal("team")
		m := r.management(r.alice)
		push := func(txn string, events ...any) {
			t.Helper()
			body, err := json.Marshal(map[string]any{"events": events})
			if err != nil {
				t.Fatal(err)
			}
			req := httptest.NewRequest(http.MethodPut, "/_matrix/app/v1/transactions/"+txn, bytes.NewReader(body))
			req.Header.Set("Authorization", "Bearer "+r.opts.Registration.HSToken)
			w := httptest.NewRecorder()
			r.bridge.Handler().ServeHTTP(w, req)
			if w.Code != http.StatusOK {
				t.Errorf("transaction %s: %d %s", txn, w.Code, w.Body)
			}
		}
		said := func(id, body string) map[string]any {
			return map[string]any{"event_id": "$" + id, "room_id": room, "sender": "@alice:test", "type": "m.room.message", "origin_server_ts": 1, "content": map[string]any{"msgtype": "m.text", "body": body}}
		}
		push("t1", said("a", "a"))
		push("t1", said("a", "a"))
		push("t1", said("a", "a"), said("b", "b"), said("c", "c"))
		push("t2", said("b", "b"), said("d", "d"))
		push("late", map[string]any{"event_id": "$undo", "room_id": room, "sender": "@alice:test", "type": "m.room.redaction", "redacts": "$late", "content": map[string]any{"redacts": "$late"}})
		push("later", said("late", "removed before it was pushed"))
		push("both", said("both", "removed at once"), map[string]any{"event_id": "$undo2", "room_id": room, "sender": "@alice:test", "type": "m.room.redaction", "redacts": "$both", "content": map[string]any{}})
		odd := []any{
			nil, 1, "x", []int{1}, map[string]any{}, map[string]any{"event_id": "$x"},
			map[string]any{"event_id": "$n\x00", "room_id": "!\x00:test", "sender": "@a\x00:test", "type": "m.room.message", "content": map[string]any{}},
			map[string]any{"event_id": "$o", "room_id": room, "sender": "@alice:test", "type": "m.room.message", "content": "text"},
			map[string]any{"event_id": "$p", "room_id": room, "sender": "@alice:test", "type": "m.room.message", "content": []int{}},
			map[string]any{"event_id": "$q", "room_id": room, "sender": "@alice:test", "type": "m.room.redaction", "content": map[string]any{"redacts": "\x00"}},
			map[string]any{"event_id": "$r", "room_id": room, "sender": "@alice:test", "type": "m.room.member", "state_key": "x\x00", "content": map[string]any{"membership": 5}},
			map[string]any{"event_id": "$s", "room_id": room, "sender": "@alice:test", "type": "m.reaction", "content": map[string]any{"m.relates_to": map[string]any{"rel_type": "m.annotation", "event_id": "$a", "key": "\x00"}}},
		}
		push("t3", odd...)
		// Edits whose content is none, of a message that waits.
		up := r.net.Down()
		push("t4", said("e", "e"))
		for i, content := range []any{nil, "x", 5, []int{}} {
			edit := said(fmt.Sprint("edit", i), "* x")
			edit["content"] = map[string]any{"msgtype": "m.text", "body": "* x", "m.new_content": content, "m.relates_to": map[string]any{"rel_type": "m.replace", "event_id": "$e"}}
			push(fmt.Sprint("u", i), edit)
		}
		edit := said("editn", "* x")
		edit["content"] = map[string]any{"msgtype": "m.text", "body": "* x", "m.new_content": map[string]any{}, "m.relates_to": map[string]any{"rel_type": "m.replace", "event_id": "\x00"}}
		push("u9", edit)
		up()
		r.alice.SendText(room, "end")
		r.hears("team", "alice", "end")
		r.equal("on the network", []string{"a", "b", "c", "d", "e", "end"}, r.net.Texts("team", "alice"))
		r.ask(r.alice, m, "queue", "malformed")
	})
}

// What people write is nowhere in the database in clear, nor is a password.
func TestSealed(t *testing.T) {
	r := newRig(t, rigOptions{})
	r.start()
	r.signIn()
	room := r.portal("team")
	words := []string{"begin team", "delivered in", "delivered out", "parked words", "dead words", "secret"}
	r.say("carol", "team", "delivered in")
	r.sees(room, "delivered in")
	r.alice.SendText(room, "delivered out")
	r.hears("team", "alice", "delivered out")
	r.net.Fail(func(op string, _ network.ChatID) error {
		if op == "send" {
			return network.Errorf(network.Rejected, "no", "test")
		}
		return nil
	})
	r.alice.SendText(room, "dead words")
	r.notice(room, "no")
	r.net.Down()
	r.alice.SendText(room, "parked words")
	r.stop()
	dir := filepath.Dir(r.opts.Config.Database.Source)
	files, err := filepath.Glob(filepath.Join(dir, "causeway.db*"))
	if err != nil || len(files) == 0 {
		t.Fatal(err)
	}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range words {
			if bytes.Contains(data, []byte(w)) {
				t.Errorf("%s holds %q", filepath.Base(f), w)
			}
		}
		if !bytes.Contains(data, []byte("_cw_")) {
			t.Logf("%s holds nothing that is known", f)
		}
	}
}

// Who may do what.
func TestPermissions(t *testing.T) {
	perms := func(c *config.Config) {
		c.Permissions = config.Permissions{"@alice:test": config.LevelAdmin, "@bob:test": config.LevelRelay, "@eve:test": config.LevelBlock, "test": config.LevelUser}
	}
	virtual(t, rigOptions{net: memnet.Options{Relay: "relay"}, config: perms}, func(r *rig) {
		r.withLogins("@alice:test alice")
		r.net.Channel("team", "alice", "carol", "relay")
		r.connected("relay")
		r.say("carol", "team", "begin team")
		room := r.room("team")
		r.wait("alice is invited", func() bool { return r.hs.Room(room).Membership(r.alice.ID) != "" })
		r.alice.Join(room)
		r.ask(r.alice, room, "!cw set-relay", "are heard on") // whether it has become the relay by itself yet or not
		eve, frank := r.hs.CreateUser("eve", "pw"), r.hs.CreateUser("frank", "pw")
		for _, u := range []*matrixtest.User{r.bob, eve, frank} {
			r.hs.User(bot).Invite(room, u.ID)
			u.Join(room)
		}
		r.alice.SendText(room, "alice speaks")
		eve.SendText(room, "eve speaks")
		r.bob.SendText(room, "bob speaks")
		frank.SendText(room, "frank speaks")
		r.waitNet("the relay", func() bool { return len(r.net.Texts("team", "relay")) == 2 })
		relayed := r.net.Texts("team", "relay")
		if !strings.Contains(relayed[0], "bob") || !strings.Contains(relayed[0], "bob speaks") || !strings.Contains(relayed[1], "frank speaks") {
			t.Errorf("the relay said %q", relayed)
		}
		r.equal("alice", []string{"alice speaks"}, r.net.Texts("team", "alice"))
		m := r.bob.CreateRoom(map[string]any{"is_direct": true, "invite": []string{bot}, "preset": "trusted_private_chat"})
		r.notice(m, "Hello")
		r.ask(r.bob, m, "login", "may not")
		e := eve.CreateRoom(map[string]any{"is_direct": true, "invite": []string{bot}, "preset": "trusted_private_chat"})
		r.wait("the bot declines", func() bool { return r.hs.Room(e).Membership(bot) == "leave" })
	})
}
