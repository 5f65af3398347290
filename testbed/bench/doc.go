// Command bench measures Causeway beside mautrix bridgev2, in one run:
//
//	go run -C testbed ./bench [-runs N] [-only names] [-quick] [-plot file.svg]
//
// Both stand between the same stub homeserver, a process of its own, and the same
// synthetic network, which is in the bridge's process; see the packages stub and
// synth. Each row of the table is measured once for each bridge, in turn, then
// again; it shows the medians, and the median of the ratios of such pairs.
//
// Exit status 1 means that Causeway lost or doubled something, or that something could not be
// measured. A bar that is missed is said and changes no status: times depend on
// the machine.
//
// # What is stored
//
// Everything is in a temporary folder that is removed at the end; with -profile
// and -plot also where these say.
//
// # Who owns what
//
// The main goroutine does everything, one step after another. The children die
// with it.
package main
