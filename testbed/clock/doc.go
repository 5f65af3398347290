// Package clock lets the clock of this process jump while it runs, as an
// administrator or NTP does to a machine's. Wall time changes for everybody who asks
// for it, libraries too; monotonic time, and with it all timers, goes on as if nothing
// had happened.
//
// The Go runtime asks the kernel's vDSO for the time, through a pointer. [Set] puts a
// function of ours in its place that asks the same and then moves what came of it. This
// needs no privileges and concerns this process alone. It is for tests: nothing that is
// shipped imports it.
//
// # Who owns what
//
// The pointer is written once by the first Set, the time to move by with each, by one
// caller at a time; everybody reads both.
package clock
