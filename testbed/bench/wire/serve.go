package wire

import (
	"bufio"
	"context"
	"encoding/gob"
	"errors"
	"fmt"
	"net"
	"net/rpc"
	"sync"
)

// A Method reads its argument with decode and returns what makes the reply.
type Method func(decode func(any) error) (call func() (any, error), err error)

// A MethodOf calls f.
func MethodOf[A, R any](f func(A, *R) error) Method {
	return func(decode func(any) error) (func() (any, error), error) {
		var args A
		err := decode(&args)
		return func() (any, error) {
			var reply R
			err := f(args, &reply)
			return &reply, err
		}, err
	}
}

// Serve answers the calls of net/rpc clients on address until ctx is done, each in
// a goroutine. It is not rpc.Server: that one finds methods by reflection, so the
// linker would keep all methods of the bridge, and megabytes be measured that are
// not its.
func Serve(ctx context.Context, address string, methods map[string]Method) error {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("serve calls: %w", err)
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	stop := context.AfterFunc(ctx, func() { _ = l.Close() })
	defer stop()
	for {
		conn, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return fmt.Errorf("serve calls: %w", ctx.Err())
		}
		if err != nil {
			return fmt.Errorf("serve calls: %w", err)
		}
		wg.Go(func() {
			stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
			defer stop()
			serveConn(conn, methods)
		})
	}
}

// serveConn answers the calls of one connection, in the encoding of net/rpc: each
// is an rpc.Request and its argument, each answer an rpc.Response and its reply.
func serveConn(conn net.Conn, methods map[string]Method) {
	defer conn.Close()
	var mu sync.Mutex // guards what is written
	out := bufio.NewWriter(conn)
	dec, enc := gob.NewDecoder(conn), gob.NewEncoder(out)
	answer := func(req rpc.Request, reply any, err error) {
		mu.Lock()
		defer mu.Unlock()
		res := rpc.Response{ServiceMethod: req.ServiceMethod, Seq: req.Seq}
		if err != nil {
			res.Error, reply = err.Error(), Nothing{}
		}
		// A caller that is gone needs no answer.
		_ = errors.Join(enc.Encode(&res), enc.Encode(reply), out.Flush())
	}
	for {
		var req rpc.Request
		if err := dec.Decode(&req); err != nil {
			return // the caller is gone
		}
		m := methods[req.ServiceMethod]
		if m == nil {
			m = func(decode func(any) error) (func() (any, error), error) {
				return func() (any, error) { return nil, errors.New("no such method") }, decode(nil)
			}
		}
		call, err := m(func(v any) error { return dec.Decode(v) })
		if err != nil {
			answer(req, nil, err)
			return // what follows cannot be read
		}
		go func() {
			reply, err := call()
			answer(req, reply, err)
		}()
	}
}
