package networktest

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/causeway-chat/causeway/bridgekit/network"
)

// That each case can fail is shown by memnet's TestSuiteCatches.

func TestCaseNamesAreUnique(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range Cases() {
		if c.Name == "" || seen[c.Name] || c.Check == nil {
			t.Errorf("case %q has no name of its own or no check", c.Name)
		}
		seen[c.Name] = true
	}
}

func TestHeldMayChangeSpaceOnly(t *testing.T) {
	for name, tc := range map[string]struct {
		held func(string) string
		ok   bool
	}{
		"nothing":    {nil, true},
		"space":      {strings.TrimSpace, true},
		"lines":      {func(s string) string { return strings.ReplaceAll(s, "\r\n", "\n") }, true},
		"characters": {func(s string) string { return strings.ReplaceAll(s, "<", "&lt;") }, false},
		"everything": {func(string) string { return "" }, false},
	} {
		c := &core{traits: Traits{Held: tc.held}}
		if err := honest(c, " a<b\r\nc "); (err == nil) != tc.ok {
			t.Errorf("%s: honest says %v", name, err)
		}
	}
}

func TestWeirdTextsHaveNoControlCharacters(t *testing.T) {
	for _, s := range weird() {
		if i := strings.IndexFunc(s, func(r rune) bool { return r < ' ' && r != '\n' && r != '\t' }); i >= 0 {
			t.Errorf("%q has a control character at %d; it belongs into dangerous", s, i)
		}
	}
}

func TestSinkFindsUnsoundEvents(t *testing.T) {
	head := network.Head{Chat: network.ChatKey{ID: "c"}}
	for name, tc := range map[string]struct {
		ev network.Event
		ok bool
	}{
		"message":           {&network.Message{Head: head, Content: network.Text("x")}, true},
		"message, no parts": {&network.Message{Head: head}, false},
		"message, no chat":  {&network.Message{Content: network.Text("x")}, false},
		"edit, no target":   {&network.Edit{Head: head, Content: network.Text("x")}, false},
		"notice, no chat":   {&network.ServiceNotice{Content: network.Text("x")}, true},
	} {
		s := newSink(newMemory(Traits{}))
		err := s.Deliver(t.Context(), network.Batch{Events: []network.Event{tc.ev}})
		if (err == nil) != tc.ok || (s.broken == nil) != tc.ok {
			t.Errorf("%s: Deliver returned %v", name, err)
		}
	}
}

func TestLabelledCountsGoroutines(t *testing.T) {
	stop := make(chan struct{})
	left := labelled(t.Context(), func(context.Context) {
		for range 3 {
			go func() { <-stop }()
		}
	})
	if n := left(); n != 3 {
		t.Errorf("counted %d goroutines, want 3", n)
	}
	close(stop)
	if err := nobodyLeft(t.Context(), left); err != nil {
		t.Error(err)
	}
}

func TestKind(t *testing.T) {
	err := network.Errorf(network.Gone, "gone", "test")
	if kind("x", err, network.Rejected, network.Gone) != nil {
		t.Error("one of two wanted kinds is not accepted")
	}
	if kind("x", err, network.Rejected) == nil || kind("x", nil, network.Unknown) == nil || kind("x", errors.New("x"), network.Gone) == nil {
		t.Error("another kind, or no error, is accepted")
	}
}
