package matrix

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"strconv"
	"time"

	"maunium.net/go/mautrix"
)

// Error codes of the Client-Server API that change what we do.
const (
	codeDuplicateReaction = "M_DUPLICATE_ANNOTATION"
	codeUserInUse         = "M_USER_IN_USE"
	codeRoomInUse         = "M_ROOM_IN_USE"
	codeExclusive         = "M_EXCLUSIVE"
	codeForbidden         = "M_FORBIDDEN"
	codeUnrecognized      = "M_UNRECOGNIZED"
	codeTooLarge          = "M_TOO_LARGE"
	codeUnknownToken      = "M_UNKNOWN_TOKEN"
	codeMissingToken      = "M_MISSING_TOKEN"
	codeDeactivated       = "M_USER_DEACTIVATED"
)

// classify turns what a request ended with into an Error. ctx is the caller's,
// without the request's own timeout.
func classify(ctx context.Context, op string, err error) *Error {
	if e := find(err); e != nil {
		return e
	}
	e := &Error{Op: op, Err: err}
	if ctx.Err() != nil {
		// Given up in flight: nobody knows how far it got.
		e.Kind, e.maybe, e.Err = Unsure, true, context.Cause(ctx)
		if !errors.Is(e.Err, ctx.Err()) {
			e.Err = errors.Join(ctx.Err(), e.Err)
		}
		return e
	}
	var he mautrix.HTTPError
	if !errors.As(err, &he) || he.Request == nil {
		return e // could not be made into a request: a programmer's error
	}
	if he.RespError != nil {
		e.Code = he.RespError.ErrCode
	}
	if he.Response == nil || he.Response.StatusCode < 300 {
		// No answer, or one that broke off or makes no sense.
		e.Kind, e.suspect, e.maybe = Unsure, he.Response == nil, !neverSent(err)
		return e
	}
	e.Status = he.Response.StatusCode
	byStatus(e, he)
	return e
}

// byStatus fills in what an error answer means.
func byStatus(e *Error, he mautrix.HTTPError) {
	switch s := e.Status; {
	case s < 400:
		e.Remedy = "the homeserver's URL redirects: configure the URL that it redirects to"
	case s == http.StatusTooManyRequests:
		e.Kind, e.Wait = RateLimited, retryAfter(he)
	case e.Code == codeUnknownToken || e.Code == codeMissingToken:
		e.Kind = Auth
		e.Remedy = "the homeserver does not know this as_token: install the registration file that Causeway uses, and restart the homeserver"
	case s == http.StatusRequestEntityTooLarge || e.Code == codeTooLarge:
		e.Kind = TooLarge
	case s == http.StatusForbidden || e.Code == codeDeactivated || e.Code == codeExclusive:
		e.Kind = NotAllowed
	case s == http.StatusUnauthorized:
		e.Kind = Auth
	case s == http.StatusNotFound:
		e.Kind = NotFound
	case s == http.StatusRequestTimeout:
		e.Kind, e.maybe = Unsure, true
	case gateway(s):
		// A part of the homeserver is away, such as a worker, and will be back. But
		// with an errcode it may speak about another server, which need not be.
		e.Kind, e.maybe, e.suspect = Unsure, true, true
		if e.Code != "" && asksOthers(e.Op) {
			e.Kind, e.suspect = Server, false
		}
	case s >= 500:
		e.Kind, e.maybe = Server, true
	}
}

// gateway reports whether a proxy in front of the homeserver answers so:
// 502 to 504, and what large providers made up (520 to 530).
func gateway(status int) bool {
	return status >= http.StatusBadGateway && status <= http.StatusGatewayTimeout || status >= 520 && status <= 530
}

// asksOthers reports whether the homeserver may have to ask another server, or us.
func asksOthers(op string) bool {
	switch op {
	case "join", "invite", "resolve alias", "create room", "read profile", "ping":
		return true
	}
	return false
}

// neverSent reports whether the connection was not even made.
func neverSent(err error) bool {
	var op *net.OpError
	var dns *net.DNSError
	var cert *tls.CertificateVerificationError
	var unknown x509.UnknownAuthorityError
	return errors.As(err, &op) && op.Op == "dial" || errors.As(err, &dns) || errors.As(err, &cert) || errors.As(err, &unknown)
}

// retryAfter is the pause that a 429 asks for: the header in seconds (since
// v1.10), else retry_after_ms, else a second.
func retryAfter(he mautrix.HTTPError) time.Duration {
	if s, err := strconv.Atoi(he.Response.Header.Get("Retry-After")); err == nil && s > 0 {
		return time.Duration(s) * time.Second
	}
	if at, err := http.ParseTime(he.Response.Header.Get("Retry-After")); err == nil {
		return max(time.Until(at), time.Second)
	}
	if he.RespError != nil {
		if ms, ok := he.RespError.ExtraData["retry_after_ms"].(float64); ok && ms > 0 {
			return time.Duration(ms * float64(time.Millisecond))
		}
	}
	return time.Second
}
