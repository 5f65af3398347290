package html

import "strings"

// StripReplyFallback removes the quotation some clients put in front of the
// plain body of a reply (Matrix client-server API before v1.13, "Fallbacks for
// rich replies"): lines that begin with ">" at the very top, the first of them
// naming a sender as "> <@user:server>" or "> * <@user:server>", and the blank
// line after them. A body that is nothing else is returned as it is: somebody
// wrote it. Call it only for events that are replies. In formatted_body Parse
// removes mx-reply.
func StripReplyFallback(body string) string {
	first, _, _ := strings.Cut(body, "\n")
	sender, ok := strings.CutPrefix(first, "> <")
	if !ok {
		sender, ok = strings.CutPrefix(first, "> * <")
	}
	id, _, closed := strings.Cut(sender, ">")
	if !ok || !closed || !validUser(id) {
		return body
	}
	rest := body
	for rest == ">" || strings.HasPrefix(rest, "> ") || strings.HasPrefix(rest, ">\n") {
		_, rest, _ = strings.Cut(rest, "\n")
	}
	rest = strings.TrimPrefix(rest, "\n")
	if strings.TrimSpace(rest) == "" {
		return body
	}
	return rest
}
