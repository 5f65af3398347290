package matrix

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"maunium.net/go/mautrix/id"
)

// maxUserID is the longest user ID in bytes, with sigil and domain
// (Matrix appendices, "User identifiers").
const maxUserID = 255

// hashed stands before the hash in a ghost's localpart that had to be cut. No
// escaped byte looks like it, as h is no hex digit.
const hashed = "=h"

// BotID is the bot's user ID.
func (h *Homeserver) BotID() id.UserID { return id.NewUserID(h.opts.Bot, h.opts.Domain) }

// Domain is the server name.
func (h *Homeserver) Domain() string { return h.opts.Domain }

// GhostID is the user ID of a network's user: "@_cw_irc.libera_alice:domain".
// What is not a-z, 0-9, '.', '-', '+' or (in user) '_' is escaped as =xx for
// each byte of UTF-8, so different users have different ghosts. An ID over 255
// bytes is cut and ends in a hash instead.
func (h *Homeserver) GhostID(network, user string) id.UserID {
	local := h.opts.Prefix + escape(network, "") + "_" + escape(user, "_")
	room := maxUserID - len("@:") - len(h.opts.Domain)
	if len(local) > room {
		sum := sha256.Sum256([]byte(network + "\x00" + user))
		tail := hashed + hex.EncodeToString(sum[:16])
		local = local[:max(room-len(tail), 0)] + tail
	}
	return id.NewUserID(local, h.opts.Domain)
}

// ParseGhost is the inverse of GhostID. It is false for who is not a ghost, for
// the bot and for ghosts whose ID had to be cut.
func (h *Homeserver) ParseGhost(u id.UserID) (network, user string, ok bool) {
	if u == h.BotID() || !h.IsGhost(u) {
		return "", "", false
	}
	network, user, ok = strings.Cut(strings.TrimPrefix(u.Localpart(), h.opts.Prefix), "_")
	if !ok {
		return "", "", false
	}
	network, ok = unescape(network)
	if !ok || network == "" {
		return "", "", false
	}
	user, ok = unescape(user)
	// Other spellings of the same user are not what GhostID makes.
	return network, user, ok && h.GhostID(network, user) == u
}

// IsGhost reports whether u is the bot or in our namespace.
func (h *Homeserver) IsGhost(u id.UserID) bool {
	if u == h.BotID() {
		return true
	}
	_, local, domain := id.ParseCommonIdentifier(u)
	return domain == h.opts.Domain && strings.HasPrefix(local, h.opts.Prefix)
}

// Alias is the localpart of the room alias that belongs to parts: the same for
// ever, and not to be guessed without the secret.
func (h *Homeserver) Alias(parts ...string) string {
	b := make([][]byte, len(parts))
	for i, p := range parts {
		b[i] = []byte(p)
	}
	return h.opts.Prefix + hex.EncodeToString(h.mac("alias", b...)[:20])
}

// RoomAlias is the full alias of a localpart.
func (h *Homeserver) RoomAlias(localpart string) id.RoomAlias {
	return id.NewRoomAlias(localpart, h.opts.Domain)
}

// escape writes every byte that is not a-z, 0-9, '.', '-', '+' or in also as
// =xx (Matrix appendices, "Mapping from other character sets"). '/' is escaped
// because reverse proxies unescape it in paths.
func escape(s, also string) string {
	const digits = "0123456789abcdef"
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		switch {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '.', c == '-', c == '+', strings.IndexByte(also, c) >= 0:
			b.WriteByte(c)
		default:
			b.WriteByte('=')
			b.WriteByte(digits[c>>4])
			b.WriteByte(digits[c&15])
		}
	}
	return b.String()
}

// unescape undoes escape.
func unescape(s string) (string, bool) {
	if !strings.Contains(s, "=") {
		return s, true
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '=' {
			b.WriteByte(s[i])
			continue
		}
		if i+2 >= len(s) {
			return "", false
		}
		c, err := hex.DecodeString(s[i+1 : i+3])
		if err != nil {
			return "", false
		}
		b.Write(c)
		i += 2
	}
	return b.String(), true
}
