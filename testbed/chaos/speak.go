package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"time"
)

// A deed is a kind of thing that a speaker does.
type deed string

const (
	deedSay    deed = "say"
	deedLong   deed = "say much"
	deedReply  deed = "reply"
	deedEdit   deed = "edit"
	deedRemove deed = "remove"
	deedReact  deed = "react"
	deedUnsay  deed = "take a reaction back"
	deedFile   deed = "file"
	deedMany   deed = "several parts"
	deedOther  deed = "remove another's"
	deedBurst  deed = "say, edit, say and remove"
)

// deeds are what a speaker does, as often as they are in the list.
func deeds() []deed {
	var all []deed
	add := func(d deed, n int) {
		for range n {
			all = append(all, d)
		}
	}
	add(deedSay, 40)
	add(deedLong, 2)
	add(deedReply, 10)
	add(deedEdit, 12)
	add(deedRemove, 5)
	add(deedReact, 10)
	add(deedUnsay, 4)
	add(deedFile, 5)
	add(deedMany, 4)
	add(deedOther, 3)
	add(deedBurst, 5)
	return all
}

// A speaker says things on one side of one chat.
type speaker struct {
	w      *world
	c      *chat
	side   side
	random *rand.Rand
}

// speak does n things with short pauses.
func (s *speaker) speak(ctx context.Context, n int) error {
	all := deeds()
	for range n {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		d, wait := all[s.random.IntN(len(all))], time.Duration(s.random.IntN(40))*time.Millisecond
		if err := s.do(ctx, d); err != nil {
			return fmt.Errorf("%s, %s: %s: %w", s.c.id, s.side, d, err)
		}
		pause(ctx, wait)
	}
	return nil
}

// do does one thing. What does not apply becomes a plain text; where nobody can
// speak now, nothing is said.
func (s *speaker) do(ctx context.Context, d deed) error {
	if s.side == onMatrix {
		if err := s.w.home.open(ctx); err != nil {
			return err
		}
	} else if !s.w.far.ready(ctx, s.c) {
		return nil
	}
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	choice, who := s.random.IntN(1000), s.random.IntN(1000)
	if !s.w.far.takes(s.side, d) {
		d = deedSay
	}
	if s.side != onMatrix {
		all := s.c.speakers(s.side)
		return s.w.far.net(s.side).do(s.w, s.c, s.side, all[who%len(all)], d, choice)
	}
	if s.c.room == "" {
		return nil // nobody can speak there yet
	}
	return local{s.w, s.c, s.c.local[who%len(s.c.local)]}.do(d, choice)
}

// emojis of the sides differ, so that none is put and taken back from both at
// once.
func emojis(s side) []string {
	return [sides][]string{onNetwork: {"👍", "🎉"}, onMatrix: {"❤️", "😄"}, onSecond: {"🚀", "👀"}, onThird: {"☕", "🌧️"}}[s]
}

func (w *world) token(s side) string {
	return fmt.Sprintf("%c%d", "nmnn"[s], w.seq.Add(1))
}

func hashOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:8])
}

// fileOf is the bytes of a message's file.
func fileOf(token string, choice int) []byte {
	b := make([]byte, 100+choice*300) // up to 300 KB
	random := rand.New(rand.NewPCG(uint64(choice), uint64(len(token))))
	for i := range b {
		b[i] = byte(random.Uint32())
	}
	return append([]byte(token), b...)
}
