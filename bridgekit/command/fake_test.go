package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/config"
	"github.com/causeway-chat/causeway/bridgekit/hub"
	"github.com/causeway-chat/causeway/bridgekit/journal"
	"github.com/causeway-chat/causeway/bridgekit/markup"
	"github.com/causeway-chat/causeway/bridgekit/matrix"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/store"
)

const (
	bot     = id.UserID("@causeway:example.org")
	libera  = network.NetworkID("irc.libera")
	acme    = network.NetworkID("slack.acme")
	friends = network.NetworkID("irc.friends")
)

// fake is a Backend in memory that records what the bot says and does.
type fake struct {
	mu       sync.Mutex
	said     []string // what came since the last look, for golden files
	sent     map[string]bool
	logins   []LoginView
	queue    []journal.Item
	networks []network.Info
	did      []string // calls that change something
	declined map[id.UserID]bool

	failReply  int   // so many replies fail
	failRedact error // what redacting fails with
}

var _ Backend = (*fake)(nil)

func newFake() *fake {
	return &fake{
		sent: map[string]bool{},
		networks: []network.Info{
			{ID: libera, Protocol: "irc", Name: "Libera.Chat", Relay: &network.Login{ID: "relay"}},
			{ID: acme, Protocol: "slack", Name: "Acme"},
			{ID: friends, Protocol: "irc", Name: "Friends"},
		},
		queue: []journal.Item{
			{ID: 7, Lane: journal.LaneOf(3, journal.Out), Kind: "m.room.message", State: journal.Failed, Attempts: 5, Reason: "the file is 62 MB, the network takes 50 MB", Created: time.Now().Add(-90 * time.Minute)},
			{ID: 9, Lane: journal.LaneOf(4, journal.In), Kind: "message", State: journal.Parked, Cause: "the homeserver", Created: time.Now().Add(-3 * time.Minute)},
		},
	}
}

func (f *fake) Hub(context.Context, id.RoomID) ([]hub.View, error) {
	var none *hub.Policy
	return []hub.View{
		{Network: libera, Name: "Libera.Chat", Chat: "#go", Status: string(network.Online), Relay: true, Waiting: 2, Settings: none.Values(), Last: time.Now().Add(-5 * time.Minute), Sender: "carol", Heard: true},
	}, nil
}

func (f *fake) SetHub(_ context.Context, _ id.RoomID, n network.NetworkID, name, value string) error {
	f.act("sets %s of %s to %s", name, n, value)
	return nil
}

func (f *fake) HubBans(context.Context, id.RoomID) ([]store.HubBan, error) {
	return []store.HubBan{{Who: "irc.libera/spam*", By: "@alice:example.org", Reason: "spam"}}, nil
}

func (f *fake) HubBan(_ context.Context, _ id.RoomID, _ id.UserID, who hub.Banned, reason string) (string, error) {
	f.act("bans %s from the hub for %s", who, reason)
	return "", nil
}

func (f *fake) HubUnban(_ context.Context, _ id.RoomID, who hub.Banned) (bool, string, error) {
	return who == "irc.libera/spam*", "", nil
}

func (f *fake) Purge(_ context.Context, _ id.RoomID, who hub.Banned, _ time.Time, _ string) (int, error) {
	f.act("purges %s", who)
	return 3, nil
}

func (f *fake) note(format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.said = append(f.said, fmt.Sprintf(format, args...))
}

func (f *fake) act(format string, args ...any) {
	f.note("("+format+")", args...)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.did = append(f.did, fmt.Sprintf(format, args...))
}

// heard takes out what was said since the last call.
func (f *fake) heard() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := f.said
	f.said = nil
	return out
}

func (f *fake) Networks() []network.Info { return f.networks }

func (f *fake) Flows(n network.NetworkID) []network.LoginFlow {
	switch n {
	case libera:
		return []network.LoginFlow{
			{ID: "account", Name: "with your registered account", Do: ircAccount},
			{ID: "nick", Name: "with a nick only", Do: ircNick},
		}
	case acme:
		return []network.LoginFlow{{ID: "scan", Name: "with your phone", Do: scan}}
	}
	return nil
}

