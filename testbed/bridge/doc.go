// Package bridge sets up a Causeway for tests and the demo, in a folder as
// "causeway init" leaves it, and runs it in the calling process.
//
// # What is stored when
//
// Write puts the configuration, its key and both registration files into a
// folder; a running Causeway keeps its database there too. Nothing else is
// written, and nothing is removed: the folder is the caller's.
//
// # Who owns what
//
// A Running owns the Causeway that Start has started, until Stop. Their methods
// may be called concurrently.
package bridge
