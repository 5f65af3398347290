package network

import "net/http"

// A Visitable connector is called over HTTP by the world: by a network that pushes
// what happens, or by a browser that comes back from signing in.
type Visitable interface {
	// Visits answers the requests below Options.Public, which is taken off their
	// path; it is asked for once. Anybody can call it, so it checks who does before
	// anything else, and bounds what it reads. What is pushed is acknowledged when
	// Sink.Deliver has returned nil for it.
	Visits() http.Handler
}

// VisitsPath is where a network's Visits begin below Causeway's public address.
func VisitsPath(id NetworkID) string { return "/net/" + string(id) }

// ResolveVisits is what c answers over HTTP; nil if nothing.
func ResolveVisits(c Connector) http.Handler {
	if c, ok := c.(Visitable); ok {
		return c.Visits()
	}
	return nil
}
