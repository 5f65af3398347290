// Command demo shows Causeway at work, with nothing but Go installed: it starts a
// Matrix homeserver, an IRC server and Causeway between them, plays a short
// conversation both ways, prints it as each side sees it, and stays up for a
// Matrix and an IRC client to join in.
//
//	go run -C testbed ./demo
//
// With --hub three networks meet in one Matrix room: two IRC servers, whose
// operators agree in the configuration that they do, and memnet.
//
// A line of the conversation (script.go, hub_script.go) counts as arrived when a
// real client on every side has got exactly what the script says. With --once the
// exit status tells whether all of them did.
//
// # What is stored when
//
// All files are in one temporary directory, from the start to the end. Causeway
// is configured there as "causeway init" does it.
//
// # Who owns what
//
// A [stage] owns the servers and the clients. They run in this process, so nothing
// outlives it. main owns the directory.
package main
