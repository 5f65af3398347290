// Package e2e holds the tests of the whole: a real homeserver, real IRC servers
// and Causeway between them, as an administrator would set it up.
//
// Each test runs against every IRC server of [kinds]: the one of
// bridges/irc/ircfake, which has every extension, InspIRCd, which has most, and
// ngIRCd, which has hardly any. One that is not installed is left out, and the
// test says how to get it.
//
// # What is stored when
//
// Nothing but temporary directories of the tests.
//
// # Who owns what
//
// A world owns the servers, the Causeway and the clients of one test. Causeway
// reaches the IRC server through a gate, so that a test can cut its connection
// without touching anybody else's, and decide when it may come back. Tests wait
// for what they expect, never for time to pass.
package e2e
