package slack

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridges/slack/convert"
)

// Custom emoji. What names one for the core is where its picture is: Slack gives each
// picture an address of its own, which lies open on the net.

var (
	_ network.EmojiOpener = (*Client)(nil)
	_ network.EmojiLister = (*Client)(nil)
)

// OpenEmoji implements network.EmojiOpener.
func (c *Client) OpenEmoji(ctx context.Context, id network.EmojiID) (io.ReadCloser, error) {
	acc, err := c.account(ctx)
	if err != nil {
		return nil, err
	}
	u, err := url.Parse(string(id))
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, network.Errorf(network.Rejected, "there is no such emoji", "open emoji: no URL")
	}
	return c.conn.fetchPublic(ctx, acc, u)
}

// ListEmoji implements network.EmojiLister. Aliases are emoji with the same picture.
func (c *Client) ListEmoji(ctx context.Context) ([]network.Emoji, error) {
	acc, err := c.account(ctx)
	if err != nil {
		return nil, err
	}
	all, err := c.conn.dir.allEmoji(ctx, acc)
	if err != nil {
		return nil, err
	}
	var out []network.Emoji
	for name := range all {
		if at := resolved(all, name); isPicture(at) {
			out = append(out, network.Emoji{ID: network.EmojiID(at), Name: ":" + name + ":"})
		}
	}
	return out, nil
}

// allEmoji are the custom emoji of the workspace: addresses, and "alias:name".
func (d *directory) allEmoji(ctx context.Context, acc *account) (map[string]string, error) {
	d.mu.Lock()
	age := d.emojiAge
	d.mu.Unlock()
	return remember(ctx, d, fmt.Sprint("emoji/", age), func() known[map[string]string] { return d.emoji },
		func(m map[string]string) {
			if age == d.emojiAge { // else it is old already
				d.emoji = known[map[string]string]{m, time.Now().Add(listFor)}
			}
		},
		func(ctx context.Context) (map[string]string, error) {
			var out struct {
				Emoji map[string]string `json:"emoji"`
			}
			err := acc.call(ctx, "emoji.list", nil, &out)
			return out.Emoji, unlessUnable(err)
		})
}

// resolved follows aliases: to an address, to "alias:" and a standard emoji, or "".
func resolved(all map[string]string, name string) string {
	for range 5 {
		alias, is := strings.CutPrefix(all[name], "alias:")
		if _, ours := all[alias]; !is || !ours {
			break
		}
		name = alias
	}
	return all[name]
}

func isPicture(at string) bool {
	return strings.HasPrefix(at, "https://") || strings.HasPrefix(at, "http://")
}

// emojiURL is the picture of a custom emoji; empty if there is none.
func (d *directory) emojiURL(ctx context.Context, acc *account, name string) string {
	all, err := d.allEmoji(ctx, acc)
	if at := resolved(all, name); err == nil && isPicture(at) {
		return at
	}
	return ""
}

// aliasOf is the name of the standard emoji that the workspace calls otherwise, too;
// empty if the name is none of that kind.
func (d *directory) aliasOf(ctx context.Context, acc *account, name string) string {
	all, err := d.allEmoji(ctx, acc)
	if err != nil {
		return ""
	}
	standard, is := strings.CutPrefix(resolved(all, name), "alias:")
	if _, known := convert.EmojiText(standard); !is || !known {
		return ""
	}
	return standard
}

// hasEmoji reports whether the workspace calls something so, an alias of a standard
// emoji too.
func (d *directory) hasEmoji(ctx context.Context, acc *account, name string) bool {
	all, err := d.allEmoji(ctx, acc)
	return err == nil && all[name] != ""
}

// namer finds what the workspace calls emoji. It asks Slack once, when it is first
// called.
func (d *directory) namer(ctx context.Context, acc *account) func(at, shortcode string) (string, bool) {
	all := sync.OnceValue(func() map[string]string {
		m, err := d.allEmoji(ctx, acc)
		if err != nil {
			return nil // then they are text
		}
		return m
	})
	return func(at, shortcode string) (string, bool) {
		name := nameOf(all(), at, strings.Trim(shortcode, ":"))
		return name, name != ""
	}
}

// nameOf is what the emoji of a picture is called: the given name if that is one of its
// names, else another of them, else whatever has the given name; "" if nothing has.
func nameOf(all map[string]string, at, name string) string {
	if isPicture(at) && resolved(all, name) != at {
		best := ""
		for other, to := range all {
			if to == at && (best == "" || other < best) {
				best = other
			}
		}
		if best != "" {
			return best
		}
	}
	if all[name] != "" {
		return name
	}
	return ""
}

// emoji is what a reaction is on Matrix, by its name on Slack: a character, or the name of
// a custom emoji and its picture.
func (t *translator) emoji(ctx context.Context, name string) (string, network.EmojiID) {
	if emoji, standard := t.conn.dir.lookup(ctx, t.acc).Standard(name); standard {
		return emoji, ""
	}
	return ":" + strings.Trim(name, ":") + ":", network.EmojiID(t.conn.dir.emojiURL(ctx, t.acc, name))
}

// emojiChanged is that the workspace has other emoji.
func (t *translator) emojiChanged(ev incoming) []network.Event {
	t.conn.dir.forget()
	return []network.Event{&network.EmojiChanged{Head: network.Head{At: ev.EventTS.Time()}}}
}
