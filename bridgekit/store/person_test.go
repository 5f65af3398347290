package store_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/store"
	"github.com/causeway-chat/causeway/bridgekit/store/storetest"
)

// What is stored about somebody is found and forgotten, what is stored about others
// with a name that looks alike stays.
func TestFootprint(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open func() *store.DB) {
		ctx, db := t.Context(), open()
		facts := store.NewFacts(db)
		const who, other = "@a_b:test", "@aXb:test"
		portals, err := db.EnsurePortals(ctx, "irc.test", network.ChatKey{ID: "#go"})
		if err != nil {
			t.Fatal(err)
		}
		p := portals[0]
		for _, u := range []string{who, other} {
			must(t, db.SetManagementRoom(ctx, u, "!dm"+u))
			must(t, db.SetSettings(ctx, u, store.Settings{NoDoublePuppet: true}))
			must(t, facts.SetFact(ctx, "puppet "+u, "1"))
			must(t, facts.SetFact(ctx, "join !room "+u, "join"))
			for _, want := range []bool{false, true} {
				if known, err := db.Speaks(ctx, p.ID, u); known != want || err != nil {
					t.Errorf("Speaks: %t, %v", known, err)
				}
				must(t, db.Spoke(ctx, p.ID, u))
			}
		}
		at := time.UnixMilli(1700000000000)
		write(t, db, func(tx *store.Tx) error {
			tx.AddMessage(store.Message{Portal: p.ID, Event: "$1", Remote: "r1", Sender: who, At: at})
			tx.AddMessage(store.Message{Portal: p.ID, Event: "$2", Remote: "r2", Sender: other, At: at})
			return nil
		})
		want := store.Footprint{
			Person: store.Person{MXID: who, Management: "!dm" + who, Settings: store.Settings{NoDoublePuppet: true}},
			Facts:  []string{"join !room " + who, "puppet " + who}, Speaks: []int64{p.ID},
			Messages: []store.Trace{{Portal: p.ID, Event: "$1", Remote: "r1", At: at}},
		}
		got, err := db.Footprint(ctx, who)
		if d := cmp.Diff(want, got); d != "" || err != nil {
			t.Errorf("%v: %s", err, d)
		}
		must(t, db.Forget(ctx, facts, who))
		got, err = db.Footprint(ctx, who)
		if d := cmp.Diff(store.Footprint{Person: store.Person{MXID: who}}, got); d != "" || err != nil {
			t.Errorf("something is left: %v: %s", err, d)
		}
		if v, err := facts.Fact(ctx, "puppet "+who); v != "" || err != nil {
			t.Errorf("a fact is still in memory: %q, %v", v, err)
		}
		rows, err := db.MessagesByEvent(ctx, p.ID, "$1")
		if err != nil || len(rows) != 1 || rows[0].Sender != "" || rows[0].Remote != "r1" {
			t.Errorf("the row of the map: %+v, %v", rows, err)
		}
		got, err = db.Footprint(ctx, other)
		if err != nil || got.Management == "" || len(got.Facts) != 2 || len(got.Speaks) != 1 || len(got.Messages) != 1 {
			t.Errorf("somebody else: %+v, %v", got, err)
		}
		people, err := db.People(ctx)
		if err != nil || len(people) != 1 || people[0].MXID != other {
			t.Errorf("people: %+v, %v", people, err)
		}
		if n, err := db.Speakers(ctx); err != nil || len(n) != 1 || n[other] != 1 {
			t.Errorf("speakers: %v, %v", n, err)
		}
	})
}

func TestPortalUses(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open func() *store.DB) {
		ctx, db := t.Context(), open()
		for _, l := range []string{"l1", "l2"} {
			if _, err := db.SaveLogin(ctx, store.Login{Network: "irc.test", Owner: "@a:test", Login: network.Login{ID: network.LoginID(l)}}); err != nil {
				t.Fatal(err)
			}
		}
		portals, err := db.EnsurePortals(ctx, "irc.test", network.ChatKey{ID: "#go"}, network.ChatKey{ID: "bob", Login: "l1"}, network.ChatKey{ID: "#none"})
		must(t, err)
		write(t, db, func(tx *store.Tx) error {
			for i, p := range portals {
				if p.State = store.PortalOpen; i < 2 {
					p.Room = "!" + string(p.Chat.ID)
				}
				must(t, tx.SavePortal(p))
				must(t, tx.AddLoginChat("irc.test", "l2", p.ID))
				must(t, tx.AddLoginChat("irc.test", "l1", p.ID))
			}
			return nil
		})
		uses, err := db.PortalUses(ctx, func(portal int64) []int64 { return []int64{portal << 2} })
		if err != nil || len(uses) != 2 || uses[0].Chat.ID != "#go" || len(uses[0].Logins) != 2 || uses[0].Logins[0] != "l2" {
			t.Errorf("%+v, %v", uses, err)
		}
		if n, err := db.CountPortals(ctx, "@a:test"); n != 2 || err != nil {
			t.Errorf("%d portals, %v", n, err)
		}
		if n, err := db.CountPortals(ctx, "@b:test"); n != 0 || err != nil {
			t.Errorf("%d portals of nobody, %v", n, err)
		}
		own, err := db.PortalsOf(ctx, "irc.test", "l1")
		if err != nil || len(own) != 1 || own[0].Chat.ID != "bob" {
			t.Errorf("%+v, %v", own, err)
		}
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
