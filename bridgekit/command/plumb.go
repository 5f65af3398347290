package command

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/markup"
	"github.com/causeway-chat/causeway/bridgekit/network"
)

const (
	planTime    = 10 * time.Minute // how long a list and a preview wait for their answer
	plansKept   = 256
	picksAtMost = 10
)

// Life is what commands need to move bridges between rooms and to clean up.
type Life interface {
	// FindChats finds chats to bridge a room to: those that owner's logins or the
	// relay are in, and what the network finds.
	FindChats(ctx context.Context, owner id.UserID, n network.NetworkID, words string, limit int) ([]network.Found, error)
	// PreviewPlumb says what Plumb would do. It changes nothing.
	PreviewPlumb(ctx context.Context, owner id.UserID, room id.RoomID, n network.NetworkID, chat string) (PlumbPreview, error)
	// PlumbBack moves the chat of a room back to the room that it had before.
	PlumbBack(ctx context.Context, room id.RoomID) (Joined, error)
	// SetExpiry has new messages of a room's chats vanish some time after they
	// are sent, or never if that is 0.
	SetExpiry(ctx context.Context, owner id.UserID, room id.RoomID, life time.Duration) error
	// SetPurpose describes a room's chats, beside their topic; "" for nothing.
	SetPurpose(ctx context.Context, owner id.UserID, room id.RoomID, purpose string) error
	// SetArchived archives a room's chats, or ends that.
	SetArchived(ctx context.Context, owner id.UserID, room id.RoomID, archived bool) error
	// Cleanups are the rooms that bridged people leave, or left lately; with
	// open only those that they still leave.
	Cleanups(ctx context.Context, open bool) ([]CleanupView, error)
	// ListPortals lists the portals of a network (of all if it is "") in which
	// nothing crossed for some time, the longest inactive first.
	ListPortals(ctx context.Context, n network.NetworkID, inactive time.Duration) ([]PortalLine, error)
	// BridgeAll bridges the chats of a network that patterns choose, in the
	// background, into a space that guest is invited to; with preview it only says
	// which these are, and how far an earlier wish is.
	BridgeAll(ctx context.Context, n network.NetworkID, patterns []string, guest id.UserID, preview bool) (BulkView, error)
	// UnbridgePortals ends portals by their numbers and says how many there were.
	// With deleteRooms everybody leaves the rooms that Causeway made.
	UnbridgePortals(ctx context.Context, portals []int64, deleteRooms bool) (int, error)
	// Orphans finds what earlier lives have left behind, and cleans it up.
	Orphans(ctx context.Context, clean bool) ([]OrphanView, error)
}

type (
	// A PlumbPreview says what bridging a room to a chat would do.
	PlumbPreview struct {
		Chat, Topic string
		Members     int      // of the chat; 0 if unknown
		Through     string   // who speaks for people without an account: "the relay"
		Private     bool     // it is a private chat of the person
		Moves       bool     // it has a room, which it would leave
		Refused     string   // why it cannot be done; "" if it can
		People      int      // of Matrix in the room
		Bridges     []string // other bridges in the room
		Bridged     []string // what the room is bridged to already
		Encrypted   bool
		Open        bool     // anybody may join the room
		History     string   // its history_visibility (Client-Server API)
		Must        []string // power that the bot needs and lacks
		May         []string // power that would be good to have
		Level       int      // the power level that it needs for all of them
	}

	// A PortalLine is a portal in a list.
	PortalLine struct {
		ID      int64
		Network network.NetworkID
		Name    string
		Room    id.RoomID
		Made    bool          // Causeway made the room
		Silent  time.Duration // since the last message
	}

	// An OrphanView is a room or a portal that was left behind.
	OrphanView struct {
		Room           id.RoomID
		Name           string
		Why            string // "no portal knows this room"
		Ghosts, People int
	}

	// A CleanupView is a room that people leave one after another.
	CleanupView struct {
		Room        id.RoomID
		Name        string
		Done, Total int // how many have left, of how many; Total is -1 before they are counted
		Finished    bool
		Trouble     string // why somebody could not leave; "" if all could
	}
)

