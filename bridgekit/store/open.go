package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib" // also the database/sql driver "pgx"
	"github.com/pressly/goose/v3"
	_ "modernc.org/sqlite" // database/sql driver "sqlite"

	"github.com/causeway-chat/causeway/bridgekit/step"
)

//go:embed migrations
var migrations embed.FS

// A dialect is what differs between the databases.
type dialect struct {
	driver  string
	folder  string // of its migrations
	goose   goose.Dialect
	readers int
	begin   string // starts a write transaction
	dollars bool   // placeholders are $1, not ?
	locks   bool   // lanes need advisory locks: other processes write too
}

func sqlite() dialect {
	return dialect{driver: "sqlite", folder: "migrations/sqlite", goose: goose.DialectSQLite3, readers: 4, begin: "BEGIN IMMEDIATE"}
}

// postgres says which isolation it needs, whatever is the server's default: the
// fence and the locks of lanes rely on statements seeing what was committed while
// they waited.
func postgres() dialect {
	return dialect{driver: "pgx", folder: "migrations/postgres", goose: goose.DialectPostgres, readers: 8, begin: "BEGIN ISOLATION LEVEL READ COMMITTED", dollars: true, locks: true}
}

// DB is the open database. Reads may be called concurrently; writes wait for
// Run's goroutine, which must be running.
type DB struct {
	dialect dialect
	pool    *sql.DB  // reads
	stmts   sync.Map // *sql.Stmt of the pool by query
	writer  *sql.DB  // one connection
	seal    *Sealer
	steps   step.Hook

	source  string        // what Listen connects to
	silence time.Duration // of the server, after which Listen asks for it
	conns   *connections  // to PostgreSQL
	log     *slog.Logger  // of what Patiently waits for; nil: it does not
	fence   atomic.Int64  // the lease's number, checked in every transaction; 0: none

	queue *queue // what waits for the writer
}

// An Option changes how Open does it.
type Option func(*DB)

// WithSteps has hook told which steps the store reaches.
func WithSteps(hook step.Hook) Option { return func(db *DB) { db.steps = hook } }

// WithPatience sets how long PostgreSQL may take to send the next part of an answer
// before the connection is given up; default 30 s.
func WithPatience(d time.Duration) Option { return func(db *DB) { db.conns.limit = d } }

