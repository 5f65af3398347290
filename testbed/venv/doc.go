// Package venv installs programs from PyPI, each list of packages in a virtual
// environment of its own.
//
// # What is stored when
//
// The environments are kept in the user's cache directory, in causeway/NAME-*: one
// for each list of versions and each Python. One that was not finished is made
// anew. Nothing else is written.
//
// # Who owns what
//
// A file lock beside each environment lets one process make it; others wait.
package venv
