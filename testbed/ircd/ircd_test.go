package ircd_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"testing"
	"time"

	"github.com/causeway-chat/causeway/testbed/ircd"
	"github.com/causeway-chat/causeway/testbed/ircuser"
)

// each runs f on both servers, as far as they are installed.
func each(t *testing.T, o ircd.Options, f func(ctx context.Context, t *testing.T, s *ircd.Server)) {
	for _, kind := range []ircd.Kind{ircd.InspIRCd, ircd.NgIRCd} {
		t.Run(string(kind), func(t *testing.T) {
			if err := ircd.Available(kind); err != nil {
				t.Skip(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			o.Output = t.Output()
			began := time.Now()
			s, err := ircd.Start(ctx, kind, o)
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("started in %s", time.Since(began).Round(time.Millisecond))
			defer func() {
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			}()
			f(ctx, t, s)
		})
	}
}

func join(ctx context.Context, t *testing.T, o ircuser.Options) *ircuser.User {
	t.Helper()
	u, err := ircuser.Dial(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(u.Close)
	if err := u.Join(ctx, "#den"); err != nil {
		t.Fatal(err)
	}
	return u
}

// TestPlainAndTLS has a user on each port, who hear each other.
func TestPlainAndTLS(t *testing.T) {
	each(t, ircd.Options{}, func(ctx context.Context, t *testing.T, s *ircd.Server) {
		alice := join(ctx, t, ircuser.Options{Addr: s.Addr(), Nick: "alice"})
		bob := join(ctx, t, ircuser.Options{Addr: s.TLSAddr(), Nick: "bob", TLS: &tls.Config{RootCAs: s.Roots()}})
		for _, way := range []struct {
			from, to *ircuser.User
			text     string
		}{{alice, bob, "hello bob"}, {bob, alice, "hello alice"}} {
			if err := way.from.Say("#den", way.text); err != nil {
				t.Fatal(err)
			}
			if _, err := way.to.Wait(ctx, 0, ircuser.Said(way.from.Nick(), "#den", way.text)); err != nil {
				t.Fatal(err)
			}
		}
		_, err := ircuser.Dial(ctx, ircuser.Options{Addr: s.TLSAddr(), Nick: "eve", TLS: &tls.Config{RootCAs: x509.NewCertPool()}})
		if err == nil {
			t.Fatal("a client that trusts nobody trusts the server")
		}
	})
}

func TestPassword(t *testing.T) {
	each(t, ircd.Options{Password: "sesame"}, func(ctx context.Context, t *testing.T, s *ircd.Server) {
		join(ctx, t, ircuser.Options{Addr: s.Addr(), Nick: "alice", Password: "sesame"})
		_, err := ircuser.Dial(ctx, ircuser.Options{Addr: s.Addr(), Nick: "eve", Password: "please"})
		if err == nil {
			t.Fatal("a wrong password is good enough")
		}
	})
}

// TestRestart kills the server under a user and starts it on the same port.
func TestRestart(t *testing.T) {
	each(t, ircd.Options{}, func(ctx context.Context, t *testing.T, s *ircd.Server) {
		alice := join(ctx, t, ircuser.Options{Addr: s.Addr(), Nick: "alice"})
		addr := s.Addr()
		if err := s.Kill(); err != nil {
			t.Fatal(err)
		}
		never := func(ircuser.Line) bool { return false }
		if _, err := alice.Wait(ctx, 0, never); err == nil || ctx.Err() != nil {
			t.Fatalf("alice's connection outlives the server: %v", err)
		}
		if _, err := ircuser.Dial(ctx, ircuser.Options{Addr: addr, Nick: "bob"}); err == nil {
			t.Fatal("a dead server answers")
		}
		if err := s.Restart(ctx); err != nil {
			t.Fatal(err)
		}
		if s.Addr() != addr {
			t.Fatalf("moved from %s to %s", addr, s.Addr())
		}
		join(ctx, t, ircuser.Options{Addr: addr, Nick: "alice"})
	})
}

func TestUnavailable(t *testing.T) {
	if err := ircd.Available("no-such-ircd"); err == nil {
		t.Fatal("a program that does not exist is available")
	}
	if _, err := ircd.Start(t.Context(), "no-such-ircd", ircd.Options{}); err == nil {
		t.Fatal("a program that does not exist was started")
	}
	if ircd.Available(ircd.NgIRCd) == nil {
		if _, err := ircd.Start(t.Context(), ircd.NgIRCd, ircd.Options{Password: "a\nb"}); err == nil {
			t.Fatal("a password with a line break got into the configuration")
		}
	}
}
