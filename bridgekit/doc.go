// Package bridgekit wires the parts of a bridge together: it knows all of them
// and does nothing itself.
//
//	              ┌────────────── bridgekit ──────────────┐
//	network ◀────▶│ login ─▶ portal ◀─▶ journal ◀─▶ store │
//	              │            │  ▲                       │
//	homeserver ◀─▶│         matrix └── command            │◀── people
//	              └───────────────────────────────────────┘
//
// [Bridge.Run] starts them from the inside out (database, journal, homeserver,
// then what takes in) and stops them the other way round: first nothing new is
// taken, then what is on its way gets its time, then the database is closed.
package bridgekit
