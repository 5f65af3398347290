package networktest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/causeway-chat/causeway/bridgekit/network"
)

// inCases are the rules about what clients deliver.
func inCases() []Case {
	return []Case{
		{"MessageIsDescribed", nil, with(messageIsDescribed)},
		{"DirectMessageArrives", needsDirect, with(directMessageArrives)},
		{"OrderPerChat", nil, with(orderPerChat)},
		{"GoesOnAfterCut", nil, with(goesOnAfterCut)},
		{"NothingLostAcrossCut", needsRedelivery, with(nothingLostAcrossCut)},
		{"NothingLostAcrossRestart", needsRedelivery, nothingLostAcrossRestart},
		{"NothingAfterRefusal", nil, nothingAfterRefusal},
		{"RefusedComesAgain", needsRedelivery, refusedComesAgain},
		{"RedeliveryKeepsKey", needsRedelivery, redeliveryKeepsKey},
		{"KeysDiffer", nil, with(keysDiffer)},
		{"SlowSinkLosesNothing", nil, with(slowSinkLosesNothing)},
		{"EditArrives", needsEditIn, with(editArrives)},
		{"RedactionArrives", needsRedactIn, with(redactionArrives)},
		{"ReactionArrives", needsReactIn, with(reactionArrives)},
		{"TypingArrives", needsTypeIn, with(typingArrives)},
		{"KickArrives", needsKick, with(kickArrives)},
		{"EventsSurviveStorage", nil, with(eventsSurviveStorage)},
	}
}

func needsDirect(n Needs) string {
	if n.Traits.Direct.IsZero() {
		return "no direct chat"
	}
	return ""
}

func needsRedelivery(n Needs) string {
	if !n.Traits.Redelivers {
		return "the network does not deliver again"
	}
	return ""
}

func needsEditIn(n Needs) string {
	if n.Acts.Edit == nil {
		return "no edits by others"
	}
	return ""
}

func needsRedactIn(n Needs) string {
	if n.Acts.Redact == nil {
		return "no redactions by others"
	}
	return ""
}

func needsReactIn(n Needs) string {
	if n.Acts.React == nil {
		return "no reactions by others"
	}
	return ""
}

func needsTypeIn(n Needs) string {
	if n.Acts.Type == nil {
		return "no typing by others"
	}
	return ""
}

func needsKick(n Needs) string {
	if n.Acts.Kick == nil {
		return "the fake cannot put the account out of a chat"
	}
	return ""
}

func messageIsDescribed(ctx context.Context, s *session) error {
	id, err := s.Say(ctx, s.traits.Main.ID, "hello")
	if err != nil {
		return fmt.Errorf("harness: say: %w", err)
	}
	if err := s.hears(ctx, s.traits.Main.ID, "hello"); err != nil {
		return err
	}
	s.sink.mu.Lock()
	m := s.sink.messages(s.traits.Main.ID)[0]
	s.sink.mu.Unlock()
	switch {
	case m.Chat != s.traits.Main:
		return fmt.Errorf("chat %+v, want %+v", m.Chat, s.traits.Main)
	case m.ID != id:
		return fmt.Errorf("message ID %q, want %q", m.ID, id)
	case s.traits.Features.IDs != network.IDsNone && m.Key == "":
		return errors.New("a message with an ID has no key")
	case m.Txn != "":
		return fmt.Errorf("somebody else's message has our transaction ID %q", m.Txn)
	case m.Parts[0].Style != network.Normal:
		return fmt.Errorf("style %q of a plain text", m.Parts[0].Style)
	}
	return nil
}

func directMessageArrives(ctx context.Context, s *session) error {
	if err := s.says(ctx, s.traits.Direct.ID, "psst"); err != nil {
		return err
	}
	if err := s.hears(ctx, s.traits.Direct.ID, "psst"); err != nil {
		return err
	}
	s.sink.mu.Lock()
	defer s.sink.mu.Unlock()
	if got := s.sink.messages(s.traits.Direct.ID)[0].Chat; got != s.traits.Direct {
		return fmt.Errorf("chat %+v, want %+v", got, s.traits.Direct)
	}
	return nil
}

func orderPerChat(ctx context.Context, s *session) error {
	want := map[network.ChatID][]string{}
	for i := range 60 {
		chat := s.traits.Main.ID
		if i%3 == 0 {
			chat = s.traits.Second.ID
		}
		text := fmt.Sprintf("number %d", i)
		want[chat] = append(want[chat], text)
		if err := s.says(ctx, chat, text); err != nil {
			return err
		}
	}
	for chat, texts := range want {
		if err := s.hears(ctx, chat, texts...); err != nil {
			return err
		}
	}
	return nil
}

// goesOnAfterCut is what is left of NothingLostAcrossCut for every network.
func goesOnAfterCut(ctx context.Context, s *session) error {
	for _, word := range []string{"one", "two"} {
		if err := s.mark(ctx, word); err != nil {
			return err
		}
		if err := s.cut(ctx); err != nil {
			return err
		}
	}
	if err := s.mark(ctx, "three"); err != nil {
		return err
	}
	_, err := s.settled(ctx)
	return err
}

