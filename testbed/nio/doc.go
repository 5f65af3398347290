// Package nio starts people at matrix-nio, a Matrix client with its own encryption,
// from PyPI.
//
// # What is stored when
//
// The programs are kept as package venv says; what the client stores, its keys too,
// is in the directory that is given.
package nio
