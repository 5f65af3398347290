// Package web is what Causeway serves besides the homeserver: three HTTP
// handlers, each for a listener of its own.
//
//   - [Public] answers anybody: the links that networks without media or long
//     texts show ("/p/ID/name"). Whoever has a link may fetch it until it
//     expires; nothing lists them, and an ID cannot be guessed ([NewID]).
//     Below "/net/NETWORK" connectors answer what their networks push and the ways
//     back from signing in there.
//   - [Ops] answers operators: /metrics, /healthz, /readyz.
//   - [Control] answers the commands of the same program over a socket that only
//     its user can open: the queue and the state. [Client] is its other side.
//
// # What is stored
//
// Nothing by this package. Documents are pages of the store; media streams
// through from the homeserver and is kept nowhere. An ID is all that protects a
// page, so IDs are never logged; neither are contents.
//
// # Who owns what
//
// The handlers have no state but the count of running downloads, and no
// goroutines but those of [Serve], which ends them.
package web
