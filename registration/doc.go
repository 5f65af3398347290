// Package registration makes, reads, checks and compares the files by which a
// homeserver knows Causeway (Matrix spec, Application Service API,
// "Registration").
//
// # Two files
//
// The main registration claims one exclusive namespace of users and one of
// aliases by prefix, whatever networks there are: adding a network never needs
// a new registration. The bot is in the namespace of users as an account of its
// own. It is not sender_localpart, the account that the homeserver itself ties
// to the registration: the bot's encryption device must get its room keys by
// /sync like any user's, because keys sent in transactions are lost in every
// outage. sender_localpart is a name under the prefix that never speaks.
//
// The second registration is for double puppets: it lets Causeway act as every
// user of the domain. Its URL is null and its namespace is not exclusive, so
// the homeserver sends it nothing. It is apart from the main one because a
// namespace for everybody there would pull in all of the server's traffic.
//
// # What is stored when, who owns what
//
// Write puts a file in place in one step, readable by its owner only, and never
// replaces one unless it is told to. The homeserver reads the files when it
// starts (or gets them in its admin room); Causeway reads them when it starts.
// Nothing here holds state or asks another machine.
package registration
