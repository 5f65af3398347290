// Package matrix is the Matrix side of a bridge: the appservice intake, ghosts,
// rooms, sending, media. It knows no chat network, no portal and no database.
//
// # Two halves
//
// [Homeserver] is everything that goes from us to the homeserver
// (Client-Server API, as an appservice: Application Service API, "Identity
// assertion"). [Intake] is the handler for everything that comes from it.
// They share nothing but the tokens.
//
// # What is stored, and when
//
// Nothing is stored here. The few facts that save requests (this ghost is
// registered, that one is joined, its name was set to this) go through
// [State], each after the homeserver confirmed it and never before. A fact
// that turned out wrong is deleted and the work done again, so losing the facts
// costs requests and nothing else.
//
// # Doing things once
//
// A transaction ID is worth little: servers forget it within an hour and at
// every restart, and share it between ghosts. So each event carries a mark in
// its clear content ([MarkField], an HMAC of entry key, step and room). Whoever
// may have sent an event before looks for its mark first: [Homeserver.Send]
// does so by itself after a timeout, a reset, a 502 or a 504, and when
// [Event].Lookup says that an earlier process, or an earlier call whose error
// was [MaybeDone], may have sent it. Rooms are made under a deterministic alias
// for the same reason.
//
// # Errors
//
// Every error of the homeserver is an [*Error] with a [Kind] that says what the
// caller does about it. Nothing is retried here beyond what the documentation of
// a method says; in particular a rate limit is the caller's to wait for, as
// it has other lanes to run meanwhile.
//
// # The circuit
//
// When a request fails in a way that could mean that the whole homeserver is
// away, /versions is asked; if that fails too the circuit opens. From then on
// all calls fail at once with [Down], one probe of [Homeserver.Run] asks with
// growing pauses, or when [Homeserver.Heard] tells of a sign of life, and its first
// success closes the circuit and calls what [Homeserver.OnUp] registered.
//
// # Who owns what
//
// A Homeserver is used by any number of goroutines at once. Work on one ghost
// or one alias is done by one of them at a time (package turns); the others find the
// fact afterwards. No lock is held during a request except those. The only
// goroutine is that of the caller of Run.
package matrix
