package wire

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

// A Tally notes when each of a row of numbered messages arrived. Its methods may
// be called concurrently.
type Tally struct {
	mu    sync.Mutex // guards what follows
	first int
	at    []int64
	keys  [][16]byte // hashes of what names the first arrival, where it is known
	rest  Arrivals   // but At
	last  map[string]int
	want  int
	full  chan struct{} // closed when want have arrived; nil: nobody waits
	file  *os.File
}

// recordSize is how long a record of the file is: when, and the key's hash.
const recordSize = 8 + 16

// Keep has the tally written to a file as it grows, after reading what the file
// holds already of an expectation. It is called once, before any other method.
func (t *Tally) Keep(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("open tally: %w", err)
	}
	t.file = f
	raw, err := io.ReadAll(f)
	if err != nil || len(raw) < recordSize {
		return err
	}
	t.expect(int(binary.LittleEndian.Uint64(raw)), int(binary.LittleEndian.Uint64(raw[8:])))
	for i := range t.at {
		r := raw[recordSize:][i*recordSize:]
		t.at[i] = int64(binary.LittleEndian.Uint64(r))
		copy(t.keys[i][:], r[8:])
		if t.at[i] != 0 {
			t.rest.N++
		}
	}
	return nil
}

// Expect begins anew, with messages first to first+count-1. Others are not noted.
func (t *Tally) Expect(first, count int) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.expect(first, count)
	if t.file == nil {
		return nil
	}
	head := make([]byte, recordSize*(count+1))
	binary.LittleEndian.PutUint64(head, uint64(first))
	binary.LittleEndian.PutUint64(head[8:], uint64(count))
	if err := t.file.Truncate(0); err != nil {
		return fmt.Errorf("begin tally: %w", err)
	}
	if _, err := t.file.WriteAt(head, 0); err != nil {
		return fmt.Errorf("begin tally: %w", err)
	}
	return nil
}

func (t *Tally) expect(first, count int) {
	t.first, t.at, t.keys = first, make([]int64, count), nil
	t.rest, t.last = Arrivals{}, map[string]int{}
	if t.file != nil {
		t.keys = make([][16]byte, count)
	}
}

// Note notes that a message arrived now, and whether it is the first with its
// key: a network that recognises repetitions shows it once. key may be empty,
// if nothing tells a repetition from a double.
func (t *Tally) Note(number int, chat, key string) (n int, err error) {
	now := time.Now().UnixNano()
	t.mu.Lock()
	defer t.mu.Unlock()
	i := number - t.first
	if i < 0 || i >= len(t.at) {
		return t.rest.N, nil
	}
	var hash [16]byte
	if key != "" {
		sum := sha256.Sum256([]byte(key))
		copy(hash[:], sum[:])
	}
	if t.at[i] != 0 {
		if t.keys != nil && key != "" && t.keys[i] == hash {
			t.rest.Recognised++
		} else {
			t.rest.Doubled++
		}
		return t.rest.N, nil
	}
	t.at[i] = now
	t.rest.N++
	if last, ok := t.last[chat]; ok && last > number {
		t.rest.Disordered++
	}
	t.last[chat] = max(t.last[chat], number)
	if t.full != nil && t.rest.N >= t.want {
		close(t.full)
		t.full = nil
	}
	if t.file == nil {
		return t.rest.N, nil
	}
	t.keys[i] = hash
	var r [recordSize]byte
	binary.LittleEndian.PutUint64(r[:], uint64(now))
	copy(r[8:], hash[:])
	_, err = t.file.WriteAt(r[:], int64(recordSize*(i+1)))
	return t.rest.N, err
}

// Wait waits as w says and returns what arrived. One may wait at a time.
func (t *Tally) Wait(w Waiting) Arrivals {
	t.mu.Lock()
	full := make(chan struct{})
	if t.rest.N >= w.N {
		close(full)
	} else {
		t.want, t.full = w.N, full
	}
	n := t.rest.N
	t.mu.Unlock()
	end := time.NewTimer(w.Most)
	defer end.Stop()
	quiet := time.NewTicker(max(w.Quiet, 10*time.Millisecond))
	defer quiet.Stop()
	for waiting := true; waiting; {
		select {
		case <-full:
			waiting = false
		case <-end.C:
			waiting = false
		case <-quiet.C:
			t.mu.Lock()
			waiting = w.Quiet == 0 || t.rest.N == 0 || t.rest.N != n
			n = t.rest.N
			t.mu.Unlock()
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.full = nil
	out := t.rest
	out.At = append([]int64(nil), t.at...)
	return out
}
