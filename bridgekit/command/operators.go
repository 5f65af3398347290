package command

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/config"
	"github.com/causeway-chat/causeway/bridgekit/network"
)

type (
	// A PersonView is somebody of Matrix about whom something is stored, or whom
	// the configuration names.
	PersonView struct {
		User   id.UserID    `json:"user"`
		Level  config.Level `json:"level"`
		Puppet string       `json:"double_puppet"` // a matrix.PuppetState
		Why    string       `json:"double_puppet_why,omitempty"`
		Logins int          `json:"logins"`
		Rooms  int          `json:"rooms"`   // bridged ones that their logins are in
		Spoken int          `json:"relayed"` // rooms in which a relay has spoken for them
		// Management is the room in which the bot talks to them.
		Management id.RoomID `json:"management,omitempty"`
	}

	// A RoomView is a portal that has a room.
	RoomView struct {
		Portal  int64             `json:"portal"`
		Network network.NetworkID `json:"network"`
		Chat    network.ChatID    `json:"chat"`
		Kind    network.ChatKind  `json:"kind,omitempty"`
		Name    string            `json:"name,omitempty"`
		Room    id.RoomID         `json:"room"`
		State   string            `json:"state"`
		Owner   id.UserID         `json:"owner,omitempty"` // whose private chat it is
		Relay   network.LoginID   `json:"relay,omitempty"`
		Plumbed bool              `json:"plumbed,omitempty"` // the room was there before
		Logins  []network.LoginID `json:"logins"`
		Waiting int               `json:"waiting"` // undelivered entries
	}

	// A HealthItem is how one part fares.
	HealthItem struct {
		Part  string     `json:"part"`
		State string     `json:"state"`
		Since *time.Time `json:"since,omitempty"`
		Words string     `json:"words,omitempty"`
	}
)

func usersReport(ctx context.Context, b Backend, args []string) (Report, error) {
	if len(args) > 1 {
		return Report{}, ErrUsage
	}
	people, err := b.People(ctx)
	if err != nil {
		return Report{}, err
	}
	if len(args) == 1 {
		people = slices.DeleteFunc(people, func(p PersonView) bool {
			return !strings.Contains(strings.ToLower(string(p.User)), strings.ToLower(args[0]))
		})
	}
	slices.SortFunc(people, func(a, b PersonView) int { return cmp.Compare(a.User, b.User) })
	return table("People", []string{"user", "level", "double puppet", "accounts", "rooms", "relayed"}, people, func(p PersonView) []string {
		puppet := p.Puppet
		if p.Why != "" {
			puppet += " (" + p.Why + ")"
		}
		return []string{string(p.User), p.Level.String(), puppet, strconv.Itoa(p.Logins), strconv.Itoa(p.Rooms), strconv.Itoa(p.Spoken)}
	}, "There is nobody.")
}

func portalsReport(ctx context.Context, b Backend, args []string) (Report, error) {
	if len(args) > 1 {
		return Report{}, ErrUsage
	}
	rooms, err := b.Rooms(ctx)
	if err != nil {
		return Report{}, err
	}
	if len(args) == 1 {
		n := called(b.Networks(), args[0])
		if len(n) == 0 {
			return Report{}, network.Errorf(network.Rejected, "there is no network of this name", "no network")
		}
		rooms = slices.DeleteFunc(rooms, func(r RoomView) bool {
			return !slices.ContainsFunc(n, func(i network.Info) bool { return i.ID == r.Network })
		})
	}
	return table("Bridged rooms", []string{"portal", "network", "chat", "kind", "room", "state", "relay", "logins", "waiting"}, rooms, func(r RoomView) []string {
		return []string{
			strconv.FormatInt(r.Portal, 10), string(r.Network), cmp.Or(r.Name, string(r.Chat)), string(r.Kind), string(r.Room), r.State,
			string(r.Relay), strconv.Itoa(len(r.Logins)), strconv.Itoa(r.Waiting),
		}
	}, "Nothing is bridged.")
}

func loginsReport(_ context.Context, b Backend, args []string) (Report, error) {
	if len(args) > 0 {
		return Report{}, ErrUsage
	}
	return table("Accounts", []string{"account", "network", "owner", "state", "since", "answered", "words"}, append(b.Relays(), b.Logins("")...), func(l LoginView) []string {
		return []string{string(l.ID), string(l.Network), cmp.Or(string(l.Owner), "(configuration)"), string(l.State.Status), ago(l.Since), ago(l.Answered), l.State.Words}
	}, "Nobody is signed in.")
}

func healthReport(ctx context.Context, b Backend, args []string) (Report, error) {
	if len(args) > 0 {
		return Report{}, ErrUsage
	}
	items, err := b.Health(ctx)
	if err != nil {
		return Report{}, err
	}
	return table("Health", []string{"part", "state", "since", "words"}, items, func(h HealthItem) []string {
		since := ""
		if h.Since != nil {
			since = ago(*h.Since)
		}
		return []string{h.Part, h.State, since, h.Words}
	}, "")
}

// ago is a time as people like it; "" for none.
func ago(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return minutes(time.Since(t)) + " ago"
}
