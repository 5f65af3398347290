package networktest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/network"
)

// honestyCases are the rules that what a connector says about itself and its
// network is true, and that what it offers works.
func honestyCases() []Case {
	return []Case{
		{"InfoIsConstant", nil, infoIsConstant},
		{"ProbeAnswers", nil, probeAnswers},
		{"OpsAreConstant", nil, opsAreConstant},
		{"OpsBeforeRunAreUnavailable", nil, opsBeforeRun},
		{"UnknownTargetsAreRejected", nil, with(unknownTargets)},
		{"ChatIsDescribed", nil, with(chatIsDescribed)},
		{"UserIsDescribed", nil, with(userIsDescribed)},
		{"EditWorks", needsOp("edit"), with(editWorks)},
		{"EditAfterRestart", needsOp("edit"), editAfterRestart},
		{"RedactWorks", needsOp("redact"), with(redactWorks)},
		{"ReactWorks", needsOp("react"), with(reactWorks)},
		{"TypeWorks", needsOp("type"), with(typeWorks)},
		{"ReadWorks", needsOp("read"), with(readWorks)},
		{"SearchWorks", needsOp("search"), with(searchWorks)},
		{"JoinWorks", needsOp("join"), with(joinWorks)},
		{"StartWorks", needsOp("start"), with(startWorks)},
		{"LeaveWorks", needsOp("leave"), with(leaveWorks)},
		{"PingWorks", needsOp("ping"), with(pingWorks)},
	}
}

// needsOp asks for an optional operation by its name in Ops.Names.
func needsOp(name string) func(Needs) string {
	return func(n Needs) string {
		if !slices.Contains(n.Ops.Names(), name) {
			return "no " + name
		}
		return ""
	}
}

func infoIsConstant(_ context.Context, h Harness) error {
	var first network.Info
	for i := range 2 {
		conn, err := h.Connector()
		if err != nil {
			return fmt.Errorf("harness: connector: %w", err)
		}
		info := conn.Info()
		if info.ID == "" || info.Protocol == "" || info.Name == "" {
			return fmt.Errorf("ID, protocol or name is missing in %+v", info)
		}
		if i > 0 && !reflect.DeepEqual(info, first) {
			return fmt.Errorf("the info was %+v and is now %+v", first, info)
		}
		first = info
		ids := map[string]bool{}
		for _, f := range conn.Flows() {
			if f.ID == "" || f.Name == "" || f.Do == nil || ids[f.ID] {
				return fmt.Errorf("login flow %q (%q) is not complete or not the only one of its ID", f.ID, f.Name)
			}
			ids[f.ID] = true
		}
	}
	return nil
}

func probeAnswers(ctx context.Context, h Harness) error {
	conn, err := h.Connector()
	if err != nil {
		return fmt.Errorf("harness: connector: %w", err)
	}
	words, err := conn.Probe(ctx)
	if err != nil {
		return fmt.Errorf("probe: %w", err)
	}
	if words == "" {
		return errors.New("a probe that went well has no words")
	}
	acts := h.Acts()
	if acts.Down == nil {
		return nil
	}
	up, err := acts.Down(ctx)
	if err != nil {
		return fmt.Errorf("harness: down: %w", err)
	}
	defer up()
	words, err = conn.Probe(ctx)
	if err == nil {
		return fmt.Errorf("a probe of a network that is down says %q", words)
	}
	return nil
}

func opsAreConstant(ctx context.Context, h Harness) error {
	c := newCore(h)
	fresh, err := c.open(ctx)
	if err != nil {
		return err
	}
	s, err := c.begin(ctx)
	if err != nil {
		return err
	}
	before, after := network.Resolve(fresh).Names(), s.ops().Names()
	if !slices.Equal(before, after) {
		err = fmt.Errorf("a new client has %v, a running one %v", before, after)
	}
	return errors.Join(err, s.end())
}

// A call is one optional operation, called somehow.
type call struct {
	name string
	do   func() error
}

