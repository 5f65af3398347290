package matrixuser

import (
	"context"
	"fmt"
	"slices"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/testbed/record"
)

// User is a logged-in person. Client may be used for what has no method here; its
// sync is taken.
type User struct {
	Client *mautrix.Client

	log    record.Log[Event]
	cancel context.CancelFunc
	ended  chan struct{} // closed when the sync goroutine is gone
}

// Login logs in at the homeserver with base URL url and begins to sync. name is
// a user ID or its part before the colon. The first sync is done when it
// returns: what happened before then is not in the log, except for the last
// events of each room. ctx bounds the login only.
func Login(ctx context.Context, url, name, password string) (*User, error) {
	client, err := mautrix.NewClient(url, "", "")
	if err != nil {
		return nil, fmt.Errorf("log in as %s: %w", name, err)
	}
	_, err = client.Login(ctx, &mautrix.ReqLogin{
		Type:             mautrix.AuthTypePassword,
		Identifier:       mautrix.UserIdentifier{Type: mautrix.IdentifierTypeUser, User: name},
		Password:         password,
		StoreCredentials: true,
	})
	if err != nil {
		return nil, fmt.Errorf("log in as %s: %w", name, err)
	}
	u := &User{Client: client, ended: make(chan struct{})}
	s := &syncer{client: client, log: &u.log, seen: make(map[id.EventID]bool), known: make(map[id.RoomID]bool)}
	if err := s.once(ctx); err != nil {
		return nil, fmt.Errorf("first sync of %s: %w", name, err)
	}
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	u.cancel = cancel
	go func() {
		defer close(u.ended)
		u.log.Close(s.run(run))
	}()
	return u, nil
}

// ID returns the user ID.
func (u *User) ID() id.UserID { return u.Client.UserID }

// Close ends the sync and waits for that. The device stays; the log can still be
// read.
func (u *User) Close() {
	u.cancel()
	<-u.ended
}

// Mark returns the place in the log where the next event will be.
func (u *User) Mark() int { return u.log.Mark() }

// Since returns the events seen from mark on, in the order they were seen.
func (u *User) Since(mark int) []Event { return u.log.Since(mark) }

// Wait returns the first event from mark on that match accepts, waiting for it
// until ctx is done. The error names what was seen instead.
func (u *User) Wait(ctx context.Context, mark int, match func(Event) bool) (Event, error) {
	e, _, err := u.log.Wait(ctx, mark, match)
	if err == nil {
		return e, nil
	}
	seen := u.log.Since(mark)
	if n := len(seen) - 10; n > 0 {
		seen = seen[n:]
	}
	return e, fmt.Errorf("%s: %w; last seen: %v", u.ID(), err, seen)
}

// CreateRoom makes a private room and invites people to it. More choices are
// with Client.CreateRoom.
func (u *User) CreateRoom(ctx context.Context, name string, invite ...id.UserID) (id.RoomID, error) {
	resp, err := u.Client.CreateRoom(ctx, &mautrix.ReqCreateRoom{
		Name: name, Preset: "private_chat", Invite: invite,
	})
	if err != nil {
		return "", fmt.Errorf("create room: %w", err)
	}
	return resp.RoomID, nil
}

// Join joins a room by its ID or alias and returns its ID.
func (u *User) Join(ctx context.Context, room string) (id.RoomID, error) {
	for {
		resp, err := u.Client.JoinRoom(ctx, room, nil)
		if err != nil {
			return "", fmt.Errorf("join %s: %w", room, err)
		}
		// Dendrite answers 202 without an ID if joining takes longer than 20 s.
		if resp.RoomID != "" {
			return resp.RoomID, nil
		}
	}
}

// Leave leaves a room or declines its invite.
func (u *User) Leave(ctx context.Context, room id.RoomID) error {
	_, err := u.Client.LeaveRoom(ctx, room)
	return err
}

// Invite invites who into a room.
func (u *User) Invite(ctx context.Context, room id.RoomID, who id.UserID) error {
	_, err := u.Client.InviteUser(ctx, room, &mautrix.ReqInviteUser{UserID: who})
	return err
}

// Kick removes who from a room.
func (u *User) Kick(ctx context.Context, room id.RoomID, who id.UserID, reason string) error {
	_, err := u.Client.KickUser(ctx, room, &mautrix.ReqKickUser{UserID: who, Reason: reason})
	return err
}

// Timeline asks the homeserver for all events of a room that the user may see,
// oldest first. Unlike the log it does not depend on when the user came. Do not
// count what several people said at once by it: Dendrite 0.13.8 has been seen to
// leave out events at the border of two pages when several have the same depth.
func (u *User) Timeline(ctx context.Context, room id.RoomID) ([]*event.Event, error) {
	var all []*event.Event
	from := ""
	for {
		page, err := u.Client.Messages(ctx, room, from, "", mautrix.DirectionBackward, nil, 500)
		if err != nil {
			return nil, fmt.Errorf("messages of %s: %w", room, err)
		}
		all = append(all, page.Chunk...)
		if page.End == "" || page.End == from || len(page.Chunk) == 0 {
			break
		}
		from = page.End
	}
	slices.Reverse(all)
	for _, e := range all {
		parse(room, e)
	}
	return all, nil
}
