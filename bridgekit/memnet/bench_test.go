package memnet_test

import (
	"context"
	"fmt"
	"net"
	"testing"

	"github.com/causeway-chat/causeway/bridgekit/memnet"
	"github.com/causeway-chat/causeway/bridgekit/network"
)

// null is a Sink that stores nothing.
type null struct{ online chan struct{} }

func (null) Deliver(context.Context, network.Batch) error { return nil }

func (n null) State(st network.LoginState) {
	if st.Status == network.Online {
		close(n.online)
	}
}

// ways runs a benchmark in one process and over TCP, with a client that is online.
func ways(b *testing.B, f func(b *testing.B, s *memnet.Server, c network.Client)) {
	for _, way := range []string{"local", "served"} {
		b.Run(way, func(b *testing.B) {
			h := newHarness(memnet.Options{Keep: 100})
			ctx, cancel := context.WithCancel(context.Background())
			done := make(chan struct{}, 2)
			if way == "served" {
				l, err := net.Listen("tcp", "127.0.0.1:0")
				if err != nil {
					b.Fatal(err)
				}
				h.address = l.Addr().String()
				go func() {
					_ = h.s.Serve(ctx, l)
					done <- struct{}{}
				}()
			} else {
				done <- struct{}{}
			}
			conn, _ := h.Connector()
			client, err := conn.Open(ctx, network.Host{}, h.login)
			if err != nil {
				b.Fatal(err)
			}
			sink := null{make(chan struct{})}
			go func() {
				_ = client.Run(ctx, sink)
				done <- struct{}{}
			}()
			b.Cleanup(func() {
				cancel()
				<-done
				<-done
			})
			<-sink.online
			b.ReportAllocs()
			f(b, h.s, client)
		})
	}
}

// BenchmarkDeliver measures messages of another person until they are acknowledged.
func BenchmarkDeliver(b *testing.B) {
	ways(b, func(b *testing.B, s *memnet.Server, _ network.Client) {
		bob := s.User("bob")
		for b.Loop() {
			if _, err := bob.Say("general", "hello"); err != nil {
				b.Fatal(err)
			}
			if s.Pending("alice") > 10_000 {
				if err := s.Wait(b.Context(), func() bool { return s.Pending("alice") < 5_000 }); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
}

// BenchmarkSend measures one message after another, with their echoes.
func BenchmarkSend(b *testing.B) {
	ways(b, func(b *testing.B, _ *memnet.Server, c network.Client) {
		n := 0
		for b.Loop() {
			n++
			m := outgoing(network.TxnID(fmt.Sprintf("%032x", n)), "general", "hello")
			if _, err := c.Send(b.Context(), m); err != nil {
				b.Fatal(err)
			}
		}
	})
}
