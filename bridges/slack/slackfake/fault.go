package slackfake

import (
	"net/http"
	"strconv"
	"time"
)

// A Fault is what goes wrong with calls of the Web API.
type Fault struct {
	Method string // empty: any; "upload" and "download" are the files themselves
	Skip   int    // how many calls go well before
	Times  int    // how many it hits; default 1
	// Status answers with it instead of doing anything; 429 has RetryAfter, in seconds.
	Status     int
	RetryAfter int
	Error      string        // answered instead of doing anything
	Hang       bool          // nothing is done or answered
	Lost       bool          // it is done, and the connection cut instead of an answer, or Error answered
	Delay      time.Duration // of real time before
}

// Break adds a fault. Faults are asked in the order in which they came.
func (s *Server) Break(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f.Times = max(f.Times, 1)
	s.faults = append(s.faults, &f)
}

// Heal ends all faults.
func (s *Server) Heal() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// fault takes the one that hits a call, or nil.
func (s *Server) fault(name string) *Fault {
	for _, f := range s.faults {
		switch {
		case f.Method != "" && f.Method != name || f.Times == 0:
		case f.Skip > 0:
			f.Skip--
		default:
			f.Times--
			hit := *f
			return &hit
		}
	}
	return nil
}

// before does what a fault does before a call, and reports whether that is all.
// Call it without mu.
func (s *Server) before(w http.ResponseWriter, r *http.Request, f *Fault) bool {
	if f == nil {
		return false
	}
	s.mu.Lock()
	gone := s.gone
	s.mu.Unlock()
	var delay <-chan time.Time
	if f.Delay > 0 {
		timer := time.NewTimer(f.Delay)
		defer timer.Stop()
		delay = timer.C
	}
	if f.Hang || delay != nil {
		select {
		case <-delay:
		case <-gone:
		case <-r.Context().Done():
		}
	}
	switch {
	case f.Hang:
		lose(w)
	case f.Status == http.StatusTooManyRequests:
		w.Header().Set("Retry-After", strconv.Itoa(max(f.RetryAfter, 1)))
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.WriteHeader(f.Status)
		_, _ = w.Write([]byte(`{"ok":false,"error":"ratelimited"}`)) // the client may be gone
	case f.Status != 0:
		http.Error(w, http.StatusText(f.Status), f.Status)
	default:
		return false
	}
	return true
}

// lose cuts the connection without an answer.
func lose(w http.ResponseWriter) {
	h, ok := w.(http.Hijacker)
	if !ok {
		return
	}
	if conn, _, err := h.Hijack(); err == nil {
		_ = conn.Close() // that is all there is to do with it
	}
}
