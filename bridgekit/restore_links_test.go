package bridgekit_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/memnet"
	"github.com/causeway-chat/causeway/bridgekit/network"
)

// After a restore what somebody sent from Matrix is known when the network delivers it
// again, also where links and mentions in it lead elsewhere there: it is shown once.
func TestRestoreKnowsLinks(t *testing.T) {
	never := memnet.DefaultFeatures()
	never.Once = network.OnceNever
	o := rigOptions{net: memnet.Options{Cursors: true, History: true, Echo: memnet.EchoID, Features: &never}}
	virtual(t, o, func(r *rig) {
		r.solo()
		room := r.portal("team")
		r.say("carol", "team", "look here")
		r.sees(room, "look here")
		copied := r.backup()
		time.Sleep(time.Hour)
		there := "https://matrix.to/#/" + room + "/" + r.event(room, "look here").ID + "?via=test"
		html := map[string]string{
			"an event":   `one <a href="` + there + `">is here</a>`,
			"a room":     `two <a href="https://matrix.to/#/` + room + `">in here</a>`,
			"a person":   `three <a href="https://matrix.to/#/` + ghost("carol") + `">Carol C.</a> said so`,
			"nothing":    "four <b>stands</b> alone",
			"a site":     `five <a href="https://example.com/">example</a>`,
			"an address": "six " + there,
		}
		for what, words := range html {
			content := map[string]any{"msgtype": "m.text", "body": what}
			if content["format"], content["formatted_body"] = "org.matrix.custom.html", words; what == "an address" {
				content = map[string]any{"msgtype": "m.text", "body": words}
			}
			before := r.net.Len("team")
			r.alice.Send(room, "m.room.message", content)
			r.waitNet(what, func() bool { return r.net.Len("team") > before })
		}
		r.settle("team", room)
		want := len(r.hs.Room(room).OfType("m.room.message"))
		r.stop()
		r.hs.Restart()
		r.restore(copied)
		r.start()
		r.connected("alice")
		r.say("carol", "team", "after it")
		r.sees(room, "after it")
		r.settle("team", room)
		var again []string
		for _, e := range r.hs.Room(room).OfType("m.room.message")[want:] {
			if e.Sender == ghost("alice") {
				again = append(again, fmt.Sprint(text(e)))
			}
		}
		if len(again) > 0 {
			t.Errorf("shown again: %s\n%s", strings.Join(again, ", "), r.dump())
		}
	})
}
