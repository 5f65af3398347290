// Package homeserver starts a real Matrix homeserver on a free port of the
// loopback interface, stops it, kills it, and starts it again on the same port
// and data.
//
// How it runs is a Launcher: Command and Tool run it as a process of its own,
// which is what tests want, since they also kill it; package inprocess runs it
// in the calling process. This package does not import the server, so programs
// that only start it stay small to build.
//
// # What is stored when
//
// The server keeps all its data below Options.Dir; package embed says which.
// Nothing else is written.
//
// # Who owns what
//
// A Server owns the running instance. Start, Stop, Kill and Restart may be called
// from several goroutines and are done one after another; URL never changes.
package homeserver
