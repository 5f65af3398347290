package bridgekit_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/matrixtest"
	"github.com/causeway-chat/causeway/bridgekit/memnet"
)

// isRedacted is whether an event is redacted.
func (r *rig) isRedacted(room, event string) bool {
	return slices.ContainsFunc(r.hs.Room(room).Timeline, func(e *matrixtest.Event) bool { return e.ID == event && e.RedactedBy != nil })
}

// Messages of both sides vanish in Matrix at their time, with what they were
// edited to, and no sooner.
func TestExpiry(t *testing.T) {
	virtual(t, rigOptions{}, func(r *rig) {
		room := r.solo().portal("team")
		stays := r.event(room, "begin team").ID
		if err := r.net.User("carol").SetExpiry("team", time.Hour); err != nil {
			t.Fatal(err)
		}
		r.notice(room, "vanish 1 hour after")
		if got := r.hs.Room(room).State("com.beeper.disappearing_timer", ""); got == nil || !strings.Contains(string(got.Content), "3600000") {
			t.Errorf("the timer's state is %v", got)
		}
		id := r.say("carol", "team", "secret")
		r.sees(room, "secret")
		if err := r.net.User("carol").Edit("team", id, "secrets"); err != nil {
			t.Fatal(err)
		}
		r.sees(room, "* secrets")
		own := r.alice.SendText(room, "mine")
		edited := r.alice.Edit(room, own, "mine too")
		r.hears("team", "alice", "mine too")
		r.equal("life on the network", time.Hour, r.message("team", "mine too").Content.Expiry)
		all := []string{r.event(room, "secret").ID, r.event(room, "* secrets").ID, own, edited}
		time.Sleep(59 * time.Minute)
		for _, e := range all {
			if r.isRedacted(room, e) {
				t.Errorf("%s is gone too soon", e)
			}
		}
		time.Sleep(2 * time.Minute)
		for _, e := range all {
			if !r.isRedacted(room, e) {
				t.Errorf("%s is still there", e)
			}
		}
		if r.isRedacted(room, stays) {
			t.Error("what was said before the setting is gone")
		}
		// What came too late is about a message that is gone, and does not bring it back.
		if err := r.net.User("carol").Edit("team", id, "again"); err != nil {
			t.Fatal(err)
		}
		if err := r.net.User("carol").SetExpiry("team", 0); err != nil {
			t.Fatal(err)
		}
		r.notice(room, "do not vanish any more")
		r.settle("team", room)
		if slices.Contains(r.bodies(room), "again") || slices.Contains(r.bodies(room), "* again") {
			t.Error("an edit brought a message back")
		}
	})
}

// The times hold over restarts, and while Causeway and the homeserver are down.
func TestExpiryOverRestart(t *testing.T) {
	virtual(t, rigOptions{}, func(r *rig) {
		room := r.solo().portal("team")
		if err := r.net.User("carol").SetExpiry("team", time.Hour); err != nil {
			t.Fatal(err)
		}
		r.notice(room, "vanish 1 hour after")
		r.say("carol", "team", "first")
		r.sees(room, "first")
		first := r.event(room, "first").ID
		r.stop()
		time.Sleep(2 * time.Hour)
		if r.isRedacted(room, first) {
			t.Error("somebody else removed it")
		}
		r.say("carol", "team", "second") // comes in time
		r.start()
		r.wait("the first is gone", func() bool { return r.isRedacted(room, first) })
		r.sees(room, "second")
		second := r.event(room, "second").ID
		time.Sleep(30 * time.Minute)
		r.hs.Faults.Down(matrixtest.Unavailable)
		time.Sleep(45 * time.Minute)
		r.hs.Faults.Down(matrixtest.Running)
		r.wait("the second is gone", func() bool { return r.isRedacted(room, second) })

		r.stop()
		r.say("carol", "team", "third")
		time.Sleep(2 * time.Hour)
		r.start()
		r.notice(room, "vanished before it could be shown")
		if slices.Contains(r.bodies(room), "third") {
			t.Error("what had vanished is shown")
		}
	})
}

// People change a chat's setting from Matrix; where a network keeps what has
// expired, what we sent is removed there too.
func TestExpiryFromMatrix(t *testing.T) {
	f := memnet.DefaultFeatures()
	f.ExpiryByCore = true
	virtual(t, rigOptions{net: memnet.Options{Features: &f}}, func(r *rig) {
		room := r.solo().portal("team")
		r.alice.SetState(room, "com.beeper.disappearing_timer", "", map[string]any{"type": "after_send", "timer": 600_000})
		r.waitNet("the setting", func() bool { return r.net.Expiry("team") == 10*time.Minute })
		own := r.alice.SendText(room, "short")
		r.hears("team", "alice", "short")
		up := r.net.Down()
		time.Sleep(11 * time.Minute)
		if !r.isRedacted(room, own) {
			t.Error("it is still in the room")
		}
		up()
		r.waitNet("it is removed there", func() bool { return len(r.net.Texts("team", "alice")) == 0 })
		r.alice.SetState(room, "com.beeper.disappearing_timer", "", map[string]any{})
		r.waitNet("the setting is off", func() bool { return r.net.Expiry("team") == 0 })
		r.alice.SendText(room, "long")
		r.hears("team", "alice", "long")
		time.Sleep(24 * time.Hour)
		r.equal("what stays", []string{"long"}, r.net.Texts("team", "alice"))
		for _, n := range r.notices(room) {
			if strings.Contains(n, "anish") {
				t.Errorf("the bot tells alice what she did: %s", n)
			}
		}
	})
}

