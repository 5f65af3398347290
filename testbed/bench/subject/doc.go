// Package subject is Causeway as the benchmark measures it: the real one, with a
// connector to the synthetic network and nothing else about it changed.
//
// # What is stored
//
// Causeway's database, in the spec's folder: SQLite, with every commit synced to
// the disk. The owner's login is put into it before the start.
//
// # Who owns what
//
// [Run] owns the bridge and ends with it. A client holds nothing but the
// connection that Run gave it.
package subject
