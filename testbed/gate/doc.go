// Package gate stands in the way of TCP connections: it passes them on to another
// address, and can refuse them, cut them, hold them up, slow them down, or swallow
// what the other side answers. Tests put one before a server to do to its clients
// what networks do, without touching the server or anybody else's connection.
//
// It stores nothing. A Gate owns its listener, the connections that pass through
// it and their goroutines, two for each; Close ends all of them and waits. All
// methods may be called concurrently.
package gate
