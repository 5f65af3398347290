// Package nio drives a Matrix client that nobody here wrote: matrix-nio, with its
// encryption, from PyPI. Tests use it to see what others make of what Causeway
// encrypts, and the other way round.
//
// # What is stored when
//
// The programs are kept as package venv says; what the client stores, its keys too,
// is in the directory that is given.
//
// # Who owns what
//
// A Client owns one process of client.py and speaks with it in lines of JSON: a
// goroutine reads what it says. Its methods may be called by several goroutines.
package nio
