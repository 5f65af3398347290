package web

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// OpsOptions configure Ops. Status and Log are required.
type OpsOptions struct {
	Status  Status
	Log     *slog.Logger
	Version string
	// Collectors are further metrics. Their names begin with causeway_, and no
	// label holds anything personal or unbounded.
	Collectors []prometheus.Collector
}

// Ops serves operators:
//
//	/metrics  Prometheus, from a registry of its own
//	/healthz  200 while the process lives and its database answers
//	/readyz   200 if the homeserver is up and every login and lane is well, else
//	          503; a Report as JSON either way
//
// It names logins, so its listener is not for everybody.
func Ops(o OpsOptions) (http.Handler, error) {
	registry := prometheus.NewRegistry()
	all := append([]prometheus.Collector{
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	}, o.Collectors...)
	var errs []error
	for _, c := range all {
		errs = append(errs, registry.Register(c))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	names := newFamily(o.Version)
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, r *http.Request) {
		f, err := names.scrape(r.Context(), o.Status)
		if err != nil {
			o.Log.Warn("metrics", "err", err)
		}
		now := prometheus.NewRegistry() // of this scrape, because it has its context
		if err := now.Register(f); err != nil {
			o.Log.Error("metrics", "err", err)
		}
		promhttp.HandlerFor(prometheus.Gatherers{now, registry}, promhttp.HandlerOpts{
			ErrorLog: slog.NewLogLogger(o.Log.Handler(), slog.LevelWarn),
		}).ServeHTTP(w, r)
	})
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, r *http.Request) {
		ctx, done := context.WithTimeout(r.Context(), checkTime)
		defer done()
		if err := o.Status.Ping(ctx); err != nil {
			o.Log.Warn("health check", "err", err)
			plain(w, r, http.StatusServiceUnavailable, "the database does not answer")
			return
		}
		plain(w, r, http.StatusOK, "ok")
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		rep, err := report(r.Context(), o.Status)
		if err != nil {
			o.Log.Warn("readiness check", "err", err)
		}
		status := http.StatusOK
		if !rep.Ready {
			status = http.StatusServiceUnavailable
		}
		writeJSON(w, status, rep)
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		plain(w, r, http.StatusNotFound, "Here are /metrics, /healthz and /readyz.")
	})
	return mux, nil
}

// writeJSON answers with v.
func writeJSON(w http.ResponseWriter, status int, v any) {
	body, err := json.MarshalIndent(v, "", "  ")
	if err != nil { // only a type that cannot be marshalled, a fault of ours
		status, body = http.StatusInternalServerError, []byte(`{"error": "the answer cannot be written"}`)
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, string(body)+"\n") // the reader has gone
}
