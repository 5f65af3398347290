package networktest

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/causeway-chat/causeway/bridgekit/network"
)

// outCases are the rules about Send.
func outCases() []Case {
	return []Case{
		{"SendArrives", nil, with(sendArrives)},
		{"SendToDirectArrives", needsDirect, with(sendToDirectArrives)},
		{"SendKeepsOrder", nil, with(sendKeepsOrder)},
		{"SendReturnsIDs", needsIDs, with(sendReturnsIDs)},
		{"PartsArriveInOrder", nil, with(partsArriveInOrder)},
		{"FromResumes", nil, with(fromResumes)},
		{"PartialSendSaysWhatWasSent", needsRefuse, with(partialSend)},
		{"SameTxnSendsOnce", needsOnceAlways, with(sameTxnSendsOnce)},
		{"SameTxnSendsOnceAfterRestart", needsOnce, sameTxnAfterRestart},
		{"FindTells", needsFind, with(findTells)},
		{"CancelledSendSaysSo", nil, with(cancelledSendSaysSo)},
		{"SendWhileDownIsUnavailable", needsDown, with(sendWhileDown)},
		{"RateLimitSaysHowLong", needsRefuse, with(rateLimited)},
		{"SendWhileNotInIsGone", needsRefuse, with(sendWhileNotIn)},
		{"SendToUnknownChat", nil, with(sendToUnknownChat)},
	}
}

func needsIDs(n Needs) string {
	if n.Traits.Features.IDs == network.IDsNone || n.Traits.Features.IDs == "" {
		return "messages have no IDs"
	}
	return ""
}

func needsRefuse(n Needs) string {
	if n.Acts.Refuse == nil {
		return "the fake cannot turn down a send"
	}
	return ""
}

func needsOnceAlways(n Needs) string {
	if n.Traits.Features.Once != network.OnceAlways {
		return "the network does not recognise a repetition"
	}
	return ""
}

func needsOnce(n Needs) string {
	if n.Traits.Features.Once == network.OnceNever || n.Traits.Features.Once == "" {
		return "nobody can tell whether a send arrived"
	}
	return ""
}

func needsFind(n Needs) string {
	switch {
	case n.Ops.Find != nil:
		return ""
	case n.Traits.Features.Once == network.OnceFind:
		return "" // and fails: a network that promises Find must have it
	}
	return "no find"
}

func sendArrives(ctx context.Context, s *session) error {
	sent, err := s.send(ctx, "hello")
	if err != nil {
		return err
	}
	if len(sent.Parts) != 1 {
		return fmt.Errorf("what Send returns has %d parts, want 1", len(sent.Parts))
	}
	return s.holds(ctx, s.traits.Main.ID, "hello")
}

func sendToDirectArrives(ctx context.Context, s *session) error {
	m := s.plain("psst")
	m.Chat = s.traits.Direct.ID
	if _, err := s.ops().Send(ctx, m); err != nil {
		return fmt.Errorf("send: %w", err)
	}
	return errors.Join(s.holds(ctx, s.traits.Direct.ID, "psst"), s.holds(ctx, s.traits.Main.ID))
}

func sendKeepsOrder(ctx context.Context, s *session) error {
	var texts []string
	for i := range 25 {
		texts = append(texts, fmt.Sprintf("number %d", i))
		if _, err := s.send(ctx, texts[i]); err != nil {
			return err
		}
	}
	return s.holds(ctx, s.traits.Main.ID, texts...)
}

func sendReturnsIDs(ctx context.Context, s *session) error {
	seen := map[network.MessageID]bool{}
	for _, text := range []string{"same", "same"} {
		sent, err := s.send(ctx, text)
		if err != nil {
			return err
		}
		if err := complete(sent, 1, s.traits.Features); err != nil {
			return err
		}
		if id := sent.Parts[0][0]; seen[id] {
			return fmt.Errorf("two messages have the ID %q", id)
		}
		seen[sent.Parts[0][0]] = true
	}
	return nil
}

