package storetest

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// ErrNoPostgres says that the programs are not on this machine.
var ErrNoPostgres = errors.New("initdb and pg_ctl were not found; get them with: apt-get install postgresql")

// A Cluster is a PostgreSQL server in a temporary folder, on loopback. It is used
// by one goroutine.
type Cluster struct {
	// DSN is the URL of its database "postgres".
	DSN string

	bin, dir string
	cred     *syscall.Credential
	opts     string
}

// NewCluster makes and starts a server. Run as root it uses the user postgres,
// because the server refuses root. The error wraps ErrNoPostgres if there is no
// such program.
func NewCluster() (*Cluster, error) {
	bin, err := findPostgres()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "causeway-pg-")
	if err != nil {
		return nil, err
	}
	c := &Cluster{bin: bin, dir: dir}
	if err := c.make(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return c, nil
}

func (c *Cluster) make() (err error) {
	if c.cred, err = unprivileged(c.dir); err != nil {
		return err
	}
	port, err := freePort()
	if err != nil {
		return err
	}
	c.DSN = fmt.Sprintf("postgres://causeway@127.0.0.1:%d/postgres?sslmode=disable", port)
	c.opts = fmt.Sprintf("-p %d -c listen_addresses=127.0.0.1 -c unix_socket_directories=%s -c fsync=off -c max_connections=200", port, c.dir)
	err = c.run("initdb", "-D", c.data(), "-U", "causeway", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C")
	if err != nil {
		return err
	}
	return c.Start()
}

func (c *Cluster) data() string { return filepath.Join(c.dir, "data") }

// Start starts the server on its old port and data, and waits until it answers.
func (c *Cluster) Start() error {
	return c.run("pg_ctl", "-D", c.data(), "-w", "-l", filepath.Join(c.dir, "log"), "-o", c.opts, "start")
}

// Stop stops the server: "fast" lets transactions roll back, "immediate" is a
// crash.
func (c *Cluster) Stop(mode string) error {
	return c.run("pg_ctl", "-D", c.data(), "-m", mode, "-w", "stop")
}

// Remove crashes the server, if it runs, and removes its folder.
func (c *Cluster) Remove() error {
	_ = c.Stop("immediate") // it may be stopped already
	return os.RemoveAll(c.dir)
}

func (c *Cluster) run(name string, args ...string) error {
	cmd := exec.Command(filepath.Join(c.bin, name), args...)
	cmd.Dir = c.dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: c.cred}
	// pg_ctl's server keeps an inherited pipe open, so output goes to a file.
	out, err := os.CreateTemp("", "causeway-pg-log-")
	if err != nil {
		return err
	}
	defer os.Remove(out.Name())
	defer out.Close()
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Run(); err != nil {
		text, _ := os.ReadFile(out.Name())
		return fmt.Errorf("%s: %w: %s", name, err, text)
	}
	return nil
}

// StartPostgres is NewCluster for those who need its URL only.
func StartPostgres() (dsn string, stop func(), err error) {
	c, err := NewCluster()
	if err != nil {
		return "", nil, err
	}
	return c.DSN, func() { _ = c.Remove() }, nil
}

func findPostgres() (string, error) {
	if p, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(p), nil
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil || len(found) == 0 {
		return "", ErrNoPostgres
	}
	return filepath.Dir(found[len(found)-1]), nil
}

// unprivileged gives dir to the user that the server runs as.
func unprivileged(dir string) (*syscall.Credential, error) {
	if os.Getuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil, fmt.Errorf("the server refuses to run as root, and there is no user postgres: %w", err)
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return nil, err
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, os.Chown(dir, int(uid), int(gid))
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}
