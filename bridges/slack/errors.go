package slack

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/network"
	goslack "github.com/slack-go/slack"
)

// offline is said where something needs the connection.
const offline = "not connected to Slack at the moment"

// errOffline is that there is no connection.
func errOffline() error {
	return &network.Error{Kind: network.Unavailable, User: offline, Err: errors.New("no connection")}
}

// inWords turns an error of a call that may be repeated into one with a kind and
// words; nil stays nil. what names the call.
func inWords(err error, what string) error {
	if err == nil {
		return nil
	}
	var known *network.Error
	if errors.As(err, &known) {
		return err
	}
	var limited *goslack.RateLimitedError
	if errors.As(err, &limited) {
		wait := max(limited.RetryAfter, 100*time.Millisecond)
		return &network.Error{Kind: network.RateLimited, Wait: wait, User: "Slack asks to wait " + wait.Round(time.Second).String(), Err: fmt.Errorf("%s: %w", what, err)}
	}
	var refused goslack.SlackErrorResponse
	if errors.As(err, &refused) {
		if refused.Err == "message_not_found" {
			err = errors.Join(network.ErrNoMessage, err)
		}
		return &network.Error{Kind: kindOf(refused.Err), User: wordsOf(refused), Err: fmt.Errorf("%s: %w", what, err)}
	}
	if errors.Is(err, context.Canceled) {
		return fmt.Errorf("%s: %w", what, err)
	}
	var status goslack.StatusCodeError
	if errors.As(err, &status) && status.Code < http.StatusInternalServerError {
		return network.Errorf(network.Unknown, "Slack answered with "+status.Status, "%s: %w", what, err)
	}
	return network.Errorf(network.Unavailable, "Slack cannot be reached at the moment", "%s: %w", what, err)
}

// lost turns an error of a call that must not be made twice into one with a kind
// and words: without an answer nobody knows whether it was carried out.
func lost(err error, what string) error {
	e := inWords(err, what)
	if network.KindOf(e) != network.Unavailable && !errors.Is(err, context.Canceled) || neverLeft(err) {
		return e
	}
	var refused goslack.SlackErrorResponse
	if errors.As(err, &refused) && !halfDone(refused.Err) { // an answer, if not a helpful one
		return e
	}
	return &network.Error{Kind: network.Unsure, User: "Slack did not answer", Err: fmt.Errorf("%s: %w", what, err)}
}

// halfDone reports whether an error of Slack's may come though the call was carried
// out: "it's possible some aspect of the operation succeeded before the error was raised"
// (https://docs.slack.dev/reference/methods/chat.postMessage).
func halfDone(code string) bool { return code == "fatal_error" || code == "internal_error" }

// neverLeft reports whether a request failed before Slack could see it.
func neverLeft(err error) bool {
	var op *net.OpError
	var dns *net.DNSError
	return errors.As(err, &op) && op.Op == "dial" || errors.As(err, &dns)
}

// kindOf is what the core does about an error that Slack calls code.
func kindOf(code string) network.Kind {
	switch code {
	case "invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired", "no_permission_token",
		"enterprise_is_restricted", "two_factor_setup_required", "user_removed_from_team", "team_disabled", "invalid_auth_cookie", "team_access_not_granted_token":
		return network.LoggedOut
	case "channel_not_found", "not_in_channel", "user_not_in_channel", "conversation_not_found", "thread_not_found_channel":
		return network.Gone
	case "internal_error", "fatal_error", "service_unavailable", "request_timeout", "team_added_to_org", "message_limit_exceeded", "external_channel_migrating", "update_failed", "accesslimited", "org_login_required", "upstream_error":
		return network.Unavailable
	case "ratelimited", "rate_limited":
		return network.RateLimited
	}
	return network.Rejected
}

// wordsOf says an error of Slack's to a person.
func wordsOf(e goslack.SlackErrorResponse) string {
	switch e.Err {
	case "missing_scope":
		return scopeWords(e.Needed)
	case "invalid_auth", "not_authed", "invalid_auth_cookie":
		return "Slack does not accept this login any more: sign in again"
	case "token_revoked", "token_expired":
		return "Slack has ended this login: sign in again"
	case "account_inactive":
		return "this account was deactivated, or its workspace is gone"
	case "message_limit_exceeded":
		return "the workspace has sent more messages than its plan allows for now"
	case "enterprise_is_restricted":
		return "the organisation does not allow this login"
	case "channel_not_found", "conversation_not_found":
		return "there is no such channel, or this login may not see it: if it is private, invite the app there"
	case "not_in_channel", "user_not_in_channel":
		return "this login is not in the channel: write /invite @ and the app's name there, or join it"
	case "is_archived", "channel_is_archived", "is_inactive":
		return "the channel is archived: somebody has to unarchive it on Slack first"
	case "msg_too_long", "msg_blocks_too_long", "metadata_too_large":
		return "the message is too long for Slack"
	case "no_text", "invalid_blocks", "invalid_blocks_format":
		return "Slack cannot show this message"
	case "cant_update_message", "cant_delete_message":
		return "Slack lets nobody but its author change this message"
	case "edit_window_closed":
		return "the workspace does not allow to edit a message that is so old"
	case "cannot_reply_to_message":
		return "what this thread began with is not on Slack any more: say it outside of the thread"
	case "message_not_found", "thread_not_found":
		return "this message is not on Slack any more"
	case "no_reaction", "already_reacted":
		return "Slack has this reaction so already"
	case "invalid_name", "bad_emoji":
		return "Slack does not know this emoji"
	case "too_many_emoji", "too_many_reactions":
		return "there are too many reactions on this message"
	case "user_not_found", "users_not_found", "user_not_visible", "users_list_not_supplied":
		return "there is no such person on this workspace"
	case "restricted_action", "restricted_action_read_only_channel", "restricted_action_thread_only_channel", "restricted_action_non_threadable_channel", "not_allowed_token_type", "no_permission", "cant_post_message", "posting_to_general_channel_denied":
		return "the workspace does not allow this to this login"
	case "cant_kick_self", "cant_kick_from_general", "cant_leave_general":
		return "nobody can be taken out of this channel"
	case "team_access_not_granted":
		return "the app is not in this workspace: an administrator of the organisation has to add it there"
	case "file_not_found", "file_deleted":
		return "this file is not on Slack any more"
	case "method_not_supported_for_channel_type":
		return "Slack cannot do this in such a conversation"
	case "ekm_access_denied":
		return "the organisation's administrators have locked messages"
	}
	if words := channelWords(e.Err); words != "" {
		return words
	}
	return "Slack says: " + strings.ReplaceAll(e.Err, "_", " ")
}

// refusal is the name of the error with which Slack refused, "" if it did not.
func refusal(err error) string {
	var refused goslack.SlackErrorResponse
	if errors.As(err, &refused) {
		return refused.Err
	}
	return ""
}
