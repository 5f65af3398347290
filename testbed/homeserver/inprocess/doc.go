// Package inprocess runs the testbed's homeserver in the calling process. It
// stores and owns what package embed says; a server that is stopped leaves some
// of Dendrite's goroutines behind.
package inprocess