// A plan is what somebody is about to bridge a room to.
type plan struct {
	network network.Info
	found   []string // to pick from
	chat    string   // that was previewed; "" before
	until   time.Time
}

// plan is what the person is about to do here; nil if nothing.
func (k *call) plan() *plan {
	k.c.mu.Lock()
	defer k.c.mu.Unlock()
	p := k.c.plans[place{k.in.Room, k.in.Sender}]
	if p == nil || time.Now().After(p.until) {
		return nil
	}
	copied := *p
	return &copied
}

// setPlan notes what the person is about to do; nil: nothing.
func (k *call) setPlan(p *plan) {
	k.c.mu.Lock()
	defer k.c.mu.Unlock()
	for at, o := range k.c.plans {
		if time.Now().After(o.until) || len(k.c.plans) >= plansKept {
			delete(k.c.plans, at)
		}
	}
	at := place{k.in.Room, k.in.Sender}
	if p == nil {
		delete(k.c.plans, at)
		return
	}
	p.until = time.Now().Add(planTime)
	k.c.plans[at] = p
}

// plumb finds a chat, shows what bridging this room to it would do, and does it.
func plumb(ctx context.Context, k *call) (markup.Body, error) {
	now := k.plan()
	if len(k.args) == 1 {
		number, err := strconv.Atoi(strings.TrimSuffix(k.args[0], "."))
		switch {
		case strings.EqualFold(k.args[0], "back"):
			return k.plumbBack(ctx)
		case strings.EqualFold(k.args[0], "confirm"):
			if now == nil || now.chat == "" {
				return say("There is nothing to confirm. Say what to bridge this room to: ", k.do("plumb <network> <chat>"), "."), nil
			}
			return k.plumbNow(ctx, now.network, now.chat)
		case err == nil && now != nil && len(now.found) > 0:
			if number < 1 || number > len(now.found) {
				return say("The list has the numbers 1 to ", len(now.found), "."), nil
			}
			return k.previewPlumb(ctx, now.network, now.found[number-1])
		}
	}
	n, chat, reply := k.reach()
	if reply != nil {
		return reply, nil
	}
	if last := len(k.args) - 1; last > 0 && strings.EqualFold(k.args[last], "confirm") {
		return k.plumbNow(ctx, n, strings.Join(k.args[:last], " "))
	}
	if last := len(k.args) - 1; last > 0 && strings.EqualFold(k.args[0], "exactly") {
		return k.previewPlumb(ctx, n, strings.Join(k.args[1:], " "))
	}
	found, err := k.c.b.FindChats(ctx, k.in.Sender, n.ID, chat, picksAtMost)
	if err != nil && network.KindOf(err) != network.Rejected { // one that cannot be searched can still be named
		return nil, err
	}
	named := func(f network.Found) bool { return strings.EqualFold(f.Name, chat) }
	if len(found) == 0 || slices.ContainsFunc(found, named) {
		return k.previewPlumb(ctx, n, chat)
	}
	return k.pick(n, chat, found), nil
}

// pick lists what was found.
func (k *call) pick(n network.Info, chat string, found []network.Found) markup.Body {
	p := &plan{network: n}
	var items []markup.Body
	for i, f := range found {
		p.found = append(p.found, f.Name)
		item := say(fmt.Sprint(i+1, ". "), code(f.Name))
		if f.Members > 0 {
			item = say(item, ", ", count(f.Members, "member", "members"))
		}
		if topic := short(f.Topic); topic != "" {
			item = say(item, ": ", topic)
		}
		items = append(items, item)
	}
	k.setPlan(p)
	return say("Which chat on ", n.Name, "?", list(items), "Pick one by its number: ", k.do("plumb 1"), ". If it is none of these: ", k.do("plumb "+string(n.ID)+" exactly "+chat), ".")
}

