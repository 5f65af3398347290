package matrix

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// A Kind says what the caller does about an error.
type Kind int

const (
	Unknown     Kind = iota // retry with backoff, a limited number of times
	Down                    // the homeserver is away: park until OnUp; costs no attempt
	RateLimited             // wait for WaitOf, then retry; costs no attempt
	Unsure                  // it may have happened: retry with Event.Lookup set
	NotJoined               // that user is not in the room and cannot be brought in
	Banned                  // that user is banned from the room: drop with a record
	NotAllowed              // not enough power, or the server forbids it: drop with a record
	RoomGone                // the bot is out of the room or the room is no more: close the portal
	TooLarge                // an event or a file over the server's limit: fail, tell the person
	NotFound                // the event, alias, file or user does not exist
	Auth                    // our token is refused: park everything, tell the administrator
	Server                  // the server fails at this one request: retry a few times, then fail
)

// String is the kind in lower case.
func (k Kind) String() string {
	names := [...]string{"unknown", "homeserver down", "rate limited", "unsure", "not joined", "banned",
		"not allowed", "room gone", "too large", "not found", "token refused", "server error"}
	if k < 0 || int(k) >= len(names) {
		return fmt.Sprintf("kind %d", int(k))
	}
	return names[k]
}

// An Error is what a homeserver's refusal or silence means. User, Remedy and
// Err are separate: User may be shown to anyone, Remedy tells the administrator
// what to do, Err is the cause for the log.
type Error struct {
	Kind   Kind
	Op     string        // what was tried: "send", "create room"
	Code   string        // the server's errcode, "" if it gave none
	Status int           // the HTTP status, 0 if there was no answer
	Wait   time.Duration // for RateLimited
	User   string
	Remedy string
	Err    error

	maybe   bool // the request may have taken effect
	suspect bool // the whole server may be away
}

// Error is the text for the log.
func (e *Error) Error() string {
	s := e.Op
	if s == "" {
		s = "matrix"
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	} else if e.User != "" {
		s += ": " + e.User
	}
	return s + " (" + e.Kind.String() + ")"
}

// Unwrap is the cause.
func (e *Error) Unwrap() error { return e.Err }

// KindOf is the Kind of the first Error in err's tree, Unknown if there is none.
func KindOf(err error) Kind {
	if e := find(err); e != nil {
		return e.Kind
	}
	return Unknown
}

// WaitOf is how long err asks to wait; 0 if it does not say.
func WaitOf(err error) time.Duration {
	if e := find(err); e != nil {
		return e.Wait
	}
	return 0
}

// MaybeDone reports whether what failed with err may still have taken effect,
// now or in a moment. Who repeats it sets [Event].Lookup.
func MaybeDone(err error) bool {
	e := find(err)
	return e != nil && e.maybe
}

// UserText is what to show a person about err, never its cause.
func UserText(err error) string {
	if e := find(err); e != nil {
		if e.User != "" {
			return e.User
		}
		if s, ok := userTexts()[e.Kind]; ok {
			return s
		}
	}
	return "something went wrong on the Matrix side; the administrator finds the cause in the log"
}

func userTexts() map[Kind]string {
	return map[Kind]string{
		Down:        "the homeserver cannot be reached; this waits until it is back",
		RateLimited: "the homeserver asks to go slower",
		Unsure:      "the homeserver did not answer in time",
		NotJoined:   "the sender is not in this room",
		Banned:      "the sender is banned from this room",
		NotAllowed:  "the homeserver does not allow this here",
		RoomGone:    "the room is closed, or the bridge was removed from it",
		TooLarge:    "this is larger than the homeserver takes",
		NotFound:    "the homeserver does not have this any more",
		Auth:        "the homeserver does not accept the bridge's registration; the administrator has to look at it",
		Server:      "the homeserver failed at this; it is tried again",
	}
}

// Problems are the errors that Probe joined into err, in its order.
func Problems(err error) []*Error {
	if err == nil {
		return nil
	}
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		var out []*Error
		for _, one := range many.Unwrap() {
			out = append(out, Problems(one)...)
		}
		return out
	}
	if e := find(err); e != nil {
		return []*Error{e}
	}
	return []*Error{{Err: err}}
}

func find(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return nil
}

// codeOf is the errcode in err, "" if there is none.
func codeOf(err error) string {
	if e := find(err); e != nil {
		return e.Code
	}
	return ""
}

// withKind is err with another kind, and otherwise the same.
func withKind(err error, k Kind) error {
	e := find(err)
	if e == nil {
		return &Error{Kind: k, Err: err}
	}
	c := *e
	c.Kind = k
	return &c
}

// sleep waits for d, or less long if ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
