package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/config"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/store"
	"github.com/causeway-chat/causeway/bridgekit/store/storetest"
	"github.com/causeway-chat/causeway/bridgekit/web"
)

// lines are what a doctor has found.
func (d *doctor) lines() string {
	var b strings.Builder
	for _, r := range d.results {
		textReport(&b)(r)
	}
	return b.String()
}

func newPatient(c *config.Config) *doctor {
	return &doctor{config: c, report: func(result) {}}
}

func expect(t *testing.T, what, got string, want ...string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(got, w) {
			t.Errorf("%s:\n got %s\nwant %s", what, got, w)
		}
	}
}

// TestDatabase: what is there is opened and not changed, and what cannot work is
// said with its remedy.
func TestDatabase(t *testing.T) {
	dir := t.TempDir()
	made := func(name string) string {
		path := filepath.Join(dir, name)
		db, err := store.Open(t.Context(), "sqlite:"+path, make([]byte, config.KeySize))
		if err != nil {
			t.Fatal(err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good, newer, garbage := made("good.db"), made("newer.db"), filepath.Join(dir, "garbage.db")
	db, err := sql.Open("sqlite", newer)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec("INSERT INTO goose_db_version (version_id, is_applied) VALUES (999, 1)"); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(garbage, []byte(strings.Repeat("no database ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, one := range []struct{ path, want, remedy string }{
		{good, "ok   database: " + good + ", schema ", ""},
		{newer, "FAIL database: " + newer + " has schema 999, this program knows only up to", "run the newer Causeway"},
		{garbage, "FAIL database: " + garbage + ": ", "check database in the configuration"},
		{filepath.Join(dir, "none", "x.db"), "FAIL database: ", "give the user that runs Causeway the right to write"},
	} {
		before, _ := os.ReadFile(one.path)
		d := newPatient(&config.Config{Database: config.Database{Dialect: config.SQLite, Source: one.path}})
		d.database(t.Context())
		expect(t, one.path, d.lines(), one.want, one.remedy)
		if after, _ := os.ReadFile(one.path); string(after) != string(before) {
			t.Errorf("%s was changed", one.path)
		}
	}
	left, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(left) != 3 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// TestPostgres: the same for PostgreSQL, without the password.
func TestPostgres(t *testing.T) {
	dsn, stop, err := storetest.StartPostgres()
	if errors.Is(err, storetest.ErrNoPostgres) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	c := &config.Config{Database: config.Database{Dialect: config.Postgres, Source: strings.Replace(dsn, "causeway@", "causeway:hidden@", 1)}}
	d := newPatient(c)
	d.database(t.Context())
	expect(t, "empty", d.lines(), "ok   database: postgres://causeway@", "is empty; the first run fills it")
	db, err := store.Open(t.Context(), dsn, make([]byte, config.KeySize))
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	d = newPatient(c)
	d.database(t.Context())
	expect(t, "full", d.lines(), "ok   database: postgres://causeway@", ", schema ")
	stop()
	d = newPatient(c)
	d.database(t.Context())
	expect(t, "down", d.lines(), "FAIL database: postgres://causeway@", "check database in the configuration")
	if strings.Contains(d.lines(), "hidden") {
		t.Errorf("the password is shown: %s", d.lines())
	}
}

// TestPublic: the public address has to lead to our listener.
func TestPublic(t *testing.T) {
	other := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(other.Close)
	broken := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }))
	t.Cleanup(broken.Close)
	for _, one := range []struct {
		url     string
		running bool
		want    string
	}{
		{other.URL, false, "FAIL public.url: at " + other.URL + " something else answers, with status 404\n     the reverse proxy"},
		{other.URL, true, "ok   public.url: " + other.URL},
		{broken.URL, true, "FAIL public.url: " + broken.URL + " answers with status 502"},
		{"http://127.0.0.1:1", true, "FAIL public.url: dial tcp 127.0.0.1:1"},
	} {
		d := newPatient(&config.Config{Public: config.Public{Listen: "127.0.0.1:0", URL: one.url}})
		d.running = one.running
		d.public(t.Context())
		expect(t, one.url, d.lines(), one.want)
	}
}

// TestNetworkWords: a network's remedy stands apart from the cause.
func TestNetworkWords(t *testing.T) {
	for _, one := range []struct {
		err          error
		text, remedy string
	}{
		{network.Errorf(network.Rejected, "set tls_ca", "unknown authority"), "unknown authority", "set tls_ca"},
		{&network.Error{User: "sign in again"}, "sign in again", ""},
		{fmt.Errorf("dial: %w", context.DeadlineExceeded), "the network did not answer in time", ""},
	} {
		if text, remedy := networkWords(one.err); text != one.text || remedy != one.remedy {
			t.Errorf("%v: %q, %q", one.err, text, remedy)
		}
	}
}

// A halfWell network works, but not wholly.
type halfWell struct{ network.Connector }

func (halfWell) Info() network.Info { return network.Info{ID: "slack.acme"} }

func (halfWell) Probe(context.Context) (string, error) {
	return "the app is there", network.Errorf(network.Rejected, "add the scope", "it lacks a scope")
}

// TestHalfWell: what works, but not wholly, is no failure, and is said.
func TestHalfWell(t *testing.T) {
	d := newPatient(&config.Config{})
	d.networks = []network.Connector{halfWell{}}
	d.remote(t.Context())
	expect(t, "a network that lacks something", d.lines(), "warn slack.acme: the app is there; it lacks a scope")
}

// TestAge: one unit, as large as fits.
func TestAge(t *testing.T) {
	for d, want := range map[time.Duration]string{-time.Second: "0s", 59 * time.Second: "59s", time.Minute: "1m", 3 * time.Hour: "3h", 47 * time.Hour: "47h", 72 * time.Hour: "3d"} {
		if got := age(d); got != want {
			t.Errorf("age(%v) = %s, want %s", d, got, want)
		}
	}
}

// TestStartedMeanwhile: an address that Causeway itself has taken since the checks began
// is no fault; one that another program has is.
func TestStartedMeanwhile(t *testing.T) {
	dir := t.TempDir()
	taken := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(taken.Close)
	c := config.Defaults()
	c.Database.Source = filepath.Join(dir, "causeway.db")
	c.Appservice.Listen = taken.Listener.Addr().String()
	d := newPatient(c)
	if back := d.wayBack(t.Context()); back != nil || !d.failed() || d.running {
		t.Errorf("with another program there: %s", d.lines())
	}
	l, err := web.ListenControl(t.Context(), controlPath(c))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	socket := &http.Server{Handler: http.NotFoundHandler(), ReadHeaderTimeout: time.Minute}
	t.Cleanup(func() { socket.Close() })
	go func() { _ = socket.Serve(l) }() // ends with Close
	d = newPatient(c)
	if back := d.wayBack(t.Context()); back != nil || d.failed() || !d.running {
		t.Errorf("with a Causeway there: %s", d.lines())
	}
}
