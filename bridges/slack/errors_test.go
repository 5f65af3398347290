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

// TestTokenErrorsSayWhere the right token of an app is, by which of its two is wrong.
func TestTokenErrorsSayWhere(t *testing.T) {
	for code, want := range map[string]struct {
		kind  network.Kind
		words string
	}{
		"missing_scope":     {network.LoggedOut, "connections:write"},
		"invalid_auth":      {network.LoggedOut, "app-level token"},
		"token_revoked":     {network.LoggedOut, "app-level token"},
		"link_disabled":     {network.Unavailable, "Socket Mode"},
		"forbidden_team":    {network.Unavailable, "Socket Mode"},
		"internal_error":    {network.Unavailable, "cannot be reached"},
		"team_added_to_org": {network.Unavailable, "cannot be reached"},
	} {
		if err := connectError(goslack.SlackErrorResponse{Err: code}); network.KindOf(err) != want.kind || !strings.Contains(network.UserText(err), want.words) {
			t.Errorf("%s for a socket: %s %q", code, network.KindOf(err), network.UserText(err))
		}
	}
	app, person := &api{cred: credentials{Kind: kindApp}}, &api{cred: credentials{Kind: kindPerson}}
	for code, words := range map[string]string{"invalid_auth": "copy it again", "token_revoked": "install the app again", "account_inactive": "install it again"} {
		err := inWords(goslack.SlackErrorResponse{Err: code}, "auth.test")
		if got := network.UserText(app.ended(err)); !strings.Contains(got, words) || network.KindOf(app.ended(err)) != network.LoggedOut {
			t.Errorf("%s for a bot token: %q", code, got)
		}
		if got := person.ended(err); !errors.Is(got, err) {
			t.Errorf("%s for a person: %v", code, got)
		}
	}
	if err := app.ended(errOffline()); network.KindOf(err) != network.Unavailable {
		t.Errorf("no connection: %v", err)
	}
}
