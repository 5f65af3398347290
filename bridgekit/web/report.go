package web

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/journal"
	"github.com/causeway-chat/causeway/bridgekit/network"
)

const (
	checkTime = 5 * time.Second // a check that takes longer has failed
	// staleAfter is how old an undelivered entry may be before its lane counts as stuck.
	staleAfter = 15 * time.Minute
)

// Status is what the handlers ask the rest of Causeway. Its methods are called
// concurrently, by each scrape and each probe.
type Status interface {
	// Serving reports whether this process delivers; another one that uses the
	// same database does, if not, and this one stands by.
	Serving() bool
	// Ping asks the database something.
	Ping(ctx context.Context) error
	// Homeserver says whether the homeserver is up, and since when it is not.
	Homeserver() (up bool, since time.Time)
	// Way says in words what is wrong with the way from the homeserver to us, ""
	// if nothing is.
	Way() string
	// Logins are all logins, also the relays of the configuration.
	Logins() []LoginStatus
	// Journal are the figures in memory.
	Journal() journal.Stats
	// Depth counts the undelivered entries and says how old the oldest is
	// that has not failed.
	Depth(ctx context.Context) (map[journal.State]int, time.Duration, error)
}

// LoginStatus is how one login fares.
type LoginStatus struct {
	Network network.NetworkID `json:"network"`
	Login   network.LoginID   `json:"login"`
	Status  network.Status    `json:"status"`
	Words   string            `json:"words,omitempty"`
}

// A Report is the state of everything, as /readyz and the control socket give it.
type Report struct {
	Ready bool `json:"ready"`
	// Standby: another process serves the database. This one takes what the
	// homeserver sends, and stores it.
	Standby bool `json:"standby,omitempty"`
	// Wrong says in words what is not well; empty if Ready.
	Wrong      []string         `json:"wrong,omitempty"`
	Homeserver HomeserverReport `json:"homeserver"`
	Logins     []LoginStatus    `json:"logins"`
	Journal    JournalReport    `json:"journal"`
}

// HomeserverReport is the state of the homeserver.
type HomeserverReport struct {
	Up    bool       `json:"up"`
	Since *time.Time `json:"down_since,omitempty"`
}

// JournalReport is the state of the journal. Times are in seconds.
type JournalReport struct {
	Entries map[string]int `json:"entries"` // undelivered, by state
	Depth   int            `json:"depth"`   // undelivered and not failed
	Parked  map[string]int `json:"parked"`  // lanes that wait, by what they wait for
	Failed  int            `json:"failed"`
	Oldest  float64        `json:"oldest_seconds"` // age of the oldest that has not failed
	Lag     float64        `json:"lag_seconds"`    // mean time from stored to delivered
	Lanes   int            `json:"lanes"`          // with work
}

// report asks s everything. Failures are words in it; err is their cause for the log.
func report(ctx context.Context, s Status) (Report, error) {
	ctx, done := context.WithTimeout(ctx, checkTime)
	defer done()
	var r Report
	wrong := func(format string, args ...any) { r.Wrong = append(r.Wrong, fmt.Sprintf(format, args...)) }

	if !s.Serving() {
		return standby(ctx, s)
	}
	up, since := s.Homeserver()
	r.Homeserver.Up = up
	if !up {
		wrong("the homeserver does not answer")
		if !since.IsZero() {
			r.Homeserver.Since = &since
		}
	}
	if way := s.Way(); way != "" && up {
		wrong("the homeserver sends no events: %s", way)
	}
	r.Logins = s.Logins()
	r.Wrong = append(r.Wrong, unwell(r.Logins)...)
	st := s.Journal()
	r.Journal = JournalReport{Entries: map[string]int{}, Parked: st.Parked, Lag: st.Lag.Seconds(), Lanes: st.Lanes}
	for _, cause := range slices.Sorted(maps.Keys(st.Parked)) {
		if n := st.Parked[cause]; n > 0 {
			wrong("%d lanes wait for %s", n, cause)
		}
	}
	err := s.Ping(ctx)
	if err != nil {
		wrong("the database does not answer")
		return r, fmt.Errorf("ping database: %w", err)
	}
	states, oldest, err := s.Depth(ctx)
	if err != nil {
		wrong("the database does not say what is in the journal")
		return r, fmt.Errorf("journal depth: %w", err)
	}
	for state, n := range states {
		r.Journal.Entries[state.String()] = n
		if state == journal.Failed {
			r.Journal.Failed = n
		} else {
			r.Journal.Depth += n
		}
	}
	r.Journal.Oldest = oldest.Seconds()
	if oldest > staleAfter {
		wrong("the oldest undelivered entry is %s old", oldest.Round(time.Minute))
	}
	r.Ready = len(r.Wrong) == 0
	return r, nil
}

// unwell says which logins are not well.
func unwell(logins []LoginStatus) (out []string) {
	for _, l := range logins {
		if l.Status == network.Online {
			continue
		}
		text := fmt.Sprintf("login %s on %s is %s", l.Login, l.Network, l.Status)
		if l.Words != "" {
			text += ": " + l.Words
		}
		out = append(out, text)
	}
	return out
}

// standby is the report of a process that only has to store what comes.
func standby(ctx context.Context, s Status) (Report, error) {
	r := Report{Standby: true}
	err := s.Ping(ctx)
	if err != nil {
		r.Wrong = []string{"the database does not answer"}
		return r, fmt.Errorf("ping database: %w", err)
	}
	r.Ready = true
	return r, nil
}
