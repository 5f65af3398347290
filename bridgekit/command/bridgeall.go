package command

import (
	"context"
	"fmt"
	"strings"

	"github.com/causeway-chat/causeway/bridgekit/network"
)

type (
	// A BulkView is which chats bridge-all chooses.
	BulkView struct {
		Chats   []BulkChatView
		Private int  // how many are left out because they are not open to everybody
		Running bool // they are being bridged
	}

	// A BulkChatView is one of them.
	BulkChatView struct {
		Name    string `json:"name"`
		Members int    `json:"members,omitempty"`
		Private bool   `json:"private,omitempty"`
		Bridged bool   `json:"bridged,omitempty"`
		Trouble string `json:"trouble,omitempty"` // why it is not
	}
)

// state is how far the chat is.
func (c BulkChatView) state() string {
	switch {
	case c.Bridged:
		return "bridged"
	case c.Trouble != "":
		return "not bridged: " + c.Trouble
	}
	return "to do"
}

// bridgeAllReport previews or begins to bridge many chats:
// @user network [patterns] [confirm].
func bridgeAllReport(ctx context.Context, b Backend, args []string) (Report, error) {
	guest, rest, err := person(args, 4)
	if err != nil {
		return Report{}, err
	}
	if len(rest) == 0 {
		return Report{}, ErrUsage
	}
	found := called(b.Networks(), rest[0])
	if len(found) != 1 {
		return Report{}, network.Errorf(network.Rejected, fmt.Sprintf("there is no network %q", rest[0]), "bridge-all: %d networks", len(found))
	}
	n, rest := found[0], rest[1:]
	sure := len(rest) > 0 && strings.EqualFold(rest[len(rest)-1], "confirm")
	if sure {
		rest = rest[:len(rest)-1]
	}
	if len(rest) > 1 {
		return Report{}, ErrUsage
	}
	var patterns []string
	if len(rest) == 1 {
		patterns = strings.FieldsFunc(rest[0], func(r rune) bool { return r == ',' })
	}
	v, err := b.BridgeAll(ctx, n.ID, patterns, guest, !sure)
	if err != nil {
		return Report{}, err
	}
	r, err := table("Chosen on "+n.Name, []string{"chat", "members", "state"}, v.Chats, func(c BulkChatView) []string {
		return []string{c.Name, fmt.Sprint(c.Members), c.state()}
	}, "There are no such chats on "+n.Name+".")
	if err != nil || len(v.Chats) == 0 {
		return r, err
	}
	r.Words = bulkWords(v, sure, strings.Join(append([]string{"bridge-all", string(guest), string(n.ID)}, rest...), " "))
	return r, nil
}

// bulkWords says what happens with the chats.
func bulkWords(v BulkView, sure bool, again string) string {
	todo, done := 0, 0
	for _, c := range v.Chats {
		switch {
		case c.Bridged:
			done++
		case c.Trouble == "" || sure:
			todo++
		}
	}
	words := fmt.Sprintf("Bridged: %d; to do: %d. ", done, todo)
	if v.Private > 0 {
		words += fmt.Sprintf("Left out, because only invited people find them: %d; name each of them to bridge it. ", v.Private)
	}
	switch {
	case sure:
		return words + "They are bridged one after another, into a space that you are invited to. How far that is: " + again + "."
	case v.Running:
		return words + "This is under way."
	case todo == 0:
		return strings.TrimSpace(words)
	}
	return words + "Each gets a room in a space; who is in the space may enter them. To do it: " + again + " confirm."
}
