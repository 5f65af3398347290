package bridgekit

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/causeway-chat/causeway/bridgekit/network"
)

// gauges are the metrics of what watches the accounts and the homeserver.
type gauges struct {
	v                                                  *vitals
	silent, heard, canary, notices, probes, hookFailed *prometheus.Desc
}

var _ prometheus.Collector = (*gauges)(nil)

func newGauges(v *vitals) *gauges {
	d := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("causeway_"+name, help, labels, nil)
	}
	return &gauges{
		v:          v,
		silent:     d("homeserver_silent", "1 if the homeserver does not send events any more though it answers, else 0."),
		heard:      d("homeserver_heard_seconds", "How long ago the homeserver sent something last; -1 if it has not since the start."),
		canary:     d("homeserver_way_seconds", "How long the last event of the bot to itself took to come back; -1 if none did since the start."),
		notices:    d("login_notices_total", "Changes of accounts that lasted, by the new state, since the start.", "status"),
		probes:     d("login_probe_failures_total", "Probes of accounts that were not answered, by network, since the start.", "network"),
		hookFailed: d("webhook_failures_total", "Notices that the webhook did not take, since the start."),
	}
}

// Describe implements prometheus.Collector.
func (g *gauges) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{g.silent, g.heard, g.canary, g.notices, g.probes, g.hookFailed} {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (g *gauges) Collect(to chan<- prometheus.Metric) {
	metric := func(d *prometheus.Desc, kind prometheus.ValueType, v float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, kind, v, labels...)
	}
	if c := g.v.canary; c != nil {
		way, silent, heard, took := c.Way(), 0.0, -1.0, -1.0
		if way.Silent {
			silent = 1
		}
		if !way.Heard.IsZero() {
			heard = time.Since(way.Heard).Seconds()
		}
		if !way.Measured.IsZero() {
			took = way.Took.Seconds()
		}
		metric(g.silent, prometheus.GaugeValue, silent)
		metric(g.heard, prometheus.GaugeValue, heard)
		metric(g.canary, prometheus.GaugeValue, took)
	}
	told := g.v.watch.Told()
	for _, s := range []network.Status{network.Online, network.Limited, network.Offline, network.Dead} {
		metric(g.notices, prometheus.CounterValue, float64(told[s]), string(s))
	}
	failed := map[network.NetworkID]int64{}
	for _, s := range g.v.b.logins.Of("*") {
		failed[s.Network] += s.Probe().Total
	}
	for n, total := range failed {
		metric(g.probes, prometheus.CounterValue, float64(total), string(n))
	}
	if g.v.hook != nil {
		metric(g.hookFailed, prometheus.CounterValue, float64(g.v.hook.Failed()))
	}
}
