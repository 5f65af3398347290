// Package slack is the connector for Slack workspaces, built on
// github.com/slack-go/slack. Messages are translated by its package convert, which
// does no I/O; everything that talks to Slack is here.
//
// # Ways to connect
//
// An app is a bot user with a bot token and an app-level token. Events come by
// Socket Mode. The configuration's own app is the relay: it speaks for people who
// have no login, with their name and picture (chat:write.customize). A person is
// somebody's own session: the token and the cookie of their browser. Events come by
// RTM, which apps do not have any more, so typing, presence and what was read elsewhere
// exist for persons only; where Slack has no rtm.connect, from where browsers have them. A user is somebody who allowed the configuration's app to act for
// them (OAuth v2), with a token of their own; their events come through the app.
//
// # Whose events
//
// Slack sends an app each event once in a workspace, through one of its sockets or by
// HTTP, and names one of the installations that may see it. So a [feed] takes the
// events of an app for all of its logins, and gives each of them what it may see: what
// Slack says is theirs, and what happens where they are, which their [reach] knows. The
// event is acknowledged when the last of them has stored it. A push that is not stored
// within 2.5 s is answered with 503, and Slack sends it again.
//
// # Who is who
//
// A user ID is Slack's (U…, W…; B… for bots that have no user). A chat ID is that of
// the conversation, without the workspace, because a Slack Connect channel is in
// several. Channels and group messages are shared by all logins; direct messages
// (D…) are private to one. A message's ID is its ts, unique in its conversation.
//
// What an app posts under a name and picture of its choice is said by a face: the bot's
// ID with a hash behind it, which the value "face/<id>" of the login explains. It is
// stored before the message is delivered.
//
// A custom emoji is the address of its picture, which stays the same when the emoji is
// renamed or removed and is the same for its aliases; reactions are called by names.
//
// # What is stored when
//
// With each message goes the cursor "seen/<chat>": the greatest ts that was
// delivered there, and the ts from which on we were there at all. It commits with the
// message. A login's value "alive" says when the connection was last known to work, "tries/<chat>"
// what was about to be sent there without a mark, "files/<chat>" as what files were uploaded, and
// "rest/<chat>" which pieces of a long text were sent, until all are: the last ones of each chat
// only. Contents are never stored.
//
// # Keys
//
// A message's key is "m/" and its ts, whichever way it came: live, delivered again,
// found by catching up, or as history. All other happenings are keyed by what they
// are, such as "e/<ts>/<edited ts>"; where that says too little, by Slack's event ID,
// which stays the same when an event is delivered again.
//
// # Bookmarks
//
// Nothing says that a chat's bookmarks changed, so one goroutine of each session looks
// at those of the chats with rooms in turn, and shares what it saw with the other logins
// through the [directory]. The core is told what there is and shows what is new.
//
// # Who owns what
//
// Run has four kinds of goroutines and none outlives it: one that waits for the feed
// (or reads our socket, for RTM), one that reads what was missed, one that looks at
// bookmarks, and the loop, which owns the
// [session] and is the only one that calls Deliver. An envelope is acknowledged by
// the loop when Deliver has returned nil; it reads no further before that, so a slow
// core holds Slack back and nothing is dropped. After every connection each chat is
// read from its cursor on before what is live there is delivered, and one without a cursor
// from when the connection before was last known to work: live events of such a chat
// wait in the session, unacknowledged, and those of other chats do not.
//
// All methods may call Slack's Web API while a socket is open: Run marks the client
// as live then, and as not live when the socket is lost. Limits of each method are kept by the
// [pacer], which obeys Retry-After; people's names and the like are remembered in
// the [directory], under a mutex of its own.
//
// # Has it arrived?
//
// chat.postMessage has no idempotence. Each message carries the transaction ID and
// the number of its part in its metadata, and Find looks there for it. What a person's
// session posts may have none, but a client_msg_id that is made of the same; /me has
// neither, and is looked for by its text and time, see [try]. A request whose answer was lost is
// Unsure.
package slack
