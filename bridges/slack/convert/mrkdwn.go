package convert

import (
	"strings"

	"github.com/causeway-chat/causeway/bridgekit/markup"
)

// mrkdwn reads Slack's markup language.
func mrkdwn(s string, _ Lookup) markup.Body { return markup.Normalize(markup.Plain(unescape(s))) }

// unescape undoes Slack's three escapes.
func unescape(s string) string {
	return strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&").Replace(s)
}

// escape writes text so that Slack reads it as text.
func escape(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(s)
}
