package networktest

import (
	"context"
	"fmt"
	"strings"

	"github.com/causeway-chat/causeway/bridgekit/network"
)

func needsLinks(n Needs) string {
	if n.Ops.LinkTo == nil {
		return "messages have no addresses"
	}
	return ""
}

// linksLeadBack: the address of a message, said by either side, or of a chat leads to
// it and to nothing else; addresses of elsewhere lead nowhere.
func linksLeadBack(ctx context.Context, s *session) error {
	main := s.traits.Main.ID
	theirs, err := s.Say(ctx, main, "find me")
	if err != nil {
		return fmt.Errorf("harness: say: %w", err)
	}
	if err := s.sink.wait(ctx, "the message", func(k *sink) bool { return strings.Contains(k.heard(s.traits.Main.ID, s.traits.Other), "find me") }); err != nil {
		return err
	}
	sent, err := s.send(ctx, "and me")
	if err != nil {
		return err
	}
	links := []network.Link{{Chat: main}, {Chat: main, Message: theirs}}
	for _, ids := range sent.Parts {
		for _, id := range ids {
			links = append(links, network.Link{Chat: main, Message: id})
		}
	}
	seen := map[string]network.Link{}
	for _, want := range links {
		address, err := s.ops().LinkTo(ctx, want)
		if err != nil {
			return fmt.Errorf("link to %+v: %w", want, err)
		}
		if !strings.HasPrefix(address, "https://") {
			return fmt.Errorf("the address of %+v is %q, want one of the web", want, address)
		}
		if got, ok := s.ops().ReadLink(address); !ok || got != want {
			return fmt.Errorf("%q is the address of %+v and leads to %+v, %v", address, want, got, ok)
		}
		if other, ok := seen[address]; ok {
			return fmt.Errorf("%+v and %+v have one address %q", want, other, address)
		}
		seen[address] = want
	}
	for _, address := range []string{
		"", "https://", "https://example.org/", "https://matrix.to/#/!room:example.org/$event", "matrix:r/room:example.org", "http://[", "no address",
	} {
		if l, ok := s.ops().ReadLink(address); ok {
			return fmt.Errorf("%q leads to %+v, want nowhere", address, l)
		}
	}
	return nil
}
