package conversation

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync"

	"github.com/causeway-chat/causeway/bridgekit/memnet"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/testbed/gate"
)

// town is the chat on memnet.
const town = network.ChatID("town")

// memOptions are what both processes know of memnet.
func memOptions() memnet.Options { return memnet.Options{Name: "Mem", Relay: relay} }

// A memSide is memnet with its people. Causeway comes through the gate.
type memSide struct {
	net    *memnet.Server
	gate   *gate.Gate
	stop   context.CancelFunc
	serves sync.WaitGroup
	script *Script
}

func startMem() (*memSide, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	m := &memSide{net: memnet.New(memOptions()), stop: stop}
	m.net.Connector(network.NetworkID(Mem)) // so that its relay has a session
	var all []network.UserID
	for _, who := range people(Mem) {
		all = append(all, network.UserID(who))
	}
	m.net.Channel(town, all...)
	m.serves.Go(func() { _ = m.net.Serve(ctx, l) }) // until close
	if m.gate, err = gate.New(l.Addr().String()); err != nil {
		return nil, fmt.Errorf("%w: %w", err, m.close())
	}
	return m, nil
}

func (m *memSide) close() error {
	if m.gate != nil {
		m.gate.Close()
	}
	m.stop()
	m.serves.Wait()
	return nil
}

// do carries out an act. The network keeps what Causeway does not get now.
func (m *memSide) do(_ context.Context, a Act) error {
	who := m.net.User(network.UserID(a.Who))
	if a.Kind == Say {
		_, err := who.Say(town, m.script.Text(a.N, 0))
		return err
	}
	if a.Kind == File {
		_, err := who.SayFile(town, network.File, m.script.FileName(a.N), "text/plain", []byte(m.script.FileData(a.N)))
		return err
	}
	of := a.Of
	if a.Kind == Unreact {
		of = m.script.Acts[a.Of].Of
	}
	v, err := m.view()
	if err != nil {
		return err
	}
	target := v.find(of)
	if target == nil {
		return fmt.Errorf("%s: message %d is not there any more", Mem, of)
	}
	id := network.MessageID(target.ID)
	switch a.Kind {
	case Reply:
		c := network.Text(m.script.Text(a.N, 0))
		ref := network.Whole(id)
		c.Reply = &ref
		_, err := who.Send(town, c)
		return err
	case Edit:
		return who.Edit(town, id, m.script.Text(a.Of, a.Rev))
	case Remove:
		return who.Redact(town, id)
	}
	return who.React(town, id, a.Emoji, a.Kind == Unreact)
}

// view is what the network holds.
func (m *memSide) view() (*View, error) {
	v := newView()
	for _, x := range m.net.Messages(town) {
		i := &Item{ID: string(x.ID), Own: x.Login == "", Who: string(x.Sender), Text: x.Text, Removed: x.Redacted}
		if p := x.Content.Persona; p != nil {
			i.Who = strings.ToLower(p.Name)
		}
		if x.Content.Reply != nil {
			i.Reply = string(x.Content.Reply.ID)
		}
		if len(x.Content.Parts) == 1 && x.Content.Parts[0].Media != nil {
			f := x.Content.Parts[0].Media
			i.Text = f.Name
			i.Open = func() (string, error) { return string(m.net.File(f.Ref)), nil }
		}
		var ok bool
		if i.N, i.Rev, ok = nameOf(i.Text); !ok {
			if !isWarm(i.Text) && !i.Removed {
				v.Strange = append(v.Strange, i.Who+" says "+i.Text)
			}
			continue
		}
		v.add(i)
		for who, all := range x.Reactions {
			for _, emoji := range all {
				v.mark(i.ID, Mark{string(who), emoji}, 1)
			}
		}
	}
	return v, nil
}
