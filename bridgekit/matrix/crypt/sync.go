//go:build goolm

package crypt

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"runtime/debug"
	"slices"
	"strconv"
	"time"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/matrix"
)

const (
	pollTime   = 30 * time.Second // of one /sync
	firstPause = time.Second      // after a failure
	lastPause  = time.Minute
	tidyEvery  = 24 * time.Hour
	signEvery  = time.Hour // between attempts to sign the device
)

// A syncAnswer is what is used of GET /sync.
type syncAnswer struct {
	Next     string `json:"next_batch"`
	ToDevice struct {
		Events []json.RawMessage `json:"events"`
	} `json:"to_device"`
	Devices struct {
		Changed []id.UserID `json:"changed"`
		Left    []id.UserID `json:"left"`
	} `json:"device_lists"`
	OnceOnly map[id.KeyAlgorithm]int `json:"device_one_time_keys_count"`
	// Fallback is nil if the homeserver does not know fallback keys.
	Fallback *[]id.KeyAlgorithm `json:"device_unused_fallback_key_types"`
	Rooms    struct {
		Join map[id.RoomID]struct {
			State    struct{ Events []roomEvent } `json:"state"`
			After    struct{ Events []roomEvent } `json:"state_after"`
			Timeline struct {
				Events  []roomEvent
				Limited bool
			} `json:"timeline"`
		} `json:"join"`
		Leave map[id.RoomID]struct{} `json:"leave"`
	} `json:"rooms"`
}

type roomEvent struct {
	Type     string  `json:"type"`
	StateKey *string `json:"state_key"`
}

// Run sets up the device, and then reads what /sync brings, until ctx ends or
// another process takes over (ErrTakenOver). The homeserver may be away at any
// time. It is called once.
func (c *Crypt) Run(ctx context.Context) error {
	if err := c.persist(ctx, c.takeTurn); err != nil {
		return err
	}
	if err := c.persist(ctx, c.setUp); err != nil {
		return err
	}
	c.note(func(s *Status) { s.Ready, s.Problem = true, "" })
	close(c.started)
	c.log.Info("encryption is ready", "device", c.Status(ctx).Device)
	var tidied, signed time.Time
	return c.persist(ctx, func(ctx context.Context) error {
		for {
			if time.Since(tidied) > tidyEvery {
				if err := c.tidy(ctx); err != nil {
					return err
				}
				tidied = time.Now()
			}
			if time.Since(signed) > signEvery {
				c.signDevice(ctx)
				signed = time.Now()
			}
			if err := c.step(ctx); err != nil {
				return err
			}
		}
	})
}

// persist calls f until it returns nil, after each failure with a longer pause.
func (c *Crypt) persist(ctx context.Context, f func(context.Context) error) error {
	pause := firstPause
	for {
		began := time.Now()
		err := f(ctx)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err == nil, errors.Is(err, ErrTakenOver):
			return err
		}
		c.note(func(s *Status) { s.Problem = problem(err) })
		if matrix.KindOf(err) == matrix.Down {
			if c.o.Homeserver.Wait(ctx) != nil {
				return ctx.Err()
			}
			continue
		}
		if time.Since(began) > lastPause {
			pause = firstPause
		}
		c.log.Warn("encryption: this is tried again", "pause", pause, "err", err)
		t := time.NewTimer(max(pause*3/4+rand.N(pause/2), matrix.WaitOf(err)))
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return ctx.Err()
		}
		pause = min(2*pause, lastPause)
	}
}

// problem is an error in words for administrators.
func problem(err error) string {
	var e *matrix.Error
	if errors.As(err, &e) && e.Remedy != "" {
		return e.Remedy
	}
	return err.Error()
}

// step makes one request to /sync and stores what it brings.
func (c *Crypt) step(ctx context.Context) error {
	since, err := c.state(ctx, stateSince)
	if err != nil {
		return err
	}
	answer, err := c.poll(ctx, since)
	if err != nil {
		return c.polled(ctx, since, err)
	}
	if answer.Next == "" {
		return &matrix.Error{Kind: matrix.Unsure, Op: "sync keys", Err: errors.New("the answer holds no next_batch")}
	}
	if err := c.absorb(ctx, since, answer); err != nil {
		return fmt.Errorf("store what came by sync: %w", err)
	}
	c.note(func(s *Status) { s.Synced, s.Problem = time.Now(), "" })
	return nil
}