// complete checks that sent has IDs for n parts.
func complete(sent network.Sent, n int, f network.Features) error {
	if len(sent.Parts) != n {
		return fmt.Errorf("what Send returns has %d parts, want %d", len(sent.Parts), n)
	}
	if f.IDs == network.IDsNone || f.IDs == "" {
		return nil
	}
	for i, ids := range sent.Parts {
		if len(ids) == 0 || ids[0] == "" {
			return fmt.Errorf("part %d of Sent has no ID on a network with IDs", i)
		}
	}
	return nil
}

// parts is an outgoing message of several texts.
func (c *core) parts(texts ...string) network.Outgoing {
	m := c.plain(texts[0])
	for _, t := range texts[1:] {
		m.Parts = append(m.Parts, network.Text(t).Parts...)
	}
	return m
}

func partsArriveInOrder(ctx context.Context, s *session) error {
	sent, err := s.ops().Send(ctx, s.parts("one", "two", "three"))
	if err != nil {
		return fmt.Errorf("send three parts: %w", err)
	}
	return errors.Join(complete(sent, 3, s.traits.Features), s.holds(ctx, s.traits.Main.ID, "one", "two", "three"))
}

func fromResumes(ctx context.Context, s *session) error {
	m := s.parts("one", "two", "three")
	m.From = 1
	sent, err := s.ops().Send(ctx, m)
	if err != nil {
		return fmt.Errorf("send from part 1: %w", err)
	}
	return errors.Join(complete(sent, 2, s.traits.Features), s.holds(ctx, s.traits.Main.ID, "two", "three"))
}

func partialSend(ctx context.Context, s *session) error {
	if err := s.acts.Refuse(ctx, 1, RateLimit); err != nil {
		return fmt.Errorf("harness: refuse: %w", err)
	}
	m := s.parts("one", "two", "three")
	sent, err := s.ops().Send(ctx, m)
	if err == nil { // it waited by itself
		return errors.Join(complete(sent, 3, s.traits.Features), s.holds(ctx, m.Chat, "one", "two", "three"))
	}
	if err := complete(sent, 1, s.traits.Features); err != nil {
		return fmt.Errorf("after part 0 was sent and part 1 refused: %w", err)
	}
	m.From = 1
	if sent, err = s.ops().Send(ctx, m); err != nil {
		return fmt.Errorf("send the rest: %w", err)
	}
	return errors.Join(complete(sent, 2, s.traits.Features), s.holds(ctx, m.Chat, "one", "two", "three"))
}

func sameTxnSendsOnce(ctx context.Context, s *session) error {
	m := s.plain("once")
	first, err := s.ops().Send(ctx, m)
	if err != nil {
		return fmt.Errorf("send: %w", err)
	}
	second, err := s.ops().Send(ctx, m)
	if err != nil {
		return fmt.Errorf("send again: %w", err)
	}
	if fmt.Sprint(first.Parts) != fmt.Sprint(second.Parts) {
		return fmt.Errorf("one transaction has the IDs %v and then %v", first.Parts, second.Parts)
	}
	return s.holdsOnce(ctx, "once")
}

// holdsOnce checks that the network holds a text once and nothing else.
func (s *session) holdsOnce(ctx context.Context, text string) error {
	all, err := s.settled(ctx)
	if err == nil && strings.Join(all, "\n") != s.held(text) {
		err = fmt.Errorf("the network holds %q, want %q once", all, text)
	}
	return err
}

// sameTxnAfterRestart repeats a send as the core does after a kill: where the
// network does not recognise the repetition, it looks first.
func sameTxnAfterRestart(ctx context.Context, h Harness) error {
	c := newCore(h)
	s, err := c.begin(ctx)
	if err != nil {
		return err
	}
	m := c.plain("once")
	_, err = s.ops().Send(ctx, m)
	if err := errors.Join(err, s.end()); err != nil {
		return fmt.Errorf("send: %w", err)
	}
	if s, err = c.begin(ctx); err != nil {
		return err
	}
	again := func() error {
		if c.traits.Features.Once == network.OnceFind {
			if s.ops().Find == nil {
				return errors.New("the features promise Find and there is none")
			}
			sent, err := s.ops().Find(ctx, m)
			if err != nil || len(sent.Parts) > 0 {
				return err
			}
		}
		_, err := s.ops().Send(ctx, m)
		return err
	}
	if err := again(); err != nil {
		return errors.Join(fmt.Errorf("send again: %w", err), s.end())
	}
	return errors.Join(s.holdsOnce(ctx, "once"), s.end())
}