// calls are all operations that ops has, on a chat and message that may not exist.
func (c *core) calls(ctx context.Context, ops network.Ops, chat network.ChatID, id network.MessageID) []call {
	ref, topic := network.Whole(id), "topic"
	out := network.Outgoing{Txn: c.txn(), Chat: chat, Content: network.Text("x")}
	all := []call{
		{"send", func() error { _, err := ops.Send(ctx, out); return err }},
		{"chat", func() error { _, err := ops.Chat(ctx, chat); return err }},
	}
	add := func(has bool, name string, do func() error) {
		if has {
			all = append(all, call{name, do})
		}
	}
	add(ops.Edit != nil && id != "", "edit", func() error {
		_, err := ops.Edit(ctx, network.OutgoingEdit{Txn: c.txn(), Chat: chat, Target: ref, Content: network.Text("x")})
		return err
	})
	add(ops.Redact != nil && id != "", "redact", func() error {
		return ops.Redact(ctx, network.OutgoingRedaction{Txn: c.txn(), Chat: chat, Target: ref})
	})
	add(ops.React != nil && id != "", "react", func() error {
		return ops.React(ctx, network.OutgoingReaction{Txn: c.txn(), Chat: chat, Target: ref, Key: "👍"})
	})
	add(ops.Type != nil, "type", func() error { return ops.Type(ctx, chat, time.Second) })
	add(ops.MarkRead != nil && id != "", "read", func() error { return ops.MarkRead(ctx, chat, ref) })
	add(ops.History != nil, "history", func() error { _, _, err := ops.History(ctx, chat, "", 10); return err })
	add(ops.Members != nil, "members", func() error { _, _, err := ops.Members(ctx, chat, ""); return err })
	add(ops.Leave != nil, "leave", func() error { return ops.Leave(ctx, chat, "") })
	add(ops.SetMember != nil, "moderate", func() error {
		return ops.SetMember(ctx, chat, network.Member{User: c.traits.Other, Membership: network.Left})
	})
	add(ops.Pin != nil && id != "", "pin", func() error {
		return ops.Pin(ctx, network.OutgoingPin{Txn: c.txn(), Chat: chat, Target: ref})
	})
	add(ops.EditChat != nil, "edit-chat", func() error {
		return ops.EditChat(ctx, chat, network.OutgoingChat{Txn: c.txn(), Topic: &topic})
	})
	add(ops.Create != nil, "create", func() error { _, err := ops.Create(ctx, network.NewChat{}); return err })
	return all
}

func opsBeforeRun(ctx context.Context, h Harness) error {
	c := newCore(h)
	client, err := c.open(ctx)
	if err != nil {
		return err
	}
	for _, call := range c.calls(ctx, network.Resolve(client), c.traits.Main.ID, c.traits.NoMessage) {
		if call.name == "chat" {
			continue // it may know
		}
		if err := kind(call.name+" before Run", call.do(), network.Unavailable); err != nil {
			return err
		}
	}
	return nil
}

func unknownTargets(ctx context.Context, s *session) error {
	ops := s.ops()
	for _, call := range s.calls(ctx, ops, s.traits.NoChat, s.traits.NoMessage) {
		if err := explained(call.name+" in an unknown chat", call.do(), network.Rejected, network.Gone); err != nil {
			return err
		}
	}
	for _, call := range s.calls(ctx, ops, s.traits.Main.ID, s.traits.NoMessage) {
		switch call.name {
		case "edit", "redact", "react", "read":
			if err := explained(call.name+" of an unknown message", call.do(), network.Rejected); err != nil {
				return err
			}
		}
	}
	if _, err := ops.User(ctx, s.traits.NoUser); kind("", err, network.Rejected) != nil {
		return kind("an unknown user", err, network.Rejected)
	}
	if ops.Start != nil {
		_, err := ops.Start(ctx, string(s.traits.NoUser))
		if err := explained("start a chat with an unknown user", err, network.Rejected); err != nil {
			return err
		}
	}
	if ops.SetMember != nil {
		err := ops.SetMember(ctx, s.traits.Main.ID, network.Member{User: s.traits.NoUser, Membership: network.Left})
		if err := explained("kick an unknown user", err, network.Rejected); err != nil {
			return err
		}
	}
	return s.mark(ctx, "still here")
}

