package bridgekit_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/config"
	"github.com/causeway-chat/causeway/bridgekit/memnet"
	"github.com/causeway-chat/causeway/bridgekit/network"
)

// statuses are what a room's status events say of an event: "network status".
func (r *rig) statuses(room, evt string) (out []string) {
	for _, e := range r.hs.Room(room).OfType("com.beeper.message_send_status") {
		var c struct {
			Network string `json:"network"`
			Status  string `json:"status"`
		}
		if relation(e).Event == evt && json.Unmarshal(e.Content, &c) == nil {
			out = append(out, c.Network+" "+c.Status)
		}
	}
	slices.Sort(out)
	return out
}

func (r *rig) marked(room string) string { return r.hs.Room(room).Receipt(bot, "m.read", "") }

// What has arrived is marked as read by the bot: once for what was written in one go.
func TestDeliveryReceipts(t *testing.T) {
	virtual(t, rigOptions{config: func(c *config.Config) { c.Delivery.Receipts = true }}, func(r *rig) {
		r.solo()
		room := r.portal("team")
		last := ""
		for range 20 {
			last = r.alice.SendText(room, "hello")
		}
		r.wait("the last is marked", func() bool { return r.marked(room) == last })
		up := r.net.Down()
		r.alice.SendText(room, "waits")
		time.Sleep(time.Minute)
		r.equal("while the network is down", last, r.marked(room))
		up()
		r.wait("it is marked", func() bool { return r.marked(room) != last })
		r.equal("status events", 0, len(r.hs.Room(room).OfType("com.beeper.message_send_status")))
	})
}

// In a room of several networks that is what all of them have taken.
func TestHubDeliveryReceipts(t *testing.T) {
	inHub(t, hubRigOptions{nets: []string{"a", "b"}, rigOptions: rigOptions{config: func(c *config.Config) { c.Delivery.Receipts, c.Delivery.Events = true, true }}}, func(r *hubRig) {
		first := r.alice.SendText(r.room, "to both")
		r.eventually("it is marked", func() bool { return r.marked(r.room) == first })
		r.equal("statuses", []string{"mem.a SUCCESS", "mem.b SUCCESS"}, r.statuses(r.room, first))
		up := r.nets["b"].Down()
		second := r.alice.SendText(r.room, "to one")
		r.gets("to one", "a")
		r.eventually("a's status", func() bool { return slices.Equal(r.statuses(r.room, second), []string{"mem.a SUCCESS"}) })
		time.Sleep(time.Minute)
		r.equal("while b is down", first, r.marked(r.room))
		up()
		r.eventually("it is marked too", func() bool { return r.marked(r.room) == second })
		// Where nothing leaves, nothing arrives.
		r.setHub("a", "direction", "in")
		r.setHub("b", "direction", "in")
		third := r.alice.SendText(r.room, "to nobody")
		time.Sleep(time.Minute)
		r.equal("what is withheld", second, r.marked(r.room))
		if got := r.statuses(r.room, third); got != nil {
			t.Errorf("statuses of what is withheld: %q", got)
		}
	})
}

// What failed is said in a status event and in words, or in the first alone. By default
// what arrived costs nothing.
func TestDeliveryNotices(t *testing.T) {
	for _, quiet := range []bool{false, true} {
		virtual(t, rigOptions{net: memnet.Options{}, config: func(c *config.Config) { c.Delivery.Notices = !quiet }}, func(r *rig) {
			r.solo()
			room := r.portal("team")
			fine := r.alice.SendText(room, "fine")
			r.hears("team", "alice", "fine")
			r.net.Fail(func(op string, _ network.ChatID) error {
				if op == "send" {
					return network.Errorf(network.Rejected, "no", "no")
				}
				return nil
			})
			bad := r.alice.SendText(room, "bad")
			r.wait("a status", func() bool {
				return slices.Equal(r.statuses(room, bad), []string{string(netID) + " FAIL_PERMANENT"})
			})
			time.Sleep(time.Minute)
			said := slices.ContainsFunc(r.notices(room), func(s string) bool { return strings.HasPrefix(s, "Not delivered") })
			if said == quiet {
				t.Errorf("quiet %v, notices: %q", quiet, r.notices(room))
			}
			r.equal("what was fine", "", r.marked(room))
			if got := r.statuses(room, fine); got != nil {
				t.Errorf("statuses: %q", got)
			}
		})
	}
}
