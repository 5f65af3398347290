// Package html translates between Matrix HTML (format org.matrix.custom.html,
// Matrix client-server API v1.11 and later, "m.room.message msgtypes") and the
// rich-text tree of package markup.
//
// [Parse] takes whatever a client, a bot or an attacker put into
// formatted_body and never fails: tags the specification does not list are
// dropped and their text stays, scripts and styles go entirely, tables and
// details become lines of text, reply fallbacks are removed. [Render] writes
// only tags and attributes the specification permits, and a tree cannot
// smuggle others in through any of its fields.
//
// Both meet in one form: what Render wrote, Parse reads as the same tree, so
// Render(Parse(x)) does not change when done again.
//
// The package keeps no state; all functions are pure, may be called
// concurrently and take time and memory in proportion to their input.
package html