func chatIsDescribed(ctx context.Context, s *session) error {
	for _, want := range []network.ChatKey{s.traits.Main, s.traits.Second, s.traits.Direct} {
		if want.IsZero() {
			continue
		}
		chat, err := s.ops().Chat(ctx, want.ID)
		if err != nil {
			return fmt.Errorf("chat %s: %w", want.ID, err)
		}
		if chat.Key != want {
			return fmt.Errorf("chat %s has the key %+v, want %+v", want.ID, chat.Key, want)
		}
		if direct := want == s.traits.Direct; direct != (chat.Kind == network.Direct) || direct && chat.Other != s.traits.Other {
			return fmt.Errorf("chat %s is of kind %q with %q", want.ID, chat.Kind, chat.Other)
		}
		if want == s.traits.Main && !reflect.DeepEqual(chat.Features, s.traits.Features) {
			return fmt.Errorf("the features are %+v, want %+v", chat.Features, s.traits.Features)
		}
	}
	return nil
}

func userIsDescribed(ctx context.Context, s *session) error {
	for _, id := range []network.UserID{s.traits.Other, s.self()} {
		user, err := s.ops().User(ctx, id)
		if err != nil {
			return fmt.Errorf("user %s: %w", id, err)
		}
		if user.ID != id || user.Name == "" {
			return fmt.Errorf("user %s is described as %+v", id, user)
		}
	}
	return nil
}

// posted sends a text and returns a reference to it.
func (s *session) posted(ctx context.Context, text string) (network.Ref, error) {
	sent, err := s.send(ctx, text)
	if err != nil {
		return network.Ref{}, err
	}
	if len(sent.Parts) == 0 || len(sent.Parts[0]) == 0 {
		return network.Ref{}, errors.New("an operation on messages is offered, and Send returns no ID")
	}
	return network.Ref{ID: sent.Parts[0][0], Part: -1, Sender: s.self()}, nil
}

func (s *session) edits(ctx context.Context, ref network.Ref, old, text string) error {
	before := network.Text(old)
	_, err := s.ops().Edit(ctx, network.OutgoingEdit{
		Txn: s.txn(), Chat: s.traits.Main.ID, Target: ref, Old: &before, Content: network.Text(text),
	})
	if err != nil {
		return fmt.Errorf("edit: %w", err)
	}
	return s.holds(ctx, s.traits.Main.ID, text)
}

func editWorks(ctx context.Context, s *session) error {
	ref, err := s.posted(ctx, "helo")
	if err != nil {
		return err
	}
	if err := s.edits(ctx, ref, "helo", "hello"); err != nil {
		return err
	}
	return s.edits(ctx, ref, "hello", "hello <b>*world*</b>")
}

// editAfterRestart: IDs are kept for years.
func editAfterRestart(ctx context.Context, h Harness) error {
	c := newCore(h)
	s, err := c.begin(ctx)
	if err != nil {
		return err
	}
	ref, err := s.posted(ctx, "helo")
	if err := errors.Join(err, s.end()); err != nil {
		return err
	}
	if s, err = c.begin(ctx); err != nil {
		return err
	}
	return errors.Join(s.edits(ctx, ref, "helo", "hello"), s.end())
}

func redactWorks(ctx context.Context, s *session) error {
	ref, err := s.posted(ctx, "oops")
	if err != nil {
		return err
	}
	err = s.ops().Redact(ctx, network.OutgoingRedaction{Txn: s.txn(), Chat: s.traits.Main.ID, Target: ref, Reason: "test"})
	if err != nil {
		return fmt.Errorf("redact: %w", err)
	}
	if err := s.holds(ctx, s.traits.Main.ID); err != nil {
		return err
	}
	// Once more: it is gone, and that is known from other refusals.
	err = s.ops().Redact(ctx, network.OutgoingRedaction{Txn: s.txn(), Chat: s.traits.Main.ID, Target: ref})
	if err != nil && !errors.Is(err, network.ErrNoMessage) {
		return fmt.Errorf("redact what is gone: %w, want none or network.ErrNoMessage", err)
	}
	return nil
}

func reactWorks(ctx context.Context, s *session) error {
	chat := s.traits.Main.ID
	id, err := s.Say(ctx, chat, "nice?")
	if err != nil {
		return fmt.Errorf("harness: say: %w", err)
	}
	if err := s.hears(ctx, chat, "nice?"); err != nil {
		return err
	}
	for _, remove := range []bool{false, true} {
		r := network.OutgoingReaction{Txn: s.txn(), Chat: chat, Target: network.Whole(id), Key: "👍", Remove: remove}
		for range 2 { // a retry is no error
			if err := s.ops().React(ctx, r); err != nil {
				return fmt.Errorf("react (remove: %v): %w", remove, err)
			}
		}
		if s.acts.Reactions == nil {
			continue
		}
		var got []string
		err := poll(ctx, func() (bool, error) {
			var err error
			got, err = s.acts.Reactions(ctx, chat, id)
			return (len(got) == 1 && got[0] == "👍") != remove && len(got) < 2, err
		})
		if err != nil {
			return fmt.Errorf("the network holds reactions %q (remove: %v): %w", got, remove, err)
		}
	}
	return nil
}

