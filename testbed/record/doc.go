// Package record keeps what a test user saw, in the order it was seen, and lets
// others wait for something to appear.
//
// A Log stores its entries in memory for as long as it lives. One goroutine, the
// reader of a connection, appends; any number may look and wait.
package record
