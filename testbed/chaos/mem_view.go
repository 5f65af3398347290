package main

import (
	"strings"

	"github.com/causeway-chat/causeway/bridgekit/network"
)

// contentText is the text, or the file's name, of a message's first part.
func contentText(c network.Content) string {
	if len(c.Parts) == 0 {
		return ""
	}
	if m := c.Parts[0].Media; m != nil {
		return m.Name
	}
	return c.Parts[0].Text.String()
}

// view is what a chat of the network shows. The piece of a text that the
// network split carries the token too.
func (m *mem) view(c *chat) *view {
	v := newView()
	txn, name := network.TxnID(""), "" // of the piece before
	for _, x := range m.server.Messages(c.id) {
		if x.Redacted {
			continue
		}
		text := contentText(x.Content)
		token := tokenOf(text)
		if token == "" && x.Txn != "" && x.Txn == txn {
			token = name // the end of a text may be too short for it
		}
		txn, name = x.Txn, token
		switch {
		case token == "":
			v.strange = append(v.strange, "a message without a name: "+text)
			continue
		case x.Login == "":
			v.ids[string(x.ID)] = token
		default:
			m.addMessage(v, string(x.ID), token, x.Content)
		}
		for who, all := range x.Reactions {
			for _, emoji := range all {
				v.reacted(token, reaction{string(who), emoji})
			}
		}
	}
	return v
}

func (m *mem) addMessage(v *view, id, token string, c network.Content) {
	reply := ""
	if c.Reply != nil {
		id, _, _ := strings.Cut(string(c.Reply.ID), "@") // each login may have its own IDs
		reply = id
	}
	// While the chat is not described Causeway cannot know that it has personas.
	p := piece{text: strings.TrimPrefix(squeeze(contentText(c)), "<eve>")}
	if f := c.Parts[0].Media; f != nil {
		p = piece{hash: hashOf(m.server.File(f.Ref))}
	}
	v.add(token, id, reply, p)
}
