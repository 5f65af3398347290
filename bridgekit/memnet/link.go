package memnet

import (
	"context"
	"net/url"
	"strings"

	"github.com/causeway-chat/causeway/bridgekit/network"
)

// linkBase is what the addresses of messages and chats begin with.
const linkBase = "https://memnet.example/c/"

// LinkTo implements network.Linker.
func (c *fullClient) LinkTo(_ context.Context, l network.Link) (string, error) {
	if l.Chat == "" {
		return "", network.Errorf(network.Rejected, "this has no address", "memnet: link to no chat")
	}
	address := linkBase + url.PathEscape(string(l.Chat))
	if l.Message != "" {
		address += "/m/" + url.PathEscape(string(l.Message))
	}
	return address, nil
}

// ReadLink implements network.Linker.
func (c *fullClient) ReadLink(address string) (network.Link, bool) {
	rest, ok := strings.CutPrefix(address, linkBase)
	chat, message, isMessage := strings.Cut(rest, "/m/")
	c1, err1 := url.PathUnescape(chat)
	m1, err2 := url.PathUnescape(message)
	if !ok || err1 != nil || err2 != nil || c1 == "" || isMessage != (m1 != "") || strings.Contains(chat+message, "/") {
		return network.Link{}, false
	}
	return network.Link{Chat: network.ChatID(c1), Message: network.MessageID(m1)}, true
}
