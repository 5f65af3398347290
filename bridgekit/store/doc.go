// Package store keeps Causeway's state in one SQL database: SQLite by default,
// PostgreSQL by choice. Both run the same statements; they differ in the
// migrations and in how one opens them.
//
// # What is stored when
//
//   - entry: the journal's queue (package journal owns its rows). Written before
//     anything is acknowledged.
//   - portal: a chat and its room; the row is there before the first entry of the
//     chat, because its number is the lane's.
//   - message, reaction: the map between Matrix events and remote messages. A row
//     commits in the transaction that finishes the entry which made it.
//   - login, login_chat, kv, cursor: remote accounts, the chats each is in, small
//     values and positions of their connectors. A cursor commits with the events
//     it covers.
//   - matrix_user: people of the homeserver: management rooms, what they have chosen.
//   - speaker: for whom a portal's relay has spoken.
//   - fact: what is known about the homeserver (ghost registered, member joined,
//     profile set), so that nothing is asked or written twice.
//   - emoji: pictures of custom emoji that are on the homeserver.
//   - page: documents and links published for a time.
//
// # Who writes
//
// One goroutine per process ([DB.Run]) does every write. It gathers what arrived
// while the last commit ran and commits it at once (group commit): callers wait
// for the commit, not for each other. Reads use a pool and see what is committed.
// An operation that fails does not take the others of its group down: the group
// is rolled back and each is tried alone. If the answer to a commit was lost, which
// can happen on PostgreSQL, each is tried alone too, though it may be stored: an
// operation must not mind being done twice, and its failure does not mean that it was
// not done.
//
// An operation has an [Urgency]: what nobody waits for goes with what somebody waits
// for, a few milliseconds later at most. Where several processes share the database,
// each transaction of the one that serves checks its [Lease].
//
// Durable means durable: SQLite runs in WAL mode with synchronous=FULL.
// Credentials and payloads are sealed with the configuration's key ([Sealer]).
//
// # Copies
//
// [Export] writes everything as one moment saw it, [Restore] and [Move] read it
// into an empty database of either kind. They use connections of their own and
// need no writer. After a restore a fact says so ([DB.Restored]). Who writes holds
// a lock that restore and move want alone: an advisory one on PostgreSQL, the
// file's on SQLite. An SQLite database is copied beside itself before its schema
// changes.
package store
