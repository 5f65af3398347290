// Package crypt holds tests of bridgekit/matrix/crypt against what nobody here
// wrote: Synapse and Dendrite, with a person at matrix-nio.
//
// # What is stored when
//
// Nothing but temporary directories of the tests.
//
// # Who owns what
//
// A world owns the homeserver, the bridge's end and the clients of one test. Tests
// wait for what they expect, never for time to pass.
package crypt
