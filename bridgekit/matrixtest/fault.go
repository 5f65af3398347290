package matrixtest

import (
	"net/http"
	"sync/atomic"
	"time"
)

// A State says whether the whole server can be reached.
type State int32

const (
	Running     State = iota
	Unavailable       // a proxy in front answers 503
	Refusing          // connections break before anything is answered
)

// Faults makes the server fail for requests from outside. Its methods may be
// called at any time by anyone, also while requests run.
type Faults struct {
	hook   atomic.Pointer[func(Call) Fault]
	down   atomic.Int32
	change func() // wakes pushers and waiters
}

// A Call is what a fault hook learns about a request.
type Call struct {
	Method string
	Route  string // see the Route constants
	Path   string // unescaped
	User   string // who asks, "" if unknown
	N      int64  // this is the N-th request of the route, from 1
}

// A Fault is what happens to one request. The zero value is no fault.
type Fault struct {
	// Latency passes before the request takes effect. A client that gives
	// up meanwhile does not stop it, as with a real server.
	Latency time.Duration
	// Status is answered instead of the result: 429 and 500 as the server
	// itself does, 502, 503 and 504 as a proxy in front of it.
	Status int
	// Code makes Status the server's own answer with this errcode, as if one of
	// its workers were away.
	Code string
	// RetryAfter goes with Status 429.
	RetryAfter time.Duration
	// Hang answers nothing until the client gives up or the server closes.
	Hang bool
	// Perform lets the request take effect before Status or Hang: the proxy
	// timed out, the server did not.
	Perform bool
	// LoseRequest breaks the connection before the request takes effect,
	// LoseResponse after.
	LoseRequest  bool
	LoseResponse bool
	// CutAfter breaks the connection after so many bytes of the answer.
	CutAfter int64
}

// Set installs the hook that decides about each request from now on; nil
// removes it. It is called by many goroutines at once, after the request was
// counted and before its body is read.
func (f *Faults) Set(hook func(Call) Fault) {
	if hook == nil {
		f.hook.Store(nil)
		return
	}
	f.hook.Store(&hook)
}

// Down makes the whole server unreachable, or reachable again. While it is
// down it pushes nothing either; users' methods still work, as they stand
// for people whose clients already had their say.
func (f *Faults) Down(s State) {
	f.down.Store(int32(s))
	f.change()
}

func (f *Faults) state() State { return State(f.down.Load()) }

// before plays the part of a fault that precedes the request's effect. It
// returns true when the request has been answered.
func (f Fault) before(c *call) bool {
	switch {
	case f.LoseRequest:
		c.hs.pause(f.Latency)
		panic(http.ErrAbortHandler)
	case f.Perform:
		return false
	}
	if f.Status != 0 {
		c.hs.pause(f.Latency)
	}
	return f.answered(c)
}

// after plays the part that follows it.
func (f Fault) after(c *call) bool {
	if f.LoseResponse {
		panic(http.ErrAbortHandler)
	}
	return f.answered(c)
}

func (f Fault) answered(c *call) bool {
	switch {
	case f.Hang:
		select {
		case <-c.r.Context().Done():
		case <-c.hs.done:
		}
		panic(http.ErrAbortHandler)
	case f.Status == 0:
		return false
	case f.Status == http.StatusTooManyRequests:
		e := fail(f.Status, "M_LIMIT_EXCEEDED", "Too Many Requests")
		e.RetryAfterMS = f.RetryAfter.Milliseconds()
		writeError(c.w, e)
	case f.Code != "":
		writeError(c.w, fail(f.Status, f.Code, "Injected fault"))
	case f.Status >= http.StatusBadGateway:
		writeProxyError(c.w, f.Status)
	default:
		writeError(c.w, fail(f.Status, codeUnknown, "Injected fault"))
	}
	return true
}

// pause lets time pass, up to the end of the server.
func (hs *Server) pause(d time.Duration) {
	if d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-hs.done:
	}
}

// A cutWriter breaks the connection after some bytes.
type cutWriter struct {
	http.ResponseWriter
	left int64
}

func (w *cutWriter) Write(p []byte) (int, error) {
	if int64(len(p)) <= w.left {
		w.left -= int64(len(p))
		return w.ResponseWriter.Write(p)
	}
	_, _ = w.ResponseWriter.Write(p[:w.left])
	if f, ok := w.ResponseWriter.(http.Flusher); ok {
		f.Flush()
	}
	panic(http.ErrAbortHandler)
}
