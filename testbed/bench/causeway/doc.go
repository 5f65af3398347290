// Command causeway is Causeway as the benchmark measures it: the real one, with a
// connector to the synthetic network and nothing else about it changed. The
// benchmark builds it: a program of its own holds no memory for what is not its.
//
// # What is stored
//
// Causeway's database, in the spec's folder: SQLite, with every commit synced to
// the disk. The owner's login is put into it before the start.
//
// # Who owns what
//
// run owns the bridge and ends with it. A client holds nothing but the
// connection that Run gave it.
package main
