package storetest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/causeway-chat/causeway/bridgekit/store"
)

// envPostgres names the URL of a PostgreSQL server on which tests may create
// databases. Main sets it; set by hand, no cluster is started.
const envPostgres = "CAUSEWAY_TEST_POSTGRES"

// Key is the sealing key of all test databases.
func Key() []byte { return []byte(strings.Repeat("k", store.KeySize)) }

// Main is the body of a TestMain for tests that call Each.
func Main(m *testing.M) int {
	if os.Getenv(envPostgres) == "" {
		dsn, stop, err := StartPostgres()
		switch {
		case errors.Is(err, ErrNoPostgres):
			fmt.Fprintln(os.Stderr, "left out: tests on PostgreSQL:", err)
		case err != nil:
			fmt.Fprintln(os.Stderr, "start PostgreSQL:", err)
			return 1
		default:
			defer stop()
			os.Setenv(envPostgres, dsn)
		}
	}
	return m.Run()
}

// Each runs f on each kind of database. The function open opens the test's
// database, again and again if need be, and closes it with the test; the writer
// runs meanwhile.
func Each(t *testing.T, f func(t *testing.T, open func() *store.DB)) {
	t.Run("sqlite", func(t *testing.T) { f(t, Source(t, SQLite(t))) })
	t.Run("postgres", func(t *testing.T) { f(t, Source(t, Postgres(t))) })
}

// SQLite is the source of a fresh SQLite database.
func SQLite(t testing.TB) string {
	return "sqlite:" + filepath.Join(t.TempDir(), "causeway.db")
}

// Postgres is the source of a fresh PostgreSQL database.
func Postgres(t testing.TB) string {
	t.Helper()
	server := os.Getenv(envPostgres)
	if server == "" {
		t.Skip("PostgreSQL is not installed: apt-get install postgresql")
	}
	admin, err := sql.Open("pgx", server)
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	name := fmt.Sprintf("t%d_%s", os.Getpid(), strings.ToLower(strings.NewReplacer("/", "_", "#", "_", "-", "_").Replace(t.Name())))
	name = name[:min(len(name), 60)]
	if _, err := admin.Exec(`DROP DATABASE IF EXISTS "` + name + `" WITH (FORCE)`); err != nil {
		t.Fatal(err)
	}
	if _, err := admin.Exec(`CREATE DATABASE "` + name + `"`); err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	u.Path = "/" + name
	return u.String()
}

// Source returns a function that opens source, runs its writer, and closes both
// when the test ends.
func Source(t testing.TB, source string) func() *store.DB {
	return func() *store.DB {
		t.Helper()
		db, stop, err := Start(source)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(stop)
		return db
	}
}

// Start opens source and runs its writer until stop is called.
func Start(source string) (db *store.DB, stop func(), err error) {
	db, err = store.Open(context.Background(), source, Key())
	if err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = db.Run(ctx) // it returns the end of ctx
	}()
	return db, func() {
		cancel()
		<-done
		_ = db.Close()
	}, nil
}
