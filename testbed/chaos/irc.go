package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"sync"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/journal"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/step"
	"github.com/causeway-chat/causeway/bridgekit/store"
	"github.com/causeway-chat/causeway/bridges/irc"
	"github.com/causeway-chat/causeway/testbed/gate"
	"github.com/causeway-chat/causeway/testbed/ircd"
)

const (
	ircRelay = "relay" // nick of the connection that speaks for eve
	ircUser  = "causeway"

	// observer is in every channel and says nothing: what channels show is what
	// this one saw.
	observer = "olga"
)

// An ircNet is InspIRCd, with a gate on Causeway's way to it. People go around it.
//
// It keeps nothing, so what is said while Causeway is not connected is lost by
// nature: nothing is said then. And what is said is waited for, until Causeway has
// it in its journal or is seen to leave. Only in the second case may it be missing
// in Matrix, and only if it is not in the journal at the end.
type ircNet struct {
	server *ircd.Server
	gate   *gate.Gate
	links  links

	life sync.RWMutex // held for reading while something is said, for writing while the server is down

	mu     sync.Mutex            // guards what follows
	crowd  map[string]*ircPerson // by nick
	stored func(ctx context.Context, id network.MessageID) bool
}

func newIRC(ctx context.Context) (_ far, err error) {
	n := &ircNet{crowd: map[string]*ircPerson{}, links: links{files: map[string]string{}}}
	defer func() {
		if err != nil {
			err = errors.Join(err, n.close())
		}
	}()
	if n.server, err = ircd.Start(ctx, ircd.InspIRCd, ircd.Options{}); err != nil {
		return nil, err
	}
	if n.gate, err = gate.New(n.server.Addr()); err != nil {
		return nil, err
	}
	for _, nick := range []string{observer, "carol", "dave"} {
		if _, err = n.person(ctx, nick); err != nil {
			return nil, err
		}
	}
	return n, nil
}

func (n *ircNet) close() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, p := range n.crowd {
		p.user.Close()
	}
	if n.gate != nil {
		n.gate.Close()
	}
	if n.server == nil {
		return nil
	}
	return n.server.Close()
}

func (n *ircNet) id() network.NetworkID { return "irc.test" }

func (n *ircNet) title() string { return "" }

func (n *ircNet) net(side) far { return n }

func (n *ircNet) bears(_ *chat, _ side, who string) string { return accountOf(who) }

// features are what Causeway makes of InspIRCd: message IDs and echoes, and no
// history.
func (n *ircNet) features() network.Features {
	return network.Features{IDs: network.IDsShared, Once: network.OnceNever, Personas: true}
}

func (n *ircNet) tell(s *spec) error {
	plain := false
	s.NetworkID = n.id()
	s.IRC = &irc.Config{
		Name: "Test", Server: n.gate.Addr(), TLS: &plain, Nick: ircRelay, Username: ircUser,
		Flood: irc.Flood{Lines: 200, Burst: 50}, MaxLines: 100, HardLines: 100,
	}
	for _, name := range []string{"alice", "bob"} {
		data, err := json.Marshal(map[string]string{"nick": name})
		if err != nil {
			return err
		}
		s.Logins = append(s.Logins, store.Login{Network: n.id(), Owner: mxid(name), Login: network.Login{
			ID: network.LoginID("~nick/" + name), User: network.UserID(name), Name: name + " on Test", Data: data,
		}})
	}
	return nil
}

// chats: a channel with two accounts in it, one with the relay, and two direct
// chats.
func (n *ircNet) chats() ([]*chat, error) {
	alice, bob, eve := mxid("alice"), mxid("bob"), mxid("eve")
	return []*chat{
		n.chat(chatPlan{"#team", network.Channel, []network.UserID{"alice", "bob"}, []network.UserID{"carol", "dave"}, []string{alice, bob}, alice}),
		n.chat(chatPlan{"#club", network.Channel, []network.UserID{ircRelay}, []network.UserID{"dave", "carol"}, []string{eve}, eve}),
		n.chat(chatPlan{"carol", network.Direct, []network.UserID{"alice"}, []network.UserID{"carol"}, []string{alice}, alice}),
		n.chat(chatPlan{"dave", network.Direct, []network.UserID{"bob"}, []network.UserID{"dave"}, []string{bob}, bob}),
	}, nil
}

