package bridgekit

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/command"
	"github.com/causeway-chat/causeway/bridgekit/config"
	"github.com/causeway-chat/causeway/bridgekit/journal"
	"github.com/causeway-chat/causeway/bridgekit/login"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/store"
)

func (k backend) People(ctx context.Context) ([]command.PersonView, error) {
	seen := map[string]*command.PersonView{}
	of := func(mxid string) *command.PersonView {
		if seen[mxid] == nil {
			u := id.UserID(mxid)
			seen[mxid] = &command.PersonView{User: u, Level: k.Level(u)}
		}
		return seen[mxid]
	}
	for key := range k.b.opts.Config.Permissions {
		if strings.HasPrefix(key, "@") {
			of(key)
		}
	}
	stored, err := k.b.db.People(ctx)
	if err != nil {
		return nil, err
	}
	for _, p := range stored {
		of(p.MXID).Management = id.RoomID(p.Management)
	}
	for _, s := range k.b.logins.Of("*") {
		if s.Owner != "" {
			of(s.Owner).Logins++
		}
	}
	spoken, err := k.b.db.Speakers(ctx)
	if err != nil {
		return nil, err
	}
	for mxid, n := range spoken {
		of(mxid).Spoken = n
	}
	var out []command.PersonView
	for mxid, p := range seen {
		if p.Rooms, err = k.b.db.CountPortals(ctx, mxid); err != nil {
			return nil, err
		}
		state, why, err := k.b.hs.PuppetState(ctx, p.User, false)
		if err != nil {
			return nil, err
		}
		p.Puppet, p.Why = string(state), why
		out = append(out, *p)
	}
	return out, nil
}

func (k backend) Rooms(ctx context.Context) ([]command.RoomView, error) {
	uses, err := k.b.portals.Uses(ctx)
	if err != nil {
		return nil, err
	}
	var out []command.RoomView
	for _, u := range uses {
		v := command.RoomView{
			Portal: u.ID, Network: u.Network, Chat: u.Chat.ID, Kind: u.Info.Kind, Name: u.Info.Name, Room: id.RoomID(u.Room),
			State: cmp.Or(string(u.State), "new"), Relay: u.Relay, Plumbed: u.Info.Plumbed, Logins: u.Logins, Waiting: u.Waiting,
		}
		if s := k.b.logins.Get(u.Network, u.Chat.Login); s != nil {
			v.Owner = id.UserID(s.Owner)
		}
		out = append(out, v)
	}
	return out, nil
}

func (k backend) Health(ctx context.Context) ([]command.HealthItem, error) {
	hs := command.HealthItem{Part: "homeserver", State: "up"}
	if since := k.b.hs.DownSince(); !k.b.hs.Up() {
		hs.State, hs.Since = "down", &since
	}
	items := []command.HealthItem{hs}
	if k.b.vitals.canary != nil {
		items = append(items, wayItem(k))
	}
	for _, s := range k.b.logins.Of("*") {
		st, since := s.State(), s.Since()
		if st.Status != network.Online {
			items = append(items, command.HealthItem{Part: "account " + string(s.ID) + " on " + string(s.Network), State: string(st.Status), Since: &since, Words: st.Words})
		}
	}
	byState, oldest, err := k.b.journal.Depth(ctx)
	if err != nil {
		return nil, err
	}
	queue := command.HealthItem{Part: "queue", State: "empty"}
	waiting := 0
	for st, n := range byState {
		if st != journal.Failed {
			waiting += n
		}
	}
	if waiting > 0 {
		since := time.Now().Add(-oldest)
		queue.State, queue.Since = fmt.Sprint(waiting, " waiting"), &since
	}
	if n := byState[journal.Failed]; n > 0 {
		queue.Words = fmt.Sprintf("%d failed: see queue", n)
	}
	return append(items, queue), nil
}

// wayItem is how the way from the homeserver to us fares.
func wayItem(k backend) command.HealthItem {
	way := k.b.vitals.canary.Way()
	item := command.HealthItem{Part: "events from the homeserver", State: "come"}
	switch {
	case way.Silent:
		item.State, item.Since, item.Words = "do not come", &way.Since, way.Words
	case way.Heard.IsZero():
		item.State = "none yet"
	case !way.Measured.IsZero():
		item.Words = fmt.Sprintf("the last that was measured took %s", way.Took.Round(time.Millisecond))
	}
	return item
}

func (k backend) Puppet(ctx context.Context, user id.UserID) (state, why string, err error) {
	st, why, err := k.b.hs.PuppetState(ctx, user, true)
	return string(st), why, err
}

func (k backend) SetPuppet(ctx context.Context, user id.UserID, on bool) error {
	return k.b.portals.SetPuppet(ctx, user, on)
}

// roomsOf splits the bridged rooms of somebody's logins in those that are theirs
// alone and the others.
func (k backend) roomsOf(ctx context.Context, user id.UserID) (private, shared []store.Portal, err error) {
	var known []int64
	for _, s := range k.b.logins.Of(string(user)) {
		chats, err := k.b.db.ChatsOf(ctx, s.Network, s.ID)
		if err != nil {
			return nil, nil, err
		}
		for _, p := range chats {
			switch {
			case p.Room == "" || slices.Contains(known, p.ID):
				continue
			case p.Chat.Login != "":
				private = append(private, p)
			default:
				shared = append(shared, p)
			}
			known = append(known, p.ID)
		}
	}
	return private, shared, nil
}