func ircAccount(ctx context.Context, p network.Prompter) (network.Login, error) {
	nick, err := p.Ask(ctx, network.Field{Name: "Nick", Hint: "how people will see you"})
	if err != nil {
		return network.Login{}, fmt.Errorf("ask nick: %w", err)
	}
	if nick == "boom" {
		panic("nick is boom")
	}
	account, err := p.Ask(ctx, network.Field{Name: "Account", Hint: "its name, if it is not your nick", Optional: true})
	if err != nil {
		return network.Login{}, fmt.Errorf("ask account: %w", err)
	}
	if account == "" {
		account = nick
	}
	password, err := p.Ask(ctx, network.Field{Name: "Password", Secret: true})
	if err != nil {
		return network.Login{}, fmt.Errorf("ask password: %w", err)
	}
	if password != "correct horse" {
		return network.Login{}, network.Errorf(network.Rejected, "the network does not accept the password "+password, "sasl failed for %s:%s", account, password)
	}
	return network.Login{ID: network.LoginID(account), Name: nick + " on Libera.Chat"}, nil
}

func ircNick(ctx context.Context, p network.Prompter) (network.Login, error) {
	nick, err := p.Ask(ctx, network.Field{Name: "Nick"})
	if err != nil {
		return network.Login{}, fmt.Errorf("ask nick: %w", err)
	}
	return network.Login{ID: network.LoginID("~" + nick), Name: nick + " on Libera.Chat"}, nil
}

// scan is a flow that shows something and works for a while.
func scan(ctx context.Context, p network.Prompter) (network.Login, error) {
	if err := p.Show(ctx, network.Display{Text: "Scan this with your phone:", QR: "code-1"}); err != nil {
		return network.Login{}, fmt.Errorf("show: %w", err)
	}
	if err := p.Show(ctx, network.Display{Text: "Or open:", QR: "https://acme.example/login?x=1"}); err != nil {
		return network.Login{}, fmt.Errorf("show: %w", err)
	}
	select {
	case <-time.After(3 * time.Minute):
		return network.Login{ID: "T1", Name: "alice at Acme"}, nil
	case <-ctx.Done():
		return network.Login{}, fmt.Errorf("scan: %w", ctx.Err())
	}
}

