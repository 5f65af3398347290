package bridgekit_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/config"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/store"
)

// Those who are in a chat when its room is made come no faster than the limit for new
// people says, but all of them do, and who speaks comes at once.
func TestListedComeByAndBy(t *testing.T) {
	virtual(t, rigOptions{config: func(c *config.Config) { c.Limits.NewSenders = 6 }}, func(r *rig) {
		var members []network.UserID
		for i := range 30 {
			members = append(members, network.UserID(fmt.Sprint("member", i)))
		}
		r.net.Group("team", members...)
		room := r.solo().portal("team")
		joined := func() (n int) {
			for _, m := range members {
				if r.hs.Room(room).Membership(ghost(string(m))) == "join" {
					n++
				}
			}
			return n
		}
		time.Sleep(30 * time.Second)
		if n := joined(); n < 3 || n > 12 {
			t.Errorf("%d are there after half a minute", n)
		}
		for _, m := range members {
			if r.hs.Room(room).Membership(ghost(string(m))) != "join" {
				r.say(string(m), "team", "I am "+string(m))
				r.sees(room, "I am "+string(m))
				r.equal("who says it", ghost(string(m)), r.event(room, "I am "+string(m)).Sender)
				break
			}
		}
		r.stop()
		r.start() // it has to ask again who is there
		time.Sleep(10 * time.Minute)
		r.equal("all", len(members), joined())
		r.stop()
		r.read(func(ctx context.Context, db *store.DB) {
			if all, err := db.Unfinished(ctx); err != nil || len(all) > 0 {
				t.Errorf("unfinished: %+v, %v", all, err)
			}
		})
	})
}

// Those for whom the bot speaks in the room do not become personas on the other networks
// either; each is named, once.
func TestFloodAcrossHub(t *testing.T) {
	const limit, raiders = 3, 12
	inHub(t, hubRigOptions{nets: []string{"a", "b"}, rigOptions: rigOptions{config: func(c *config.Config) { c.Limits.NewSenders = limit }}}, func(r *hubRig) {
		r.says("a", "I live here")
		r.gets("I live here", "b")
		time.Sleep(5 * time.Minute)
		for i := range raiders {
			who := network.UserID(fmt.Sprint("raider", i))
			if err := r.nets["a"].User(who).Join(town); err != nil {
				t.Fatal(err)
			}
			if _, err := r.nets["a"].User(who).Say(town, fmt.Sprint("noise ", i, ".")); err != nil {
				t.Fatal(err)
			}
		}
		heard := func() (personas, prefixed int) {
			for _, m := range r.nets["b"].Messages(town) {
				switch {
				case !strings.Contains(m.Text, "noise "):
				case m.Content.Persona != nil:
					personas++
				default:
					prefixed++
				}
			}
			return personas, prefixed
		}
		r.eventually("all of it crosses", func() bool { p, q := heard(); return p+q == raiders })
		r.rest()
		personas, prefixed := heard()
		if personas > limit || personas+prefixed != raiders {
			t.Errorf("%d personas and %d in the relay's name", personas, prefixed)
		}
		for _, text := range r.texts("b") {
			if n := strings.Count(strings.ToLower(text), "raider"); n > 1 || n == 0 && slices.Index(r.texts("b"), text) > limit {
				t.Errorf("%q names its writer %d times", text, n)
			}
			if strings.Contains(text, "Causeway") {
				t.Errorf("%q is said to be the bot's", text)
			}
		}
	})
}
