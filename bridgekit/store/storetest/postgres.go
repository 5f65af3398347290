package storetest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// startWithin is how long a server may take until it answers.
const startWithin = 2 * time.Minute

// ErrNoPostgres says that the programs are not on this machine.
var ErrNoPostgres = errors.New("initdb and pg_ctl were not found; get them with: apt-get install postgresql")

// A Cluster is a PostgreSQL server in a temporary folder, on loopback. It is used
// by one goroutine.
type Cluster struct {
	// DSN is the URL of its database "postgres".
	DSN string

	bin, dir string
	cred     *syscall.Credential
	args     []string
	ended    chan struct{} // closed when the server that was started last is gone
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
	c.args = []string{
		"-D", c.data(), "-p", strconv.Itoa(port), "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=" + c.dir,
		"-c", "fsync=off", "-c", "max_connections=200",
	}
	err = c.run("initdb", "-D", c.data(), "-U", "causeway", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C")
	if err != nil {
		return err
	}
	return c.Start()
}

func (c *Cluster) data() string { return filepath.Join(c.dir, "data") }

// Start starts the server on its old port and data, and waits until it answers. On
// Linux it ends with this process, however that ends.
func (c *Cluster) Start() error {
	log, err := os.OpenFile(filepath.Join(c.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := c.command("postgres", c.args...)
	cmd.Stdout, cmd.Stderr = log, log
	dieWithParent(cmd.SysProcAttr)
	started, ended := make(chan error), make(chan struct{})
	go func() {
		defer close(ended)
		runtime.LockOSThread() // for Linux the parent is the thread, so it has to stay
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // how a server ends is its test's affair
		}
	}()
	if err := <-started; err != nil {
		return fmt.Errorf("start postgres: %w", err)
	}
	c.ended = ended
	return c.answers()
}

// answers waits until the server takes connections.
func (c *Cluster) answers() error {
	limit := time.After(startWithin)
	for {
		ctx, cancel := context.WithTimeout(context.Background(), startWithin)
		conn, err := pgx.Connect(ctx, c.DSN)
		if err == nil {
			err = conn.Close(ctx)
		}
		cancel()
		if err == nil {
			return nil
		}
		select {
		case <-c.ended:
		case <-limit:
		case <-time.After(20 * time.Millisecond):
			continue
		}
		text, _ := os.ReadFile(filepath.Join(c.dir, "log"))
		return errors.Join(fmt.Errorf("postgres does not answer: %w: %s", err, text), c.Stop("immediate"))
	}
}

// Stop stops the server and waits until it is gone: "fast" lets transactions roll back,
// "immediate" is a crash.
func (c *Cluster) Stop(mode string) error {
	err := c.run("pg_ctl", "-D", c.data(), "-m", mode, "-w", "stop")
	if err == nil && c.ended != nil {
		<-c.ended
	}
	return err
}

// Remove crashes the server, if it runs, and removes its folder.
func (c *Cluster) Remove() error {
	_ = c.Stop("immediate") // it may be stopped already
	return os.RemoveAll(c.dir)
}

func (c *Cluster) run(name string, args ...string) error {
	if text, err := c.command(name, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", name, err, text)
	}
	return nil
}

// command is a program of PostgreSQL's, run as the user that may.
func (c *Cluster) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(c.bin, name), args...)
	cmd.Dir = c.dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: c.cred}
	return cmd
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
