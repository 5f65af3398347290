package matrixtest

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

// A Flavor says whose behaviour the server shows where real homeservers
// differ.
type Flavor int

const (
	// Synapse: a pushed transaction is stored and retried with the same
	// body; while an appservice is down each event becomes a transaction of
	// its own and ephemeral events are dropped; requests with one
	// transaction ID that run at the same time share one result; up to 100
	// events per transaction.
	Synapse Flavor = iota
	// Dendrite: a retry has the same transaction ID and more events; what
	// was not acknowledged before a restart comes after newer events;
	// requests with one transaction ID that run at the same time are each
	// performed; no ping, no ephemeral events, no asynchronous uploads; up
	// to 50 events per transaction.
	Dendrite
)

// Options configure a [Server]. The zero value is usable.
type Options struct {
	// Domain is the server name; default "test".
	Domain string
	Flavor Flavor
	// RoomVersion is the default room version, "1" to "12"; default "11".
	RoomVersion string
	// ByName makes the IDs of rooms, events and media follow from what they are and
	// how many like them there were, not from the order of all requests: two runs of a
	// script give the same ones.
	ByName bool
	// Versions is what /versions answers; default v1.1 to v1.12 for Synapse
	// and v1.1 to v1.2 for Dendrite.
	Versions []string
	// Unstable are the features that /versions names besides.
	Unstable []string
	// Without lists routes (see the Route constants, or Request.Route) that
	// answer 404 M_UNRECOGNIZED, as an older server would.
	Without []string
	// MaxUpload is the largest media in bytes; default 50 MiB.
	MaxUpload int64
	// KeepMedia is how many bytes of one upload are kept. Of longer uploads
	// only length and SHA-256 remain, and downloading one is a 404. Default
	// 1 MiB; negative keeps nothing.
	KeepMedia int64
	// Batch is the most events in one pushed transaction; default by Flavor.
	Batch int
	// Wait is called between attempts to push one transaction; attempt
	// counts from 1. It returns early when ctx ends. Default: 10 ms, doubled
	// each time up to 1 s.
	Wait func(ctx context.Context, attempt int) error
	// PushTimeout ends an attempt to push a transaction; default 30 s.
	PushTimeout time.Duration
	// Client pushes to appservice URLs; default is a client of its own.
	Client *http.Client
	// RequestLog is how many requests the log keeps, the oldest ones;
	// default 65,536. Counters are not limited.
	RequestLog int
	// Now is the clock; default time.Now.
	Now func() time.Time
	// Fail is called when a method of User is refused; default panics.
	// Tests pass t.Fatalf.
	Fail func(format string, args ...any)
}

func (o Options) withDefaults() Options {
	setDefault(&o.Domain, "test")
	setDefault(&o.RoomVersion, "11")
	setDefault(&o.MaxUpload, 50<<20)
	setDefault(&o.KeepMedia, 1<<20)
	setDefault(&o.PushTimeout, 30*time.Second)
	setDefault(&o.RequestLog, 1<<16)
	if o.Flavor == Dendrite {
		setDefault(&o.Batch, 50)
		o.Without = append([]string{RoutePing, RouteCreateMedia, RouteUploadTo, RouteKnock}, o.Without...)
	}
	setDefault(&o.Batch, 100)
	if o.Versions == nil {
		o.Versions = defaultVersions(o.Flavor)
	}
	if o.Wait == nil {
		o.Wait = defaultWait
	}
	if o.Client == nil {
		o.Client = &http.Client{}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Fail == nil {
		o.Fail = panicf
	}
	return o
}

func setDefault[T comparable](p *T, v T) {
	var zero T
	if *p == zero {
		*p = v
	}
}

func defaultVersions(f Flavor) []string {
	v := []string{"v1.1", "v1.2"}
	if f == Synapse {
		v = append(v, "v1.3", "v1.4", "v1.5", "v1.6", "v1.7", "v1.8", "v1.9", "v1.10", "v1.11", "v1.12")
	}
	return v
}

func defaultWait(ctx context.Context, attempt int) error {
	d := min(10*time.Millisecond<<min(attempt-1, 7), time.Second)
	return sleep(ctx, d)
}

// sleep waits for d or until ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// A Registration is an appservice as the homeserver's administrator installs
// it (Application Service API, "Registration").
type Registration struct {
	ID              string
	URL             string // where to push; "" means nothing is pushed
	ASToken         string // the appservice's requests carry it
	HSToken         string // the server's requests carry it
	SenderLocalpart string
	Users           []Namespace
	Aliases         []Namespace
	Rooms           []Namespace
	// Ephemeral is receive_ephemeral: typing, receipts and presence are
	// pushed too (not by Dendrite).
	Ephemeral bool
	// LegacyEphemeral pushes them under de.sorunome.msc2409.ephemeral, as
	// Synapse did before 1.156.
	LegacyEphemeral bool
	// MSC4190 lets the appservice create devices by PUT and refuses it
	// m.login.application_service.
	MSC4190 bool
	// Handler takes the pushes instead of URL; see Server.Attach.
	Handler http.Handler
}

// A Namespace is a set of user IDs, aliases or room IDs by regular
// expression, matched from the start of the ID as Synapse does.
type Namespace struct {
	Exclusive bool
	Regex     string
}

// panicf is what a refused method of User does where no test is at hand.
func panicf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }
