package memnet

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"

	"github.com/causeway-chat/causeway/bridgekit/network"
)

// maxFrame bounds a frame, in bytes.
const maxFrame = 64 << 20

// opCancel gives a request up: ID names it. It has no answer.
const opCancel = "cancel"

// writeFrame writes v as one frame. The caller serializes.
func writeFrame(w io.Writer, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode frame: %w", err)
	}
	if len(body) > maxFrame {
		return fmt.Errorf("a frame of %d bytes is too long", len(body))
	}
	frame := binary.BigEndian.AppendUint32(make([]byte, 0, 4+len(body)), uint32(len(body)))
	_, err = w.Write(append(frame, body...))
	return err
}

// readFrame reads one frame into v.
func readFrame(r io.Reader, v any) error {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return err
	}
	n := binary.BigEndian.Uint32(head[:])
	if n > maxFrame {
		return fmt.Errorf("a frame of %d bytes is too long", n)
	}
	body := make([]byte, n)
	if _, err := io.ReadFull(r, body); err != nil {
		return err
	}
	if err := json.Unmarshal(body, v); err != nil {
		return fmt.Errorf("decode frame: %w", err)
	}
	return nil
}

// Serve lets connectors made by Dial in over l until ctx is done, then closes l
// and all connections, and returns an error that wraps ctx.Err(). What is wrong
// with one connection ends that connection only.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = l.Close() })
	defer stop()
	for {
		nc, err := l.Accept()
		if err != nil {
			if ctx.Err() != nil {
				err = ctx.Err()
			}
			return fmt.Errorf("memnet: accept: %w", err)
		}
		wg.Go(func() { s.serveConn(ctx, nc) })
	}
}

// serveConn answers the requests of one connection, each in a goroutine.
func (s *Server) serveConn(ctx context.Context, nc net.Conn) {
	c, err := s.newConn()
	if err != nil {
		_ = nc.Close()
		return
	}
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() { // the network cuts, or Serve ends
		select {
		case <-c.gone:
		case <-ctx.Done():
		}
		_ = nc.Close()
	})
	w := &served{s: s, c: c, nc: nc, running: map[uint64]context.CancelFunc{}}
	r := bufio.NewReaderSize(nc, 64<<10)
	for {
		var req request
		if readFrame(r, &req) != nil {
			break
		}
		if req.Op == opCancel {
			w.finish(req.ID)
			continue
		}
		reqCtx := w.begin(ctx, req.ID)
		wg.Go(func() { w.answer(reqCtx, &req) })
	}
	cancel()
	s.drop(c, errLost())
	wg.Wait()
}

// served is the server's side of a connection.
type served struct {
	s  *Server
	c  *conn
	nc net.Conn

	mu      sync.Mutex // guards running, and serializes writes
	running map[uint64]context.CancelFunc
}

func (w *served) begin(ctx context.Context, id uint64) context.Context {
	ctx, cancel := context.WithCancel(ctx)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.running[id] = cancel
	return ctx
}

func (w *served) finish(id uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if cancel := w.running[id]; cancel != nil {
		cancel()
		delete(w.running, id)
	}
}

func (w *served) answer(ctx context.Context, r *request) {
	defer w.finish(r.ID)
	res, err := w.s.handle(ctx, w.c, r)
	if err == nil {
		res, err = packed(res)
	}
	if err != nil {
		res = &response{Error: packError(err)}
	}
	res.ID = r.ID
	w.mu.Lock()
	defer w.mu.Unlock()
	if writeFrame(w.nc, res) != nil {
		_ = w.nc.Close() // the reader ends the connection
	}
}

// packed is a response whose events can travel.
func packed(res *response) (*response, error) {
	out := *res
	for _, ev := range res.Events {
		raw, err := network.MarshalEvent(ev)
		if err != nil {
			return nil, fmt.Errorf("pack: %w", err)
		}
		out.Raw = append(out.Raw, raw)
	}
	return &out, nil
}

