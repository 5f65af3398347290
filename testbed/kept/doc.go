// Package kept makes directories in the user's cache that take long to make, once on
// a machine: virtual environments of Python, packages of Node.js.
//
// # What is stored when
//
// They are causeway/NAME-* in the user's cache directory, one for each key. One that
// was not finished is made anew. Nothing else is written.
//
// # Who owns what
//
// A file lock beside each directory lets one process make it; others wait.
package kept
