package convert

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"unicode"

	"github.com/causeway-chat/causeway/bridgekit/network"
)

// Face is the name and picture that an app chose for this message, nil if it came under
// those of the app.
func (m *Message) Face(l Lookup) *network.Persona {
	name, profile := m.body.str("username"), m.body.obj("bot_profile").str("name")
	if m.body.obj("icons") == nil && (name == "" || name == profile) {
		return nil
	}
	return m.persona(l)
}

// persona is the name and picture that a message came under, nil if those of its
// sender. Only apps choose them; old messages of people have a username too. An emoji
// for a picture is the workspace's own one's picture, or stands behind the name.
func (m *Message) persona(l Lookup) *network.Persona {
	if m.User != "" && m.BotID == "" {
		return nil
	}
	profile := m.body.obj("bot_profile")
	name := m.body.str("username")
	if m.User == "" && name == "" {
		name = profile.str("name")
	}
	if name = strings.TrimSpace(name); name == "" {
		return nil
	}
	p := &network.Persona{Name: unescape(name), Avatar: icon(m.body.obj("icons"))}
	emoji := strings.Trim(m.body.obj("icons").str("emoji"), ":")
	switch {
	case p.Avatar != "":
	case emoji == "":
		p.Avatar = icon(profile.obj("icons"))
	default:
		if s, standard := l.Standard(emoji); standard {
			p.Name += " " + s
		} else if p.Avatar = ask(l.Emoji, emoji, ""); p.Avatar == "" {
			p.Avatar = icon(profile.obj("icons"))
		}
	}
	return p
}

// Profile is the name and picture of the sender that came with the message, as in
// exports and from other workspaces; empty if none did.
func (m *Message) Profile() (name, avatar string) {
	p := m.body.obj("user_profile")
	name = first(p.str("display_name"), p.str("real_name"), p.str("name"), m.body.obj("bot_profile").str("name"))
	return unescape(name), first(icon(p), icon(m.body.obj("bot_profile").obj("icons")))
}

// icon is the largest picture of a set of them, as a link; empty if there is none.
func icon(set object) string {
	for _, size := range []string{"image_original", "image_512", "image_192", "image_132", "image_72", "image_64", "image_48", "image_36"} {
		if url := set.str(size); strings.HasPrefix(url, "https://") {
			return url
		}
	}
	return ""
}

// longestName is how many characters of a username Slack takes.
const longestName = 80

// A Face is how a relayed person appears in Slack: the arguments username and
// icon_url of chat.postMessage.
type Face struct {
	Username string
	IconURL  string // empty: the app's own
}

// NewFace makes a stranger's persona fit to show. taken reports whether a name is
// that of somebody else in the workspace, however it compares names; then the
// Matrix ID stands behind it. It may be nil.
func NewFace(p network.Persona, taken func(name string) bool) Face {
	local, _, _ := strings.Cut(strings.TrimPrefix(p.MXID, "@"), ":")
	f := Face{Username: first(cleanName(p.Name, longestName), cleanName(local, longestName), "somebody")}
	if taken != nil && taken(f.Username) {
		id := " (" + distinct(cleanName(first(p.MXID, p.Network, "Matrix"), len(p.MXID)+longestName)) + ")"
		f.Username = cleanName(f.Username, longestName-len([]rune(id))) + id
	}
	if strings.HasPrefix(p.Avatar, "https://") {
		f.IconURL = p.Avatar
	}
	return f
}

// distinct is an ID of at most half a name: of a longer one its beginning and a hash of
// all, so that no two become one.
func distinct(id string) string {
	const most = longestName / 2
	all := []rune(id)
	if len(all) <= most {
		return id
	}
	sum := sha256.Sum256([]byte(id))
	return string(all[:most-11]) + "…" + hex.EncodeToString(sum[:5])
}

// cleanName is a name without what is invisible, controls or changes direction,
// of at most limit characters.
func cleanName(name string, limit int) string {
	var w strings.Builder
	n := 0
	for _, r := range strings.Join(strings.Fields(strings.ToValidUTF8(name, "")), " ") {
		switch {
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r), unicode.Is(unicode.Co, r), r == '\u034f', r == '\u115f', r == '\u1160', r == '\u3164', r == '\uffa0', r == '\u2800', r == '\U0001d159', r == '\ufffd':
			continue
		case unicode.IsSpace(r):
			r = ' '
		}
		if n == limit {
			break
		}
		n++
		w.WriteRune(r)
	}
	return strings.Join(strings.Fields(w.String()), " ")
}
