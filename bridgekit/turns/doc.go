// Package turns lets one goroutine at a time work on one thing, and others
// meanwhile on other things: a portal's row, a ghost's profile, a room's session.
//
// It stores nothing, and holds memory only for what somebody works on or waits for.
package turns
