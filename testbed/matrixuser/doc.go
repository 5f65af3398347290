// Package matrixuser is a person with an account on a homeserver, for tests and
// the demo: it logs in with a password, keeps every event it is shown, in order,
// and says things.
//
// It knows no encryption. What it does not wrap is done with its Client.
//
// # What is stored when
//
// Everything seen is kept in memory until the User is dropped. Nothing is
// written; a new login starts anew.
//
// # Who owns what
//
// Login starts one goroutine, which syncs and is the only one to append to the
// log; Close ends it and waits. All methods may be called concurrently. Methods
// that send return when the homeserver has answered and do not retry.
package matrixuser
