//go:build goolm

package crypt

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/crypto"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

// roundTime bounds each wait of a round trip.
const roundTime = 20 * time.Second

// A trip is one round trip.
type trip struct {
	*Crypt
	as   id.UserID
	dev  device
	mach *crypto.OlmMachine
	room id.RoomID
}

// RoundTrip sends a message through all of the encryption and back: a ghost gets a
// device of its own for the time, and it and the bot talk in an encrypted room,
// which both leave at the end. as is a ghost that nothing else uses. One round trip
// at a time is made, while Run is running. The error says how far it came, in words
// for administrators.
func (c *Crypt) RoundTrip(ctx context.Context, as id.UserID) (err error) {
	if _, err := c.ready(ctx); err != nil {
		return err
	}
	t := &trip{Crypt: c, as: as}
	defer func() { err = errors.Join(err, t.end(context.WithoutCancel(ctx))) }()
	for _, step := range []struct {
		words string
		do    func(context.Context) error
	}{
		{"make a test device", t.device},
		{"make an encrypted test room", t.makeRoom},
		{"send a message to the bot; its key has to come by /sync", t.toBot},
		{"send a message as the bot; the key has to come to the test device", t.fromBot},
	} {
		within, cancel := context.WithTimeout(ctx, 2*roundTime)
		err := step.do(within)
		cancel()
		if err != nil {
			return fmt.Errorf("%s: %w", step.words, err)
		}
	}
	return nil
}

func (t *trip) device(ctx context.Context) error {
	if err := t.o.Homeserver.EnsureGhost(ctx, t.as); err != nil {
		return err
	}
	t.mu.Lock()
	t.witness = t.as
	t.mu.Unlock()
	dev, err := t.create(ctx, t.as, device{ID: id.DeviceID("TEST" + rand.Text()[:8])}, "Causeway's test")
	if err != nil {
		return err
	}
	t.dev = dev
	cli, err := t.clientOf(t.as, dev)
	if err != nil {
		return err
	}
	log := zeroLog(t.log)
	t.mach = crypto.NewOlmMachine(cli, &log, crypto.NewMemoryStore(nil), mautrix.NewMemoryStateStore().(*mautrix.MemoryStateStore))
	t.mach.SetBackgroundCtx(ctx)
	if err := t.mach.Load(ctx); err != nil {
		return err
	}
	return t.mach.ShareKeys(ctx, 0)
}

func (t *trip) makeRoom(ctx context.Context) error {
	bot := t.o.Homeserver.BotID()
	made, err := t.mach.Client.CreateRoom(ctx, &mautrix.ReqCreateRoom{
		Preset: "private_chat", Name: "Causeway's test of encryption", Invite: []id.UserID{bot}, IsDirect: true,
		InitialState: []*event.Event{{
			Type: event.StateEncryption, StateKey: new(string),
			Content: event.Content{Parsed: &event.EncryptionEventContent{Algorithm: id.AlgorithmMegolmV1}},
		}},
	})
	if err != nil {
		return err
	}
	t.room = made.RoomID
	cli, err := t.o.Homeserver.Client(bot)
	if err != nil {
		return err
	}
	if _, err := cli.JoinRoomByID(ctx, t.room); err != nil {
		return err
	}
	return t.Changed(ctx, t.room)
}

// toBot encrypts on the test device, and the bot has to read it.
func (t *trip) toBot(ctx context.Context) error {
	if err := t.mach.ShareGroupSession(ctx, t.room, []id.UserID{t.o.Homeserver.BotID()}); err != nil {
		return err
	}
	enc, err := t.mach.EncryptMegolmEvent(ctx, t.room, event.EventMessage, json.RawMessage(`{"msgtype":"m.notice","body":"there"}`))
	if err != nil {
		return err
	}
	sent, err := t.mach.Client.SendMessageEvent(ctx, t.room, event.EventEncrypted, enc)
	if err != nil {
		return err
	}
	raw, err := t.event(ctx, sent.EventID)
	if err != nil {
		return err
	}
	return poll(ctx, func() error {
		_, err := t.Decrypt(ctx, raw)
		return err
	})
}

// event reads an event of the room as the bot sees it.
func (t *trip) event(ctx context.Context, eventID id.EventID) (raw json.RawMessage, err error) {
	cli, err := t.o.Homeserver.Client(t.o.Homeserver.BotID())
	if err != nil {
		return nil, err
	}
	err = poll(ctx, func() error { // a homeserver may show it a moment later
		_, err := cli.MakeFullRequest(ctx, mautrix.FullRequest{Method: http.MethodGet, URL: cli.BuildClientURL("v3", "rooms", t.room, "event", eventID), ResponseJSON: &raw})
		return err
	})
	return raw, err
}

// fromBot encrypts as the bot, and the test device has to read it.
func (t *trip) fromBot(ctx context.Context) error {
	enc, err := t.Encrypt(ctx, t.room, event.EventMessage, json.RawMessage(`{"msgtype":"m.notice","body":"and back"}`))
	if err != nil {
		return err
	}
	cli, err := t.o.Homeserver.Client(t.o.Homeserver.BotID())
	if err != nil {
		return err
	}
	sent, err := cli.SendMessageEvent(ctx, t.room, event.EventEncrypted, enc)
	if err != nil {
		return err
	}
	raw, err := t.event(ctx, sent.EventID)
	if err != nil {
		return err
	}
	var evt event.Event
	if err := json.Unmarshal(raw, &evt); err != nil {
		return err
	}
	evt.Type.Class = event.MessageEventType
	if err := evt.Content.ParseRaw(evt.Type); err != nil {
		return err
	}
	since := ""
	return poll(ctx, func() error {
		answer, err := t.mach.Client.FullSyncRequest(ctx, mautrix.ReqSync{Since: since, FilterID: syncFilter(true), SetPresence: "offline"})
		if err != nil {
			return err
		}
		t.mach.ProcessSyncResponse(ctx, answer, since)
		since = answer.NextBatch
		_, err = t.mach.DecryptMegolmEvent(ctx, &evt)
		return err
	})
}

// poll calls f until it returns nil, for some time.
func poll(ctx context.Context, f func() error) error {
	limit := time.NewTimer(roundTime)
	defer limit.Stop()
	again := time.NewTicker(100 * time.Millisecond)
	defer again.Stop()
	for {
		err := f()
		if err == nil {
			return nil
		}
		select {
		case <-again.C:
		case <-limit.C:
			return err
		case <-ctx.Done():
			return err
		}
	}
}

// end takes back what the round trip has made.
func (t *trip) end(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, roundTime)
	defer cancel()
	t.mu.Lock()
	t.witness = ""
	t.mu.Unlock()
	var errs []error
	if t.room != "" {
		for _, u := range []id.UserID{t.o.Homeserver.BotID(), t.as} {
			cli, err := t.o.Homeserver.Client(u)
			if err == nil {
				_, err = cli.LeaveRoom(ctx, t.room)
			}
			errs = append(errs, err)
		}
	}
	if t.dev.ID != "" {
		errs = append(errs, t.remove(ctx, t.as, t.dev))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("clean up after the test: %w", err)
	}
	return nil
}
