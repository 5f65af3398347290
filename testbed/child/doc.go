// Package child runs the servers that tests talk to as child processes: it knows
// when they end, what they last said, and, on Linux, that none is left behind
// even if the test is killed.
//
// Nothing is stored. A Process owns its operating system process and the one
// goroutine that starts it and waits for it.
package child
