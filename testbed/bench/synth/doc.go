// Package synth is the chat network of the benchmark, in the process of the
// bridge that is measured. It makes the messages that the bridge is to deliver and
// notes those that it is given; what connects it to a bridge is in the packages
// causeway and bridgev2.
//
// A burst comes as a socket's content would: whatever is there, at most a
// hundred messages, is handed over at once. A bridge that takes messages one by
// one is given them one by one.
//
// # What is stored
//
// In the spec's folder, two files that outlive a process that is killed, as a
// network does: "accepted" holds the number of the message that was acknowledged
// last, "arrived" the tally of what came from Matrix.
//
// # Who owns what
//
// The goroutine of a call to Deliver makes messages until all are handed over.
// A [Network]'s mutex guards which connection there is.
package synth
