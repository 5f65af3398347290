package portal

import (
	"context"
	"errors"
	"strings"

	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/markup"
	"github.com/causeway-chat/causeway/bridgekit/markup/html"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/store"
)

// This file turns what a text points at, people, chats and messages, into what it is
// on the other side. What has no other side stays as it is, or is a name.

// bodyToMatrix turns remote people, chats and messages into Matrix ones.
func (x *inbound) bodyToMatrix(ctx context.Context, b markup.Body) (markup.Body, error) {
	var failed error
	if ops := x.ops(); ops != nil && ops.ReadLink != nil {
		b = markup.Relink(b, func(n markup.Node) (markup.Node, bool) {
			to, ok, err := x.linkToMatrix(ctx, n, ops)
			failed = errors.Join(failed, err)
			return to, ok
		})
	}
	b = markup.Map(b, func(n markup.Node) []markup.Node {
		switch {
		case n.Kind == markup.Mention && !n.MXID:
			n.User, n.MXID = string(x.mxid(network.UserID(n.User))), true
		case n.Kind == markup.ChatLink && !n.MXID:
			to, err := x.chatToMatrix(ctx, n)
			failed = errors.Join(failed, err)
			return []markup.Node{to}
		}
		return []markup.Node{n}
	})
	return markup.Normalize(b), failed
}

// linkToMatrix is where a link to a message or chat of the network leads in Matrix;
// false if it is not known here.
func (x *inbound) linkToMatrix(ctx context.Context, n markup.Node, ops *network.Ops) (markup.Node, bool, error) {
	l, ok := ops.ReadLink(n.URL)
	if !ok {
		return n, false, nil
	}
	p, ok, err := x.roomOf(ctx, l.Chat)
	if err != nil || !ok {
		return n, false, err
	}
	label := markup.Body(n.Children).String()
	if l.Message == "" {
		if markup.SameLink(label, n.URL) || label == "" {
			label = nameOf(p)
		}
		return x.chatLink(p, label), true, nil
	}
	rows, err := x.messages.remote(ctx, p.ID, l.Message)
	if err != nil || len(rows) == 0 || foreign(p, rows[0], x.via()) {
		return n, false, err
	}
	return led(n, html.EventURL(p.Room, rows[0].Event, x.hs.Domain())), true, nil
}

// chatToMatrix is a link to a remote chat as one to its room, or its name.
func (x *inbound) chatToMatrix(ctx context.Context, n markup.Node) (markup.Node, error) {
	p, ok, err := x.roomOf(ctx, network.ChatID(n.Chat))
	if err != nil || !ok {
		return markup.Node{Kind: markup.Text, Text: n.Text}, err
	}
	return x.chatLink(p, n.Text), nil
}

// chatLink is a link to a portal's room.
func (x *inbound) chatLink(p store.Portal, label string) markup.Node {
	n := markup.Node{Kind: markup.ChatLink, Chat: p.Room, MXID: true, Via: x.hs.Domain(), Text: label}
	if p.Info.Alias != "" {
		n.Chat, n.Via = string(x.hs.RoomAlias(p.Info.Alias)), ""
	}
	return n
}

// roomOf is the portal of a chat, as the login that delivered the event knows it;
// false if it has no room.
func (x *inbound) roomOf(ctx context.Context, chat network.ChatID) (store.Portal, bool, error) {
	keys := []network.ChatKey{{ID: chat}}
	if via := x.via(); via != "" {
		keys = append(keys, network.ChatKey{ID: chat, Login: via})
	}
	for _, key := range keys {
		p, ok, err := x.portals.find(ctx, x.p.Network, key)
		if err != nil {
			return p, false, err
		}
		if ok && p.State == store.PortalOpen && p.Room != "" {
			return p, true, nil
		}
	}
	return store.Portal{}, false, nil
}

// bodyFromMatrix turns Matrix people, rooms and events into the network's.
func (o *outbound) bodyFromMatrix(ctx context.Context, b markup.Body) (markup.Body, error) {
	var failed error
	b = markup.Relink(b, func(n markup.Node) (markup.Node, bool) {
		to, ok, err := o.fromLink(ctx, n)
		failed = errors.Join(failed, err)
		return to, ok
	})
	b = markup.Map(b, func(n markup.Node) []markup.Node {
		switch {
		case n.Kind == markup.Mention && n.MXID:
			n = o.fromMention(n)
		case n.Kind == markup.ChatLink && n.MXID:
			to, ok, err := o.fromChatLink(ctx, n)
			failed = errors.Join(failed, err)
			if ok {
				n = to
			}
		case n.Kind == markup.Emoji:
			n = o.fromEmoji(ctx, n)
		}
		return []markup.Node{n}
	})
	return markup.Normalize(b), failed
}

