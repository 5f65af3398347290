package html

import (
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/causeway-chat/causeway/bridgekit/markup"
)

const (
	matrixTo = "https://matrix.to/#/"
	maxID    = 255 // bytes of any Matrix identifier, Matrix appendices, "Common Identifier Format"
)

// linkNode is the node for a link to href, without its text: a Mention or
// ChatLink for a Matrix user or room, a Link for what the specification
// permits, and false for everything else (relative, javascript:, data: ...).
func linkNode(href string) (markup.Node, bool) {
	href = strings.TrimSpace(strings.Map(visible, href))
	if id, ok := matrixTarget(href); ok {
		if extra, isEvent := eventOf(id); isEvent {
			return markup.Node{Kind: markup.Link, URL: extra}, true
		}
		if id[0] == '@' {
			return markup.Node{Kind: markup.Mention, User: id, MXID: true}, true
		}
		return markup.Node{Kind: markup.ChatLink, Chat: id, MXID: true, Via: viaOf(id, href)}, true
	}
	if !permittedURL(href) {
		return markup.Node{}, false
	}
	return markup.Node{Kind: markup.Link, URL: href}, true
}

// visible drops from a link what markup.Normalize drops later, so that a
// link is judged by what it will be.
func visible(r rune) rune {
	if unicode.IsControl(r) || r == '\ufffe' || r == '\uffff' {
		return -1
	}
	return r
}

// eventOf tells a link to an event, which matrixTarget returns as a whole URL,
// from an identifier.
func eventOf(target string) (string, bool) {
	return target, strings.HasPrefix(target, matrixTo)
}

// matrixTarget reads a matrix.to link or a matrix: URI and returns the user
// ID, room ID or alias it leads to. For a matrix: URI of an event it returns
// the matrix.to link for it, which clients that know no matrix: scheme follow
// too. A link that is not exactly of the specified form is no pill: it stays a
// link, and what it shows cannot pass for somebody.
func matrixTarget(href string) (string, bool) {
	scheme, rest, ok := strings.Cut(href, ":")
	if !ok {
		return "", false
	}
	switch strings.ToLower(scheme) {
	case "https", "http":
		return matrixToTarget(rest)
	case "matrix":
		return matrixURITarget(rest)
	}
	return "", false
}

// matrixToTarget reads what follows "https:". Matrix appendices, "matrix.to
// navigation": the identifier may or may not be percent-encoded.
func matrixToTarget(rest string) (string, bool) {
	const host = "//matrix.to/"
	if len(rest) < len(host) || !strings.EqualFold(rest[:len(host)], host) {
		return "", false
	}
	fragment, ok := strings.CutPrefix(rest[len(host):], "#/")
	if !ok {
		return "", false
	}
	fragment, _, _ = strings.Cut(fragment, "?")
	fragment = strings.TrimSuffix(fragment, "/")
	id, err := url.PathUnescape(fragment)
	if err != nil || strings.Contains(fragment, "/") { // an event's link has a second component
		return "", false
	}
	return id, validUser(id) || validChat(id)
}

// matrixURITarget reads what follows "matrix:" (RFC 3986 path-rootless; Matrix
// appendices, "matrix: URI scheme").
func matrixURITarget(rest string) (string, bool) {
	rest, _, _ = strings.Cut(rest, "#")
	path, _, _ := strings.Cut(rest, "?")
	parts := strings.Split(path, "/")
	if len(parts) != 2 && len(parts) != 4 {
		return "", false
	}
	for i := range parts {
		var err error
		if parts[i], err = url.PathUnescape(parts[i]); err != nil {
			return "", false
		}
	}
	var id string
	switch parts[0] {
	case "u", "user":
		id = "@" + parts[1]
	case "r", "room":
		id = "#" + parts[1]
	case "roomid":
		id = "!" + parts[1]
	}
	if len(parts) == 2 {
		return id, validUser(id) || validChat(id)
	}
	if !validChat(id) || parts[2] != "e" && parts[2] != "event" || !validOpaque(parts[3]) {
		return "", false
	}
	return matrixTo + escapeID(id) + "/" + escapeID("$"+parts[3]), true
}

