// Package login keeps the remote accounts connected.
//
// Each stored login, and each relay login of the configuration, is a [Session]:
// one goroutine that opens the connector's client, runs it, and when it returns
// decides by the error's kind when to try again. Reconnecting lives here and in
// no connector (libraries that reconnect inside excepted).
//
//	          Open, Run                     Run returned
//	start ──▶ connecting ──▶ online ──────────────┬──▶ offline ── backoff ──▶ connecting
//	              ▲             │ limited          │
//	              │             ▼                  ├──▶ LoggedOut: dead, until it is renewed
//	              └── renewed (Add) ◀──────────────┘
//
// What is stored: the login's row, before its session starts; its own user ID
// when the client reports another one. The state itself is memory.
//
// The manager owns the map of sessions; a session's goroutine owns its client.
// Others reach a client's operations through [Session.Ops], which is empty while
// there is no client.
package login
