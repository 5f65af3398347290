package matrix

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"

	"maunium.net/go/mautrix/id"
)

// Fields in the clear content of what we send, outside any ciphertext.
const (
	// MarkField names the happening that an event stands for; see Mark.
	MarkField = "chat.causeway.mark"
	// PuppetField is in events that we sent as a local person; see Ours.
	PuppetField = "chat.causeway.puppet"
	// PortalType is the state event that says which portal a room was made
	// for; its content holds MarkField.
	PortalType = "chat.causeway.portal"
	// CanaryType is the event that the bot sends to itself, to see that the
	// homeserver sends events to Causeway; its content holds a nonce.
	CanaryType = "chat.causeway.canary"
)

// Mark is what an event carries to be found again: an HMAC that tells
// strangers nothing and that they cannot make. step tells apart the events of
// one entry, room the copies of one entry in several rooms.
func (h *Homeserver) Mark(entryKey []byte, step string, room id.RoomID) string {
	return encode(h.mac("mark", entryKey, []byte(step), []byte(room))[:18])
}

// portalMark is what PortalType holds for a room made under alias.
func (h *Homeserver) portalMark(alias string) string {
	return encode(h.mac("portal", []byte(alias))[:18])
}

// txnID is the transaction ID of a step of an entry. The ghost is in it because
// servers key their cache of transaction IDs without the user.
func txnID(entryKey []byte, step string, as id.UserID) string {
	sum := sha256.Sum256(join("txn", entryKey, []byte(step), []byte(as)))
	return encode(sum[:18])
}

// seal proves that we sent an event as a local person. It covers mark, room and
// person, so it cannot be moved to what others write.
func (h *Homeserver) seal(room id.RoomID, as id.UserID, mark string) string {
	return encode(h.mac("puppet", []byte(room), []byte(as), []byte(mark))[:18])
}

// Ours reports whether we sent an event ourselves: sender is the bot or a
// ghost, or a local person for whom we sent it by double puppeting. Receipts
// and redactions of local persons cannot say so on every server; for those the
// caller has to remember what it sent.
func (h *Homeserver) Ours(room id.RoomID, sender id.UserID, content json.RawMessage) bool {
	if h.IsGhost(sender) {
		return true
	}
	var c struct {
		Mark   string `json:"chat.causeway.mark"`
		Puppet string `json:"chat.causeway.puppet"`
	}
	if json.Unmarshal(content, &c) != nil || c.Puppet == "" {
		return false
	}
	return hmac.Equal([]byte(c.Puppet), []byte(h.seal(room, sender, c.Mark)))
}

// stamp are the fields that an event of ours gets.
func (h *Homeserver) stamp(room id.RoomID, as id.UserID, mark string) map[string]string {
	fields := map[string]string{MarkField: mark}
	if !h.IsGhost(as) {
		fields[PuppetField] = h.seal(room, as, mark)
	}
	return fields
}

// mac is the HMAC-SHA256 of parts for one purpose.
func (h *Homeserver) mac(purpose string, parts ...[]byte) []byte {
	m := hmac.New(sha256.New, h.opts.Secret)
	m.Write(join(purpose, parts...))
	return m.Sum(nil)
}

// join writes parts so that no two lists of parts are written alike.
func join(purpose string, parts ...[]byte) []byte {
	b := append([]byte(purpose), 0)
	for _, p := range parts {
		b = binary.BigEndian.AppendUint64(b, uint64(len(p)))
		b = append(b, p...)
	}
	return b
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
