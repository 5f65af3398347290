package networktest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/causeway-chat/causeway/bridgekit/network"
)

// historyCases are the rules about a chat's past.
func historyCases() []Case {
	return []Case{
		{"HistoryCoversOnce", needsHistory, with(historyCoversOnce)},
		{"HistoryWhileArriving", needsHistory, with(historyWhileArriving)},
		{"HistoryIsTheSameAsLive", needsHistory, with(historyIsTheSame)},
		{"HistoryKeepsTime", needsHistory, with(historyKeepsTime)},
		{"HistoryHasThreads", needsHistoryThreads, with(historyHasThreads)},
		{"HistoryIsCurrent", needsHistoryEdited, with(historyIsCurrent)},
		{"HistoryLeavesOutRemoved", needsHistoryRemoved, with(historyLeavesOutRemoved)},
	}
}

func needsHistory(n Needs) string {
	if n.Ops.History == nil {
		return "no history"
	}
	return ""
}

// past pages through the main chat's history and returns its messages, oldest
// first. between is called after each page.
func (s *session) past(ctx context.Context, limit int, between func() error) ([]*network.Message, error) {
	var all []*network.Message
	cursor := ""
	for range 1000 {
		page, next, err := s.ops().History(ctx, s.traits.Main.ID, cursor, limit)
		if err != nil {
			return nil, fmt.Errorf("history: %w", err)
		}
		if len(page) > limit {
			return nil, fmt.Errorf("a page has %d events, the limit was %d", len(page), limit)
		}
		stored, err := pack(page)
		if err != nil {
			return nil, err
		}
		var messages []*network.Message
		for _, ev := range stored {
			if m, ok := ev.(*network.Message); ok && m.Sender == s.traits.Other {
				messages = append(messages, m)
			}
			if !ev.Base().History {
				return nil, errors.New("an event of the history does not say that it is history")
			}
		}
		all = append(messages, all...)
		if next == "" {
			return all, nil
		}
		if next == cursor && len(page) == 0 {
			return nil, errors.New("history does not advance")
		}
		cursor = next
		if err := between(); err != nil {
			return nil, err
		}
	}
	return nil, errors.New("history does not end")
}

// numbered says n numbered texts in the main chat and waits for them.
func (s *session) numbered(ctx context.Context, n int) ([]string, error) {
	var texts []string
	for i := range n {
		texts = append(texts, fmt.Sprintf("number %d", i))
	}
	if err := s.says(ctx, s.traits.Main.ID, texts...); err != nil {
		return nil, err
	}
	return texts, s.hears(ctx, s.traits.Main.ID, texts...)
}

// covers checks that the texts of messages that begin with "number" are texts.
func covers(all []*network.Message, texts []string) error {
	var got []string
	for _, m := range all {
		if text := said(m.Content); strings.HasPrefix(text, "number") {
			got = append(got, text)
		}
	}
	if !slices.Equal(got, texts) {
		return fmt.Errorf("the history has %q, want %q", got, texts)
	}
	return nil
}

func historyCoversOnce(ctx context.Context, s *session) error {
	texts, err := s.numbered(ctx, 25)
	if err != nil {
		return err
	}
	for _, limit := range []int{7, 25, 100} {
		all, err := s.past(ctx, limit, func() error { return nil })
		if err != nil {
			return fmt.Errorf("pages of %d: %w", limit, err)
		}
		if err := covers(all, texts); err != nil {
			return fmt.Errorf("pages of %d: %w", limit, err)
		}
	}
	return nil
}

func historyWhileArriving(ctx context.Context, s *session) error {
	texts, err := s.numbered(ctx, 25)
	if err != nil {
		return err
	}
	all, err := s.past(ctx, 4, func() error { return s.says(ctx, s.traits.Main.ID, "noise", "more noise") })
	if err != nil {
		return err
	}
	return covers(all, texts)
}

// historyIsTheSame: what was delivered live has the same key in the history,
// so that the core knows it.
func historyIsTheSame(ctx context.Context, s *session) error {
	if _, err := s.numbered(ctx, 5); err != nil {
		return err
	}
	all, err := s.past(ctx, 100, func() error { return nil })
	if err != nil {
		return err
	}
	past := map[string]*network.Message{}
	for _, m := range all {
		past[said(m.Content)] = m
	}
	s.sink.mu.Lock()
	defer s.sink.mu.Unlock()
	for _, live := range s.sink.messages(s.traits.Main.ID) {
		m := past[said(live.Content)]
		if m == nil {
			return fmt.Errorf("%q is not in the history", said(live.Content))
		}
		if m.Key != live.Key || m.ID != live.ID || m.Chat != live.Chat {
			return fmt.Errorf("live with key %q, ID %q, chat %v; in the history with %q, %q, %v",
				live.Key, live.ID, live.Chat, m.Key, m.ID, m.Chat)
		}
	}
	return nil
}
