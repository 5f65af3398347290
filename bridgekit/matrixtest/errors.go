package matrixtest

import (
	"encoding/json"
	"fmt"
	"net/http"
)

// An Error is a standard error answer of the Client-Server API.
type Error struct {
	Status  int    `json:"-"`       // HTTP status
	Code    string `json:"errcode"` // M_FORBIDDEN and so on
	Message string `json:"error"`
	// RetryAfterMS is set with M_LIMIT_EXCEEDED, in milliseconds.
	RetryAfterMS int64 `json:"retry_after_ms,omitempty"`
	// SoftLogout is never true here; a client must log in again.
	SoftLogout bool `json:"soft_logout,omitempty"`
	// PingStatus and PingBody say what the appservice answered to a ping
	// that failed with M_BAD_STATUS.
	PingStatus int    `json:"status,omitempty"`
	PingBody   string `json:"body,omitempty"`

	// raw is the whole body where an answer has another shape than a
	// standard error (user-interactive authentication).
	raw json.RawMessage
}

func (e *Error) Error() string {
	return fmt.Sprintf("%d %s: %s", e.Status, e.Code, e.Message)
}

var _ error = (*Error)(nil)

// Codes that several files use; the rest stand where they are used.
const (
	codeForbidden    = "M_FORBIDDEN"
	codeNotFound     = "M_NOT_FOUND"
	codeUnrecognized = "M_UNRECOGNIZED"
	codeBadJSON      = "M_BAD_JSON"
	codeNotJSON      = "M_NOT_JSON"
	codeUnknown      = "M_UNKNOWN"
	codeExclusive    = "M_EXCLUSIVE"
	codeInvalidParam = "M_INVALID_PARAM"
	codeMissingParam = "M_MISSING_PARAM"
	codeTooLarge     = "M_TOO_LARGE"
	codeRoomInUse    = "M_ROOM_IN_USE"
)

func fail(status int, code, format string, args ...any) *Error {
	return &Error{Status: status, Code: code, Message: fmt.Sprintf(format, args...)}
}

func forbidden(format string, args ...any) *Error {
	return fail(http.StatusForbidden, codeForbidden, format, args...)
}

func notFound(format string, args ...any) *Error {
	return fail(http.StatusNotFound, codeNotFound, format, args...)
}

func badJSON(format string, args ...any) *Error {
	return fail(http.StatusBadRequest, codeBadJSON, format, args...)
}

func badRequest(code, format string, args ...any) *Error {
	return fail(http.StatusBadRequest, code, format, args...)
}
