package bridgekit_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/matrixtest"
	"github.com/causeway-chat/causeway/bridgekit/memnet"
	"github.com/causeway-chat/causeway/bridgekit/network"
)

// perLogin is a network where each account has its own message IDs.
func perLogin() rigOptions {
	f := memnet.DefaultFeatures()
	f.IDs = network.IDsPerLogin
	return rigOptions{net: memnet.Options{Features: &f}}
}

// shared is a channel with alice and bob, both signed in, and its room.
func (r *rig) shared(chat string) (room string) {
	r.t.Helper()
	r.withLogins("@alice:test alice", "@bob:test bob")
	r.net.Channel(network.ChatID(chat), "alice", "bob", "carol")
	r.say("carol", chat, "begin "+chat)
	room = r.room(chat)
	r.sees(room, "begin "+chat)
	for _, u := range []*matrixtest.User{r.alice, r.bob} {
		r.wait(u.ID+" is invited", func() bool { return r.hs.Room(room).Membership(u.ID) == "invite" })
		u.Join(room)
	}
	return room
}

// count is how often a text is in a room.
func (r *rig) count(room, body string) (n int) {
	for _, b := range r.bodies(room) {
		if b == body {
			n++
		}
	}
	return n
}

// Where each account has its own IDs, what was read through one of them while the
// other was signed out is not shown again when that one is back.
func TestReaderSignsInAgain(t *testing.T) {
	for _, who := range []string{"alice", "bob"} {
		t.Run(who, func(t *testing.T) {
			virtual(t, perLogin(), func(r *rig) {
				room := r.shared("team")
				r.net.Revoke(network.UserID(who))
				time.Sleep(time.Minute)
				said := r.say("carol", "team", "said meanwhile")
				r.sees(room, "said meanwhile")
				gone := r.say("carol", "team", "removed meanwhile")
				r.sees(room, "removed meanwhile")
				carol := r.net.User("carol")
				if err := errors.Join(carol.React("team", said, "👍", false), carol.Redact("team", gone)); err != nil {
					t.Fatal(err)
				}
				r.wait("it is removed", func() bool { return r.count(room, "removed meanwhile") == 0 })
				before := len(r.hs.Room(room).Timeline)
				r.signsInAgain(who)
				r.say("carol", "team", "end")
				r.sees(room, "end")
				r.equal("what came into the room", 1, len(r.hs.Room(room).Timeline)-before)
				r.equal("in the room", 1, r.count(room, "said meanwhile"))
				r.equal("reactions", 1, len(r.hs.Room(room).OfType("m.reaction")))
				if err := r.net.User("carol").Edit("team", said, "edited"); err != nil {
					t.Fatal(err)
				}
				r.sees(room, "* edited")
				if rel := relation(r.event(room, "* edited")); rel.Event != r.event(room, "said meanwhile").ID {
					t.Errorf("the edit is of %q\n%s", rel.Event, r.dump())
				}
			})
		})
	}
}

// What somebody wrote in the room is not shown there when another account comes
// to read it while the one that sent it is signed out.
func TestSenderSignsOutBeforeOthersRead(t *testing.T) {
	virtual(t, perLogin(), func(r *rig) {
		room := r.shared("team")
		r.connected("alice")
		r.alice.SendText(room, "first")
		r.hears("team", "alice", "first") // what bob's entering the room has to say has been said
		r.net.CutAccount("bob")
		r.alice.SendText(room, "mine")
		r.hears("team", "alice", "mine")
		r.net.Revoke("alice")
		synctest.Wait()
		r.connected("bob")
		r.say("carol", "team", "end")
		r.sees(room, "end")
		r.equal("in the room", 1, r.count(room, "mine"))
	})
}

// What one account cannot be told because the network signs it out is read through
// another, in order, and not shown again when the first one is back.
func TestSignedOutBeforeReading(t *testing.T) {
	for _, who := range []string{"alice", "bob"} {
		t.Run(who, func(t *testing.T) {
			virtual(t, perLogin(), func(r *rig) {
				room := r.shared("team")
				r.net.CutAccount(network.UserID(who))
				synctest.Wait()
				r.say("carol", "team", "one")
				synctest.Wait()
				r.net.Revoke(network.UserID(who))
				time.Sleep(time.Minute)
				r.say("carol", "team", "two")
				r.sees(room, "two")
				r.signsInAgain(who)
				r.say("carol", "team", "three")
				r.sees(room, "three")
				r.equal("in the room", []string{"begin team", "one", "two", "three"}, r.bodies(room))
			})
		})
	}
}

// Where each account has its own IDs, each can answer and react to what all have
// read, and what is done there shows once, whoever's connection tells it.
func TestAllKnowWhatOneBrought(t *testing.T) {
	virtual(t, perLogin(), func(r *rig) {
		room := r.shared("team")
		asked := r.say("carol", "team", "what do you think?")
		r.sees(room, "what do you think?")
		on := r.event(room, "what do you think?").ID
		for who, u := range map[string]*matrixtest.User{"alice": r.alice, "bob": r.bob} {
			u.Reply(room, on, who+" thinks")
			u.React(room, on, "❤️")
			r.hears("team", who, who+" thinks")
			if reply := r.message("team", who+" thinks").Content.Reply; reply == nil || string(reply.ID) != string(asked)+"@"+who {
				t.Errorf("the reply of %s is of %v, not %s", who, reply, asked)
			}
			r.waitNet("the reaction", func() bool { return len(r.message("team", "what do you think?").Reactions[network.UserID(who)]) == 1 })
		}
		carol, mine := r.net.User("carol"), r.message("team", "alice thinks").ID
		if err := errors.Join(carol.Edit("team", asked, "well?"), carol.React("team", mine, "👍", false), carol.React("team", mine, "👍", true), carol.React("team", mine, "👍", false)); err != nil {
			t.Fatal(err)
		}
		r.say("carol", "team", "end")
		r.sees(room, "end")
		edits, reactions := 0, map[string]int{}
		for _, e := range r.hs.Room(room).Timeline {
			if rel := relation(e); rel.Type == "m.replace" {
				edits++
			} else if rel.Type == "m.annotation" && e.RedactedBy == nil {
				reactions[e.Sender]++
			}
		}
		r.equal("edits", 1, edits)
		r.equal("reactions", map[string]int{"@alice:test": 1, "@bob:test": 1, ghost("carol"): 1}, reactions)
	})
}

// A file that a login received before it was signed out is fetched by another.
func TestFileFetchedByAnother(t *testing.T) {
	virtual(t, rigOptions{}, func(r *rig) {
		room := r.shared("team")
		release := r.stuck("team")
		r.net.CutAccount("bob")
		if _, err := r.net.User("carol").SayFile("team", network.File, "notes.txt", "text/plain", []byte("notes")); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		r.net.Revoke("alice")
		r.connected("bob")
		release()
		r.sees(room, "notes.txt")
		r.say("carol", "team", "behind it")
		r.sees(room, "behind it")
	})
}

// signsInAgain has somebody whom the network signed out sign in through the bot.
func (r *rig) signsInAgain(who string) {
	r.t.Helper()
	u := map[string]*matrixtest.User{"alice": r.alice, "bob": r.bob}[who]
	m := r.management(u)
	r.ask(u, m, "login "+string(netID), "ser name")
	r.ask(u, m, who, "assword")
	u.SendText(m, "secret")
	r.connected(who)
	r.wait("the bot says so", func() bool {
		return slices.ContainsFunc(r.notices(m), func(s string) bool { return strings.Contains(s, "Signed in") })
	})
}
