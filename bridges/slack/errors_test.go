package slack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/network"
	goslack "github.com/slack-go/slack"
)

func TestErrorsHaveKindsAndWords(t *testing.T) {
	dial := fmt.Errorf("post: %w", &net.OpError{Op: "dial", Err: errors.New("refused")})
	for _, test := range []struct {
		err        error
		kind, lost network.Kind
		words      string
	}{
		{goslack.SlackErrorResponse{Err: "token_revoked"}, network.LoggedOut, network.LoggedOut, "sign in again"},
		{goslack.SlackErrorResponse{Err: "not_in_channel"}, network.Gone, network.Gone, "/invite"},
		{goslack.SlackErrorResponse{Err: "is_archived"}, network.Rejected, network.Rejected, "archived"},
		{goslack.SlackErrorResponse{Err: "msg_too_long"}, network.Rejected, network.Rejected, "too long"},
		{goslack.SlackErrorResponse{Err: "missing_scope", Needed: "reactions:write"}, network.Rejected, network.Rejected, "reactions cannot be sent"},
		{goslack.SlackErrorResponse{Err: "missing_scope", Needed: "admin"}, network.Rejected, network.Rejected, "admin"},
		{goslack.SlackErrorResponse{Err: "some_new_thing"}, network.Rejected, network.Rejected, "some new thing"},
		{goslack.SlackErrorResponse{Err: "internal_error"}, network.Unavailable, network.Unsure, "internal error"},
		{goslack.SlackErrorResponse{Err: "fatal_error"}, network.Unavailable, network.Unsure, "fatal error"},
		{goslack.SlackErrorResponse{Err: "service_unavailable"}, network.Unavailable, network.Unavailable, "service unavailable"},
		{goslack.SlackErrorResponse{Err: "message_limit_exceeded"}, network.Unavailable, network.Unavailable, "plan"},
		{&goslack.RateLimitedError{RetryAfter: 7 * time.Second}, network.RateLimited, network.RateLimited, "7s"},
		{goslack.StatusCodeError{Code: 503, Status: "503"}, network.Unavailable, network.Unsure, "Slack"},
		{io.ErrUnexpectedEOF, network.Unavailable, network.Unsure, "Slack"},
		{dial, network.Unavailable, network.Unavailable, "reached"},
		{context.Canceled, network.Unknown, network.Unsure, ""},
	} {
		if err := inWords(test.err, "x"); network.KindOf(err) != test.kind || !strings.Contains(network.UserText(err), test.words) {
			t.Errorf("%v: %s %q, want %s with %q", test.err, network.KindOf(err), network.UserText(err), test.kind, test.words)
		}
		if err := lost(test.err, "x"); network.KindOf(err) != test.lost {
			t.Errorf("%v: when it must not happen twice: %s, want %s", test.err, network.KindOf(err), test.lost)
		}
	}
	if inWords(nil, "x") != nil || lost(nil, "x") != nil {
		t.Error("no error became one")
	}
}
