package portal

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"time"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/markup"
	"github.com/causeway-chat/causeway/bridgekit/matrix"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/step"
	"github.com/causeway-chat/causeway/bridgekit/store"
)

// maxBookmarks is how many bytes of text the bookmarks of a room take: an edit holds its
// text twice, as HTML and as plain text each.
const maxBookmarks = maxText / 2

// bookmarked shows a chat's bookmarks in the room if they are others than those that are
// shown: in one notice of the bot, which is pinned when it appears and edited after that.
// Who has unpinned or removed it has decided so.
func (x *inbound) bookmarked(ctx context.Context, all []network.Bookmark) error {
	old := x.p.Info.Bookmarks
	if old != nil && old.Room != x.p.Room {
		old = nil // the chat has another room now
	}
	if old == nil && len(all) == 0 || old != nil && slices.Equal(old.All, all) {
		return nil
	}
	body, err := x.bodyToMatrix(ctx, bookmarkText(all))
	if err != nil {
		return err
	}
	c := &event.MessageEventContent{MsgType: event.MsgNotice}
	setText(c, body)
	if old != nil {
		replaceContent(c, id.EventID(old.Event))
	}
	evt, err := x.send(ctx, x.hs.BotID(), event.EventMessage, c, "bookmarks", time.Time{})
	if err != nil {
		return err
	}
	now := store.Bookmarks{Room: x.p.Room, Event: string(evt), All: all}
	pinned := false
	if old != nil {
		x.opts.Steps.At(step.InEdited)
		now.Event = old.Event
	} else {
		x.opts.Steps.At(step.InSent)
		if pinned, err = x.pinAlso(ctx, string(evt)); err != nil {
			return err
		}
	}
	_, err = x.update(ctx, x.p.ID, func(p *store.Portal) {
		p.Info.Bookmarks = &now
		if pinned && !slices.Contains(p.Info.Pinned, now.Event) {
			p.Info.Pinned = append(slices.Clone(p.Info.Pinned), now.Event)
		}
	})
	return err
}

// pinAlso pins an event of the room beside the others, and reports whether it is pinned
// then. In a room that somebody else made the bot may lack the power to, and leaves it.
func (x *inbound) pinAlso(ctx context.Context, evt string) (bool, error) {
	content := &event.PinnedEventsEventContent{}
	for _, e := range x.p.Info.Pinned {
		if e != evt {
			content.Pinned = append(content.Pinned, id.EventID(e))
		}
	}
	content.Pinned = append(content.Pinned, id.EventID(evt))
	_, err := x.hs.SendState(ctx, roomID(x.p), x.hs.BotID(), event.StatePinnedEvents, "", content, time.Time{})
	if err != nil && x.p.Info.Plumbed && matrix.KindOf(err) == matrix.NotAllowed {
		return false, nil
	}
	return err == nil, err
}

// bookmarkText is the notice of a chat's bookmarks, as many as there is room for.
func bookmarkText(all []network.Bookmark) markup.Body {
	if len(all) == 0 {
		return markup.Plain("This chat has no bookmarks any more.")
	}
	head := markup.Node{Kind: markup.Bold, Children: []markup.Node{{Kind: markup.Text, Text: "Bookmarks"}}}
	list := markup.Node{Kind: markup.List}
	room := maxBookmarks - 200 // for the words around them
	for i, b := range all {
		item := markup.Node{Kind: markup.Item, Children: []markup.Node{bookmarkNode(b)}}
		if room -= renderedSize(markup.Body{item}); room < 0 {
			more := markup.Node{Kind: markup.Text, Text: fmt.Sprintf("and %d more", len(all)-i)}
			list.Children = append(list.Children, markup.Node{Kind: markup.Item, Children: []markup.Node{more}})
			break
		}
		list.Children = append(list.Children, item)
	}
	return markup.Body{head, list}
}

// bookmarkNode is one bookmark: a link if it leads anywhere.
func bookmarkNode(b network.Bookmark) markup.Node {
	words := markup.Node{Kind: markup.Text, Text: b.Title}
	if b.Title == "" {
		words.Text = b.URL
	}
	if u, err := url.Parse(b.URL); err != nil || u.Scheme == "" {
		return words
	}
	return markup.Node{Kind: markup.Link, URL: b.URL, Children: []markup.Node{words}}
}
