package bridgekit_test

import (
	"slices"
	"testing"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/matrixtest"
	"github.com/causeway-chat/causeway/bridgekit/memnet"
	"github.com/causeway-chat/causeway/bridgekit/network"
)

// plain is a network that shows nobody under another name, so that the relay's texts
// begin with names.
func plain(relay network.UserID) memnet.Options {
	f := memnet.DefaultFeatures()
	f.Personas = false
	return memnet.Options{Features: &f, Relay: relay}
}

// relayRig is a group with the accounts of alice and bob, and dave of Matrix, who has
// none.
func relayRig(r *rig) (room string, dave *matrixtest.User) {
	r.withLogins("@alice:test alice", "@bob:test bob")
	r.net.Group("team", "alice", "bob", "carol", "relay")
	room = r.portal("team")
	r.wait("bob is invited", func() bool { return r.hs.Room(room).Membership(r.bob.ID) != "" })
	if r.hs.Room(room).Membership(r.bob.ID) != "join" {
		r.bob.Join(room)
	}
	dave = r.hs.CreateUser("dave", "pw")
	r.alice.Invite(room, dave.ID)
	dave.Join(room)
	return room, dave
}

// How many messages of somebody have a text.
func (r *rig) said(chat, who, text string) (n int) {
	for _, s := range r.net.Texts(network.ChatID(chat), network.UserID(who)) {
		if s == text {
			n++
		}
	}
	return n
}

// An account of one's own speaks for others while its owner wants it.
func TestRelayOfChoice(t *testing.T) {
	virtual(t, rigOptions{net: plain("")}, func(r *rig) {
		room, dave := relayRig(r)
		dave.SendText(room, "too early")
		r.notice(room, "this room has no relay")
		r.ask(r.alice, room, "!cw set-relay", "has no relay in the configuration")
		r.ask(r.bob, room, "!cw set-relay "+string(netID)+" alice", "Which account?")
		r.ask(dave, room, "!cw set-relay "+string(netID)+" alice", "Only moderators")
		r.ask(r.bob, room, "!cw set-relay bob", "heard on Memnet ("+string(netID)+"), through bob on Memnet")
		r.ask(r.alice, room, "!cw id", "heard too, through bob on Memnet")
		dave.SendText(room, "hello")
		r.hears("team", "bob", "<dave> hello")
		r.bob.SendText(room, "my own words")
		r.hears("team", "bob", "my own words")
		r.say("bob", "team", "from my phone")
		r.sees(room, "from my phone")
		r.equal("who said it", ghost("bob"), r.event(room, "from my phone").Sender)
		r.settle("team", room)
		if slices.Contains(r.bodies(room), "<dave> hello") {
			t.Errorf("the relay's echo is in the room: %q", r.bodies(room))
		}
		r.ask(dave, room, "!cw unset-relay", "Only moderators")
		r.ask(r.bob, room, "!cw unset-relay", "not heard")
		dave.SendText(room, "too late")
		r.wait("a second refusal", func() bool {
			n := 0
			for _, s := range r.notices(room) {
				if len(s) > 13 && s[:13] == "Not delivered" {
					n++
				}
			}
			return n == 2
		})
		r.equal("too late", 0, r.said("team", "bob", "<dave> too late"))
	})
}

// A chat that somebody's account describes, which cannot show people under their own
// names, is spoken in by a relay that can.
func TestRelayShowsPersonas(t *testing.T) {
	virtual(t, rigOptions{net: memnet.Options{Relay: "relay", RelayPersonas: true}}, func(r *rig) {
		room, dave := relayRig(r)
		dave.SendText(room, "hello")
		r.hears("team", "relay", "hello")
		r.equal("with a name before it", 0, r.said("team", "relay", "<dave> hello"))
	})
}

// An administrator may have somebody's account speak for others: its owner is told and
// may end it.
func TestRelayNamed(t *testing.T) {
	virtual(t, rigOptions{net: plain("")}, func(r *rig) {
		room, dave := relayRig(r)
		own := r.management(r.bob)
		r.ask(r.alice, room, "!cw set-relay "+string(netID)+" bob", "through bob on Memnet")
		r.notice(own, "@alice:test has people without an account be heard in team through this account")
		dave.SendText(room, "hello")
		r.hears("team", "bob", "<dave> hello")
		r.ask(r.bob, room, "!cw unset-relay "+string(netID), "not heard")
	})
}

// When the account is gone the network's own relay goes on, if it is in the chat.
func TestRelaySignsOut(t *testing.T) {
	for _, relay := range []network.UserID{"", "relay"} {
		t.Run(string("relay "+relay), func(t *testing.T) {
			virtual(t, rigOptions{net: plain(relay)}, func(r *rig) {
				room, dave := relayRig(r)
				if relay != "" {
					r.ask(r.alice, room, "!cw set-relay", "heard on Memnet")
				}
				r.ask(r.alice, room, "!cw set-relay "+string(netID)+" bob", "through bob on Memnet")
				dave.SendText(room, "one")
				r.hears("team", "bob", "<dave> one")
				// Signed out on the network: it may come back.
				r.net.Revoke("bob")
				if relay != "" {
					dave.SendText(room, "two")
					r.hears("team", "relay", "<dave> two")
				} else {
					r.wait("it is known", func() bool {
						time.Sleep(time.Second)
						dave.SendText(room, "are you there")
						return slices.ContainsFunc(r.notices(room), func(s string) bool {
							return s == "Not delivered to Memnet: bob on Memnet is signed out, through which people without an account are heard here. To choose another account: !cw set-relay"
						})
					})
				}
				// Signed out here: it does not.
				own := r.management(r.bob)
				r.ask(r.bob, own, "logout "+string(netID), "Signed out")
				dave.SendText(room, "three")
				if relay != "" {
					r.notice(room, "bob on Memnet is no longer in this chat, so people without an account are heard on Memnet through the relay")
					r.hears("team", "relay", "<dave> three")
				} else {
					r.notice(room, "bob on Memnet is no longer in this chat, so people without an account are not heard on Memnet any more")
					r.notice(room, "this room has no relay")
				}
			})
		})
	}
}

