// Command bridgev2 is mautrix bridgev2 as the benchmark measures it: the program
// that every bridge built on it is (bridgev2/matrix/mxmain), with its example
// configuration, and a connector to the synthetic network. The benchmark builds
// it.
//
// What is not its default: SQLite instead of PostgreSQL, as its documentation
// describes it (sqlite3-fk-wal, which is synchronous=NORMAL), on modernc's
// library, see the package sqlite3. It logs what it logs by default, to files.
// There is no encryption.
//
// # What is stored
//
// Its configuration, database and logs, in the spec's folder. The owner's login
// is made at the first start.
//
// # Who owns what
//
// run owns the bridge and stops it when it ends.
package main
