// Package ircfake is an IRC server in this process, for tests and for the demo.
//
// It speaks the real protocol over TCP or TLS on loopback, so an ordinary IRC
// program can connect to it beside the one under test. [Modern] configures what
// servers like Ergo offer (message tags, echoes, labelled responses, accounts,
// history, multi-line messages, redactions, reactions), [Legacy] what the oldest
// still running ones do, such as ngircd: nothing but RFC 2812.
//
// [Server.User] makes a person without a connection, who speaks and acts through
// methods and records what they are told. [Server.Said] is what the server holds.
// Servers can be cut, paused, taken down, restarted on the same port and told to
// refuse connections or messages.
//
// Nothing is stored on disk. One mutex guards all state of a server; each
// connection has a goroutine that reads and one that writes, and Close waits for
// all of them. The protocol is that of https://modern.ircdocs.horse and of the
// IRCv3 specifications, as far as clients can see it.
package ircfake
