// Package command is the bot's side of a conversation: it reads what people
// write to the bot, does it and answers in a few words that name the next step.
//
// The commands are one table (table.go): name, arguments, help line, who may use
// it and where. Help and permission checks come from that table and nowhere else.
// What a command does, it does through a [Backend].
//
// # Which messages are commands
//
// In a management room (a direct chat with the bot) every text is. In other
// rooms a text is one if it begins with the prefix, "!cw" in any case, or names
// the bot at its start. [Commander.Addressed] tells the intake, so that neither
// is bridged. Notices (m.notice, Matrix spec 11.2) and our own events never are:
// two bots that answer each other do not stop.
//
// # Signing in
//
//	login ──▶ conversation's goroutine ──▶ LoginFlow.Do ──▶ Ask ──▶ question in the room
//	                                                         ▲
//	     Handle (a text) or Secret (a secret, in memory) ────┘ the next message of this person here
//
// A flow blocks while it asks, a journal lane must not; so a flow runs in a
// goroutine of [Commander.Run], one conversation for each person and room. It
// ends when the flow returns, when the person writes "cancel", when a question
// stays unanswered for ten minutes, and when the process ends.
//
// # What is stored
//
// Nothing by this package. A secret answer never reaches the journal: the intake
// asks [Commander.WantsSecret] before it stores an event and gives the content to
// [Commander.Secret], which hands it to the waiting flow and has the event
// redacted. Neither logs nor replies repeat what people wrote.
//
// # Who owns what
//
// Handle is called from journal lanes, one at a time for a room and concurrently
// for several. One mutex guards the map of conversations and what they wait for;
// it is held for map work only. Run owns all goroutines.
package command
