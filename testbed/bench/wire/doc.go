// Package wire is what the processes of the benchmark have in common: how one is
// told what it is, the calls between them, what a message looks like, and the
// tally of what arrived.
//
// # Who calls whom
//
// The benchmark's own process calls the others, as net/rpc does, over loopback: the
// stub homeserver ([Pushed], [Arrivals]) and the subjects ([Delivered],
// [Arrivals]). Times are Unix nanoseconds, which all processes of a machine
// share.
//
// # What is stored
//
// Nothing, except that a [Tally] with a file keeps there what arrived, so that
// it outlives the process that is killed.
//
// # Who owns what
//
// A Tally guards itself with a mutex; everything else is plain values.
package wire
