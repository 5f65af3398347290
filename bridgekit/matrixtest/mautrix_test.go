package matrixtest_test

import (
	"bytes"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/matrixtest"
)

// client is mautrix-go's, acting for a user of the bridge.
func client(t *testing.T, base string, transport http.RoundTripper, user id.UserID) *mautrix.Client {
	t.Helper()
	c, err := mautrix.NewClient(base, user, token)
	if err != nil {
		t.Fatal(err)
	}
	c.SetAppServiceUserID = true
	c.DefaultHTTPRetries = 0
	if transport != nil {
		c.Client = &http.Client{Transport: transport}
	}
	return c
}

// TestMautrix drives the server with the library that bridges use, over a
// socket and in the same process.
func TestMautrix(t *testing.T) {
	for _, inProcess := range []bool{true, false} {
		r := newRig(t, matrixtest.Options{})
		base, transport := "http://hs.invalid", r.Transport()
		if !inProcess {
			srv := httptest.NewServer(r)
			defer srv.Close()
			base, transport = srv.URL, nil
		}
		t.Run(base, func(t *testing.T) {
			driveMautrix(t, r, client(t, base, transport, bot), client(t, base, transport, "@_cw_irc_new:test"))
		})
	}
}

func driveMautrix(t *testing.T, r *rig, botc, ghostc *mautrix.Client) {
	ctx := t.Context()
	check := func(what string, err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
	versions, err := botc.Versions(ctx)
	check("versions", err)
	if !versions.Supports(mautrix.FeatureAuthenticatedMedia) {
		t.Error("no authenticated media")
	}
	if _, err := ghostc.Whoami(ctx); !errors.Is(err, mautrix.MForbidden) {
		t.Errorf("whoami before registration: %v", err)
	}
	for i := range 2 {
		_, err := ghostc.MakeRequest(ctx, "POST", ghostc.BuildClientURL("v3", "register"), &mautrix.ReqRegister[any]{
			Username: "_cw_irc_new", Type: mautrix.AuthTypeAppservice, InhibitLogin: true,
		}, nil)
		if i == 0 {
			check("register", err)
		} else if !errors.Is(err, mautrix.MUserInUse) {
			t.Errorf("register again: %v", err)
		}
	}
	room, err := botc.CreateRoom(ctx, &mautrix.ReqCreateRoom{
		Name: "Bridged", Preset: "private_chat", Invite: []id.UserID{ghostc.UserID}, RoomAliasName: "_cw_room",
		PowerLevelOverride: &event.PowerLevelsEventContent{Users: map[id.UserID]int{botc.UserID: 100}},
	})
	check("create room", err)
	_, err = ghostc.JoinRoomByID(ctx, room.RoomID)
	check("join", err)
	check("display name", ghostc.SetDisplayName(ctx, "New"))
	sent, err := ghostc.SendMessageEvent(ctx, room.RoomID, event.EventMessage, &event.MessageEventContent{MsgType: event.MsgText, Body: "hello"},
		mautrix.ReqSendEvent{TransactionID: "t/1", Timestamp: 1000})
	check("send", err)
	_, err = botc.SendReaction(ctx, room.RoomID, sent.EventID, "👍")
	check("react", err)
	_, err = botc.SendReaction(ctx, room.RoomID, sent.EventID, "👍")
	if !errors.Is(err, mautrix.RespError{ErrCode: "M_DUPLICATE_ANNOTATION"}) {
		t.Errorf("react again: %v", err)
	}
	got, err := botc.GetEvent(ctx, room.RoomID, sent.EventID)
	check("get event", err)
	if err := got.Content.ParseRaw(got.Type); err != nil || got.Content.AsMessage().Body != "hello" || got.Timestamp != 1000 {
		t.Errorf("event: %+v %v", got, err)
	}
	_, err = botc.SendStateEvent(ctx, room.RoomID, event.StateTopic, "", &event.TopicEventContent{Topic: "t"})
	check("state", err)
	members, err := botc.JoinedMembers(ctx, room.RoomID)
	check("members", err)
	if m := members.Joined[ghostc.UserID]; m.DisplayName != "New" {
		t.Errorf("members: %+v", members)
	}
	up, err := ghostc.UploadMedia(ctx, mautrix.ReqUploadMedia{Content: bytes.NewReader([]byte("file")), ContentLength: 4, ContentType: "text/plain", FileName: "a.txt"})
	check("upload", err)
	data, err := botc.DownloadBytes(ctx, up.ContentURI)
	check("download", err)
	if string(data) != "file" {
		t.Errorf("download: %q", data)
	}
	alias, err := botc.ResolveAlias(ctx, "#_cw_room:test")
	check("alias", err)
	if alias.RoomID != room.RoomID {
		t.Errorf("alias: %+v", alias)
	}
	_, err = ghostc.RedactEvent(ctx, room.RoomID, sent.EventID)
	check("redact", err)
	page, err := botc.Messages(ctx, room.RoomID, "", "", mautrix.DirectionBackward, nil, 1)
	check("messages", err)
	if len(page.Chunk) != 1 || page.Chunk[0].Redacts != sent.EventID {
		t.Errorf("messages: %+v", page.Chunk)
	}
	check("typing", second(botc.UserTyping(ctx, room.RoomID, true, 1000)))
	check("receipt", botc.SendReceipt(ctx, room.RoomID, page.Chunk[0].ID, event.ReceiptTypeRead, nil))
	resp, err := botc.SyncRequest(ctx, 0, "", "", false, "")
	check("sync", err)
	if j := resp.Rooms.Join[room.RoomID]; j == nil || len(j.Timeline.Events) == 0 || len(j.Ephemeral.Events) != 2 {
		t.Errorf("sync: %+v", j)
	}
	if s := r.Room(string(room.RoomID)); s.Name != "Bridged" || s.Topic != "t" || len(r.Requests().Unknown) != 0 {
		t.Errorf("room %+v, unknown requests %v", s, r.Requests().Unknown)
	}
}

func second[T any](_ T, err error) error { return err }
