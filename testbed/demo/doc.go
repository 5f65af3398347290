// Command demo shows Causeway at work, with nothing but Go installed: it starts a
// Matrix homeserver, an IRC server and Causeway between them, plays a short
// conversation both ways, prints it as each side sees it, and stays up for a
// Matrix and an IRC client to join in.
//
//	go run -C testbed ./demo
//
// With --hub three networks meet in one Matrix room: two IRC servers, whose
// operators agree in the configuration that they do, and memnet.
//
// With --networks irc,slack a conversation with Slack follows, in a room of its own.
// This Slack is a stand-in on loopback (slackfake): it serves Slack's API, and what
// it stores is what people of Slack see.
//
// A line of the conversation (script.go, hub_script.go, slack_script.go) counts as
// arrived when a real client on every side, or the stand-in, has got exactly what the
// script says. With --once the exit status tells whether all of them did.
//
// # What is stored when
//
// All files are in one temporary directory, from the start to the end. Causeway
// is configured there as "causeway init" does it.
//
// # Who owns what
//
// A [stage] owns the servers and the clients; the parts of a [tour] share one. They run in this process, so nothing
// outlives it. main owns the directory.
package main
