// Package homeserver starts a real Matrix homeserver on a free port of the
// loopback interface, stops it, kills it, and starts it again on the same port
// and data.
//
// Which one it is and how it runs is a Launcher: Command and Tool run Dendrite as a
// process of its own, which is what tests want, since they also kill it; package
// inprocess runs it in the calling process; Synapse runs Synapse, installed from
// PyPI. This package does not import Dendrite, so programs that only start it stay
// small to build.
//
// # What is stored when
//
// The server keeps all its data below Options.Dir; package embed says which for
// Dendrite. The programs of Synapse are kept in the user's cache directory, in
// causeway/synapse-*: a virtual environment for each list of versions
// (synapse.txt) and each Python. Nothing else is written.
//
// # Who owns what
//
// A Server owns the running instance. Start, Stop, Kill and Restart may be called
// from several goroutines and are done one after another; URL never changes.
package homeserver