// polled acts on a failure of /sync.
func (c *Crypt) polled(ctx context.Context, since string, err error) error {
	var e *matrix.Error
	if !errors.As(err, &e) {
		return err
	}
	switch {
	case e.Kind == matrix.Auth, e.Code == "M_UNKNOWN_DEVICE", e.Code == "M_FORBIDDEN":
		// The device or its token is gone: somebody has signed it out.
		return errors.Join(err, c.revive(ctx))
	case e.Status == http.StatusBadRequest && since != "":
		// The place is not one of this homeserver's: it was moved or exchanged.
		return errors.Join(err, c.txn(ctx, func(ctx context.Context) error { return c.setState(ctx, stateSince, "") }))
	}
	return err
}

// poll asks /sync for what came since, and waits for something to come.
func (c *Crypt) poll(ctx context.Context, since string) (*syncAnswer, error) {
	c.mu.Lock()
	dev := c.dev
	c.mu.Unlock()
	cli, err := c.client(dev)
	if err != nil {
		return nil, err
	}
	query := map[string]string{"set_presence": "offline", "filter": syncFilter(since == ""), "timeout": "0"}
	if since != "" {
		query["since"], query["timeout"] = since, strconv.FormatInt(pollTime.Milliseconds(), 10)
	}
	var answer syncAnswer
	err = c.o.Homeserver.Attempt(ctx, pollTime+requestTime, "sync keys", func(ctx context.Context) error {
		_, err := cli.MakeFullRequest(ctx, mautrix.FullRequest{
			Method: http.MethodGet, URL: cli.BuildURLWithQuery(mautrix.ClientURLPath{"v3", "sync"}, query), ResponseJSON: &answer,
		})
		return err
	})
	return &answer, err
}

// roomTypes are the events that change who gets keys, and how.
func roomTypes() []string {
	return []string{event.StateMember.Type, event.StateEncryption.Type, event.StateHistoryVisibility.Type}
}

// syncFilter asks for what changes keys, and at first for no room: each is asked
// about when it is needed.
func syncFilter(first bool) string {
	nothing := map[string]any{"types": []string{}}
	some := map[string]any{"types": roomTypes(), "limit": 20, "lazy_load_members": true}
	room := map[string]any{"timeline": some, "state": some, "ephemeral": nothing, "account_data": nothing}
	if first {
		room["rooms"] = []string{}
	}
	filter, err := json.Marshal(map[string]any{"room": room, "presence": nothing, "account_data": nothing})
	if err != nil {
		return "{}" // strings and numbers cannot fail
	}
	return string(filter)
}

// changed are the rooms in an answer in which something happened that changes who
// gets keys. Where the homeserver left out events, it may have. Ghosts get none.
func (c *Crypt) changed(a *syncAnswer) (out []id.RoomID) {
	for at, r := range a.Rooms.Join {
		touched := r.Timeline.Limited
		for _, e := range slices.Concat(r.State.Events, r.After.Events, r.Timeline.Events) {
			if e.StateKey == nil || !slices.Contains(roomTypes(), e.Type) {
				continue
			}
			u := id.UserID(*e.StateKey)
			touched = touched || e.Type != event.StateMember.Type || u == c.o.Homeserver.BotID() || !c.o.Homeserver.IsGhost(u)
		}
		if touched {
			out = append(out, at)
		}
	}
	for at := range a.Rooms.Leave {
		out = append(out, at)
	}
	return out
}

// parsed are the messages to the device, and which of them are requests for keys.
func (a *syncAnswer) parsed() (events, requests []*event.Event) {
	for _, raw := range a.ToDevice.Events {
		var evt event.Event
		if json.Unmarshal(raw, &evt) != nil {
			continue
		}
		evt.Type.Class = event.ToDeviceEventType
		if evt.Content.ParseRaw(evt.Type) != nil {
			continue
		}
		switch evt.Type {
		case event.ToDeviceRoomKeyRequest:
			requests = append(requests, &evt)
		case event.ToDeviceEncrypted, event.ToDeviceRoomKeyWithheld, event.ToDeviceOrgMatrixRoomKeyWithheld:
			events = append(events, &evt)
		}
	}
	return events, requests
}

// handle gives one message to the machine. What it cannot make sense of is its
// sender's fault, and is over; only what could not be stored is an error.
func (c *Crypt) handle(ctx context.Context, m *machine, evt *event.Event) error {
	func() {
		defer func() {
			if p := recover(); p != nil {
				c.log.Error("a message to the device made the library panic; it is dropped", "sender", evt.Sender, "panic", p, "stack", string(debug.Stack()))
			}
		}()
		m.HandleToDeviceEvent(ctx, evt)
	}()
	return m.store.failed()
}
