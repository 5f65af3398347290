package network

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// A Kind says what the core does about an error.
type Kind int

const (
	Unknown     Kind = iota // retry with backoff, a limited number of times
	Unavailable             // the network or the connection is down: wait for it, then retry
	RateLimited             // retry after Error.Wait; costs no attempt
	LoggedOut               // stop; tell the person to sign in again; what is queued waits
	Rejected                // this can never work: fail it, tell the person
	Gone                    // the chat is closed or this login is out of it: fail it, close the portal
	Unsure                  // it may have happened: find out, else follow Features.Once
)

// String is the kind in lower case.
func (k Kind) String() string {
	names := [...]string{"unknown", "unavailable", "rate limited", "logged out", "rejected", "gone", "unsure"}
	if k < 0 || int(k) >= len(names) {
		return fmt.Sprintf("kind %d", int(k))
	}
	return names[k]
}

// An Error is an error with a Kind. User and Err are separate: User is safe
// and helpful to show to a person, Err is the cause for the log.
type Error struct {
	Kind Kind
	Wait time.Duration // for RateLimited
	User string
	Err  error
}

// ErrNoMessage is wrapped by the Error (Rejected) of an operation whose target is not on
// the network any more. For a removal that is as good as done: after a crash it is asked
// for again, or somebody else was faster.
var ErrNoMessage = errors.New("there is no such message")

// Errorf makes an Error whose cause is formatted; user is shown to the person.
func Errorf(kind Kind, user, format string, args ...any) *Error {
	return &Error{Kind: kind, User: user, Err: fmt.Errorf(format, args...)}
}

// Error is the text for the log.
func (e *Error) Error() string {
	switch {
	case e.Err == nil:
		return fmt.Sprintf("%s (%s)", e.User, e.Kind)
	case e.User == "":
		return fmt.Sprintf("%v (%s)", e.Err, e.Kind)
	}
	return fmt.Sprintf("%s (%s): %v", e.User, e.Kind, e.Err)
}

// Unwrap is the cause.
func (e *Error) Unwrap() error { return e.Err }

// KindOf is the Kind of the first Error in err's tree; Unavailable for a
// deadline that passed, Unknown for anything else.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return Unavailable
	}
	return Unknown
}

// UserText is what to show a person about err: the User text of the first Error
// in its tree, or a general sentence, never the cause.
func UserText(err error) string {
	var e *Error
	if errors.As(err, &e) && e.User != "" {
		return e.User
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return "the network did not answer in time"
	}
	return "something went wrong; the administrator finds the cause in the log"
}

// WaitOf is how long err asks to wait; 0 if it does not say.
func WaitOf(err error) time.Duration {
	var e *Error
	if errors.As(err, &e) {
		return e.Wait
	}
	return 0
}
