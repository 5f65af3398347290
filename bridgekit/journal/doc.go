// Package journal is the durable queue between the two sides: every happening is
// appended here before it is acknowledged to whoever delivered it, and leaves
// when it is delivered to the other side.
//
// # States of an entry
//
//	        Append                handler: Delivered
//	          │                        ▲
//	          ▼                        │
//	      ┌────────┐  lane's head  ┌─────────┐ RetryLater ┌─────────┐
//	      │ stored │──────────────▶│ running │───────────▶│ waiting │──┐ at its time
//	      └────────┘               └─────────┘            └─────────┘  │
//	          ▲                     ▲   │  │                           │
//	          │                     └───┼──┼───────────────────────────┘
//	    Retry │                    Park │  │ Fail, or too many attempts
//	(a person)│                         ▼  ▼
//	      ┌────────┐  Wake(cause)  ┌────────┐
//	      │ failed │               │ parked │──▶ running
//	      └────────┘               └────────┘
//	          └── Drop (a person), or 30 days ──▶ done
//
// stored, waiting, parked and failed entries are rows; running is a fact of one
// process's memory, except where [Entry.Begin] makes it durable because the other
// side cannot recognise a repetition. done keeps the key and loses the payload.
//
// # Lanes
//
// A lane is the ordered stream of one chat in one direction. Its entries are
// handled one after another in the order of their numbers; its head, whatever its
// state, blocks its own lane only. Lanes run in parallel. A handler that takes
// longer than two seconds no longer counts against the limit of running lanes, so
// hung chats cannot use up the workers.
//
// Append commits a batch in one transaction and the lanes see it in the order of
// commits. An entry whose key is known is skipped: keys name happenings, and are
// kept 30 days after the entry is done. On PostgreSQL a lock per lane keeps the
// order of numbers and the order of commits the same.
//
// Memory holds at most a few entries of each lane with work and none of the
// backlog: a lane pages in what it needs. At start only the lanes are loaded.
//
// # After a crash
//
// A handler's delivery and the commit that finishes its entry are two things; a
// crash between them leaves an entry that was delivered. Entries that were there
// at start are therefore marked [Entry.Recovered] until the handler reports that
// the first of its lane was not delivered ([Entry.Fresh]): then none behind it
// was either. The same doubt after an attempt of this process whose answer was lost
// is [Entry.Tried].
//
// What becomes of a lane's entries is stored in their order. If the database refuses
// one, say because the disk is full, those behind it wait and the lane begins nothing
// until it is stored: else a crash would make the earlier one happen again, and last.
//
// A commit whose answer was lost is such a doubt too: the lane then looks whether the
// entries are there, before it takes any that came later.
//
// # Following a message's fate
//
// An appended entry may carry a [Fate]: it withdraws or replaces entries of its
// lane that have not been delivered. If the one that makes the message was among
// them, nothing is left for the entry itself to do and it is stored as done: what
// was redacted while it waited never leaves.
//
// # Who owns what
//
// One mutex guards the lanes' memory; it is held for map and slice work only.
// The store's writer goroutine commits, and calls back in commit order. Workers
// are goroutines that Run starts and waits for.
package journal