// What waits for an account that is away goes when it is back.
func TestRelayAway(t *testing.T) {
	virtual(t, rigOptions{net: plain("")}, func(r *rig) {
		room, dave := relayRig(r)
		r.ask(r.bob, room, "!cw set-relay bob", "through bob on Memnet")
		up := r.net.Down()
		time.Sleep(2 * time.Second)
		dave.SendText(room, "later")
		time.Sleep(time.Minute)
		r.equal("while it is down", 0, r.said("team", "bob", "<dave> later"))
		up()
		r.hears("team", "bob", "<dave> later")
	})
}

// Two people of a name are told from each other on the network, also after a restart, when
// only one of them has said anything; and so is who calls themselves like somebody of the
// network or like the bot.
func TestRelayedNames(t *testing.T) {
	virtual(t, rigOptions{net: memnet.Options{Relay: "relay"}}, func(r *rig) {
		room, dave := relayRig(r)
		r.ask(r.alice, room, "!cw set-relay", "heard on Memnet")
		come := func(local, name string) *matrixtest.User {
			u := r.hs.CreateUser(local, "pw")
			u.SetDisplayName(name)
			r.alice.Invite(room, u.ID)
			u.Join(room)
			return u
		}
		said := func(u *matrixtest.User, text, as string) {
			t.Helper()
			u.SendText(room, text)
			r.hears("team", "relay", text)
			if p := r.message("team", text).Content.Persona; p == nil || p.Name != as {
				t.Errorf("%s says %q as %+v, not %q", u.ID, text, p, as)
			}
		}
		said(dave, "first", "dave")
		r.say("carol", "team", "I am Carol")
		r.sees(room, "I am Carol")
		mallory := come("mallory", "D\u200bаve") // with a Cyrillic а
		said(mallory, "second", "Dаve (@mallory:test)")
		carol := come("carol2", "C A R O L")
		said(carol, "third", "C A R O L (@carol2:test)")
		said(come("b0t", "Саusеwау"), "fourth", "Саusеwау (@b0t:test)")
		r.stop()
		r.start()
		r.connected("alice")
		said(mallory, "fifth", "Dаve (@mallory:test)")
		erin := come("erin", "Erin")
		said(erin, "sixth", "Erin")
	})
}

// In a hub an account speaks for everybody, and its owner speaks as ever.
func TestHubRelayOfChoice(t *testing.T) {
	inHub(t, hubRigOptions{nets: []string{"a", "b"}, each: func(_ string, o *memnet.Options) { o.Features = plain("").Features }}, func(r *hubRig) {
		r.signInTo(r.bob, "a", "bob")
		if err := r.nets["a"].User("bob").Join(town); err != nil {
			t.Fatal(err)
		}
		r.ask(r.alice, r.room, "!cw set-relay mem.a bob", "through bob on Net A")
		r.ask(r.alice, r.room, "!cw hub", "heard through bob on Net A")
		r.user("dave", "Dave")
		r.people["dave"].SendText(r.room, "hello")
		r.gets("<Dave> hello", "a", "b")
		r.says("b", "from b")
		r.gets("<Ben> from b", "a")
		if _, err := r.nets["a"].User("bob").Say(town, "bob himself"); err != nil {
			t.Fatal(err)
		}
		r.gets("<Bob> bob himself", "b")
		r.rest()
		for _, name := range []string{"a", "b"} {
			for _, s := range r.texts(name) {
				if r.count(name, s) > 1 {
					t.Errorf("%q is %d times on %s", s, r.count(name, s), name)
				}
			}
		}
		for _, m := range r.nets["a"].Messages(town) {
			if m.Text == "<Dave> hello" && m.Sender != "bob" {
				t.Errorf("%s said %q", m.Sender, m.Text)
			}
		}
	})
}

// A reaction that an account made for somebody else stays while its owner's own goes.
func TestRelayReactions(t *testing.T) {
	virtual(t, rigOptions{net: plain("")}, func(r *rig) {
		room, dave := relayRig(r)
		r.ask(r.bob, room, "!cw set-relay bob", "through bob on Memnet")
		r.ask(r.alice, room, "!cw hub set "+string(netID)+" reactions relay", "from now on")
		r.say("carol", "team", "nice")
		r.sees(room, "nice")
		on := r.event(room, "nice").ID
		stands := func(n int) func() bool {
			return func() bool { return len(r.message("team", "nice").Reactions) == n }
		}
		own := r.bob.React(room, on, "👍")
		r.waitNet("bob's", stands(1))
		others := dave.React(room, on, "👍")
		r.settle("team", room)
		r.bob.Redact(room, own, "")
		r.settle("team", room)
		if !stands(1)() {
			t.Errorf("reactions: %v", r.message("team", "nice").Reactions)
		}
		dave.Redact(room, others, "")
		r.waitNet("none", stands(0))
	})
}