// cut cuts and waits until the client has seen it and is online again.
func (s *session) cut(ctx context.Context) error {
	s.sink.set(func(k *sink) { k.states = nil })
	if err := s.Cut(ctx); err != nil {
		return fmt.Errorf("harness: cut: %w", err)
	}
	return s.sink.wait(ctx, "another state than online, and online again, after a cut", func(k *sink) bool {
		noticed := slices.ContainsFunc(k.states, func(st network.LoginState) bool { return st.Status != network.Online })
		return noticed && online(k)
	})
}

func nothingLostAcrossCut(ctx context.Context, s *session) error {
	chat := s.traits.Main.ID
	if err := s.mark(ctx, "a"); err != nil {
		return err
	}
	if err := s.says(ctx, chat, "b", "c"); err != nil {
		return err
	}
	if err := s.Cut(ctx); err != nil {
		return fmt.Errorf("harness: cut: %w", err)
	}
	if err := s.says(ctx, chat, "d", "e"); err != nil {
		return err
	}
	return s.hears(ctx, chat, "a", "b", "c", "d", "e")
}

func nothingLostAcrossRestart(ctx context.Context, h Harness) error {
	c := newCore(h)
	s, err := c.begin(ctx)
	if err != nil {
		return err
	}
	if err := errors.Join(c.mark(ctx, "a"), s.end()); err != nil {
		return err
	}
	if err := c.says(ctx, c.traits.Main.ID, "b", "c"); err != nil {
		return err
	}
	if s, err = c.begin(ctx); err != nil {
		return err
	}
	return errors.Join(c.hears(ctx, c.traits.Main.ID, "a", "b", "c"), s.end())
}

// nothingAfterRefusal: nothing may overtake what was refused.
func nothingAfterRefusal(ctx context.Context, h Harness) error {
	c := newCore(h)
	l, err := c.start(ctx)
	if err != nil {
		return err
	}
	if err := c.sink.wait(ctx, "the state online", online); err != nil {
		return errors.Join(err, l.stop())
	}
	c.sink.set(func(k *sink) { k.refuse = 1 })
	if err := c.says(ctx, c.traits.Main.ID, "a", "b", "c"); err != nil {
		return errors.Join(err, l.stop())
	}
	if err := l.ended(ctx, patience); err != nil {
		return errors.Join(fmt.Errorf("after a refused Deliver: %w", err), l.stop())
	}
	c.sink.mu.Lock()
	defer c.sink.mu.Unlock()
	if c.sink.overtook > 0 {
		return fmt.Errorf("Deliver was called %d times more after it had refused", c.sink.overtook)
	}
	return nil
}

func refusedComesAgain(ctx context.Context, h Harness) error {
	c := newCore(h)
	s, err := c.begin(ctx)
	if err != nil {
		return err
	}
	c.sink.set(func(k *sink) { k.refuse = 3 })
	err = c.says(ctx, c.traits.Main.ID, "a", "b", "c", "d")
	if err == nil {
		err = c.hears(ctx, c.traits.Main.ID, "a", "b", "c", "d")
	}
	return errors.Join(err, s.end())
}

func redeliveryKeepsKey(ctx context.Context, h Harness) error {
	c := newCore(h)
	s, err := c.begin(ctx)
	if err != nil {
		return err
	}
	c.sink.set(func(k *sink) { k.refuse = 1 })
	err = c.says(ctx, c.traits.Main.ID, "again")
	if err == nil {
		err = c.hears(ctx, c.traits.Main.ID, "again")
	}
	if err := errors.Join(err, s.end()); err != nil {
		return err
	}
	c.sink.mu.Lock()
	defer c.sink.mu.Unlock()
	second := c.sink.messages(c.traits.Main.ID)[0]
	for _, ev := range c.sink.refused {
		if first, ok := ev.(*network.Message); ok && (first.Key != second.Key || first.ID != second.ID) {
			return fmt.Errorf("delivered first with key %q and ID %q, then with key %q and ID %q",
				first.Key, first.ID, second.Key, second.ID)
		}
	}
	return nil
}

func keysDiffer(ctx context.Context, s *session) error {
	if err := s.says(ctx, s.traits.Main.ID, "same", "same", "same"); err != nil {
		return err
	}
	return s.hears(ctx, s.traits.Main.ID, "same", "same", "same") // counts each key once
}

func slowSinkLosesNothing(ctx context.Context, s *session) error {
	if err := s.mark(ctx, "start"); err != nil {
		return err
	}
	gate := make(chan struct{})
	s.sink.set(func(k *sink) { k.gate = gate })
	texts := []string{"start"}
	for i := range 300 {
		texts = append(texts, fmt.Sprintf("number %d", i))
	}
	err := s.says(ctx, s.traits.Main.ID, texts[1:]...)
	s.sink.set(func(k *sink) { k.gate = nil })
	close(gate)
	if err != nil {
		return err
	}
	return s.hears(ctx, s.traits.Main.ID, texts...)
}

