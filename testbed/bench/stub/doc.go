// Package stub is the homeserver of the benchmark: it agrees to everything, as
// fast as a Go program can, so that what is measured is the bridge.
//
// Each appservice has rooms, latency and counts of its own, so that two bridges
// can be measured in turn against one process. It checks nothing but the token,
// and answers requests that it does not know with an empty object.
//
// # What is stored
//
// Nothing on disk. In memory a room keeps its newest thousand events, for
// bridges that look for their own after a crash. Uploads are counted and thrown
// away, downloads are made on the way.
//
// # Who owns what
//
// A [Server] has a lock over its appservices; each appservice has one over its
// rooms and one in its tally. No goroutine outlives its request.
package stub