func (k backend) Footprint(ctx context.Context, user id.UserID) (command.Footprint, error) {
	f, err := k.b.db.Footprint(ctx, string(user))
	if err != nil {
		return command.Footprint{}, err
	}
	private, shared, err := k.roomsOf(ctx, user)
	if err != nil {
		return command.Footprint{}, err
	}
	failed, err := k.b.portals.DeadLetters(ctx, user)
	return command.Footprint{
		Logins: k.own(user), Private: len(private), Shared: len(shared), Messages: len(f.Messages), Failed: failed,
		Facts: len(f.Facts), Spoken: len(f.Speaks), Settings: f.Settings != store.Settings{}, Room: id.RoomID(f.Management),
	}, err
}

// own are the logins of one person; none if user is "".
func (k backend) own(user id.UserID) []command.LoginView {
	if user == "" {
		return nil
	}
	return k.Logins(user)
}

func (k backend) Forget(ctx context.Context, user id.UserID) error {
	for _, s := range k.b.logins.Of(string(user)) {
		if err := k.b.vitals.watch.Removed(ctx, s.Network, s.ID); err != nil {
			return err
		}
	}
	return k.b.portals.Forget(ctx, user)
}

// An exported is what Export gives out.
type exported struct {
	User       id.UserID       `json:"user"`
	At         time.Time       `json:"exported_at"`
	Level      config.Level    `json:"level"`
	Puppet     string          `json:"double_puppet"`
	Settings   store.Settings  `json:"settings"`
	Management id.RoomID       `json:"management_room,omitempty"`
	Logins     []exportedLogin `json:"logins"`
	Rooms      []exportedRoom  `json:"rooms"`
	Spoken     []int64         `json:"relayed_in_portals,omitempty"`
	Facts      []string        `json:"known_at_the_homeserver,omitempty"`
	Messages   []store.Trace   `json:"messages"`
	Failed     int             `json:"failed_messages"`
}

type exportedLogin struct {
	Network network.NetworkID  `json:"network"`
	ID      network.LoginID    `json:"id"`
	User    network.UserID     `json:"user"`
	Name    string             `json:"name"`
	State   network.LoginState `json:"state"`
	// Credentials are stored, sealed; they are not given out.
	Credentials bool `json:"credentials_stored"`
}

type exportedRoom struct {
	Portal  int64             `json:"portal"`
	Network network.NetworkID `json:"network"`
	Chat    network.ChatID    `json:"chat"`
	Name    string            `json:"name,omitempty"`
	Room    string            `json:"room"`
	Private bool              `json:"private"`
}

func (k backend) Export(ctx context.Context, user id.UserID) (json.RawMessage, error) {
	f, err := k.b.db.Footprint(ctx, string(user))
	if err != nil {
		return nil, err
	}
	out := exported{
		User: user, At: time.Now().UTC(), Level: k.Level(user), Settings: f.Settings, Management: id.RoomID(f.Management),
		Logins: []exportedLogin{}, Rooms: []exportedRoom{}, Spoken: f.Speaks, Facts: f.Facts, Messages: f.Messages,
	}
	if out.Messages == nil {
		out.Messages = []store.Trace{}
	}
	state, _, err := k.b.hs.PuppetState(ctx, user, false)
	if err != nil {
		return nil, err
	}
	out.Puppet = string(state)
	for _, s := range k.b.logins.Of(string(user)) {
		out.Logins = append(out.Logins, exportedLogin{Network: s.Network, ID: s.ID, User: s.User(), Name: s.Name, State: s.State(), Credentials: true})
	}
	private, shared, err := k.roomsOf(ctx, user)
	if err != nil {
		return nil, err
	}
	for _, p := range slices.Concat(private, shared) {
		out.Rooms = append(out.Rooms, exportedRoom{Portal: p.ID, Network: p.Network, Chat: p.Chat.ID, Name: p.Info.Name, Room: p.Room, Private: p.Chat.Login != ""})
	}
	if out.Failed, err = k.b.portals.DeadLetters(ctx, user); err != nil {
		return nil, err
	}
	data, err := json.MarshalIndent(out, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode export: %w", err)
	}
	return data, nil
}

func (k backend) SendFile(ctx context.Context, room id.RoomID, name, mime string, data []byte, key []byte) error {
	return k.b.portals.SendFile(ctx, room, name, mime, data, key)
}

// operate does a command of the program for whoever runs it. Another process may
// have the database, and with it all there is to ask.
func (b *Bridge) operate(ctx context.Context, name string, args []string) (any, error) {
	if !b.leads() {
		return nil, network.Errorf(network.Rejected, "this process stands by; ask the one that serves the database", "stands by")
	}
	r, err := command.Operate(ctx, backend{b}, name, args)
	if errors.Is(err, command.ErrUsage) {
		return nil, network.Errorf(network.Rejected, fmt.Sprintf("these are not the arguments of %s; see: causeway %s --help", name, name), "%w", err)
	}
	return r, err
}

// mayAdd refuses one account more than somebody may have. To renew one is no more.
func (k backend) mayAdd(owner id.UserID, n network.NetworkID, l network.LoginID) error {
	most := k.b.opts.Config.Limits.Logins
	have := k.b.logins.Of(string(owner))
	known := slices.ContainsFunc(have, func(s *login.Session) bool { return s.Network == n && s.ID == l })
	if most == 0 || known || len(have) < most || k.Level(owner) == config.LevelAdmin {
		return nil
	}
	return network.Errorf(network.Rejected, fmt.Sprintf("you have %d accounts here, which is as many as you may have. Sign out of one first: logout", len(have)), "too many logins")
}
