package memnet_test

import (
	"context"
	"io"
	"sync/atomic"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/memnet"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/networktest"
)

// A fault breaks one rule of the suite in a connector that otherwise keeps all.
type fault struct {
	of      string          // the case that must catch it
	says    string          // what the case must complain about
	options *memnet.Options // nil: the defaults

	// One of these breaks it. n counts the case's
	// clients (connectors) from 1.
	ops       func(n int, o *network.Ops)
	connector func(n int, c network.Connector) network.Connector
	flow      func(h *harness, f *network.LoginFlow)
}

// broken is a harness with a faulty connector.
type broken struct {
	*harness
	fault      fault
	clients    *atomic.Int64
	connectors *atomic.Int64
}

func newBroken(f fault) networktest.Harness {
	var o memnet.Options
	if f.options != nil {
		o = *f.options
	}
	b := broken{newHarness(o), f, new(atomic.Int64), new(atomic.Int64)}
	b.clients.Store(-1) // what networktest.Check uses to see what applies
	b.connectors.Store(-2)
	return b
}

func (b broken) Connector() (network.Connector, error) {
	c, err := b.harness.Connector()
	if err != nil {
		return nil, err
	}
	if b.fault.connector != nil {
		return b.fault.connector(int(b.connectors.Add(1)), c), nil
	}
	return brokenConnector{c, b}, nil
}

type brokenConnector struct {
	network.Connector
	b broken
}

func (c brokenConnector) Open(ctx context.Context, h network.Host, l network.Login) (network.Client, error) {
	client, err := c.Connector.Open(ctx, h, l)
	if err != nil || c.b.fault.ops == nil {
		return client, err
	}
	ops := network.Resolve(client)
	full := ops.Edit != nil
	c.b.fault.ops(int(c.b.clients.Add(1)), &ops)
	if !full {
		return &tamperedBasic{ops}, nil
	}
	return &tampered{tamperedBasic{ops}}, nil
}

func (c brokenConnector) Flows() []network.LoginFlow {
	flows := c.Connector.Flows()
	if c.b.fault.flow != nil {
		for i := range flows {
			c.b.fault.flow(c.b.harness, &flows[i])
		}
	}
	return flows
}

// tamperedBasic is a client of functions.
type tamperedBasic struct{ o network.Ops }

func (t *tamperedBasic) Run(ctx context.Context, s network.Sink) error { return t.o.Run(ctx, s) }
func (t *tamperedBasic) Send(ctx context.Context, m network.Outgoing) (network.Sent, error) {
	return t.o.Send(ctx, m)
}
func (t *tamperedBasic) Chat(ctx context.Context, id network.ChatID) (network.Chat, error) {
	return t.o.Chat(ctx, id)
}
func (t *tamperedBasic) User(ctx context.Context, id network.UserID) (network.User, error) {
	return t.o.User(ctx, id)
}

// tampered is a client of functions with all operations.
type tampered struct{ tamperedBasic }

func (t *tampered) Edit(ctx context.Context, e network.OutgoingEdit) (network.Sent, error) {
	return t.o.Edit(ctx, e)
}
func (t *tampered) Ping(ctx context.Context) error { return t.o.Ping(ctx) }
func (t *tampered) Redact(ctx context.Context, r network.OutgoingRedaction) error {
	return t.o.Redact(ctx, r)
}
func (t *tampered) React(ctx context.Context, r network.OutgoingReaction) error {
	return t.o.React(ctx, r)
}
func (t *tampered) Type(ctx context.Context, chat network.ChatID, d time.Duration) error {
	return t.o.Type(ctx, chat, d)
}
func (t *tampered) MarkRead(ctx context.Context, chat network.ChatID, upTo network.Ref) error {
	return t.o.MarkRead(ctx, chat, upTo)
}
func (t *tampered) History(ctx context.Context, chat network.ChatID, cursor string, limit int) ([]network.Event, string, error) {
	return t.o.History(ctx, chat, cursor, limit)
}
func (t *tampered) Members(ctx context.Context, chat network.ChatID, cursor string) ([]network.Member, string, error) {
	return t.o.Members(ctx, chat, cursor)
}
func (t *tampered) Search(ctx context.Context, query string, limit int) ([]network.Found, error) {
	return t.o.Search(ctx, query, limit)
}
func (t *tampered) Join(ctx context.Context, name string) (network.Chat, error) {
	return t.o.Join(ctx, name)
}
func (t *tampered) Create(ctx context.Context, c network.NewChat) (network.Chat, error) {
	return t.o.Create(ctx, c)
}

