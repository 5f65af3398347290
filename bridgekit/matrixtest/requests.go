package matrixtest

import (
	"net/http"
	"sync"
)

// A Request is one line of the request log.
type Request struct {
	Method string
	Route  string // see the Route constants
	User   string // who asked, "" if nobody was authenticated
	Path   string // unescaped
}

// Requests is what came from outside so far.
type Requests struct {
	// Count is by route; routes nobody called are missing.
	Count map[string]int64
	// Unknown counts requests that no endpoint took, by method and path.
	Unknown map[string]int64
	// Log is in order of arrival, up to Options.RequestLog lines.
	Log []Request
}

// Before returns how many requests of the log came before the first one for
// which f is true, or -1 if there is none.
func (r Requests) Before(f func(Request) bool) int {
	for i, q := range r.Log {
		if f(q) {
			return i
		}
	}
	return -1
}

type requestLog struct {
	mu    sync.Mutex
	limit int
	log   []Request
	lost  map[string]int64
}

func (l *requestLog) add(method, route, user, path string) {
	l.mu.Lock()
	if len(l.log) < l.limit {
		l.log = append(l.log, Request{Method: method, Route: route, User: user, Path: path})
	}
	l.mu.Unlock()
}

func (l *requestLog) unknown(r *http.Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.lost) < l.limit {
		l.lost[r.Method+" "+r.URL.Path]++
	}
}

// Requests returns the counters and the log of requests from outside.
func (hs *Server) Requests() Requests {
	out := Requests{Count: map[string]int64{}, Unknown: map[string]int64{}}
	for _, r := range hs.router.routes {
		if n := r.count.Load(); n > 0 {
			out.Count[r.name] = n
		}
	}
	hs.requests.mu.Lock()
	defer hs.requests.mu.Unlock()
	out.Log = append(out.Log, hs.requests.log...)
	for k, n := range hs.requests.lost {
		out.Unknown[k] = n
	}
	return out
}

// ResetRequests forgets them, and starts Call.N again at 1.
func (hs *Server) ResetRequests() {
	for _, r := range hs.router.routes {
		r.count.Store(0)
	}
	hs.requests.mu.Lock()
	defer hs.requests.mu.Unlock()
	hs.requests.log, hs.requests.lost = nil, map[string]int64{}
}