func (n *ircNet) chat(p chatPlan) *chat { return &chat{chatPlan: p, id: p.name} }

// another is a direct chat with somebody new.
func (n *ircNet) another(i int) (*chat, error) {
	nick := fmt.Sprintf("guest%c%c", 'a'+i/26, 'a'+i%26)
	ctx, cancel := context.WithTimeout(context.Background(), ircPatience)
	defer cancel()
	n.life.RLock()
	defer n.life.RUnlock()
	if _, err := n.person(ctx, nick); err != nil {
		return nil, err
	}
	alice := mxid("alice")
	return n.chat(chatPlan{network.ChatID(nick), network.Direct, []network.UserID{"alice"}, []network.UserID{network.UserID(nick)}, []string{alice}, alice}), nil
}

// begin brings everybody into the channels, and has each chat begun.
func (n *ircNet) begin(ctx context.Context, w *world) error {
	n.mu.Lock()
	n.stored = w.stored
	n.mu.Unlock()
	for _, name := range []string{"alice", "bob"} {
		if err := w.talk(ctx, mxid(name), []answered{{"", "Hello", false}, {"join " + string(n.id()) + " #team", "You are in", true}}); err != nil {
			return err
		}
	}
	alias := url.PathEscape("#_cw_" + string(n.id()) + "_=23club:" + domain)
	err := until(ctx, "eve enters #club", 3*time.Minute, func() (bool, error) {
		return w.home.do(mxid("eve"), "POST", "join/"+alias, object{}, nil) == nil, w.revive()
	})
	if err != nil {
		return err
	}
	for _, c := range w.chats {
		err := until(ctx, "Causeway is in "+string(c.id), 3*time.Minute, func() (bool, error) { return n.ready(ctx, c), w.revive() })
		if err := errors.Join(err, w.first(c)); err != nil {
			return err
		}
	}
	return nil
}

// takes: IRC has no edits and no removals, and nothing of several parts; files go
// there as links, and nobody posts files.
func (n *ircNet) takes(s side, d deed) bool {
	switch d {
	case deedSay, deedReply, deedLong:
		return true
	case deedMany:
		return s == onNetwork
	case deedFile:
		return s == onMatrix
	}
	return false
}

func (n *ircNet) reaches(s step.Name) bool {
	switch s {
	case step.InBetween, step.InEdited, step.InRedacted, step.InReacted, step.OutChanged, step.Withdrawing:
		return false
	}
	return true
}

func (n *ircNet) inBook(id string) string { return id }

func (n *ircNet) threads() bool { return false }

func (n *ircNet) waiting([]*chat) (came string, waits int, known bool) { return "", 0, false }

// heard finds out which messages, said as Causeway's connection was cut, it has
// nevertheless: those must be in the room.
func (n *ircNet) heard(ctx context.Context, db *sql.DB, all []*chat) error {
	for _, c := range all {
		if err := c.heard(ctx, db); err != nil {
			return err
		}
	}
	return nil
}

func (c *chat) heard(ctx context.Context, db *sql.DB) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, m := range c.book[onNetwork] {
		if !m.cut {
			continue
		}
		has, err := inJournal(ctx, db, m.remote)
		if err != nil {
			return err
		}
		m.cut = !has
	}
	return nil
}

// inJournal reports whether a message from the network is or was in the journal,
// for whichever portal.
func inJournal(ctx context.Context, db *sql.DB, id network.MessageID) (bool, error) {
	var portals int
	if err := db.QueryRowContext(ctx, "SELECT COALESCE(MAX(id), 0) FROM portal").Scan(&portals); err != nil {
		return false, fmt.Errorf("look for portals: %w", err)
	}
	kind := network.EventKind(&network.Message{})
	for p := range portals + 1 {
		var n int
		if err := db.QueryRowContext(ctx, "SELECT COUNT(*) FROM entry WHERE key = $1", journal.Key("in", fmt.Sprint(p), "", kind, string(id))).Scan(&n); err != nil {
			return false, fmt.Errorf("look into the journal: %w", err)
		}
		if n > 0 {
			return true, nil
		}
	}
	return false, nil
}

// stored reports whether Causeway has a message from the network.
func (w *world) stored(ctx context.Context, id network.MessageID) bool {
	db, err := w.queue()
	if err != nil {
		return false
	}
	defer db.Close()
	has, err := inJournal(ctx, db, id)
	return has && err == nil // a database that is away has nothing now
}
