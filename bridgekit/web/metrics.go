package web

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/causeway-chat/causeway/bridgekit/journal"
	"github.com/causeway-chat/causeway/bridgekit/network"
)

// A family is what the metrics are called; it is made once.
type family struct {
	version string

	build, serving, homeserver, homeserverDown, database, logins *prometheus.Desc
	appended, delivered, retries, failures                       *prometheus.Desc
	lag, lanes, parked, entries, oldest                          *prometheus.Desc
}

// figures are the metrics of one scrape.
type figures struct {
	*family
	status Status
	states map[journal.State]int // nil if the database did not answer
	age    time.Duration
}

var _ prometheus.Collector = (*figures)(nil)

func newFamily(version string) *family {
	d := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("causeway_"+name, help, labels, nil)
	}
	return &family{
		version:        version,
		build:          d("build_info", "Always 1; the labels say what runs.", "version", "go_version"),
		serving:        d("serving", "1 if this process delivers, 0 if it stands by for one that does."),
		homeserver:     d("homeserver_up", "1 if the homeserver answers, else 0."),
		homeserverDown: d("homeserver_down_seconds", "For how long the homeserver has not answered; 0 while it does."),
		database:       d("database_up", "1 if the database answers, else 0."),
		logins:         d("logins", "Logins by network and how they fare.", "network", "status"),
		appended:       d("journal_appended_total", "Entries stored since the start."),
		delivered:      d("journal_delivered_total", "Entries delivered since the start."),
		retries:        d("journal_retries_total", "Deliveries that are tried again, since the start."),
		failures:       d("journal_failures_total", "Entries given up since the start."),
		lag:            d("journal_lag_seconds", "Mean time from stored to delivered since the start."),
		lanes:          d("journal_lanes", "Lanes with work."),
		parked:         d("journal_parked_lanes", "Lanes that wait for a login or the homeserver."),
		entries:        d("journal_entries", "Undelivered entries by state.", "status"),
		oldest:         d("journal_oldest_seconds", "Age of the oldest entry that is neither delivered nor failed; 0 if there is none."),
	}
}

// scrape asks the database now, while there is a context.
func (f *family) scrape(ctx context.Context, s Status) (*figures, error) {
	ctx, done := context.WithTimeout(ctx, checkTime)
	defer done()
	states, oldest, err := s.Depth(ctx)
	if err != nil {
		return &figures{family: f, status: s}, fmt.Errorf("journal depth for metrics: %w", err)
	}
	if states == nil {
		states = map[journal.State]int{}
	}
	return &figures{family: f, status: s, states: states, age: oldest}, nil
}

// Describe implements prometheus.Collector.
func (c *figures) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		c.build, c.serving, c.homeserver, c.homeserverDown, c.database, c.logins, c.appended, c.delivered,
		c.retries, c.failures, c.lag, c.lanes, c.parked, c.entries, c.oldest,
	} {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (c *figures) Collect(to chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	total := func(d *prometheus.Desc, v int64) {
		to <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v))
	}
	gauge(c.build, 1, c.version, runtime.Version())
	up, since := c.status.Homeserver()
	gauge(c.serving, truth(c.status.Serving()))
	gauge(c.homeserver, truth(up))
	down := 0.0
	if !up && !since.IsZero() {
		down = time.Since(since).Seconds()
	}
	gauge(c.homeserverDown, down)
	c.collectLogins(gauge)

	st := c.status.Journal()
	total(c.appended, st.Appended)
	total(c.delivered, st.Delivered)
	total(c.retries, st.Retries)
	total(c.failures, st.Failures)
	gauge(c.lag, st.Lag.Seconds())
	gauge(c.lanes, float64(st.Lanes))
	parked := 0
	for _, n := range st.Parked { // the causes name logins: no labels
		parked += n
	}
	gauge(c.parked, float64(parked))
	c.collectDepth(gauge)
}

// collectLogins gives every network all states, so that a line that ends is a 0
// and not a gap.
func (c *figures) collectLogins(gauge func(*prometheus.Desc, float64, ...string)) {
	states := []network.Status{network.Connecting, network.Online, network.Limited, network.Offline, network.Dead}
	count := map[network.NetworkID]map[network.Status]int{}
	for _, l := range c.status.Logins() {
		if count[l.Network] == nil {
			count[l.Network] = map[network.Status]int{}
		}
		count[l.Network][l.Status]++
	}
	for n, by := range count {
		for _, s := range states {
			gauge(c.logins, float64(by[s]), string(n), string(s))
		}
	}
}

// collectDepth gives what the database said.
func (c *figures) collectDepth(gauge func(*prometheus.Desc, float64, ...string)) {
	gauge(c.database, truth(c.states != nil))
	if c.states == nil {
		return
	}
	for _, s := range []journal.State{journal.Stored, journal.Running, journal.Waiting, journal.Parked, journal.Failed} {
		gauge(c.entries, float64(c.states[s]), s.String())
	}
	gauge(c.oldest, c.age.Seconds())
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
