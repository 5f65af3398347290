// Package embed runs Dendrite 0.13.8, a complete Matrix homeserver, inside the
// calling process, for tests and the demo.
//
// # Why the module has this path
//
// Wiring Dendrite together takes its packages internal/caching,
// internal/httputil and internal/sqlutil. Go lets a package be imported from
// below the parent of its internal folder, and goes by import paths alone. A
// module called github.com/matrix-org/dendrite/embed may therefore import them.
// The testbed's go.mod points that path at this folder.
//
// # What differs from Dendrite as shipped
//
//   - Redactions reach appservices. Dendrite withholds them
//     (element-hq/dendrite#3445); see redact.go.
//   - It listens on the loopback interface only. This version has known
//     security problems with strangers' input (CVE-2024-52594), so it must
//     never be reachable, and federation is off.
//   - The signing key is kept with the data. Dendrite's own generated
//     configuration uses one and the same key everywhere.
//   - Stop lets components finish, and a restart takes up what was on its way
//     after 2 seconds instead of 30, without losing it; see streams.go.
//   - SQLite runs in WAL mode, which is several times faster and survives a
//     kill of the process; only a power cut could take the last events.
//
// # What is stored when
//
// Everything lies in Options.Dir: one SQLite file per component, the message
// streams of the embedded NATS server, uploaded media and signing.seed. A
// server started again on the same directory has the same rooms, users and
// tokens, and goes on delivering what appservices had not acknowledged.
//
// # Who owns what
//
// A Server owns its listener and all of Dendrite's goroutines until Stop. Some
// of them outlive Stop (about 30, with 4 MB, by measurement), because Dendrite
// was written to end with its process; starting many servers in one process is
// therefore better done with the tesths command. Where they would take the
// process with them they end alone; see leftovers.go. Log level and database
// driver are global in Dendrite, so servers of one process share them.
package embed
