package html

import (
	"net/url"
	"strings"

	"github.com/causeway-chat/causeway/bridgekit/markup"
)

// ParseLink reads where an address leads, a matrix.to link or a matrix: URI among
// others, as Parse does for the href of an element: a Mention or ChatLink without
// its Text, or a Link without children. False: no address that Matrix permits.
func ParseLink(address string) (markup.Node, bool) { return linkNode(address) }

// EventURL is the matrix.to link to an event of a room (Matrix appendices,
// "matrix.to navigation"). via is a server by which the room can be found.
func EventURL(room, event, via string) string {
	return withVia(pillURL(room)+"/"+escapeID(event), room, via)
}

// ParseEvent reads a link to an event: a matrix.to link or a matrix: URI. room is a
// room ID or an alias.
func ParseEvent(address string) (room, event string, ok bool) {
	address = strings.TrimSpace(strings.Map(visible, address))
	if n, ok := linkNode(address); ok && n.Kind == markup.Link {
		address = n.URL // for a matrix: URI it is the matrix.to link
	}
	scheme, rest, _ := strings.Cut(address, ":")
	if s := strings.ToLower(scheme); s != "https" && s != "http" {
		return "", "", false
	}
	const host = "//matrix.to/#/"
	if len(rest) < len(host) || !strings.EqualFold(rest[:len(host)], host) {
		return "", "", false
	}
	path, _, _ := strings.Cut(rest[len(host):], "?")
	before, after, ok := strings.Cut(strings.TrimSuffix(path, "/"), "/")
	if !ok {
		return "", "", false
	}
	room, err := url.PathUnescape(before)
	if err != nil || !validChat(room) {
		return "", "", false
	}
	event, err = url.PathUnescape(after)
	if err != nil || len(event) < 2 || len(event) > maxID || event[0] != '$' || !validOpaque(event[1:]) {
		return "", "", false
	}
	return room, event, true
}
