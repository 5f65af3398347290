// Package portal joins chats and rooms: it turns what networks deliver and what
// the homeserver pushes into journal entries, and delivers those entries to the
// other side.
//
//	client ── Deliver ──▶ deliver.go ──▶ journal (In) ──▶ in_*.go ──▶ matrix
//	homeserver ── Events ──▶ events.go ──▶ journal (Out) ──▶ out_*.go ──▶ client
//
// # Both ways are the same four steps
//
// Intake names the happening (its key), finds the portal (its lane) and appends.
// It does nothing else: what was acknowledged is on disk and in order. Delivery
// is a handler of the journal: it may be called again for the same entry, after
// a crash too, so each of its steps is recognised when it is repeated: Matrix
// events by their mark, remote sends by their transaction ID and the message map.
//
// # What is stored when
//
//   - A portal's row is made by the first event of its chat; the room's ID is
//     stored right after the room was made under its deterministic alias.
//
//   - Rows of the message map commit with the end of the entry that made them.
//     They are visible in memory at once ([messageMap]), because an echo or a
//     reply can come before the commit.
//
//   - What a network has accepted of a message of several parts is stored before
//     the rest is tried again.
//
//   - A chat's past is stored page by page before it is shown in a new room, and
//     each event of it removed with the commit of its rows and key ([store.Fill]).
//
//   - What a room needs beside its messages is remembered as facts, and asked for
//     again until the portal's row says that it is done.
//
// # Who owns what
//
// The cleaner, the vanishing and the presences are one goroutine each.
//
// The portal's In lane owns making, filling and changing its room; the Out lane owns the
// calls to its network. Both change the portal's row through [Service.update],
// one at a time. Typing, receipts and presence go past the journal, best effort.
//
// # People
//
// What a local person was had to do, and cannot carry a seal, is remembered so that
// it does not come back ([deeds]). How many new people become themselves on the other
// side is bounded; the bot or the relay says what the others say ([newcomers]). What is
// stored about somebody can be removed ([Service.Forget]).
//
// # How it ends
//
// A portal ends by a command, by a filter of an operator, or because its room is
// gone; it moves by an upgrade of its room or into another one (plumb.go). In the
// same transaction a [cleaner] is told who is to leave the room: it brings them out
// slowly, over restarts. What is left over all the same is found by a scan
// (orphans.go). Messages that are to vanish are rows too; [vanishing] removes them.
//
// # After a restore
//
// The database may be a copy that is older than the rooms: then what happened
// before the restore is looked up in the room before it is sent, and rooms that
// were made since are found by what they say about their chat ([aftermath]).
//
// # Who is in a chat
//
// That a login is in a chat is stored with its first event there, together with
// an entry that invites its owner to the room; that it is out is an entry too. So
// both are in order with what is said. Where logins see other IDs than each other,
// what all deliver is known by its commonID, and the first to deliver it shows it;
// where there are no IDs, the first that came into a chat reads it for all.
package portal
