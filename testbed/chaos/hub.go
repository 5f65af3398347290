package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/causeway-chat/causeway/bridgekit/memnet"
	"github.com/causeway-chat/causeway/bridgekit/network"
)

// moderator is who may remove for all networks what comes to one.
const moderator = network.UserID("cem")

// hubs are three memnets whose chats meet in rooms of Matrix. The first has the
// ordinary chats too.
type hubs struct {
	*mem
	nets []*mem
}

func newHubs(p plan) (far, error) {
	h := &hubs{}
	for i, who := range [][]string{{"alice"}, {"alice", "bob"}, nil} {
		letter := string(rune('a' + i))
		o := p.Hub[i]
		o.Name = "Net " + strings.ToUpper(letter)
		m, err := newMem(network.NetworkID("mem."+letter), o, who...)
		if err != nil {
			return nil, errors.Join(err, h.close())
		}
		h.nets = append(h.nets, m)
	}
	h.mem, h.nets[1].shares = h.nets[0], true
	return h, nil
}

// hubKinds are the networks that meet in a seed's hubs, and what they are called.
func hubKinds(seed uint64) (string, []memnet.Options) {
	all := kinds()
	var names []string
	var nets []memnet.Options
	for _, of := range []uint64{1, 3, 5} { // so that all pairs come
		k := all[(seed*of+of/3)%uint64(len(all))]
		names, nets = append(names, k.name), append(nets, k.net)
	}
	return strings.Join(names, " / "), nets
}

func (h *hubs) close() (err error) {
	for _, m := range h.nets {
		err = errors.Join(err, m.close())
	}
	return err
}

// net is the network of a side; of Matrix, and where there is none, the first.
func (h *hubs) net(s side) far {
	switch s {
	case onSecond:
		return h.nets[1]
	case onThird:
		return h.nets[2]
	}
	return h.nets[0]
}

func (h *hubs) tell(s *spec) (err error) {
	for _, m := range h.nets {
		err = errors.Join(err, m.tell(s))
	}
	return err
}

// hubChats are the rooms of several networks: one of all, one of two.
func hubChats() []*chat {
	local := []string{"@alice:test", "@bob:test", "@eve:test"}
	return []*chat{
		{id: "town", also: [][]network.UserID{{"ben", "alice", "bob"}, {moderator, "cleo"}}, chatPlan: chatPlan{"town", network.Channel, nil, []network.UserID{"ann", "dan", "alice"}, local, "@alice:test"}},
		{id: "yard", also: [][]network.UserID{{"ben", "bob"}}, chatPlan: chatPlan{"yard", network.Channel, nil, []network.UserID{"ann", "alice"}, local, "@alice:test"}},
	}
}

func (h *hubs) chats() ([]*chat, error) {
	var all []*chat
	for _, c := range hubChats() {
		for _, s := range c.sides() {
			if s == onMatrix {
				continue
			}
			h.net(s).(*mem).server.Channel(c.id, c.speakers(s)...)
		}
		all = append(all, c)
	}
	h.nets[2].server.SetLevel("town", moderator, 50)
	return append(all, h.chat(chatPlan{
		name: "team", kind: network.Group, members: []network.UserID{"alice", "carol", "dave"}, remote: []network.UserID{"carol", "dave", "alice"},
		local: []string{"@alice:test"}, owner: "@alice:test",
	})), nil
}

// begin makes the rooms and bridges them, as a moderator does who asks the bot.
func (h *hubs) begin(ctx context.Context, w *world) error {
	for _, c := range w.chats {
		if c.hub() {
			if err := h.found(ctx, w, c); err != nil {
				return err
			}
		}
		if err := w.first(c); err != nil {
			return err
		}
	}
	return nil
}

// found makes the room of a hub.
func (h *hubs) found(ctx context.Context, w *world, c *chat) error {
	var out struct {
		Room string `json:"room_id"`
	}
	var state []object
	if w.plan.Encrypted {
		state = append(state, object{"type": "m.room.encryption", "state_key": "", "content": object{"algorithm": "m.megolm.v1.aes-sha2"}})
	}
	err := w.home.do(c.owner, "POST", "createRoom", object{
		"name": string(c.id), "initial_state": state, "preset": "public_chat", "invite": []string{botID},
		"power_level_content_override": object{"users": object{c.owner: 100, botID: 50}},
	}, &out)
	if err != nil {
		return err
	}
	for _, who := range c.local[1:] {
		if err := w.home.do(who, "POST", "join/"+out.Room, object{}, nil); err != nil {
			return err
		}
	}
	asks := []answered{{"", "Hello", false}}
	for _, s := range c.sides() {
		if s == onMatrix {
			continue
		}
		n := h.net(s).(*mem)
		asks = append(asks, answered{fmt.Sprintf("!cw plumb %s %s confirm", n.id(), c.id), fmt.Sprintf("is bridged to %s on %s", c.id, n.title()), false})
		if n.shares {
			asks = append(asks, answered{fmt.Sprintf("!cw hub set %s reactions relay", n.id()), "from now on", false})
		}
	}
	for _, one := range asks {
		if err := w.asks(ctx, local{w, &chat{room: out.Room}, c.owner}, one); err != nil {
			return err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.room = out.Room
	return nil
}

func (h *hubs) waiting(all []*chat) (came string, waits int, known bool) {
	for _, m := range h.nets {
		c, n, _ := m.waiting(all)
		came, waits = came+" "+c, waits+n
	}
	return came, waits, true
}

// play plays a fault of one of the networks.
func (h *hubs) play(ctx context.Context, w *world, r round) error {
	m := h.nets[r.Pick%uint64(len(h.nets))]
	r.Pick /= uint64(len(h.nets))
	c := w.chats[0] // all are in it
	if m == h.nets[1] {
		c = w.chats[r.Pick%2]
	}
	return m.playOn(ctx, w, r, c)
}