// validUser checks a Matrix user ID by the historical grammar, which servers
// still accept: any visible ASCII in the localpart.
func validUser(id string) bool {
	local, server, ok := strings.Cut(id, ":")
	if !ok || len(id) > maxID || len(local) < 2 || local[0] != '@' || !validServer(server) {
		return false
	}
	for i := 1; i < len(local); i++ {
		if local[i] <= ' ' || local[i] >= 0x7f {
			return false
		}
	}
	return true
}

// validChat checks a room ID (from room version 12 on it names no server) or
// an alias.
func validChat(id string) bool {
	if len(id) < 2 || len(id) > maxID {
		return false
	}
	local, server, ok := strings.Cut(id, ":")
	switch id[0] {
	case '!':
		return validOpaque(local[1:]) && (!ok || validServer(server))
	case '#':
		return ok && validOpaque(local[1:]) && validServer(server)
	}
	return false
}

func validOpaque(s string) bool {
	if s == "" || !utf8.ValidString(s) {
		return false
	}
	for _, r := range s {
		if unicode.IsSpace(r) || unicode.IsControl(r) || r == '\ufffe' || r == '\uffff' {
			return false
		}
	}
	return true
}

// validServer checks a server name: host name or IP address, perhaps a port.
func validServer(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		alnum := c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z'
		if !alnum && !strings.ContainsRune("-.:[]", rune(c)) {
			return false
		}
	}
	return s != ""
}

// viaOf is the first server by which a link says that a room can be found. Aliases
// name theirs.
func viaOf(id, href string) string {
	_, query, _ := strings.Cut(href, "?")
	query, _, _ = strings.Cut(query, "#")
	values, err := url.ParseQuery(query)
	if via := values.Get("via"); err == nil && id[0] == '!' && validServer(via) {
		return via
	}
	return ""
}

// pillURL is the matrix.to link for an identifier.
func pillURL(id string) string { return matrixTo + escapeID(id) }

// withVia adds a server by which a room can be found to the room's link.
func withVia(link, id, via string) string {
	if id[0] != '!' || !validServer(via) {
		return link
	}
	return link + "?via=" + url.QueryEscape(via)
}

// escapeID percent-encodes an identifier for the fragment of a matrix.to link.
// "@", "!" and ":" stay: RFC 3986 allows them there, and clients and bots that
// look for pills by pattern expect them so.
func escapeID(id string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := 0; i < len(id); i++ {
		c := id[i]
		alnum := c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z'
		if alnum || strings.ContainsRune("-._~@!:$=", rune(c)) && c < 0x80 {
			b.WriteByte(c)
		} else {
			b.Write([]byte{'%', hex[c>>4], hex[c&15]})
		}
	}
	return b.String()
}

// permittedURL reports whether the specification lets a link lead to u.
func permittedURL(u string) bool {
	scheme, rest, ok := strings.Cut(u, ":")
	if !ok {
		return false
	}
	switch strings.ToLower(scheme) {
	case "https", "http", "ftp":
		return strings.HasPrefix(rest, "//") && len(rest) > 2
	case "mailto", "magnet":
		return rest != ""
	}
	return false
}

// scriptURL reports whether following u would run or load something; such a
// URL is not even shown.
func scriptURL(u string) bool {
	scheme, _, _ := strings.Cut(strings.TrimSpace(u), ":")
	switch strings.ToLower(scheme) {
	case "javascript", "vbscript", "data", "blob":
		return true
	}
	return false
}

// validMXC checks a Matrix content URI: mxc://server/media-ID.
func validMXC(u string) bool {
	rest, ok := strings.CutPrefix(u, "mxc://")
	if !ok || len(u) > maxID {
		return false
	}
	server, media, _ := strings.Cut(rest, "/")
	for i := 0; i < len(media); i++ {
		c := media[i]
		alnum := c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z'
		if !alnum && c != '-' && c != '_' {
			return false
		}
	}
	return media != "" && validServer(server)
}
