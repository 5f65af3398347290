package web

import (
	"encoding/json"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/causeway-chat/causeway/bridgekit/journal"
	"github.com/causeway-chat/causeway/bridgekit/network"
)

func newOps(t *testing.T, s *status) *httptest.Server {
	t.Helper()
	h, err := Ops(OpsOptions{Status: s, Log: logTo(&buffer{}), Version: "1.2.3", Collectors: []prometheus.Collector{
		prometheus.NewCounter(prometheus.CounterOpts{Name: "causeway_more_total", Help: "More."}),
	}})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return srv
}

func TestHealth(t *testing.T) {
	s := wellStatus()
	s.down = time.Now() // alive all the same
	srv := newOps(t, s)
	if a := ask(t, srv, "GET", "/healthz"); a.StatusCode != 200 || a.body != "ok\n" {
		t.Error(a.Status, a.body)
	}
	s.ping = errFire
	if a := ask(t, srv, "GET", "/healthz"); a.StatusCode != 503 || a.body != "the database does not answer\n" {
		t.Error(a.Status, a.body)
	}
	if a := ask(t, srv, "GET", "/"); a.StatusCode != 404 {
		t.Error(a.Status)
	}
}

func TestReady(t *testing.T) {
	for name, c := range map[string]struct {
		change func(s *status)
		wrong  string // "" if ready
	}{
		"well":         {func(*status) {}, ""},
		"failed entry": {func(s *status) { s.states[journal.Failed] = 100 }, ""},
		"homeserver":   {func(s *status) { s.down = time.Now().Add(-time.Minute) }, "the homeserver does not answer"},
		"login": {func(s *status) {
			s.logins[0].Status, s.logins[0].Words = network.Dead, "wrong password"
		}, "login alice-login on irc.libera is dead: wrong password"},
		"limited":    {func(s *status) { s.logins[1].Status = network.Limited }, "login relay on irc.libera is limited"},
		"connecting": {func(s *status) { s.logins[1].Status = network.Connecting }, "login relay on irc.libera is connecting"},
		"lanes":      {func(s *status) { s.stats.Parked["login irc.libera x"] = 3 }, "3 lanes wait for login irc.libera x"},
		"woken":      {func(s *status) { s.stats.Parked["login irc.libera x"] = 0 }, ""},
		"old":        {func(s *status) { s.oldest = time.Hour }, "the oldest undelivered entry is 1h0m0s old"},
		"database":   {func(s *status) { s.ping = errFire }, "the database does not answer"},
		"depth":      {func(s *status) { s.depth = errFire }, "the database does not say what is in the journal"},
	} {
		t.Run(name, func(t *testing.T) {
			s := wellStatus()
			c.change(s)
			a := ask(t, newOps(t, s), "GET", "/readyz")
			var r Report
			if err := json.Unmarshal([]byte(a.body), &r); err != nil {
				t.Fatal(err, a.body)
			}
			if ok := c.wrong == ""; r.Ready != ok || (a.StatusCode == 200) != ok || len(r.Wrong) > 1 {
				t.Errorf("%s, ready %v: %v", a.Status, r.Ready, r.Wrong)
			}
			if c.wrong != "" && !slices.Contains(r.Wrong, c.wrong) {
				t.Errorf("got %q, want %q", r.Wrong, c.wrong)
			}
			if len(r.Logins) != 2 || r.Logins[0].Login != "alice-login" {
				t.Error("logins", r.Logins)
			}
			if strings.Contains(a.body, "fire") {
				t.Error("names a cause:", a.body)
			}
		})
	}
}

// One that stands by is ready if it can store.
func TestReadyStandby(t *testing.T) {
	s := wellStatus()
	s.standby, s.down = true, time.Now()
	for _, fire := range []error{nil, errFire} {
		s.ping = fire
		var r Report
		a := ask(t, newOps(t, s), "GET", "/readyz")
		if err := json.Unmarshal([]byte(a.body), &r); err != nil {
			t.Fatal(err, a.body)
		}
		if !r.Standby || r.Ready != (fire == nil) || (a.StatusCode == 200) != (fire == nil) {
			t.Errorf("%s: %+v", a.Status, r)
		}
	}
}

func TestReadyFigures(t *testing.T) {
	var r Report
	a := ask(t, newOps(t, wellStatus()), "GET", "/readyz")
	if err := json.Unmarshal([]byte(a.body), &r); err != nil {
		t.Fatal(err)
	}
	j := r.Journal
	if j.Depth != 2 || j.Failed != 1 || j.Entries["stored"] != 2 || j.Entries["failed"] != 1 || j.Oldest != 2 || j.Lag != 0.25 || j.Lanes != 2 {
		t.Errorf("%+v", j)
	}
}

func TestMetrics(t *testing.T) {
	s := wellStatus()
	s.stats.Parked["login irc.libera alice-login"] = 3
	srv := newOps(t, s)
	body := ask(t, srv, "GET", "/metrics").body
	for _, want := range []string{
		`causeway_homeserver_up 1`, `causeway_homeserver_down_seconds 0`, `causeway_database_up 1`,
		`causeway_logins{network="irc.libera",status="online"} 2`, `causeway_logins{network="irc.libera",status="dead"} 0`,
		`causeway_journal_appended_total 12`, `causeway_journal_delivered_total 10`, `causeway_journal_retries_total 3`,
		`causeway_journal_failures_total 1`, `causeway_journal_lag_seconds 0.25`, `causeway_journal_lanes 2`,
		`causeway_journal_parked_lanes 3`, `causeway_journal_entries{status="stored"} 2`, `causeway_journal_entries{status="waiting"} 0`,
		`causeway_journal_entries{status="failed"} 1`, `causeway_journal_oldest_seconds 2`, `causeway_more_total 0`,
		`# HELP causeway_journal_lanes Lanes with work.`, `# TYPE causeway_journal_appended_total counter`,
	} {
		if !slices.Contains(strings.Split(body, "\n"), want) {
			t.Errorf("no %q", want)
		}
	}
	if !regexp.MustCompile(`(?m)^causeway_build_info\{go_version="go[^"]+",version="1.2.3"\} 1$`).MatchString(body) {
		t.Error("no build info")
	}
	// Labels are a closed set and name nobody.
	for _, m := range regexp.MustCompile(`(?m)^causeway_\w+\{(.*)\}`).FindAllStringSubmatch(body, -1) {
		for _, l := range strings.Split(m[1], ",") {
			if name, _, _ := strings.Cut(l, "="); !slices.Contains([]string{"network", "status", "version", "go_version"}, name) {
				t.Error("label", l)
			}
		}
	}
	if strings.Contains(body, "alice") {
		t.Error("the metrics name a login")
	}
	s.depth, s.down = errFire, time.Now().Add(-time.Minute)
	body = ask(t, srv, "GET", "/metrics").body
	for _, want := range []string{"\ncauseway_database_up 0\n", "\ncauseway_homeserver_up 0\n", "\ncauseway_homeserver_down_seconds 6"} {
		if !strings.Contains(body, want) {
			t.Errorf("no %q", want)
		}
	}
	if strings.Contains(body, "causeway_journal_entries") {
		t.Error("figures that nobody knows")
	}
}

func TestMetricsOfOneName(t *testing.T) {
	twice := prometheus.NewCounter(prometheus.CounterOpts{Name: "causeway_more_total", Help: "More."})
	if _, err := Ops(OpsOptions{Status: wellStatus(), Log: logTo(&buffer{}), Collectors: []prometheus.Collector{twice, twice}}); err == nil {
		t.Error("two metrics of one name")
	}
}