// A moderator sets it with a command; everybody is told when it holds.
func TestExpiryCommand(t *testing.T) {
	each(t, variants(), func(r *rig) {
		room := r.solo().portal("team")
		r.ask(r.alice, room, "!cw vanish 2d", "I asked the network")
		r.notice(room, "vanish 2 days after")
		r.equal("on the network", 48*time.Hour, r.net.Expiry("team"))
		r.ask(r.alice, room, "!cw vanish off", "I asked the network")
		r.notice(room, "do not vanish any more")
		r.equal("on the network", time.Duration(0), r.net.Expiry("team"))
		r.settle("team", room)
		told := slices.DeleteFunc(r.notices(room), func(s string) bool { return !strings.HasPrefix(s, "Messages here") })
		r.equal("what the room is told", 2, len(told))
	})
}

// One event that the homeserver fails at holds up no other, and goes when it can.
func TestExpiryFails(t *testing.T) {
	virtual(t, rigOptions{}, func(r *rig) {
		room := r.solo().portal("team")
		if err := r.net.User("carol").SetExpiry("team", time.Hour); err != nil {
			t.Fatal(err)
		}
		r.notice(room, "vanish 1 hour after")
		r.say("carol", "team", "stubborn")
		r.sees(room, "stubborn")
		stubborn := r.event(room, "stubborn").ID
		time.Sleep(time.Minute)
		r.say("carol", "team", "easy")
		r.sees(room, "easy")
		easy := r.event(room, "easy").ID
		r.hs.Faults.Set(func(c matrixtest.Call) matrixtest.Fault {
			if strings.Contains(c.Path, "/redact/"+stubborn) {
				return matrixtest.Fault{Status: 500}
			}
			return matrixtest.Fault{}
		})
		time.Sleep(2 * time.Hour)
		if r.isRedacted(room, stubborn) || !r.isRedacted(room, easy) {
			t.Errorf("the stubborn one is gone: %v, the easy one: %v", r.isRedacted(room, stubborn), r.isRedacted(room, easy))
		}
		r.hs.Faults.Set(nil)
		r.wait("it is gone", func() bool { return r.isRedacted(room, stubborn) })
	})
}

// In a room of several networks messages vanish on all of them, by the shortest life
// that any has set; what a network without that setting said stays there.
func TestHubExpiry(t *testing.T) {
	each := func(name string, o *memnet.Options) {
		f := memnet.DefaultFeatures()
		f.Expiries = name != "b"
		o.Features = &f
	}
	inHub(t, hubRigOptions{each: each}, func(r *hubRig) {
		r.alice.SetState(r.room, "m.room.power_levels", "", map[string]any{"users": map[string]int{"@alice:test": 100, bot: 50}})
		if err := r.nets["a"].User("ann").SetExpiry(town, time.Hour); err != nil {
			t.Fatal(err)
		}
		r.notice(r.room, "vanish 1 hour after")
		r.rest() // it is said before it is stored
		r.says("a", "of a")
		r.says("b", "of b")
		r.alice.SendText(r.room, "of alice")
		texts := []string{"of a", "of b", "of alice"}
		for _, text := range texts {
			r.gets(text, "a", "b", "c")
			r.sees(r.room, text)
			r.equal("life of "+text+" on c", time.Hour, r.on("c", text).Content.Expiry)
		}
		time.Sleep(59 * time.Minute)
		for _, text := range texts {
			if r.isRedacted(r.room, r.event(r.room, text).ID) || r.count("b", text) != 1 {
				t.Errorf("%q is gone too soon", text)
			}
		}
		gone := map[string]string{}
		for _, text := range texts {
			gone[text] = r.event(r.room, text).ID
		}
		time.Sleep(2 * time.Minute)
		for text, evt := range gone {
			if !r.isRedacted(r.room, evt) {
				t.Errorf("%q is still in the room", text)
			}
		}
		left := map[string]int{"a": len(r.texts("a")), "b": len(r.texts("b")), "c": len(r.texts("c"))}
		r.equal("what is left", map[string]int{"a": 0, "b": 1, "c": 0}, left)
		r.equal("what b said, there", 1, r.count("b", "of b"))
		r.says("b", "afterwards")
		r.gets("afterwards", "a", "c")
	})
}
