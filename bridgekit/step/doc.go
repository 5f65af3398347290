// Package step names the instants at which a crash matters most: between two
// things that ought to happen together and cannot.
//
// The core calls a [Hook] at each of them. In production it is nil, which costs
// one comparison. The chaos program (testbed/chaos) ends the process there, and
// checks that the next one recovers. Nothing is stored and nothing owned here.
package step
