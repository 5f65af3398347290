package storetest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

const envOwner = "CAUSEWAY_STORETEST_OWNER"

// TestMain is, in the child of TestClusterEndsWithItsOwner, who owns a server.
func TestMain(m *testing.M) {
	if os.Getenv(envOwner) == "" {
		os.Exit(m.Run())
	}
	c, err := NewCluster()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(c.DSN, c.dir)
	select {}
}

// TestClusterEndsWithItsOwner: a test that is killed leaves no server behind.
func TestClusterEndsWithItsOwner(t *testing.T) {
	if _, err := findPostgres(); errors.Is(err, ErrNoPostgres) {
		t.Skip(err)
	}
	owner := exec.Command(os.Args[0])
	owner.Env = append(os.Environ(), envOwner+"=1")
	owner.Stderr = os.Stderr
	out, err := owner.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := owner.Start(); err != nil {
		t.Fatal(err)
	}
	line, readErr := bufio.NewReader(out).ReadString('\n')
	dsn, dir, _ := strings.Cut(strings.TrimSpace(line), " ")
	answers := func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), startWithin)
		defer cancel()
		conn, err := pgx.Connect(ctx, dsn)
		if err != nil {
			return false
		}
		_ = conn.Close(ctx)
		return true
	}
	up := readErr == nil && answers()
	if err := owner.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = owner.Wait() // it was killed
	if !up {
		t.Fatalf("the server did not come up: %v", readErr)
	}
	defer os.RemoveAll(dir)
	for begun := time.Now(); answers(); {
		if time.Since(begun) > startWithin {
			t.Fatal("the server outlives who started it")
		}
	}
}