func (t *tampered) Start(ctx context.Context, user string) (network.Chat, error) {
	return t.o.Start(ctx, user)
}
func (t *tampered) Leave(ctx context.Context, chat network.ChatID, reason string) error {
	return t.o.Leave(ctx, chat, reason)
}
func (t *tampered) SetMember(ctx context.Context, chat network.ChatID, m network.Member) error {
	return t.o.SetMember(ctx, chat, m)
}
func (t *tampered) EditChat(ctx context.Context, chat network.ChatID, c network.OutgoingChat) error {
	return t.o.EditChat(ctx, chat, c)
}
func (t *tampered) Pin(ctx context.Context, p network.OutgoingPin) error { return t.o.Pin(ctx, p) }
func (t *tampered) OpenMedia(ctx context.Context, m network.Media) (io.ReadCloser, error) {
	return t.o.OpenMedia(ctx, m)
}
func (t *tampered) OpenEmoji(ctx context.Context, id network.EmojiID) (io.ReadCloser, error) {
	return t.o.OpenEmoji(ctx, id)
}
func (t *tampered) ListEmoji(ctx context.Context) ([]network.Emoji, error) { return t.o.ListEmoji(ctx) }
func (t *tampered) Find(ctx context.Context, m network.Outgoing) (network.Sent, error) {
	return t.o.Find(ctx, m)
}
func (t *tampered) LinkTo(ctx context.Context, l network.Link) (string, error) {
	return t.o.LinkTo(ctx, l)
}
func (t *tampered) ReadLink(address string) (network.Link, bool) { return t.o.ReadLink(address) }

// mapSink changes what a client delivers; either function may be nil.
type mapSink struct {
	network.Sink
	event func(ev network.Event) network.Event // nil drops it
	state func(st network.LoginState) *network.LoginState
	// swallow: refusals are not told to the client.
	swallow bool
}

func (m mapSink) Deliver(ctx context.Context, b network.Batch) error {
	out := network.Batch{Cursor: b.Cursor}
	for _, ev := range b.Events {
		if m.event != nil {
			ev = m.event(copied(ev))
		}
		if ev != nil {
			out.Events = append(out.Events, ev)
		}
	}
	err := m.Sink.Deliver(ctx, out)
	if m.swallow {
		return nil
	}
	return err
}

func (m mapSink) State(st network.LoginState) {
	if m.state != nil {
		changed := m.state(st)
		if changed == nil {
			return
		}
		st = *changed
	}
	m.Sink.State(st)
}

// copied is a copy that can be changed.
func copied(ev network.Event) network.Event {
	data, err := network.MarshalEvent(ev)
	if err != nil {
		panic(err)
	}
	out, err := network.UnmarshalEvent(data)
	if err != nil {
		panic(err)
	}
	return out
}

// events makes a fault that changes or drops delivered events of one type.
func events[E network.Event](change func(n int, ev E) network.Event) func(int, *network.Ops) {
	return func(n int, o *network.Ops) {
		run := o.Run
		o.Run = func(ctx context.Context, s network.Sink) error {
			return run(ctx, mapSink{Sink: s, event: func(ev network.Event) network.Event {
				if e, ok := ev.(E); ok {
					return change(n, e)
				}
				return ev
			}})
		}
	}
}

// drop drops the events of one type that bad accepts.
func drop[E network.Event](bad func(ev E) bool) func(int, *network.Ops) {
	return events(func(_ int, ev E) network.Event {
		if bad(ev) {
			return nil
		}
		return ev
	})
}

// states makes a fault that changes or drops states.
func states(change func(st network.LoginState) *network.LoginState) func(int, *network.Ops) {
	return func(_ int, o *network.Ops) {
		run := o.Run
		o.Run = func(ctx context.Context, s network.Sink) error { return run(ctx, mapSink{Sink: s, state: change}) }
	}
}

// sends makes a fault in Send, which is passed on as send.
func sends(f func(ctx context.Context, m network.Outgoing, send func(context.Context, network.Outgoing) (network.Sent, error)) (network.Sent, error)) func(int, *network.Ops) {
	return func(_ int, o *network.Ops) {
		send := o.Send
		o.Send = func(ctx context.Context, m network.Outgoing) (network.Sent, error) { return f(ctx, m, send) }
	}
}

// textSent makes a fault that changes the text of outgoing messages.
func textSent(change func(text string) string) func(int, *network.Ops) {
	return sends(func(ctx context.Context, m network.Outgoing, send func(context.Context, network.Outgoing) (network.Sent, error)) (network.Sent, error) {
		m.Content = network.Text(change(m.Parts[0].Text.String()))
		return send(ctx, m)
	})
}

// text is a message's text.
func text(m *network.Message) string { return m.Parts[0].Text.String() }
