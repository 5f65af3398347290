// Package matrixtest is a Matrix homeserver in memory for tests of an
// appservice bridge: strict about the specification, fast, and able to fail
// in all the ways a real one does.
//
// A [Server] speaks the Client-Server API (Matrix v1.11 and what a bridge uses
// of later versions) and the Application Service API. It knows no federation
// and no disk, and the keys of devices only as a homeserver does, which cannot
// read what is encrypted with them. Where the specification leaves a
// choice, it does what Synapse does; [Options].Flavor selects Dendrite's
// answer where the two differ in a way that a bridge can feel.
//
// # Ways in
//
// [Server] is an http.Handler, so httptest.NewServer serves it on a socket.
// [Server.Transport] calls it in the same process with bodies streaming both
// ways and without any socket, which also works inside a testing/synctest
// bubble. [Transport] does the same for the bridge's own handler, so that the
// server can push to it ([Server.Attach]).
//
// [User] is a person at a client: it sets a scene and goes around injected
// faults and the request log, which see only requests from outside.
//
// # Who owns what
//
// One mutex (Server.mu) guards rooms, users, aliases, media and the queues of
// all appservices. No section under it does I/O, and sending, the request
// that comes in thousands, is decoded before and encoded for pushing after it.
// Events are immutable: a redaction replaces the event in its timeline by a
// pruned copy, so a snapshot shares memory with the server and costs little.
// Each appservice with a URL has one goroutine that pushes its transactions,
// started by [Server.Register] and ended by [Server.Close]. The transaction
// cache, the fault hook and the request log have small locks of their own,
// which are never held together with another.
//
// Nothing is stored: Close forgets everything.
package matrixtest
