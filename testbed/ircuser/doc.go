// Package ircuser is a person on an IRC server, for tests and the demo: it
// connects, keeps every line the server sends, in order, and says things.
//
// It is built on irc-go's parser and does as little as possible on its own: it
// registers and answers PING. It does not reconnect, and it does not slow down
// for servers that punish speed.
//
// # What is stored when
//
// Every line is kept in memory until the User is dropped.
//
// # Who owns what
//
// Dial starts one goroutine, which reads and is the only one to append to the
// log; it ends with the connection. All methods may be called concurrently. A
// method that has an answer to wait for (Join, Nick …) returns when the answer is
// there; Say and its like return when the line is handed to the kernel.
package ircuser
