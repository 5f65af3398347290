// Package foreign speaks with a Matrix client that nobody here wrote, a process of its
// own, in lines of JSON: a command {"id", "do", ...} to it, its answer {"id", "ok" or
// "error"} and what it saw {"event"} from it. Packages nio and jssdk start such clients.
// Tests use them to see what others make of what Causeway encrypts, and the other way
// round.
//
// # Who owns what
//
// A Client owns its process; a goroutine reads what it says. Its methods may be called
// by several goroutines.
package foreign
