package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"go.mau.fi/util/configupgrade"
	"maunium.net/go/mautrix/bridgev2"
	"maunium.net/go/mautrix/bridgev2/database"
	"maunium.net/go/mautrix/bridgev2/networkid"
	"maunium.net/go/mautrix/bridgev2/simplevent"
	"maunium.net/go/mautrix/bridgev2/status"
	"maunium.net/go/mautrix/event"

	"github.com/causeway-chat/causeway/testbed/bench/synth"
	"github.com/causeway-chat/causeway/testbed/bench/wire"
)

// owner is the owner's login and account on the network.
const owner = "owner"

// connector connects bridgev2 with the synthetic network.
type connector struct {
	net *synth.Network
	br  *bridgev2.Bridge
}

var _ bridgev2.NetworkConnector = (*connector)(nil)

func (c *connector) Init(br *bridgev2.Bridge) { c.br = br }

func (c *connector) Start(context.Context) error { return nil }

func (c *connector) GetName() bridgev2.BridgeName {
	return bridgev2.BridgeName{DisplayName: "Synthetic", NetworkURL: "https://synth.bench", NetworkID: "synth", BeeperBridgeType: "synth"}
}

func (c *connector) GetDBMetaTypes() database.MetaTypes { return database.MetaTypes{} }

func (c *connector) GetCapabilities() *bridgev2.NetworkGeneralCapabilities {
	return &bridgev2.NetworkGeneralCapabilities{}
}

func (c *connector) GetConfig() (string, any, configupgrade.Upgrader) { return "", nil, nil }

func (c *connector) GetBridgeInfoVersion() (info, capabilities int) { return 1, 1 }

func (c *connector) LoadUserLogin(_ context.Context, login *bridgev2.UserLogin) error {
	login.Client = &client{connector: c, login: login}
	return nil
}

func (c *connector) GetLoginFlows() []bridgev2.LoginFlow { return nil }

func (c *connector) CreateLogin(context.Context, *bridgev2.User, string) (bridgev2.LoginProcess, error) {
	return nil, errors.New("the login is made at the first start")
}

// client is the owner's connection.
type client struct {
	*connector
	login *bridgev2.UserLogin
}

var _ bridgev2.NetworkAPI = (*client)(nil)

func (c *client) Connect(context.Context) {
	c.login.BridgeState.Send(status.BridgeState{StateEvent: status.StateConnected})
	c.net.Connect(func(_ context.Context, messages []synth.Message) error {
		for _, m := range messages {
			if res := c.login.QueueRemoteEvent(c.incoming(m)); !res.Success {
				return fmt.Errorf("queue event: %w", res.Error)
			}
		}
		return nil
	})
}

func (c *client) Disconnect() {}

func (c *client) IsLoggedIn() bool { return true }

func (c *client) LogoutRemote(context.Context) {}

func (c *client) IsThisUser(_ context.Context, id networkid.UserID) bool { return id == owner }

// incoming is a message as a connector queues it.
func (c *client) incoming(m synth.Message) bridgev2.RemoteEvent {
	return &simplevent.Message[synth.Message]{
		EventMeta: simplevent.EventMeta{
			Type: bridgev2.RemoteEventMessage, PortalKey: networkid.PortalKey{ID: networkid.PortalID(m.Chat)},
			Sender: bridgev2.EventSender{Sender: networkid.UserID(m.Sender)}, CreatePortal: true, Timestamp: time.Now(),
		},
		Data: m, ID: networkid.MessageID(m.ID()), ConvertMessageFunc: convert,
	}
}

func convert(ctx context.Context, portal *bridgev2.Portal, intent bridgev2.MatrixAPI, m synth.Message) (*bridgev2.ConvertedMessage, error) {
	content := &event.MessageEventContent{MsgType: event.MsgText, Body: m.Text}
	if m.File > 0 {
		content.MsgType, content.FileName = event.MsgFile, "film.mkv"
		content.Info = &event.FileInfo{MimeType: "video/x-matroska", Size: int(m.File)}
		var err error
		content.URL, content.File, err = intent.UploadMediaStream(ctx, portal.MXID, m.File, false, func(w io.Writer) (*bridgev2.FileStreamResult, error) {
			_, err := io.Copy(w, wire.NewFile(m.File))
			return &bridgev2.FileStreamResult{FileName: content.FileName, MimeType: content.Info.MimeType}, err
		})
		if err != nil {
			return nil, err
		}
	}
	return &bridgev2.ConvertedMessage{Parts: []*bridgev2.ConvertedMessagePart{{Type: event.EventMessage, Content: content}}}, nil
}

// HandleMatrixMessage takes a message. The event's ID is what a repetition is
// known by, so that the peer has the best there is.
func (c *client) HandleMatrixMessage(ctx context.Context, msg *bridgev2.MatrixMessage) (*bridgev2.MatrixMessageResponse, error) {
	if msg.Content.URL != "" {
		err := c.br.Bot.DownloadMediaToFile(ctx, msg.Content.URL, msg.Content.File, false, func(f *os.File) error {
			_, err := io.Copy(io.Discard, f)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	key := string(msg.Event.ID)
	if err := c.net.Take(msg.Content.Body, string(msg.Portal.ID), key); err != nil {
		return nil, err
	}
	return &bridgev2.MatrixMessageResponse{DB: &database.Message{ID: networkid.MessageID("s" + key), SenderID: owner, Timestamp: time.Now()}}, nil
}

// GetChatInfo describes a chat with all its members, as connectors do.
func (c *client) GetChatInfo(_ context.Context, portal *bridgev2.Portal) (*bridgev2.ChatInfo, error) {
	chat := string(portal.ID)
	members := bridgev2.ChatMemberMap{owner: {EventSender: bridgev2.EventSender{IsFromMe: true, Sender: owner}, Membership: event.MembershipJoin}}
	for i := range wire.Members(chat) {
		u := networkid.UserID(wire.Member(chat, i))
		members[u] = bridgev2.ChatMember{EventSender: bridgev2.EventSender{Sender: u}, Membership: event.MembershipJoin, UserInfo: describe(u)}
	}
	return &bridgev2.ChatInfo{Name: &chat, Members: &bridgev2.ChatMemberList{IsFull: true, TotalMemberCount: len(members), MemberMap: members}}, nil
}

func (c *client) GetUserInfo(_ context.Context, ghost *bridgev2.Ghost) (*bridgev2.UserInfo, error) {
	return describe(ghost.ID), nil
}

// describe is a person with a name only.
func describe(u networkid.UserID) *bridgev2.UserInfo {
	name := "Somebody " + string(u)
	return &bridgev2.UserInfo{Name: &name}
}

func (c *client) GetCapabilities(context.Context, *bridgev2.Portal) *event.RoomFeatures {
	return &event.RoomFeatures{ID: "bench", File: event.FileFeatureMap{
		event.MsgFile: {MimeTypes: map[string]event.CapabilitySupportLevel{"*/*": event.CapLevelFullySupported}, Caption: event.CapLevelFullySupported},
	}}
}