func findTells(ctx context.Context, s *session) error {
	ops := s.ops()
	if ops.Find == nil {
		return errors.New("the features promise Find and there is none")
	}
	m := s.plain("lost?")
	found, err := ops.Find(ctx, m)
	if err != nil {
		return fmt.Errorf("find what was not sent: %w", err)
	}
	if len(found.Parts) != 0 {
		return fmt.Errorf("found %v of what was not sent", found.Parts)
	}
	sent, err := ops.Send(ctx, m)
	if err != nil {
		return fmt.Errorf("send: %w", err)
	}
	if found, err = ops.Find(ctx, m); err != nil {
		return fmt.Errorf("find what was sent: %w", err)
	}
	if fmt.Sprint(found.Parts) != fmt.Sprint(sent.Parts) {
		return fmt.Errorf("found %v, sent %v", found.Parts, sent.Parts)
	}
	return nil
}

func cancelledSendSaysSo(ctx context.Context, s *session) error {
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	sent, err := s.ops().Send(cancelled, s.plain("never"))
	if !errors.Is(err, context.Canceled) {
		return fmt.Errorf("a cancelled Send returned %v, want an error that wraps context.Canceled", err)
	}
	if len(sent.Parts) > 0 {
		return fmt.Errorf("a cancelled Send says that it sent %v", sent.Parts)
	}
	all, err := s.settled(ctx)
	if err == nil && len(all) > 0 {
		err = fmt.Errorf("a Send that was cancelled before it began was sent: the network holds %q", all)
	}
	return err
}

func sendWhileDown(ctx context.Context, s *session) error {
	up, err := s.acts.Down(ctx)
	if err != nil {
		return fmt.Errorf("harness: down: %w", err)
	}
	defer up()
	if err := s.sink.wait(ctx, "a state that tells of the outage", func(k *sink) bool { return !online(k) }); err != nil {
		return err
	}
	_, err = s.ops().Send(ctx, s.plain("anybody?"))
	return kind("send while down", err, network.Unavailable)
}

func rateLimited(ctx context.Context, s *session) error {
	if err := s.acts.Refuse(ctx, 0, RateLimit); err != nil {
		return fmt.Errorf("harness: refuse: %w", err)
	}
	m := s.plain("fast")
	_, err := s.ops().Send(ctx, m)
	if err != nil {
		if err := kind("send too fast", err, network.RateLimited); err != nil {
			return err
		}
		if network.WaitOf(err) <= 0 {
			return errors.New("a rate limit does not say how long to wait")
		}
		if !rest(ctx, min(network.WaitOf(err), patience)) {
			return ctx.Err()
		}
		if _, err := s.ops().Send(ctx, m); err != nil {
			return fmt.Errorf("send after the wait: %w", err)
		}
	}
	return s.holdsOnce(ctx, "fast")
}

func sendWhileNotIn(ctx context.Context, s *session) error {
	if err := s.acts.Refuse(ctx, 0, NotIn); err != nil {
		return fmt.Errorf("harness: refuse: %w", err)
	}
	_, err := s.send(ctx, "let me in")
	return explained("send to a chat that the account is out of", err, network.Gone, network.Rejected)
}

func sendToUnknownChat(ctx context.Context, s *session) error {
	m := s.plain("anybody?")
	m.Chat = s.traits.NoChat
	_, err := s.ops().Send(ctx, m)
	return explained("send to an unknown chat", err, network.Gone, network.Rejected)
}

// explained checks an error's kind and that it has words for people.
func explained(what string, err error, want ...network.Kind) error {
	if err := kind(what, err, want...); err != nil {
		return err
	}
	var e *network.Error
	if errors.As(err, &e) && e.User == "" {
		return fmt.Errorf("%s: the error %v has no words for people", what, err)
	}
	return nil
}
