package store

import (
	"context"
	"fmt"
	"sync"
)

// Facts keeps what is known about the homeserver, with the recent ones in
// memory. Its methods may be called concurrently.
type Facts struct {
	db *DB

	mu      sync.Mutex          // guards what follows
	learned map[string]learning // what is not stored yet; bounded by the writer's queue
	cache   map[string]string   // known values, "" if there is none; bounded by maxFacts
	changes int                 // how often a value was set or left the cache
}

// A learning is a value on its way to the database.
type learning struct {
	value  string
	number int // of the last Learn of this name
}

// maxFacts is two for each chat that is in use at once: a message asks whether its
// sender has joined. A fact takes 150 bytes.
const maxFacts = 8192

// NewFacts makes the store of facts of db.
func NewFacts(db *DB) *Facts {
	return &Facts{db: db, learned: map[string]learning{}, cache: map[string]string{}}
}

// Fact reads a fact; "" if there is none.
func (f *Facts) Fact(ctx context.Context, name string) (string, error) {
	v, known, changes := f.known(name)
	if known {
		return v, nil
	}
	if _, err := f.db.One(ctx, "SELECT value FROM fact WHERE name = ?", []any{name}, &v); err != nil {
		return "", fmt.Errorf("read fact: %w", err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if now, ok := f.learned[name]; ok {
		return now.value, nil
	}
	if _, ok := f.cache[name]; !ok && changes == f.changes { // what was read is not old
		f.remember(name, v)
	}
	return v, nil
}

// known is what memory knows of a fact.
func (f *Facts) known(name string) (value string, ok bool, changes int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if l, ok := f.learned[name]; ok {
		return l.value, true, 0
	}
	value, ok = f.cache[name]
	return value, ok, f.changes
}

// SetFact stores a fact durably; "" removes it.
func (f *Facts) SetFact(ctx context.Context, name, value string) error {
	err := f.db.Write(ctx, 1, setFact(name, value))
	f.mu.Lock()
	defer f.mu.Unlock()
	f.changes++
	delete(f.cache, name)
	if err != nil {
		return fmt.Errorf("store fact: %w", err)
	}
	f.remember(name, value)
	return nil
}

// Learn is SetFact for what can be asked again: it is known at once and stored a
// moment later, and a crash before that costs one question more. What is set or
// learned later about the same wins.
func (f *Facts) Learn(ctx context.Context, name, value string) error {
	f.mu.Lock()
	l := learning{value, f.learned[name].number + 1}
	f.learned[name] = l
	f.mu.Unlock()
	err := f.db.Queue(ctx, &Op{Weight: 1, Urgency: Later, Do: setFact(name, value), Done: func(err error) { f.stored(name, l, err) }})
	if err != nil {
		f.stored(name, l, err)
		return fmt.Errorf("store fact: %w", err)
	}
	return nil
}

// stored takes in what became of a Learn.
func (f *Facts) stored(name string, l learning, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.learned[name] == l {
		delete(f.learned, name)
	}
	f.changes++
	if delete(f.cache, name); err == nil {
		f.remember(name, l.value)
	}
}

func setFact(name, value string) func(tx *Tx) error {
	return func(tx *Tx) error {
		if value == "" {
			_, err := tx.Exec("DELETE FROM fact WHERE name = ?", name)
			return err
		}
		_, err := tx.Exec("INSERT INTO fact (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value", name, value)
		return err
	}
}

// remember keeps what is stored. It is called with mu held.
func (f *Facts) remember(name, value string) {
	if len(f.cache) >= maxFacts {
		for k := range f.cache { // any one will do
			delete(f.cache, k)
			f.changes++
			break
		}
	}
	f.cache[name] = value
}
