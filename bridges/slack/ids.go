package slack

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridges/slack/convert"
)

// chatKey is the key of a conversation. Direct messages are private to the login;
// everything else is shared, whichever workspace it is seen from.
func chatKey(id string, login network.LoginID) network.ChatKey {
	k := network.ChatKey{ID: network.ChatID(id)}
	if isDirect(k.ID) {
		k.Login = login
	}
	return k
}

// isDirect reports whether a conversation is between two people.
func isDirect(id network.ChatID) bool { return strings.HasPrefix(string(id), "D") }

// isChat reports whether id can be that of a conversation.
func isChat(id network.ChatID) bool { return isID(string(id), "CDG") }

// isUser reports whether id can be that of a person or bot.
func isUser(id string) bool { return isID(id, "UWB") }

// isID reports whether id is one of Slack's that begins with one of kinds.
func isID(id, kinds string) bool {
	return len(id) > 1 && len(id) < 40 && strings.ContainsRune(kinds, rune(id[0])) && strings.Trim(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == ""
}

// The keys of happenings, unique in a chat. They are the same for what is live,
// delivered again or read later.
func messageKey(ts convert.TS) string          { return "m/" + string(ts) }
func editKey(ts, edited convert.TS) string     { return "e/" + string(ts) + "/" + string(edited) }
func deletionKey(ts convert.TS) string         { return "d/" + string(ts) }
func eventKey(kind string, p ...string) string { return kind + "/" + strings.Join(p, "/") }

// markType is the type of the metadata of our messages.
const markType = "causeway_message"

// A mark is in the metadata of each message that we post.
type mark struct {
	Txn   network.TxnID `json:"txn"`
	Part  int           `json:"part"`
	Piece int           `json:"piece"` // of a part that needs several messages
	Of    int           `json:"of"`    // how many pieces the part has
}

// metadata is m as an argument.
func (m mark) metadata() string {
	data, err := json.Marshal(map[string]any{"event_type": markType, "event_payload": m})
	if err != nil { // of strings and numbers
		return ""
	}
	return string(data)
}

// clientID is m as the ID that a browser gives to what it posts, a UUID. It is the same
// for the same piece. Slack documents it for what it tells, not as an argument.
func (m mark) clientID() string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s/%d/%d", m.Txn, m.Part, m.Piece))
	sum[6], sum[8] = sum[6]&0x0f|0x80, sum[8]&0x3f|0x80 // RFC 9562, 5.8
	return fmt.Sprintf("%x-%x-%x-%x-%x", sum[0:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
}

// markOf is our mark on a message, nil if there is none.
func markOf(m *convert.Message) *mark {
	if m.Metadata == nil || m.Metadata.Type != markType {
		return nil
	}
	var found mark
	if json.Unmarshal(m.Metadata.Payload, &found) != nil || found.Txn == "" {
		return nil
	}
	return &found
}

// isMessage reports whether id can be that of a message.
func isMessage(id network.MessageID) bool { return convert.TS(id).Valid() }
