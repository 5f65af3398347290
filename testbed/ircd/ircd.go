package ircd

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"

	"github.com/causeway-chat/causeway/testbed/child"
)

// Kind is an IRC server program, by its name.
type Kind string

// The programs.
const (
	InspIRCd Kind = "inspircd"
	NgIRCd   Kind = "ngircd"
)

// Options change a server from an open one.
type Options struct {
	Password       string    // of the server, which clients give with PASS; "" is none
	WebIRCPassword string    // lets clients on loopback use WEBIRC; "" is never
	Output         io.Writer // for what the server writes; may be nil
}

// Server is an IRC server that can be killed and started again.
type Server struct {
	program string
	kind    Kind
	output  io.Writer
	dir     string
	plain   string
	tls     string
	roots   *x509.CertPool

	mu  sync.Mutex     // guards run and serialises starts and ends
	run *child.Process // nil while down
}

// Available returns nil if the program is installed, else an error that says how
// to get it.
func Available(k Kind) error {
	_, err := lookUp(k)
	return err
}

// lookUp finds a program in PATH, or where Debian has it, which is not in the
// PATH of everybody.
func lookUp(k Kind) (string, error) {
	for _, name := range []string{string(k), filepath.Join("/usr/sbin", string(k))} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s is not installed: on Debian and Ubuntu, apt-get install %s", k, k)
}

// Start starts a server on free ports, one for plain text and one for TLS, and
// returns when both accept connections.
func Start(ctx context.Context, k Kind, o Options) (*Server, error) {
	program, err := lookUp(k)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "causeway-"+string(k)+"-")
	if err != nil {
		return nil, err
	}
	s := &Server{program: program, kind: k, output: o.Output, dir: dir}
	if err := s.prepare(o); err != nil {
		return nil, errors.Join(fmt.Errorf("prepare %s: %w", k, err), os.RemoveAll(dir))
	}
	if err := s.Restart(ctx); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return s, nil
}

// prepare chooses ports and writes the server's files.
func (s *Server) prepare(o Options) error {
	// ngIRCd started by root reads its certificate as another user. Nothing
	// here is secret.
	if err := os.Chmod(s.dir, 0o755); err != nil {
		return err
	}
	var err error
	if s.plain, err = child.FreeAddr(); err != nil {
		return err
	}
	if s.tls, err = child.FreeAddr(); err != nil {
		return err
	}
	if s.roots, err = writeCertificate(s.file("cert.pem"), s.file("key.pem")); err != nil {
		return fmt.Errorf("certificate: %w", err)
	}
	if err := os.WriteFile(s.file("dh.pem"), dhParameters, 0o644); err != nil {
		return err
	}
	return s.writeConfig(o)
}

// file returns the path of a file of the server.
func (s *Server) file(name string) string { return filepath.Join(s.dir, name) }

// Addr returns the address for connections in plain text.
func (s *Server) Addr() string { return s.plain }

// TLSAddr returns the address for connections with TLS. The certificate is for
// 127.0.0.1 and localhost.
func (s *Server) TLSAddr() string { return s.tls }

// Roots returns what a client must trust to accept the server's certificate.
func (s *Server) Roots() *x509.CertPool { return s.roots }

// Kill ends the server with SIGKILL; its clients see their connections break. It
// does nothing if the server is down. There is no gentler end: InspIRCd 3.15
// has been seen to dump core on SIGTERM.
func (s *Server) Kill() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.kill()
}

// kill is called with mu held.
func (s *Server) kill() error {
	if s.run == nil {
		return nil
	}
	run := s.run
	s.run = nil
	return run.Kill()
}

// Restart starts the server again on its ports, after killing it if it runs, and
// returns when it accepts connections.
func (s *Server) Restart(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.kill(); err != nil {
		return err
	}
	cmd := exec.Command(s.program, s.arguments()...)
	cmd.Dir = s.dir
	cmd.Stderr = s.output
	run, err := child.Start(cmd)
	if err != nil {
		return err
	}
	for _, addr := range []string{s.plain, s.tls} {
		if err := run.Dialled(ctx, addr); err != nil {
			return errors.Join(err, run.Kill())
		}
	}
	s.run = run
	return nil
}

// Close kills the server and removes its directory.
func (s *Server) Close() error { return errors.Join(s.Kill(), os.RemoveAll(s.dir)) }