// fromLink is what a link, or an address in a text, that leads to an event, a room or a
// person of Matrix is on the network; false if it is nothing there.
func (o *outbound) fromLink(ctx context.Context, n markup.Node) (markup.Node, bool, error) {
	if room, evt, ok := html.ParseEvent(n.URL); ok {
		return o.fromEventLink(ctx, n, room, evt)
	}
	to, ok := html.ParseLink(n.URL)
	if !ok {
		return n, false, nil
	}
	to.Text = markup.Body(n.Children).String()
	switch to.Kind {
	case markup.Mention:
		to.User, ok = o.remoteUser(id.UserID(to.User))
		if to.MXID = false; markup.SameLink(to.Text, n.URL) {
			to.Text = to.User
		}
		return to, ok, nil
	case markup.ChatLink:
		if markup.SameLink(to.Text, n.URL) {
			to.Text = to.Chat
		}
		return o.fromChatLink(ctx, to)
	}
	return n, false, nil
}

// fromEventLink is a link to an event as one to the message that it is.
func (o *outbound) fromEventLink(ctx context.Context, n markup.Node, room, evt string) (markup.Node, bool, error) {
	if o.ops.LinkTo == nil {
		return n, false, nil
	}
	p, ok, err := o.portalIn(ctx, room)
	if err != nil || !ok {
		return n, false, err
	}
	rows, err := o.messages.event(ctx, p.ID, evt)
	if err != nil {
		return n, false, err
	}
	for _, r := range rows {
		if r.Remote == "" || foreign(p, r, o.sess.ID) {
			continue
		}
		address, err := o.ops.LinkTo(ctx, network.Link{Chat: p.Chat.ID, Message: r.Remote})
		if network.KindOf(err) == network.Rejected || network.KindOf(err) == network.Gone {
			return n, false, nil
		}
		return led(n, address), err == nil, err
	}
	return n, false, nil
}

// fromChatLink is a link to a room as one to the chat that it is bridged to.
func (o *outbound) fromChatLink(ctx context.Context, n markup.Node) (markup.Node, bool, error) {
	p, ok, err := o.portalIn(ctx, n.Chat)
	if err != nil || !ok {
		return n, false, err
	}
	if n.Text == "" || n.Text == n.Chat {
		n.Text = nameOf(p)
	}
	n.Chat, n.MXID, n.Via = string(p.Chat.ID), false, ""
	return n, true, nil
}

// portalIn is this network's portal of a room, which may be called by an alias of
// our server; false if it has none that the sender's login sees.
func (o *outbound) portalIn(ctx context.Context, room string) (store.Portal, bool, error) {
	if strings.HasPrefix(room, "#") {
		local, ok := strings.CutSuffix(room[1:], ":"+o.hs.Domain())
		if !ok {
			return store.Portal{}, false, nil
		}
		found, err := o.hs.ResolveAlias(ctx, local)
		if harmless(err) {
			return store.Portal{}, false, nil
		}
		if err != nil {
			return store.Portal{}, false, err
		}
		room = string(found)
	}
	all, err := o.portals.in(ctx, room)
	if err != nil {
		return store.Portal{}, false, err
	}
	for _, p := range all {
		sees := p.Chat.Login == "" || o.sess != nil && p.Chat.Login == o.sess.ID
		if p.Network == o.p.Network && p.State == store.PortalOpen && sees {
			return p, true, nil
		}
	}
	return store.Portal{}, false, nil
}

// fromMention turns a Matrix person into the remote one; anyone who is not on the
// network is a name.
func (o *outbound) fromMention(n markup.Node) markup.Node {
	u := id.UserID(n.User)
	if user, ok := o.remoteUser(u); ok {
		n.User, n.MXID = user, false
		return n
	}
	name := strings.TrimPrefix(n.Text, "@")
	if name == "" {
		name = u.Localpart()
	}
	return markup.Node{Kind: markup.Text, Text: name}
}

// remoteUser is who a Matrix person is on the network: a ghost's original, or the
// account of somebody who is signed in.
func (o *outbound) remoteUser(u id.UserID) (string, bool) {
	if of, user, ok := o.hs.ParseGhost(u); ok && of == string(o.p.Network) {
		return user, true
	}
	for _, sess := range o.logins.Of(string(u)) {
		if sess.Network == o.p.Network {
			return string(sess.User()), true
		}
	}
	return "", false
}

// foreign reports whether a message's ID means nothing to a login.
func foreign(p store.Portal, r store.Message, to network.LoginID) bool {
	return features(p).IDs == network.IDsPerLogin && r.Login != to
}

// led is a link that leads elsewhere now. What showed its address shows the new one.
func led(n markup.Node, to string) markup.Node {
	if label := markup.Body(n.Children).String(); label == "" || markup.SameLink(label, n.URL) {
		n.Children = []markup.Node{{Kind: markup.Text, Text: to}}
	}
	n.URL = to
	return n
}

// nameOf is what a chat is called in a text.
func nameOf(p store.Portal) string {
	switch {
	case p.Info.Name == "":
		return string(p.Chat.ID)
	case p.Info.Kind == network.Direct:
		return p.Info.Name
	}
	return "#" + strings.TrimPrefix(p.Info.Name, "#")
}
