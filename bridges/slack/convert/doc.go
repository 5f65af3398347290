// Package convert turns Slack's messages into values of package network and
// back, for the live connector and for the import of export archives.
//
// # From Slack
//
// [Parse] reads the JSON of one message as the Web API, the Events API and export
// archives give it. [Message.Kind] says what it is: said by somebody, a notice of
// the workspace, a change or deletion of another message, a change of the
// channel, or nothing to show. [Message.Content] makes its content; what must be
// looked up for it (names, custom emoji) comes from a [Lookup].
// Unknown fields are ignored, missing ones and those of a wrong type are empty,
// and what cannot be resolved is shown as readable text.
//
// A content has one part for each file, and one if there is none; the text goes
// with the first part. So a part keeps its index when a text is added or a file
// is deleted (its part then says so).
//
// Blocks are shown where a message has them, else its text is read as mrkdwn;
// attachments follow as quotes. Slack's preview of a link is left out, because
// whoever reads the link elsewhere gets a preview there; what an app or Slack
// itself unfurled (a message, a document) is kept, because nobody else can fetch
// it.
//
// # To Slack
//
// [Text] and [Part] make the arguments of the messages to post: blocks of rich
// text, and the fallback text as mrkdwn, cut below Slack's limits. [Options] say
// how people, channels and emoji are called in the workspace. [NewFace] makes a
// relayed person's name and picture fit to show.
//
// Headings become bold lines and rules dividers; a spoiler stands between "||",
// colours are lost, and a quote within a quote is text. Addresses in a text become
// links, because in rich text Slack makes none itself. A list's item that holds
// more than text and lists ends the list; it goes on behind with its next number.
// Polls are texts with numbers to react with: a vote is a reaction, and is shown as
// one.
//
// # Emoji
//
// [EmojiText], [EmojiName] and [ReactionName] translate between Unicode and Slack's
// names, which come from emoji-datasource (MIT, see emoji.LICENSE): Slack's own
// list. Custom emoji go through Lookup and Options.
//
// # IDs
//
// The IDs of people, channels and messages are Slack's own: "U012AB3CD" or
// "W012AB3CD" ("B012AB3CD" for a bot without a user), "C012AB3CD", and the ts of a
// message ("1355517523.000005"), which is unique in its channel and orders it.
//
// Everything is a pure function of its arguments: nothing is stored, no I/O is
// done and no goroutine is started, so all of it may be called concurrently (a
// Message after its last SetFile). The funcs of Lookup and Options are called on
// the caller's goroutine.
package convert
