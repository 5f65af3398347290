package synth

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/causeway-chat/causeway/testbed/bench/wire"
)

// batch is how many messages are read at once from what has arrived.
const batch = 100

// A Message is one message of somebody on the network.
type Message struct {
	Number       int
	Chat, Sender string
	Text         string
	File         int64 // bytes of an attached file; 0: none
}

// ID is the network's ID of the message.
func (m Message) ID() string { return fmt.Sprintf("m%d", m.Number) }

// Deliver hands messages to a bridge and returns when the bridge has accepted
// all: the network then forgets them.
type Deliver func(ctx context.Context, messages []Message) error

// A Network is the network.
type Network struct {
	arrived  wire.Tally
	accepted *os.File
	ready    chan struct{} // closed when everything was ready once

	mu        sync.Mutex // guards what follows
	deliver   Deliver    // nil: not connected
	connected chan struct{}
	readyAt   time.Time
}

// Open makes the network whose files are in dir.
func Open(dir string) (*Network, error) {
	n := &Network{ready: make(chan struct{}), connected: make(chan struct{})}
	if err := n.arrived.Keep(filepath.Join(dir, "arrived")); err != nil {
		return nil, err
	}
	var err error
	if n.accepted, err = os.OpenFile(filepath.Join(dir, "accepted"), os.O_RDWR|os.O_CREATE, 0o600); err != nil {
		return nil, fmt.Errorf("open network: %w", err)
	}
	return n, nil
}

// Connect is called when a bridge is signed in and takes messages.
func (n *Network) Connect(d Deliver) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.deliver == nil {
		close(n.connected)
	}
	n.deliver = d
}

// Ready is called once, when the bridge takes what the homeserver sends.
func (n *Network) Ready() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.readyAt = time.Now()
	close(n.ready)
}

// Take takes a message from Matrix. Repetitions have the same key.
func (n *Network) Take(text, chat, key string) error {
	number, ok := wire.Number(text)
	if !ok {
		return fmt.Errorf("take message: it has no number")
	}
	_, err := n.arrived.Note(number, chat, key)
	return err
}

// Serve answers the benchmark's calls until ctx is done.
func (n *Network) Serve(ctx context.Context, address string) error {
	return wire.Serve(ctx, address, (&control{n: n, ctx: ctx}).methods())
}

// run delivers a load.
func (n *Network) run(ctx context.Context, l wire.Load, out *wire.Delivered) error {
	n.mu.Lock()
	deliver := n.deliver
	n.mu.Unlock()
	if deliver == nil {
		return errors.New("deliver: not connected")
	}
	began := time.Now()
	for done := 0; done < l.Count; {
		size := min(batch, l.Count-done)
		if l.Rate > 0 {
			due := func(i int) time.Time {
				return began.Add(time.Duration(float64(i) / l.Rate * float64(time.Second)))
			}
			time.Sleep(time.Until(due(done)))
			now := time.Now()
			for size = 1; done+size < l.Count && size < batch && due(done+size).Before(now); size++ {
			}
			for range size {
				out.At = append(out.At, now.UnixNano())
			}
		}
		messages := make([]Message, size)
		for i := range messages {
			number := l.First + done + i
			chat := l.Chats.Chat(number)
			messages[i] = Message{Number: number, Chat: chat, Sender: wire.Member(chat, 0), Text: wire.Body(number), File: l.File}
		}
		if err := deliver(ctx, messages); err != nil {
			return err
		}
		done += size
		if err := n.accept(l.First + done - 1); err != nil {
			return err
		}
	}
	out.Began, out.Ended = began.UnixNano(), time.Now().UnixNano()
	return nil
}

// accept notes the last message that the bridge has accepted.
func (n *Network) accept(number int) error {
	_, err := n.accepted.WriteAt(binary.LittleEndian.AppendUint64(nil, uint64(number)), 0)
	return err
}