func typeWorks(ctx context.Context, s *session) error {
	for _, d := range []time.Duration{5 * time.Second, 0} {
		if err := s.ops().Type(ctx, s.traits.Main.ID, d); err != nil {
			return fmt.Errorf("type for %v: %w", d, err)
		}
	}
	return nil
}

func readWorks(ctx context.Context, s *session) error {
	id, err := s.Say(ctx, s.traits.Main.ID, "read this")
	if err != nil {
		return fmt.Errorf("harness: say: %w", err)
	}
	if err := s.hears(ctx, s.traits.Main.ID, "read this"); err != nil {
		return err
	}
	if err := s.ops().MarkRead(ctx, s.traits.Main.ID, network.Whole(id)); err != nil {
		return fmt.Errorf("mark as read: %w", err)
	}
	return nil
}

func searchWorks(ctx context.Context, s *session) error {
	none, err := s.ops().Search(ctx, "no chat is called like this", 5)
	if err != nil || len(none) > 0 {
		return fmt.Errorf("a search in vain returned %v, %v; want nothing and no error", none, err)
	}
	if s.traits.Findable == "" {
		return nil
	}
	found, err := s.ops().Search(ctx, s.traits.Findable, 5)
	if err != nil {
		return fmt.Errorf("search: %w", err)
	}
	for _, f := range found {
		if strings.Contains(strings.ToLower(f.Name), strings.ToLower(s.traits.Findable)) {
			return nil
		}
	}
	return fmt.Errorf("search %q found %v", s.traits.Findable, found)
}

func joinWorks(ctx context.Context, s *session) error {
	if s.traits.Joinable == "" {
		return errors.New("join is offered, and the harness names no chat to join")
	}
	chat, err := s.ops().Join(ctx, s.traits.Joinable)
	if err != nil {
		return fmt.Errorf("join: %w", err)
	}
	return s.talks(ctx, chat)
}

// talks sends a text to a chat that was just entered or opened.
func (s *session) talks(ctx context.Context, chat network.Chat) error {
	if chat.Key.ID == "" || chat.Kind == "" {
		return fmt.Errorf("the chat is described as %+v", chat)
	}
	m := s.plain("hello there")
	m.Chat = chat.Key.ID
	if _, err := s.ops().Send(ctx, m); err != nil {
		return fmt.Errorf("send to it: %w", err)
	}
	return s.holds(ctx, chat.Key.ID, "hello there")
}

func startWorks(ctx context.Context, s *session) error {
	chat, err := s.ops().Start(ctx, string(s.traits.Other))
	if err != nil {
		return fmt.Errorf("start: %w", err)
	}
	if chat.Kind != network.Direct || chat.Other != s.traits.Other || !s.traits.Direct.IsZero() && chat.Key != s.traits.Direct {
		return fmt.Errorf("the direct chat with %s is described as %+v", s.traits.Other, chat)
	}
	return s.talks(ctx, chat)
}

func leaveWorks(ctx context.Context, s *session) error {
	if err := s.ops().Leave(ctx, s.traits.Second.ID, "test"); err != nil {
		return fmt.Errorf("leave: %w", err)
	}
	m := s.plain("am I out?")
	m.Chat = s.traits.Second.ID
	_, err := s.ops().Send(ctx, m)
	return kind("send to a chat that was left", err, network.Gone, network.Rejected)
}

// pingWorks asks whether the login works, twice, so that a second one is not
// mistaken for the first.
func pingWorks(ctx context.Context, s *session) error {
	for range 2 {
		if err := s.ops().Ping(ctx); err != nil {
			return fmt.Errorf("ping of a login that works: %w", err)
		}
	}
	gone, cancel := context.WithCancel(ctx)
	cancel()
	if err := s.ops().Ping(gone); err == nil {
		return errors.New("a ping whose context has ended returned nil")
	}
	return nil
}
