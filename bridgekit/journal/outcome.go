package journal

import "github.com/causeway-chat/causeway/bridgekit/store"

// What an outcome says is for a handler that delivers something else before its
// own entry, and decides about that itself.

// Ends reports whether o finishes what it is about, and what is to be committed
// with that; nil for nothing.
func (o Outcome) Ends() (apply func(tx *store.Tx) error, ok bool) {
	return o.apply, o.state == Done || o.state == Stored
}

// Fails reports whether o gives up, and why.
func (o Outcome) Fails() (words string, err error, ok bool) {
	return o.words, o.err, o.state == Failed
}

// Costs reports whether o is a failure that may be repeated a limited number of
// times only, and what failed.
func (o Outcome) Costs() (err error, ok bool) {
	return o.err, o.state == Waiting && !o.free
}
