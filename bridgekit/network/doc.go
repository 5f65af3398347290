// Package network is the contract between Causeway's core and the code for one
// chat network, called a connector.
//
// It holds interfaces and plain values only: it imports the standard library and
// markup, and nothing in it does I/O. A connector imports this package and never
// the core; the core imports this package and never a connector. Between them
// pass only the values defined here, and they all marshal to JSON, because what
// a client delivers is stored before it is acknowledged.
//
// # The parts
//
//   - A [Connector] is the code for one configured network ("irc.libera"). It
//     names the network, offers ways to log in, and opens clients.
//   - A [Login] is one remote account. The core stores it.
//   - A [Client] is one login's live connection. Four methods are required; what
//     else a network can do is one method of one interface each (see [Ops]).
//   - A [Sink] is where a client delivers what happens. When Deliver returns nil
//     the batch is on disk and the client may acknowledge it to its network.
//   - A [Host] is what the core lends a client: a logger, small durable values,
//     cursors, and links that the public may fetch.
//
// # Lifetimes
//
// The core calls Open, then Run, once at a time for a login. Run connects, sets
// the state, delivers, and returns when the connection is lost, when ctx is done
// or when Deliver failed; it never reconnects by itself unless the network's
// library does so inside. The core decides by the error's [Kind] and a backoff
// when to call Open and Run again. After a failed Deliver a client delivers
// nothing more and returns: nothing may overtake what was refused.
//
// All methods but Run may be called concurrently with Run and with each other.
// The core calls Send, Edit, Redact and React of one chat one after another, in order.
//
// # Sending twice
//
// Every outgoing call carries a [TxnID], the same for every retry of one
// happening, also after a restart. A connector turns it into whatever its
// network offers to recognise a repetition, and says in [Features.Once] how far
// that carries.
package network
