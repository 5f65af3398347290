package matrixtest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
)

// maxBuffered is how much of an answer is held back before it is streamed:
// most answers fit, and then need no second goroutine to read them.
const maxBuffered = 64 << 10

// Transport returns a client's transport that calls h in the same process,
// without sockets. Bodies stream both ways (a long answer is written as it is
// read, nothing lies in between as in a socket's buffer), contexts and broken connections
// (http.ErrAbortHandler) act as over a network, and inside a testing/synctest
// bubble all waiting is durable. Another panic of h crashes the program.
func Transport(h http.Handler) http.RoundTripper { return inProcess{h} }

type inProcess struct{ handler http.Handler }

// RoundTrip serves one request in a goroutine of its own, which ends when the
// handler does.
func (t inProcess) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancel(req.Context())
	body := &requestBody{rc: req.Body}
	sreq := serverRequest(ctx, req, body)
	w := &responseWriter{req: req, header: http.Header{}, ready: make(chan struct{}), cancel: cancel}
	stop := context.AfterFunc(ctx, func() { _ = body.Close() })
	go func() {
		defer func() {
			p := recover()
			w.finish(p != nil)
			stop()
			_ = body.Close()
			if p != nil && p != http.ErrAbortHandler {
				panic(p)
			}
		}()
		t.handler.ServeHTTP(w, sreq)
	}()
	select {
	case <-w.ready:
	case <-req.Context().Done():
		cancel()
		w.abandon(req.Context().Err())
		return nil, req.Context().Err()
	}
	if w.resp == nil {
		cancel()
		return nil, fmt.Errorf("connection broken: %w", io.ErrUnexpectedEOF)
	}
	return w.resp, nil
}

var _ http.RoundTripper = inProcess{}

func serverRequest(ctx context.Context, req *http.Request, body *requestBody) *http.Request {
	out := req.Clone(ctx)
	out.RequestURI = req.URL.RequestURI()
	out.RemoteAddr = "127.0.0.1:1"
	out.Proto, out.ProtoMajor, out.ProtoMinor = "HTTP/1.1", 1, 1
	if out.Host == "" {
		out.Host = req.URL.Host
	}
	out.GetBody = nil
	if req.Body == nil || req.Body == http.NoBody {
		out.Body, out.ContentLength = http.NoBody, 0
		return out
	}
	out.Body = body
	if out.ContentLength == 0 {
		out.ContentLength = -1
	}
	return out
}

// A requestBody is the client's body as the handler reads it. It is closed
// once, also while it is read, which is how a sender learns that nobody wants
// more.
type requestBody struct {
	rc     io.ReadCloser
	mu     sync.Mutex // guards closed
	closed bool
}

func (b *requestBody) Read(p []byte) (int, error) {
	b.mu.Lock()
	closed := b.closed
	b.mu.Unlock()
	if closed {
		return 0, http.ErrBodyReadAfterClose
	}
	return b.rc.Read(p)
}

func (b *requestBody) Close() error {
	b.mu.Lock()
	closed := b.closed
	b.closed = true
	b.mu.Unlock()
	if closed || b.rc == nil {
		return nil
	}
	return b.rc.Close()
}

// A responseWriter collects an answer and hands it over when the handler has
// returned, flushed or written more than maxBuffered.
type responseWriter struct {
	req    *http.Request
	header http.Header // as the handler sees it
	sent   http.Header // as it was at WriteHeader
	cancel context.CancelFunc
	status int
	buf    bytes.Buffer
	pipe   *io.PipeWriter // set once streaming

	ready chan struct{}  // closed when resp is decided
	resp  *http.Response // nil: the connection broke first

	mu   sync.Mutex // guards gone
	gone error      // the client's reason for not waiting
}

func (w *responseWriter) Header() http.Header { return w.header }

func (w *responseWriter) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
		w.sent = w.header.Clone()
	}
}

func (w *responseWriter) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	if w.pipe == nil && w.buf.Len()+len(p) <= maxBuffered {
		return w.buf.Write(p)
	}
	if err := w.startStream(); err != nil {
		return 0, err
	}
	return w.pipe.Write(p)
}

// Flush sends what is there.
func (w *responseWriter) Flush() {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	_ = w.startStream() // a client that is gone shows at the next Write
}

var _ http.Flusher = (*responseWriter)(nil)

func (w *responseWriter) startStream() error {
	if w.pipe != nil {
		return nil
	}
	w.mu.Lock()
	gone := w.gone
	w.mu.Unlock()
	if gone != nil {
		return gone
	}
	pr, pw := io.Pipe()
	w.pipe = pw
	stop := context.AfterFunc(w.req.Context(), func() { _ = pr.CloseWithError(w.req.Context().Err()) })
	w.respond(&streamBody{PipeReader: pr, req: w.req, cancel: w.cancel, stop: stop}, contentLength(w.sent))
	if w.buf.Len() == 0 {
		return nil // an empty write would wait for a reader
	}
	_, err := pw.Write(w.buf.Bytes())
	return err
}

func (w *responseWriter) respond(body io.ReadCloser, length int64) {
	w.resp = &http.Response{
		Status:     strconv.Itoa(w.status) + " " + http.StatusText(w.status),
		StatusCode: w.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: w.sent, Body: body, ContentLength: length, Request: w.req,
	}
	close(w.ready)
}

// finish is called when the handler has returned, or broke the connection.
func (w *responseWriter) finish(broken bool) {
	switch {
	case w.pipe != nil && broken:
		_ = w.pipe.CloseWithError(io.ErrUnexpectedEOF)
	case w.pipe != nil:
		_ = w.pipe.Close()
	case broken:
		close(w.ready)
	default:
		if w.status == 0 {
			w.WriteHeader(http.StatusOK)
		}
		w.cancel()
		w.respond(io.NopCloser(&w.buf), int64(w.buf.Len()))
	}
}

// abandon is called when the client stops waiting for the header. A stream
// that begins at the same moment is closed by its own context.
func (w *responseWriter) abandon(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.gone = err
}

// A streamBody is an answer that is still being written. Closing it early
// tells the handler through its context and its writes.
type streamBody struct {
	*io.PipeReader
	req    *http.Request
	cancel context.CancelFunc
	stop   func() bool
}

// Read gives the client's own reason where it has one.
func (b *streamBody) Read(p []byte) (int, error) {
	n, err := b.PipeReader.Read(p)
	if err != nil && err != io.EOF && b.req.Context().Err() != nil {
		err = b.req.Context().Err()
	}
	return n, err
}

func (b *streamBody) Close() error {
	b.stop()
	b.cancel()
	return b.PipeReader.Close()
}

func contentLength(h http.Header) int64 {
	n, err := strconv.ParseInt(h.Get("Content-Length"), 10, 64)
	if err != nil {
		return -1
	}
	return n
}
