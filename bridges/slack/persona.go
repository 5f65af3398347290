package slack

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/causeway-chat/causeway/bridgekit/markup"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridges/slack/convert"
)

// Faces of apps. An app can choose a name and a picture for each message. Each pair of
// them is somebody of their own on Matrix, whose ID is the bot's with a hash of both
// behind it; what the hash stands for is stored before the ID is used. What has a user
// keeps that user's face, and so does what this Causeway posts.

// maxFaces is how many faces one bot gets, until the next start. A bot that names each of
// its messages otherwise would make an account on the homeserver for each of them.
const maxFaces = 200

// faceID is the user ID of a bot's face.
func faceID(bot string, p *network.Persona) string {
	sum := sha256.Sum256([]byte(p.Name + "\x00" + p.Avatar))
	return bot + "-" + hex.EncodeToString(sum[:8])
}

// isFace reports whether id can be that of a face.
func isFace(id string) bool {
	bot, hash, ok := strings.Cut(id, "-")
	return ok && isID(bot, "B") && len(hash) == 16 && strings.Trim(hash, "0123456789abcdef") == ""
}

func faceKey(id string) string { return "face/" + id }

// faceOf is what a message came under if its app chose it; nil: as its sender.
func (t *translator) faceOf(ctx context.Context, m *convert.Message) *network.Persona {
	if m.User != "" || !isID(m.BotID, "B") || t.ofApp(m) || markOf(m) != nil {
		return nil
	}
	return m.Face(t.conn.dir.lookup(ctx, t.acc))
}

// speaker is who a message is shown as: its face, if it has one that can be kept, else its
// sender; then name is what the face is called.
func (t *translator) speaker(ctx context.Context, m *convert.Message) (who network.UserID, name string) {
	p := t.faceOf(ctx, m)
	if p == nil {
		return t.senderOf(m), ""
	}
	id := faceID(m.BotID, p)
	if err := t.keepFace(ctx, m.BotID, id, p); err != nil {
		if !errors.Is(err, errManyFaces) {
			t.host.Log.Warn("a bot's message is shown under the bot's own name", "bot", m.BotID, "err", err)
		}
		return t.senderOf(m), p.Name
	}
	return network.UserID(id), ""
}

// keepFace stores a face unless that was done.
func (c *Client) keepFace(ctx context.Context, bot, id string, p *network.Persona) error {
	if known, err := c.faces.room(bot, id); known || err != nil {
		return err
	}
	data, err := json.Marshal(p)
	if err == nil {
		err = c.host.KV.Set(ctx, faceKey(id), data)
	}
	if err != nil {
		return fmt.Errorf("keep a bot's face: %w", err)
	}
	c.faces.put(bot, id)
	return nil
}

// storedFace is what is stored of a face. Kind Rejected: nothing.
func (c *Client) storedFace(ctx context.Context, id string) (network.User, error) {
	data, err := c.host.KV.Get(ctx, faceKey(id))
	if err != nil {
		return network.User{}, fmt.Errorf("read a bot's face: %w", err)
	}
	var p network.Persona
	if json.Unmarshal(data, &p) != nil || p.Name == "" {
		return network.User{}, network.Errorf(network.Rejected, "there is no such person on this workspace", "face %q", id)
	}
	u := network.User{ID: network.UserID(id), Name: p.Name, Bot: true}
	if p.Avatar != "" {
		u.Avatar = avatar(p.Avatar)
	}
	return u, nil
}

// named is a text with the name of who said it before it, for a face that could not be
// kept.
func named(c network.Content, name string) network.Content {
	c.Parts = slices.Clone(c.Parts)
	intro := markup.Node{Kind: markup.Bold, Children: []markup.Node{{Kind: markup.Text, Text: name + ":"}}}
	c.Parts[0].Text = append(markup.Body{intro, {Kind: markup.Text, Text: " "}}, c.Parts[0].Text...)
	return c
}

// A faceBook is which faces this process has stored, by their bots.
type faceBook struct {
	mu   sync.Mutex // guards what follows
	bots map[string]map[string]bool
}

// errManyFaces is that a bot has too many.
var errManyFaces = errors.New("it has had too many names and pictures since the start")

// room reports whether a face is stored, and fails if no more may be.
func (b *faceBook) room(bot, id string) (known bool, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.bots[bot][id] {
		return true, nil
	}
	if len(b.bots[bot]) >= maxFaces {
		return false, errManyFaces
	}
	return false, nil
}

func (b *faceBook) put(bot, id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.bots == nil {
		b.bots = map[string]map[string]bool{}
	}
	if b.bots[bot] == nil {
		b.bots[bot] = map[string]bool{}
	}
	b.bots[bot][id] = true
}
