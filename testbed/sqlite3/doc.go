// Package sqlite3 stands in for github.com/mattn/go-sqlite3 in the testbed's
// module, by a replace directive.
//
// Dendrite and mautrix bridgev2 take mattn's C library when cgo is there;
// Dendrite takes modernc's Go library when it is not. The testbed holds modernc's
// already, because Causeway uses it. With this package all take modernc's in both
// cases, which saves 45 seconds of C compiler in a first build, makes the
// homeserver behave alike on machines with and without a C compiler, and has the
// benchmark compare two bridges on one SQLite.
//
// It has what Dendrite's internal/sqlutil and mautrix's dbutil/litestream name,
// and nothing else: the driver called "sqlite3", [SQLiteDriver] with its hook,
// Error and two codes. It stores nothing of its own.
package sqlite3