// Dial is a connector to a server that another process serves at a TCP address.
// The options must be those of the server; no connection is made yet.
func Dial(address string, id network.NetworkID, o Options) network.Connector {
	o = o.withDefaults()
	var relay *network.Login
	if o.Relay != "" {
		l := relayLogin(o)
		relay = &l
	}
	return newConnector(id, o, relay, tcpDialer(address))
}

// tcpDialer is the address of a server.
type tcpDialer string

var _ dialer = tcpDialer("")

func (d tcpDialer) dial(ctx context.Context) (link, error) {
	nc, err := (&net.Dialer{}).DialContext(ctx, "tcp", string(d))
	if err != nil {
		if ctx.Err() != nil {
			return nil, fmt.Errorf("memnet: dial: %w", ctx.Err())
		}
		return nil, &network.Error{Kind: network.Unavailable, User: "the network cannot be reached", Err: err}
	}
	l := &tcpLink{nc: nc, done: make(chan struct{}), waiting: map[uint64]chan *response{}}
	go l.read()
	return l, nil
}

// tcpLink is a link to a server in another process.
type tcpLink struct {
	nc   net.Conn
	done chan struct{} // closed when nothing is read any more

	writing sync.Mutex // serializes frames; never taken with mu held

	mu      sync.Mutex
	last    uint64                    // guarded by mu
	waiting map[uint64]chan *response // by request ID; guarded by mu
}

var _ link = (*tcpLink)(nil)

// read passes answers on until the connection ends.
func (l *tcpLink) read() {
	defer close(l.done)
	r := bufio.NewReaderSize(l.nc, 64<<10)
	for {
		var res response
		if readFrame(r, &res) != nil {
			_ = l.nc.Close()
			return
		}
		l.mu.Lock()
		waiter := l.waiting[res.ID]
		delete(l.waiting, res.ID)
		l.mu.Unlock()
		if waiter != nil {
			waiter <- &res
		}
	}
}

func (l *tcpLink) call(ctx context.Context, r *request) (*response, error) {
	waiter := make(chan *response, 1)
	out := *r
	l.mu.Lock()
	l.last++
	out.ID = l.last
	l.waiting[out.ID] = waiter
	l.mu.Unlock()
	if err := l.write(&out); err != nil {
		return nil, &network.Error{Kind: network.Unavailable, User: "the connection to the network is lost", Err: err}
	}
	select {
	case res := <-waiter:
		return unpacked(res)
	case <-l.done:
		select {
		case res := <-waiter:
			return unpacked(res)
		default:
		}
		return nil, network.Errorf(lostKind(r.Op), "the connection to the network is lost", "memnet: %s: connection lost", r.Op)
	case <-ctx.Done():
		l.mu.Lock()
		delete(l.waiting, out.ID)
		l.mu.Unlock()
		err := errors.Join(ctx.Err(), l.write(&request{ID: out.ID, Op: opCancel}))
		if lostKind(r.Op) == network.Unsure {
			return nil, &network.Error{Kind: network.Unsure, User: "the network did not answer", Err: err}
		}
		return nil, err
	}
}

func (l *tcpLink) write(r *request) error {
	l.writing.Lock()
	defer l.writing.Unlock()
	return writeFrame(l.nc, r)
}

// lostKind is the kind of error of a request whose answer was lost: it tells
// whether the request may have changed something.
func lostKind(op string) network.Kind {
	switch op {
	case "send", "edit", "redact", "react", "join", "start", "leave", "moderate", "edit-chat":
		return network.Unsure
	}
	return network.Unavailable
}

// unpacked is what a response says, with its events.
func unpacked(res *response) (*response, error) {
	if err := res.Error.unpack(); err != nil {
		return nil, err
	}
	for _, raw := range res.Raw {
		ev, err := network.UnmarshalEvent(raw)
		if err != nil {
			return nil, fmt.Errorf("memnet: unpack: %w", err)
		}
		res.Events = append(res.Events, ev)
	}
	return res, nil
}

func (l *tcpLink) close() {
	_ = l.nc.Close()
	<-l.done
}
