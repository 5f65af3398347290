package networktest

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/network"
)

// memory is what the core keeps of one login: it outlives clients.
type memory struct {
	mu      sync.Mutex
	values  map[string][]byte
	cursors map[string][]byte
	chats   []network.ChatKey
}

var _ network.KV = (*memory)(nil)

func newMemory(t Traits) *memory {
	m := &memory{values: map[string][]byte{}, cursors: map[string][]byte{}}
	for _, k := range []network.ChatKey{t.Main, t.Second, t.Direct} {
		if !k.IsZero() {
			m.chats = append(m.chats, k)
		}
	}
	return m
}

// host is the Host to open a client with.
func (m *memory) host() network.Host {
	return network.Host{
		Log: slog.New(slog.DiscardHandler),
		KV:  m,
		Cursor: func(_ context.Context, name string) ([]byte, error) {
			m.mu.Lock()
			defer m.mu.Unlock()
			return slices.Clone(m.cursors[name]), nil
		},
		Chats: func(context.Context) ([]network.ChatKey, error) {
			m.mu.Lock()
			defer m.mu.Unlock()
			return slices.Clone(m.chats), nil
		},
		Publish: func(context.Context, string, network.Page) (string, time.Time, error) {
			return "", time.Time{}, network.ErrNotPublic
		},
	}
}

// Get implements network.KV.
func (m *memory) Get(_ context.Context, key string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.values[key]), nil
}

// Set implements network.KV.
func (m *memory) Set(_ context.Context, key string, value []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.values[key] = slices.Clone(value)
	return nil
}

// Delete implements network.KV.
func (m *memory) Delete(_ context.Context, key string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.values, key)
	return nil
}

// keep stores the cursors of a batch.
func (m *memory) keep(cursors map[string][]byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for name, value := range cursors {
		m.cursors[name] = slices.Clone(value)
	}
}
