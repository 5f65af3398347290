//go:build goolm

package olmuser

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"sync"

	"github.com/rs/zerolog"
	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/crypto"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

// A User is a person at a client. See the package for how it may be used.
type User struct {
	client *mautrix.Client

	mu    sync.Mutex // guards what follows
	mach  *crypto.OlmMachine
	state *mautrix.MemoryStateStore
	since string
}

// New publishes the keys of a device.
func New(ctx context.Context, o Options) (*User, error) {
	cli, err := mautrix.NewClient(o.URL, id.UserID(o.User), o.Token)
	if err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	cli.Client = &http.Client{Transport: o.Transport}
	who, err := cli.Whoami(ctx)
	if err != nil {
		return nil, fmt.Errorf("ask for the device: %w", err)
	}
	cli.DeviceID = who.DeviceID
	u := &User{client: cli, state: mautrix.NewMemoryStateStore().(*mautrix.MemoryStateStore)}
	log := zerolog.Nop()
	if o.Log != nil {
		log = zerolog.New(o.Log).With().Str("user", o.User).Timestamp().Logger()
	}
	u.mach = crypto.NewOlmMachine(cli, &log, crypto.NewMemoryStore(nil), u.state)
	if err := u.mach.Load(ctx); err != nil {
		return nil, fmt.Errorf("make keys: %w", err)
	}
	if err := u.mach.ShareKeys(ctx, 0); err != nil {
		return nil, fmt.Errorf("publish keys: %w", err)
	}
	return u, u.Sync(ctx)
}

// Sync takes in the keys that have come, and who is in which room.
func (u *User) Sync(ctx context.Context) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.sync(ctx)
}

// sync reads until nothing is left. Call it with mu held.
func (u *User) sync(ctx context.Context) error {
	for {
		resp, err := u.client.SyncRequest(ctx, 0, u.since, "", false, "")
		if err != nil {
			return fmt.Errorf("sync: %w", err)
		}
		for room, r := range resp.Rooms.Join {
			for _, evt := range slices.Concat(r.State.Events, r.Timeline.Events) {
				if evt.StateKey == nil {
					continue
				}
				evt.RoomID, evt.Type.Class = room, event.StateEventType
				if evt.Content.ParseRaw(evt.Type) == nil {
					mautrix.UpdateStateStore(ctx, u.state, evt)
					u.mach.HandleMemberEvent(ctx, evt)
				}
			}
		}
		u.mach.ProcessSyncResponse(ctx, resp, u.since)
		u.since = resp.NextBatch
		if len(resp.ToDevice.Events) == 0 {
			return nil
		}
	}
}

// Seal encrypts the content of an event for everybody in a room, and gives them the
// key before.
func (u *User) Seal(ctx context.Context, room, kind string, content any) (json.RawMessage, error) {
	clear, err := json.Marshal(content)
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if err := u.sync(ctx); err != nil {
		return nil, err
	}
	at := id.RoomID(room)
	members, err := u.state.GetRoomJoinedOrInvitedMembers(ctx, at)
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	if err := u.mach.ShareGroupSession(ctx, at, members); err != nil {
		return nil, fmt.Errorf("seal: share the key: %w", err)
	}
	enc, err := u.mach.EncryptMegolmEvent(ctx, at, event.NewEventType(kind), json.RawMessage(clear))
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	return json.Marshal(enc)
}

// Open decrypts an event of a room, with the keys that have come by the last Sync. An
// error is about one that cannot be read.
func (u *User) Open(ctx context.Context, raw json.RawMessage) (*Opened, error) {
	var evt event.Event
	if err := json.Unmarshal(raw, &evt); err != nil {
		return nil, fmt.Errorf("open: %w", err)
	}
	evt.Type.Class = event.MessageEventType
	if err := evt.Content.ParseRaw(evt.Type); err != nil {
		return nil, fmt.Errorf("open: %w", err)
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	clear, err := u.mach.DecryptMegolmEvent(ctx, &evt)
	if err != nil {
		return nil, fmt.Errorf("open: %w", err)
	}
	content := clear.Content.VeryRaw
	if content, err = withRelation(content, evt.Content.VeryRaw); err != nil {
		return nil, fmt.Errorf("open: %w", err)
	}
	return &Opened{Type: clear.Type.Type, Content: content}, nil
}

// withRelation adds what an event is about, which is not encrypted (Client-Server API,
// "m.megolm.v1.aes-sha2").
func withRelation(clear, outside json.RawMessage) (json.RawMessage, error) {
	var content, around map[string]json.RawMessage
	if err := json.Unmarshal(clear, &content); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(outside, &around); err != nil {
		return nil, err
	}
	if r, ok := around["m.relates_to"]; ok && content["m.relates_to"] == nil {
		content["m.relates_to"] = r
	}
	return json.Marshal(content)
}
