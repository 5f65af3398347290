package networktest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/network"
)

// roomCases are the rules about what the room of a chat shows beside its messages.
func roomCases() []Case {
	return []Case{
		{"PinsArrive", needsPinIn, with(pinsArrive)},
		{"PinIsSet", needsPinOut, with(pinIsSet)},
		{"KeptArrives", needsKeep, with(keptArrives)},
		{"AvatarIsSet", needsAvatarOut, with(avatarIsSet)},
		{"BroadcastArrives", needsBroadcast, with(broadcastArrives)},
	}
}

func needsPinIn(n Needs) string {
	if n.Acts.Pin == nil {
		return "no pins by others"
	}
	return ""
}

func needsPinOut(n Needs) string {
	if n.Ops.Pin == nil || n.Acts.Pinned == nil {
		return "no pins by us"
	}
	return ""
}

func needsKeep(n Needs) string {
	if n.Acts.Keep == nil {
		return "nothing is kept for a person"
	}
	return ""
}

func needsAvatarOut(n Needs) string {
	if n.Ops.EditChat == nil || n.Acts.Avatar == nil {
		return "no pictures by us"
	}
	return ""
}

func needsBroadcast(n Needs) string {
	if n.Acts.SayThread == nil || n.Acts.SayBroadcast == nil {
		return "threads are not shown in the chat too"
	}
	return ""
}