// previewPlumb shows what bridging would do and waits for its confirmation.
func (k *call) previewPlumb(ctx context.Context, n network.Info, chat string) (markup.Body, error) {
	p, err := k.c.b.PreviewPlumb(ctx, k.in.Sender, k.in.Room, n.ID, chat)
	if err != nil {
		return nil, err
	}
	switch {
	case p.Refused != "":
		return say("That is not possible: ", ended(p.Refused)), nil
	case len(p.Must) > 0:
		return say("I may not ", joined(p.Must, "and"), " in this room. Raise my power level to ", p.Level, " first, then write the same again."), nil
	}
	k.setPlan(&plan{network: n, chat: chat})
	return say("This is what bridging does:", list(k.plumbing(n, p)), "To do it: ", k.do("plumb confirm"), ". ", k.do("unbridge"), " would end it."), nil
}

// plumbing lists what bridging would do: who sees what, and what stays.
func (k *call) plumbing(n network.Info, p PlumbPreview) []markup.Body {
	chat := p.Chat + " on " + n.Name
	var out []markup.Body
	add := func(parts ...any) { out = append(out, say(parts...)) }
	who := "everybody in " + chat
	if p.Members > 0 {
		who += " (" + count(p.Members, "member", "members") + ")"
	}
	add("What is written here from now on is seen by ", who, "; what is written there is seen by the ", count(p.People, "person", "people"), " of this room", map[bool]string{true: " and by whoever joins it, which anybody may", false: ""}[p.Open], ".")
	switch {
	case p.Private:
		add("It is a private chat of yours: what the other person writes to you is seen here by all.")
	case p.Through != "":
		add("People without an account on ", n.Name, " are heard there through ", p.Through, ". ", k.do("unset-relay"), " would end that.")
	}
	add("The people of ", p.Chat, " come into this room when they speak.")
	switch p.History {
	case "world_readable":
		add("Nothing that was written before passes over. Anybody on the internet can read this room, so also what is written in ", p.Chat, ".")
	case "joined", "invited":
		add("Nothing that was written before passes over.")
	default:
		add("Nothing that was written before passes over. Who joins this room later can read what was written here, also by the people of ", p.Chat, ".")
	}
	if p.Encrypted {
		add("This room is encrypted. I read along to pass messages on, and on ", n.Name, " they are not encrypted by Matrix.")
	}
	for _, b := range p.Bridges {
		add("Another bridge is in this room: ", b, ". Its people are treated like any other without an account.")
	}
	for _, b := range p.Bridged {
		add("This room stays bridged to ", b, ".")
	}
	if p.Moves {
		add("The chat has a room, which it leaves: the bridged people leave it one after another, and what was written there stays there. ", k.do("plumb back"), " would take it back.")
	}
	if len(p.May) > 0 {
		add("I may not ", joined(p.May, "and"), "; for that, raise my power level to ", p.Level, ".")
	}
	add("The room keeps its name, its settings and what was written in it.")
	return out
}

// plumbNow bridges the room.
func (k *call) plumbNow(ctx context.Context, n network.Info, chat string) (markup.Body, error) {
	j, err := k.c.b.Plumb(ctx, k.in.Sender, k.in.Room, n.ID, chat)
	if err != nil {
		return nil, err
	}
	k.setPlan(nil)
	return say("This room is bridged to ", j.Name, " on ", n.Name, " from now on. ", k.do("unbridge"), " ends that."), nil
}

// plumbBack takes a chat back to the room that it came from.
func (k *call) plumbBack(ctx context.Context) (markup.Body, error) {
	j, err := k.c.b.PlumbBack(ctx, k.in.Room)
	if err != nil {
		return nil, err
	}
	return say(j.Name, " is bridged to the room again that it had before. What was written here stays here."), nil
}
