package convert

import (
	"github.com/causeway-chat/causeway/bridgekit/markup"
)

// A Lookup answers what a message does not say itself. Each func may be nil and
// may not know: then the ID or a name that came with the message is shown. They
// are called while a content is made, some of them several times for one ID; an
// answer may be had over the network, as the caller likes.
type Lookup struct {
	// User is the name to show of a user or bot ID.
	User func(id string) (name string, ok bool)
	// Channel is the name of a channel, without "#".
	Channel func(id string) (name string, ok bool)
	// Group is the handle of a user group, without "@".
	Group func(id string) (handle string, ok bool)
	// Team is the name of a workspace.
	Team func(id string) (name string, ok bool)
	// Emoji is the image of a custom emoji by its name without colons: what
	// markup.Node.URL of an Emoji is to be. Aliases are the caller's to follow.
	Emoji func(name string) (url string, ok bool)
	// Alias is the name of the standard emoji that the workspace's own name stands for.
	Alias func(name string) (standard string, ok bool)
	// Images makes pictures that a block or attachment shows parts of their own,
	// which the caller can fetch from wherever they are; else they are links.
	Images bool
}

// ask is what f knows of id, else fallback.
func ask(f func(string) (string, bool), id, fallback string) string {
	if f != nil && id != "" {
		if name, ok := f(id); ok && name != "" {
			return name
		}
	}
	return fallback
}

// mention is a person. label is the name that came with the message.
func (l Lookup) mention(id, label string) markup.Node {
	return markup.Node{Kind: markup.Mention, User: id, Text: ask(l.User, id, first(label, id))}
}

// channel is a link to a channel.
func (l Lookup) channel(id, label string) markup.Node {
	return markup.Node{Kind: markup.ChatLink, Chat: id, Text: "#" + ask(l.Channel, id, first(label, id))}
}

// group is a mention of a user group, which only Slack can call.
func (l Lookup) group(id, label string) markup.Node {
	return text("@" + trimAt(ask(l.Group, id, first(label, id))))
}

func trimAt(s string) string {
	if len(s) > 1 && s[0] == '@' {
		return s[1:]
	}
	return s
}

func text(s string) markup.Node { return markup.Node{Kind: markup.Text, Text: s} }

func in(k markup.Kind, c ...markup.Node) markup.Node { return markup.Node{Kind: k, Children: c} }
