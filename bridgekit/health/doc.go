// Package health tells people and programs what is not well, and finds out what
// nobody would notice.
//
//	login.Manager ── Changed ──▶ Watch ── 30 s ──▶ its person, a webhook
//	                                                   ▲
//	Canary ── an event to the bot's own room ──▶ homeserver ──▶ transaction ──▶ Came
//
// # Accounts
//
// A [Watch] is told every change of an account's state and passes on those that
// last: what is well again within half a minute was nothing. An account that needs
// its person is the exception, and said at once. What was said last is a fact, so
// that a restart does not say it again.
//
// # The homeserver
//
// Homeservers stop to send events to an appservice, some for good, and nothing fails
// on either side. A [Canary] sends an event after a time of silence and waits for it
// to come back by transaction. On a busy homeserver it sends almost nothing: what
// people write is proof enough, and only once an hour the time is measured.
//
// # The webhook
//
// A [Webhook] posts one JSON object for each change, in order, again if that fails,
// and gives up the oldest when too many wait: nothing here waits for it.
//
// # Who owns what
//
// Each of the three has one goroutine, its Run; what it knows is guarded by a mutex
// that is held for map work only. Nothing is stored but the facts.
package health
