// Package hub decides what happens in a room that several networks share: who
// hears whom, as whom somebody speaks on a network that is not theirs, and what a
// network's moderators may do to the others. Its functions are pure: they read no
// database and ask nobody.
//
//	alice on A ──▶ room ──┬──▶ B, through B's relay, as alice
//	                      └──▶ C, through C's relay, as alice
//
// A [Policy] belongs to each network's edge of the room. [Routes] are the edges that
// an event takes; it never takes the one that it came by. An [Identity] is what a
// network shows of somebody who is not on it, and its name was made harmless by
// [Show]. A [Format] puts the name before a text where nothing else can show it; names
// are put into nodes of the text's tree, so that whatever is in them is text.
//
// # What is stored when
//
// Nothing, here. The portal's row holds its policy, and package store the list of
// who is banned from a hub.
//
// # Who owns what
//
// All values are the caller's. Nothing is kept, so everything may be called
// concurrently.
package hub