func editArrives(ctx context.Context, s *session) error {
	chat := s.traits.Main.ID
	id, err := s.Say(ctx, chat, "helo")
	if err != nil {
		return fmt.Errorf("harness: say: %w", err)
	}
	if err := s.acts.Edit(ctx, chat, id, "hello"); err != nil {
		return fmt.Errorf("harness: edit: %w", err)
	}
	return s.sink.wait(ctx, "the edit", func(k *sink) bool {
		_, edited := find(k, func(e *network.Edit) bool {
			return has(e.Target, id) && said(e.Content) == "hello" && e.Sender == s.traits.Other &&
				e.Key != k.messages(chat)[0].Key
		})
		_, again := find(k, func(m *network.Message) bool { return m.ID == id && said(m.Content) == "hello" })
		return edited || again
	})
}

// has reports whether id is one of r's.
func has(r network.Ref, id network.MessageID) bool {
	for _, known := range r.IDs() {
		if known == id && id != "" {
			return true
		}
	}
	return false
}

func redactionArrives(ctx context.Context, s *session) error {
	chat := s.traits.Main.ID
	id, err := s.Say(ctx, chat, "oops")
	if err != nil {
		return fmt.Errorf("harness: say: %w", err)
	}
	if err := s.acts.Redact(ctx, chat, id); err != nil {
		return fmt.Errorf("harness: redact: %w", err)
	}
	return s.sink.wait(ctx, "the redaction", func(k *sink) bool {
		_, ok := find(k, func(e *network.Redaction) bool { return has(e.Target, id) && e.Chat.ID == chat })
		return ok
	})
}

func reactionArrives(ctx context.Context, s *session) error {
	chat := s.traits.Main.ID
	id, err := s.Say(ctx, chat, "nice?")
	if err != nil {
		return fmt.Errorf("harness: say: %w", err)
	}
	for _, remove := range []bool{false, true} {
		if err := s.acts.React(ctx, chat, id, "👍", remove); err != nil {
			return fmt.Errorf("harness: react: %w", err)
		}
		err := s.sink.wait(ctx, fmt.Sprintf("the reaction (remove: %v)", remove), func(k *sink) bool {
			_, one := find(k, func(e *network.Reaction) bool {
				return has(e.Target, id) && e.Emoji == "👍" && e.Remove == remove && e.Sender == s.traits.Other
			})
			_, set := find(k, func(e *network.ReactionSet) bool {
				return has(e.Target, id) && strings.Contains(strings.Join(e.Emoji[s.traits.Other], " "), "👍") != remove
			})
			return one || set
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func typingArrives(ctx context.Context, s *session) error {
	if err := s.acts.Type(ctx, s.traits.Main.ID); err != nil {
		return fmt.Errorf("harness: type: %w", err)
	}
	return s.sink.wait(ctx, "typing", func(k *sink) bool {
		_, ok := find(k, func(e *network.Typing) bool {
			return e.Sender == s.traits.Other && e.Chat.ID == s.traits.Main.ID && e.For > 0
		})
		return ok
	})
}

func kickArrives(ctx context.Context, s *session) error {
	chat := s.traits.Second.ID
	if err := s.acts.Kick(ctx, chat); err != nil {
		return fmt.Errorf("harness: kick: %w", err)
	}
	err := s.sink.wait(ctx, "the chat's end", func(k *sink) bool {
		_, ok := find(k, func(e *network.ChatClosed) bool { return e.Chat == s.traits.Second })
		return ok
	})
	if err != nil {
		return err
	}
	m := s.plain("am I out?")
	m.Chat = chat
	_, err = s.ops().Send(ctx, m)
	return kind("send to a chat that the account is out of", err, network.Gone, network.Rejected)
}

// eventsSurviveStorage makes everything happen that the fake can; the sink
// checks each event that results.
func eventsSurviveStorage(ctx context.Context, s *session) error {
	chat, a := s.traits.Main.ID, s.acts
	id, err := s.Say(ctx, chat, "hello")
	if err != nil {
		return fmt.Errorf("harness: say: %w", err)
	}
	if a.Edit != nil {
		err = errors.Join(err, a.Edit(ctx, chat, id, "hullo"))
	}
	if a.React != nil {
		err = errors.Join(err, a.React(ctx, chat, id, "👍", false))
	}
	if a.Type != nil {
		err = errors.Join(err, a.Type(ctx, chat))
	}
	if a.SetTopic != nil {
		err = errors.Join(err, a.SetTopic(ctx, chat, "all of it"))
	}
	if a.SayMedia != nil {
		_, e := a.SayMedia(ctx, chat, SentMedia{Name: "a.txt", MIME: "text/plain", Data: []byte("text")})
		err = errors.Join(err, e)
	}
	if a.Join != nil {
		_, e := a.Join(ctx, chat)
		err = errors.Join(err, e)
	}
	if a.Redact != nil {
		err = errors.Join(err, a.Redact(ctx, chat, id))
	}
	if err != nil {
		return fmt.Errorf("harness: %w", err)
	}
	return s.mark(ctx, "done")
}
