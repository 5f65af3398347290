// Package irc is the connector for IRC networks: RFC 2812 as
// https://modern.ircdocs.horse describes it, and the IRCv3 extensions that a
// server offers.
//
// # Who is who
//
// A user ID is a nick, and a chat ID a channel or, for a direct chat, the other's
// nick; both folded by the server's CASEMAPPING. A channel is shared by all
// logins of the network, a direct chat is private to one. Message IDs are the
// server's msgid tags, where it has them.
//
// # What is stored when
//
// With each message of a chat goes a cursor "seen/<chat>" that says how far the
// chat was delivered. A login's values hold the keys of channels ("key/<chat>"),
// when the connection was last known to be alive ("alive"), the hash of the last
// message of the day ("motd"), which transaction was begun last in a chat and
// when ("begun/<chat>", for Find), and how much of a part of several lines was
// sent before the connection was lost ("rest/<txn>"). Contents are never stored.
//
// # Who owns what
//
// Run has four goroutines, and none outlives it: one reads lines, one writes
// them in the pace that the server takes, one delivers events, and the loop, which
// owns the [session]: everything known about the connection. Other methods ask
// the loop to run a function (Client.do). Two things are shared under a mutex of
// their own: the [outbox] of lines to write, with what is known about their fate,
// and the [mailbox] of events to deliver. When the mailbox is full the loop reads
// no more lines, so a slow core holds the server back and nothing is dropped.
//
// # Has it arrived?
//
// A write to a socket proves nothing. With labeled-response and echo-message the
// server's echo, which carries our label, proves that a line was taken and names
// its ID; with echo-message alone echoes are matched by target and text. On any
// other server a PING follows the lines, and its PONG says that the server has
// read them; a refusal comes before it. Without any of these within ten seconds
// the outcome is Unsure.
package irc
