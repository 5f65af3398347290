// Package sqlite3 stands in for github.com/mattn/go-sqlite3 in the testbed's
// module, by a replace directive.
//
// Dendrite takes mattn's C library when cgo is there and modernc's Go library
// when it is not. The testbed holds modernc's already, because Causeway uses
// it. With this package Dendrite takes modernc's in both cases, which saves
// 45 seconds of C compiler in a first build and makes the homeserver behave
// alike on machines with and without a C compiler.
//
// It has what Dendrite's internal/sqlutil names, and nothing else: the driver
// called "sqlite3", Error and ErrConstraint. It stores nothing of its own.
package sqlite3