func (f *fake) AddLogin(_ context.Context, owner id.UserID, n network.NetworkID, l network.Login) error {
	f.act("adds login %s %s of %s", n, l.ID, owner)
	if l.ID == "~taken" {
		return network.Errorf(network.Rejected, "this account is used by somebody else here already", "login belongs to another")
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.logins = append(f.logins, LoginView{Network: n, ID: l.ID, Name: l.Name, Owner: owner, State: network.LoginState{Status: network.Online}})
	return nil
}

func (f *fake) Relays() []LoginView {
	return []LoginView{{Network: "irc.libera", ID: "relay", Name: "the relay of Libera.Chat", State: network.LoginState{Status: network.Online}}}
}

func (f *fake) Logins(owner id.UserID) []LoginView {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []LoginView
	for _, l := range f.logins {
		if owner == "" || l.Owner == owner {
			out = append(out, l)
		}
	}
	return out
}

func (f *fake) RemoveLogin(_ context.Context, owner id.UserID, n network.NetworkID, l network.LoginID) error {
	f.act("removes login %s %s of %s", n, l, owner)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.logins = slices.DeleteFunc(f.logins, func(v LoginView) bool { return v.Network == n && v.ID == l && v.Owner == owner })
	return nil
}

func (f *fake) Search(ctx context.Context, _ id.UserID, _ network.NetworkID, query string, limit int) ([]network.Found, error) {
	switch query {
	case "nothing":
		return nil, nil
	case "slow":
		<-ctx.Done()
		return nil, fmt.Errorf("search: %w", ctx.Err())
	case "many":
		return slices.Repeat([]network.Found{{Name: "#many"}}, limit), nil
	}
	return []network.Found{{Name: "#go", Topic: "The Go\nprogramming language", Members: 1200}, {Name: "#go-nuts", Members: 1}}, nil
}

func (f *fake) Join(_ context.Context, owner id.UserID, n network.NetworkID, name string) (Joined, error) {
	switch name {
	case "#closed":
		return Joined{}, network.Errorf(network.Rejected, "#closed takes invited people only", "473")
	case "#panic":
		panic("join panics")
	}
	f.act("%s joins %s on %s", owner, name, n)
	return Joined{Room: "!go:example.org", Name: name}, nil
}

func (f *fake) Start(_ context.Context, owner id.UserID, n network.NetworkID, user string) (Joined, error) {
	if user == "nobody" {
		return Joined{}, network.Errorf(network.Rejected, "there is nobody of that name", "401")
	}
	f.act("%s starts a chat with %s on %s", owner, user, n)
	return Joined{Room: "!dm:example.org", Name: user}, nil
}

func (f *fake) Plumb(_ context.Context, owner id.UserID, room id.RoomID, n network.NetworkID, chat string) (Joined, error) {
	if chat == "#taken" {
		return Joined{}, network.Errorf(network.Rejected, "#taken is bridged to another room already", "in use")
	}
	f.act("%s plumbs %s to %s on %s", owner, room, chat, n)
	return Joined{Room: room, Name: chat}, nil
}

func (f *fake) Portals(_ context.Context, room id.RoomID) ([]PortalView, error) {
	online := network.LoginState{Status: network.Online}
	switch room {
	case "!portal":
		return []PortalView{{Network: libera, Name: "#go", State: online, Relay: true, Waiting: 2}}, nil
	case "!hub":
		return []PortalView{
			{Network: libera, Name: "#go", State: network.LoginState{Status: network.Offline, Words: "connection refused."}},
			{Network: acme, Name: "general", State: online},
		}, nil
	case "!private":
		return []PortalView{{Network: libera, Name: "carol", Owner: "@bob:example.org", State: online}}, nil
	case "!broken":
		return nil, errors.New("database is on fire")
	}
	return nil, nil
}

func (f *fake) PreviewUnbridge(ctx context.Context, room id.RoomID) (Preview, error) {
	p, err := f.Portals(ctx, room)
	return Preview{Portals: p, Ghosts: 41, Waiting: 2, Made: room != "!hub"}, err
}

func (f *fake) Unbridge(_ context.Context, owner id.UserID, room id.RoomID, remove bool) error {
	f.act("%s unbridges %s, delete %v", owner, room, remove)
	return nil
}

func (f *fake) SetRelay(_ context.Context, by id.UserID, room id.RoomID, n network.NetworkID, l network.LoginID) error {
	if n == acme && l == "" {
		return network.Errorf(network.Rejected, "Acme has no relay; the administrator can configure one", "no relay")
	}
	f.act("%s sets the relay of %s on %s to %q", by, room, n, l)
	return nil
}

func (f *fake) UnsetRelay(_ context.Context, room id.RoomID, n network.NetworkID) error {
	f.act("unsets the relay of %s on %s", room, n)
	return nil
}

func (f *fake) Queue(_ context.Context, all bool, limit int) ([]journal.Item, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []journal.Item
	for _, it := range f.queue {
		if (all || it.State == journal.Failed) && len(out) < limit {
			out = append(out, it)
		}
	}
	return out, nil
}

func (f *fake) QueueItem(_ context.Context, entry int64) (journal.Item, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, it := range f.queue {
		if it.ID == entry {
			return it, nil
		}
	}
	return journal.Item{}, fmt.Errorf("queue: %w", journal.ErrNoEntry)
}

func (f *fake) RetryEntry(ctx context.Context, entry int64) error {
	return f.settle(ctx, "retries", entry)
}
func (f *fake) DropEntry(ctx context.Context, entry int64) error {
	return f.settle(ctx, "drops", entry)
}

func (f *fake) settle(ctx context.Context, verb string, entry int64) error {
	it, err := f.QueueItem(ctx, entry)
	if err != nil || it.State != journal.Failed {
		return journal.ErrNoEntry
	}
	f.act("%s entry %d", verb, entry)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.queue = slices.DeleteFunc(f.queue, func(it journal.Item) bool { return it.ID == entry })
	return nil
}

func (f *fake) People(context.Context) ([]PersonView, error) {
	return []PersonView{
		{User: "@root:example.org", Level: config.LevelAdmin, Puppet: "not checked"},
		{User: "@alice:example.org", Level: config.LevelUser, Puppet: "on", Logins: 2, Rooms: 14},
		{User: "@eve:elsewhere.example", Level: config.LevelRelay, Puppet: "elsewhere", Spoken: 3},
	}, nil
}

func (f *fake) Rooms(context.Context) ([]RoomView, error) {
	return []RoomView{
		{Portal: 1, Network: libera, Chat: "#go", Kind: network.Channel, Room: "!go:example.org", State: "open", Relay: "relay", Logins: []network.LoginID{"relay", "ada"}, Waiting: 2},
		{Portal: 4, Network: acme, Chat: "C1", Name: "general", Room: "!general:example.org", State: "closed"},
	}, nil
}

func (f *fake) Health(context.Context) ([]HealthItem, error) {
	since := time.Now().Add(-90 * time.Minute)
	return []HealthItem{{Part: "homeserver", State: "up"}, {Part: "events from the homeserver", State: "silent", Since: &since, Words: "Restart it."}}, nil
}

func (f *fake) Puppet(_ context.Context, u id.UserID) (state, why string, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if u.Homeserver() != "example.org" {
		return "elsewhere", "", nil
	}
	if f.declined[u] {
		return "off", "", nil
	}
	return "refused", "it does not know the second registration", nil
}

func (f *fake) SetPuppet(_ context.Context, u id.UserID, on bool) error {
	f.act("sets the double puppet of %s to %v", u, on)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.declined == nil {
		f.declined = map[id.UserID]bool{}
	}
	f.declined[u] = !on
	return nil
}

func (f *fake) Footprint(_ context.Context, u id.UserID) (Footprint, error) {
	if localpart(u) == "eve" {
		return Footprint{}, nil
	}
	return Footprint{
		Logins: []LoginView{{Network: libera, ID: "ada", Name: "ada on Libera.Chat"}}, Private: 1, Shared: 14, Messages: 1200, Failed: 1, Facts: 17, Settings: true, Room: "!dm",
	}, nil
}

func (f *fake) Forget(_ context.Context, u id.UserID) error {
	f.act("forgets %s", u)
	return nil
}

func (f *fake) Export(_ context.Context, u id.UserID) (json.RawMessage, error) {
	return json.Marshal(map[string]any{"user": u})
}

func (f *fake) SendFile(_ context.Context, room id.RoomID, name, mime string, data []byte, _ []byte) error {
	f.act("sends %s, %s, to %s: %s", name, mime, room, data)
	return nil
}

func (f *fake) Level(user id.UserID) config.Level {
	switch localpart(user) {
	case "mallory":
		return config.LevelBlock
	case "eve", "emod":
		return config.LevelRelay
	case "root", "rootmod":
		return config.LevelAdmin
	}
	return config.LevelUser
}

// Moderator: mod, emod and rootmod everywhere.
func (f *fake) Moderator(_ context.Context, _ id.RoomID, user id.UserID) bool {
	return strings.HasSuffix(localpart(user), "mod")
}

func (f *fake) Version() string { return "1.2.3" }

func (f *fake) Reply(ctx context.Context, room id.RoomID, _ id.EventID, body markup.Body, key []byte) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("reply: %w", err)
	}
	f.mu.Lock()
	if f.failReply > 0 {
		f.failReply--
		f.mu.Unlock()
		return &matrix.Error{Kind: matrix.Down, Op: "send"}
	}
	known := f.sent[string(key)]
	f.sent[string(key)] = true
	f.mu.Unlock()
	if known {
		f.note("(the homeserver knows this transaction)")
		return nil
	}
	f.note("%s: %s", room, body)
	return nil
}

func (f *fake) RedactEvent(_ context.Context, room id.RoomID, event id.EventID, _ string) error {
	f.mu.Lock()
	err := f.failRedact
	f.mu.Unlock()
	if err != nil {
		return err
	}
	f.act("redacts %s in %s", event, room)
	return nil
}
