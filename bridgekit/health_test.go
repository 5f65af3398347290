package bridgekit_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/config"
	"github.com/causeway-chat/causeway/bridgekit/health"
	"github.com/causeway-chat/causeway/bridgekit/network"
)

// A login whose connection stands, but which the network does not answer, is
// noticed, said, and connected anew until it works.
func TestDeafLogin(t *testing.T) {
	virtual(t, rigOptions{}, func(r *rig) {
		r.solo()
		m := r.management(r.alice)
		room := r.portal("team")
		var deaf atomic.Bool
		var pings atomic.Int64
		r.net.Fail(func(op string, _ network.ChatID) error {
			if op != "ping" {
				return nil
			}
			pings.Add(1)
			if deaf.Load() {
				return errors.New("nobody is there")
			}
			return nil
		})
		time.Sleep(31 * time.Minute)
		if n := pings.Load(); n < 9 || n > 11 {
			t.Errorf("%d probes in half an hour", n)
		}
		r.ask(r.alice, m, "logins", ": connected")
		deaf.Store(true)
		r.notice(m, "something does not work: the connection stands, but the network does not answer on it")
		r.ask(r.alice, m, "health", "account alice")
		time.Sleep(time.Hour)
		deaf.Store(false)
		r.notice(m, "works again")
		r.ask(r.alice, m, "logins", ": connected")
		r.alice.SendText(room, "and on")
		r.hears("team", "alice", "and on")
		// What is said of it, it is once: not each time that it was connected anew.
		count := 0
		for _, n := range r.notices(m) {
			if strings.Contains(n, "something does not work") || strings.Contains(n, "works again") || strings.Contains(n, "is not connected") {
				count++
			}
		}
		r.equal("notices", 2, count)
	})
}

// A probe that says that the login is signed out ends it.
func TestProbeFindsDeath(t *testing.T) {
	virtual(t, rigOptions{}, func(r *rig) {
		r.solo()
		m := r.management(r.alice)
		r.net.Fail(func(op string, _ network.ChatID) error {
			if op == "ping" {
				return network.Errorf(network.LoggedOut, "you were signed out there.", "revoked")
			}
			return nil
		})
		r.notice(m, "needs you: you were signed out there. Sign in again with: login "+string(netID))
		r.ask(r.alice, m, "logins", "signed out")
	})
}

// What is over within half a minute is not said; what lasts is, and its end.
func TestOutageIsSaidOnce(t *testing.T) {
	virtual(t, rigOptions{}, func(r *rig) {
		r.solo()
		m := r.management(r.alice)
		before := len(r.notices(m))
		for range 5 {
			r.net.Cut()
			time.Sleep(2 * time.Minute)
		}
		r.equal("after short cuts", before, len(r.notices(m)))
		up := r.net.Down()
		r.notice(m, "is not connected")
		time.Sleep(time.Hour)
		up()
		r.notice(m, "works again")
		r.equal("after an outage", before+2, len(r.notices(m)))
	})
}

// A homeserver that answers but sends nothing is named, and when it sends again
// that is said too.
func TestSilentHomeserver(t *testing.T) {
	virtual(t, rigOptions{}, func(r *rig) {
		r.solo()
		m := r.management(r.alice)
		time.Sleep(30 * time.Minute)
		r.ask(r.alice, m, "health", "events from the homeserver: state come, words the last that was measured took")
		before := len(r.notices(m))
		handler := r.bridge.Handler()
		r.hs.Attach(r.opts.Registration.ID, nil)
		r.notice(m, "does not send me events any more")
		r.notice(m, "The cause: ")
		time.Sleep(time.Hour)
		r.equal("while it is silent", before+1, len(r.notices(m)))
		r.hs.Attach(r.opts.Registration.ID, handler)
		r.notice(m, "sends me events again")
		r.ask(r.alice, m, "health", "events from the homeserver: state come")
	})
}

// A change is posted to the webhook.
func TestWebhook(t *testing.T) {
	got := make(chan health.Notice, 10)
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		var n health.Notice
		if err := json.NewDecoder(req.Body).Decode(&n); err != nil || req.Method != http.MethodPost {
			t.Error(req.Method, err)
		}
		got <- n
	}))
	defer hook.Close()
	r := newRig(t, rigOptions{config: func(c *config.Config) { c.Health.Webhook = hook.URL + "/secret" }})
	r.solo()
	r.net.Revoke("alice")
	select {
	case n := <-got:
		if n.What != "login" || n.State != "dead" || n.Network != netID || n.Login != "alice" || n.Owner != "@alice:test" || n.Words == "" || n.Since.IsZero() {
			t.Errorf("posted %+v", n)
		}
	case <-time.After(2 * time.Minute):
		t.Fatal("nothing was posted")
	}
}