// Open connects to the database that source names and brings its schema up to
// date. Source is "sqlite:PATH" or a postgres:// URL. A schema that is newer
// than this program is refused. The key seals what is secret.
func Open(ctx context.Context, source string, key []byte, options ...Option) (*DB, error) {
	seal, err := NewSealer(key)
	if err != nil {
		return nil, err
	}
	d, dsn, err := parse(source)
	if err != nil {
		return nil, err
	}
	db := &DB{dialect: d, source: dsn, silence: maxSilence, conns: &connections{limit: answerTime, open: map[*patient]struct{}{}}, seal: seal, queue: newQueue()}
	for _, o := range options {
		o(db)
	}
	if db.writer, err = d.openPool(dsn, writing(), db.conns); err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	db.writer.SetMaxOpenConns(1)
	if db.pool, err = d.openPool(dsn, nil, db.conns); err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	db.pool.SetMaxOpenConns(d.readers)
	db.pool.SetMaxIdleConns(d.readers)
	files, err := fs.Sub(migrations, d.folder)
	if err == nil {
		err = db.Patiently(ctx, "open database", func(ctx context.Context) error { return db.migrate(ctx, files) })
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// openPool opens a pool of connections to what parse returned.
func (d dialect) openPool(dsn string, params map[string]string, conns *connections) (*sql.DB, error) {
	if !d.locks {
		return sql.Open(d.driver, dsn)
	}
	c, err := connConfig(dsn, conns)
	if err != nil {
		return nil, err
	}
	maps.Copy(c.RuntimeParams, params)
	return stdlib.OpenDB(*c), nil
}

// writing are the parameters of the connection that transactions are written
// with. PostgreSQL ends one whose process was paused or cut off in the middle: it
// would keep the lease, and the lanes it wrote to, from everybody.
func writing() map[string]string {
	return map[string]string{"idle_in_transaction_session_timeout": "3000"} // ms
}

// connConfig is how to connect to a PostgreSQL. One that does not answer is given
// up: nobody would notice that it hangs.
func connConfig(dsn string, conns *connections) (*pgx.ConnConfig, error) {
	c, err := pgx.ParseConfig(dsn)
	if err != nil {
		return nil, err
	}
	if c.ConnectTimeout == 0 {
		c.ConnectTimeout = 5 * time.Second
	}
	c.DialFunc = conns.dial
	return c, nil
}

// parse turns a source into a dialect and what its driver takes.
func parse(source string) (dialect, string, error) {
	switch {
	case strings.HasPrefix(source, "sqlite:"):
		path := strings.TrimPrefix(source, "sqlite:")
		if path == "" {
			return dialect{}, "", errors.New("database: sqlite: needs a file name, such as sqlite:causeway.db")
		}
		if err := private(path); err != nil {
			return dialect{}, "", err
		}
		q := url.Values{"_pragma": {"journal_mode(WAL)", "synchronous(FULL)", "busy_timeout(10000)", "foreign_keys(1)", "temp_store(MEMORY)", "wal_autocheckpoint(0)"}, "_txlock": {"immediate"}}
		return sqlite(), "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + q.Encode(), nil
	case strings.HasPrefix(source, "postgres://"), strings.HasPrefix(source, "postgresql://"):
		return postgres(), source, nil
	}
	return dialect{}, "", fmt.Errorf("database: %q is neither sqlite:FILE nor a postgres:// URL", redact(source))
}

// private makes sure that nobody else on the machine can read the file.
func private(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("database folder: %w", err)
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("database file: %w", err)
	}
	return f.Close()
}

// redact removes a password from a source for an error text.
func redact(source string) string {
	if u, err := url.Parse(source); err == nil {
		return u.Redacted()
	}
	return "(unreadable)"
}

// migrate applies the numbered migrations that are missing. An SQLite database
// that holds something is copied first, see copyBefore.
func (db *DB) migrate(ctx context.Context, files fs.FS) error {
	conn, err := sql.Open(db.dialect.driver, db.source) // with patience for long statements
	if err != nil {
		return fmt.Errorf("migrations: %w", err)
	}
	defer conn.Close()
	p, err := goose.NewProvider(db.dialect.goose, conn, files)
	if err != nil {
		return fmt.Errorf("migrations: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	release, err := db.alone(ctx)
	if err != nil {
		return fmt.Errorf("database: %w", err)
	}
	defer release()
	have, want, err := p.GetVersions(ctx)
	if err != nil {
		return fmt.Errorf("database: %w", err)
	}
	if have > want {
		return fmt.Errorf("database: its schema is version %d, this program knows only up to %d: run the newer Causeway that made it, or restore the backup from before the upgrade", have, want)
	}
	if have > 0 && have < want {
		if err := db.copyBefore(ctx, have); err != nil {
			return fmt.Errorf("back up database before its upgrade: %w", err)
		}
	}
	for {
		db.steps.At(step.Migrating)
		if _, err := p.UpByOne(ctx); errors.Is(err, goose.ErrNoNextVersion) {
			return nil
		} else if err != nil {
			return fmt.Errorf("migrate database: %w", err)
		}
	}
}

// alone waits until no other process migrates the database, and keeps others from
// it until release is called. An SQLite file has one process.
func (db *DB) alone(ctx context.Context) (release func(), err error) {
	if !db.Shared() {
		return func() {}, nil
	}
	const migrating = 0x43617573 // any number that all versions agree on
	tx, err := db.pool.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	release = func() { _ = tx.Rollback() } // nothing was written in it; the lock ends with it
	if _, err := tx.ExecContext(ctx, "SELECT pg_advisory_xact_lock($1)", migrating); err != nil {
		release()
		return nil, err
	}
	return release, nil
}

// Seal is the sealer for values in this database.
func (db *DB) Seal() *Sealer { return db.seal }

// Close closes the connections. Call it after Run has returned.
func (db *DB) Close() error {
	db.stmts.Range(func(_, s any) bool { // SQLite keeps a connection open for its statements
		_ = s.(*sql.Stmt).Close()
		return true
	})
	return errors.Join(db.writer.Close(), db.pool.Close())
}

// Ping tells whether the database answers.
func (db *DB) Ping(ctx context.Context) error { return db.pool.PingContext(ctx) }

// rebind rewrites ? placeholders for the dialect. Statements hold no ? in literals.
func (d dialect) rebind(query string) string {
	if !d.dollars {
		return query
	}
	var b strings.Builder
	n := 0
	for _, r := range query {
		if r != '?' {
			b.WriteRune(r)
			continue
		}
		n++
		fmt.Fprintf(&b, "$%d", n)
	}
	return b.String()
}