// pinsArrive: what others pin is delivered as the whole list of what is pinned.
func pinsArrive(ctx context.Context, s *session) error {
	main := s.traits.Main
	var ids []network.MessageID
	for _, text := range []string{"one", "two"} {
		id, err := s.Say(ctx, main.ID, text)
		if err != nil {
			return fmt.Errorf("harness: say: %w", err)
		}
		ids = append(ids, id)
	}
	for _, step := range []struct {
		id     network.MessageID
		remove bool
		want   []network.MessageID
	}{{ids[0], false, ids[:1]}, {ids[1], false, ids}, {ids[0], true, ids[1:]}, {ids[1], true, nil}} {
		if err := s.acts.Pin(ctx, main.ID, step.id, step.remove); err != nil {
			return fmt.Errorf("harness: pin: %w", err)
		}
		err := s.sink.wait(ctx, fmt.Sprintf("%q pinned", step.want), func(k *sink) bool {
			var last []network.MessageID
			came := false
			for _, ev := range k.events {
				p, ok := ev.(*network.Pins)
				if !ok || p.Chat != main {
					continue
				}
				last, came = nil, true
				for _, ref := range p.Pinned {
					last = append(last, ref.ID)
				}
			}
			slices.Sort(last)
			want := slices.Sorted(slices.Values(step.want))
			return came && slices.Equal(last, want)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// pinIsSet: a message is pinned and unpinned, once, however often it is asked for;
// what does not exist is rejected.
func pinIsSet(ctx context.Context, s *session) error {
	main := s.traits.Main
	id, err := s.Say(ctx, main.ID, "pin me")
	if err != nil {
		return fmt.Errorf("harness: say: %w", err)
	}
	for _, remove := range []bool{false, true} {
		p := network.OutgoingPin{Txn: s.txn(), Chat: main.ID, Target: network.Whole(id), Remove: remove}
		for range 2 {
			if err := s.ops().Pin(ctx, p); err != nil {
				return fmt.Errorf("pin (remove: %v): %w", remove, err)
			}
		}
		var want []network.MessageID
		if !remove {
			want = []network.MessageID{id}
		}
		got, err := s.acts.Pinned(ctx, main.ID)
		if err != nil {
			return fmt.Errorf("harness: pinned: %w", err)
		}
		if !slices.Equal(got, want) {
			return fmt.Errorf("the network has %q pinned, want %q", got, want)
		}
	}
	err = s.ops().Pin(ctx, network.OutgoingPin{Txn: s.txn(), Chat: main.ID, Target: network.Whole(s.traits.NoMessage)})
	if network.KindOf(err) != network.Rejected {
		return fmt.Errorf("to pin a message that does not exist gives %v, want an error of kind rejected", err)
	}
	return nil
}

// keptArrives: how our person keeps a chat is delivered, and Chat tells it too.
func keptArrives(ctx context.Context, s *session) error {
	main := s.traits.Main
	for _, kept := range []network.Kept{{Muted: true}, {Tag: network.TagFavourite}, {Muted: true, Tag: network.TagLow}, {}} {
		if err := s.acts.Keep(ctx, main.ID, kept); err != nil {
			return fmt.Errorf("harness: keep: %w", err)
		}
		err := s.sink.wait(ctx, fmt.Sprintf("the chat kept as %+v", kept), func(k *sink) bool {
			var last *network.ChatKept
			for _, ev := range k.events {
				if e, ok := ev.(*network.ChatKept); ok && e.Chat == main {
					last = e
				}
			}
			return last != nil && last.Kept == kept
		})
		if err != nil {
			return err
		}
		chat, err := s.ops().Chat(ctx, main.ID)
		if err != nil {
			return err
		}
		if chat.Kept == nil || *chat.Kept != kept {
			return fmt.Errorf("what Chat returns is kept as %+v, want %+v", chat.Kept, kept)
		}
	}
	return nil
}

// avatarIsSet: a chat gets the picture that it is given.
func avatarIsSet(ctx context.Context, s *session) error {
	data := []byte("a picture")
	m := &network.Media{Kind: network.Image, Name: "picture.png", MIME: "image/png", Size: int64(len(data)), Source: pictureSource(data)}
	if err := s.ops().EditChat(ctx, s.traits.Main.ID, network.OutgoingChat{Txn: s.txn(), Avatar: m}); err != nil {
		return fmt.Errorf("edit chat: %w", err)
	}
	got, err := s.acts.Avatar(ctx, s.traits.Main.ID)
	if err != nil {
		return fmt.Errorf("harness: avatar: %w", err)
	}
	if !bytes.Equal(got, data) {
		return fmt.Errorf("the chat has a picture of %d bytes, want %d", len(got), len(data))
	}
	return nil
}

// broadcastArrives: what is said to a thread and the chat is delivered once, as a
// message of the thread that the chat shows too, and what is said to the thread alone
// is not. The past has it once, and says the same.
func broadcastArrives(ctx context.Context, s *session) error {
	main := s.traits.Main.ID
	root, err := s.Say(ctx, main, "root")
	if err != nil {
		return fmt.Errorf("harness: say: %w", err)
	}
	for _, say := range []func(context.Context, network.ChatID, network.MessageID, string) (network.MessageID, error){s.acts.SayThread, s.acts.SayBroadcast} {
		if _, err := say(ctx, main, root, "reply"); err != nil {
			return fmt.Errorf("harness: say in thread: %w", err)
		}
	}
	if err := s.says(ctx, main, "after"); err != nil {
		return err
	}
	if err := s.hears(ctx, main, "root", "reply", "reply", "after"); err != nil {
		return err
	}
	s.sink.mu.Lock()
	live := s.sink.messages(main)
	s.sink.mu.Unlock()
	if err := broadcastOnce(live, root); err != nil || s.ops().History == nil {
		return err
	}
	all, err := s.past(ctx, 2, func() error { return nil })
	if err != nil {
		return err
	}
	if err := broadcastOnce(all, root); err != nil {
		return fmt.Errorf("in the history: %w", err)
	}
	return nil
}

// broadcastOnce: of a root, a reply, a broadcast and a last message only the third is
// shown in both places.
func broadcastOnce(all []*network.Message, root network.MessageID) error {
	if len(all) != 4 {
		return fmt.Errorf("there are %d messages, want 4", len(all))
	}
	for i, m := range all {
		reply := i == 1 || i == 2
		if reply != (m.Thread != nil) || reply && m.Thread.ID != root {
			return fmt.Errorf("message %d, %q, is in the thread %+v", i, said(m.Content), m.Thread)
		}
		if m.Broadcast != (i == 2) {
			return fmt.Errorf("message %d, %q, is shown in the chat too: %v", i, said(m.Content), m.Broadcast)
		}
	}
	return nil
}

// A pictureSource is a picture that nobody can have by a link.
type pictureSource []byte

var _ network.Source = pictureSource(nil)

func (p pictureSource) Open(context.Context) (io.ReadCloser, error) {
	return io.NopCloser(bytes.NewReader(p)), nil
}

func (p pictureSource) Link(context.Context) (string, time.Time, error) {
	return "", time.Time{}, network.ErrNotPublic
}

func needsHistoryThreads(n Needs) string {
	if n.Ops.History == nil || n.Acts.SayThread == nil {
		return "no history of threads"
	}
	return ""
}

func needsHistoryRemoved(n Needs) string {
	if n.Ops.History == nil || n.Acts.Redact == nil {
		return "no history of removed messages"
	}
	return ""
}

func needsHistoryEdited(n Needs) string {
	if n.Ops.History == nil || n.Acts.Edit == nil {
		return "no history of edited messages"
	}
	return ""
}

// historyKeepsTime: the past says who wrote and when, as the live delivery did.
func historyKeepsTime(ctx context.Context, s *session) error {
	if _, err := s.numbered(ctx, 3); err != nil {
		return err
	}
	all, err := s.past(ctx, 100, func() error { return nil })
	if err != nil {
		return err
	}
	s.sink.mu.Lock()
	defer s.sink.mu.Unlock()
	for _, live := range s.sink.messages(s.traits.Main.ID) {
		for _, m := range all {
			if m.ID == live.ID && said(m.Content) == said(live.Content) && (!m.At.Equal(live.At) || m.Sender != live.Sender) {
				return fmt.Errorf("live by %q at %v, in the history by %q at %v", live.Sender, live.At, m.Sender, m.At)
			}
		}
	}
	return nil
}

// historyHasThreads: what is said in a thread is in the past too, behind what the
// thread began with, and says so.
func historyHasThreads(ctx context.Context, s *session) error {
	main := s.traits.Main.ID
	root, err := s.Say(ctx, main, "root")
	if err != nil {
		return fmt.Errorf("harness: say: %w", err)
	}
	if err := s.says(ctx, main, "between"); err != nil {
		return err
	}
	if _, err := s.acts.SayThread(ctx, main, root, "in the thread"); err != nil {
		return fmt.Errorf("harness: say in thread: %w", err)
	}
	if err := s.says(ctx, main, "after"); err != nil {
		return err
	}
	all, err := s.past(ctx, 2, func() error { return nil })
	if err != nil {
		return err
	}
	var got []string
	for _, m := range all {
		got = append(got, said(m.Content))
		if said(m.Content) == "in the thread" && (m.Thread == nil || m.Thread.ID != root) {
			return fmt.Errorf("in the history the reply is in the thread %+v, want %q", m.Thread, root)
		}
	}
	if want := []string{"root", "between", "in the thread", "after"}; !slices.Equal(got, want) {
		return fmt.Errorf("the history has %q, want %q", got, want)
	}
	return nil
}

// historyIsCurrent: a message that was edited has its last text.
func historyIsCurrent(ctx context.Context, s *session) error {
	return s.pastAfter(ctx, func(id network.MessageID) error { return s.acts.Edit(ctx, s.traits.Main.ID, id, "better") }, []string{"first", "better", "last"})
}

// historyLeavesOutRemoved: what was removed is not there.
func historyLeavesOutRemoved(ctx context.Context, s *session) error {
	return s.pastAfter(ctx, func(id network.MessageID) error { return s.acts.Redact(ctx, s.traits.Main.ID, id) }, []string{"first", "last"})
}

// pastAfter compares the past after the middle one of three messages was changed.
func (s *session) pastAfter(ctx context.Context, change func(id network.MessageID) error, want []string) error {
	var ids []network.MessageID
	for _, text := range []string{"first", "middle", "last"} {
		id, err := s.Say(ctx, s.traits.Main.ID, text)
		if err != nil {
			return fmt.Errorf("harness: say: %w", err)
		}
		ids = append(ids, id)
	}
	if err := change(ids[1]); err != nil {
		return fmt.Errorf("harness: %w", err)
	}
	all, err := s.past(ctx, 2, func() error { return nil })
	if err != nil {
		return err
	}
	var got []string
	for _, m := range all {
		got = append(got, said(m.Content))
	}
	if !slices.Equal(got, want) {
		return fmt.Errorf("the history has %q, want %q", got, want)
	}
	return nil
}
