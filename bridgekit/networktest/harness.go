package networktest

import (
	"context"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/network"
)

// A Harness is a fake of a remote network with one account of ours on it, which
// the connector under test is signed in to. The account shares at least the main
// and the second chat with another person. Nothing was said yet in any chat.
//
// A harness is used by one case and closed by the constructor's t.Cleanup. Its
// methods are called by one goroutine at a time, while clients run. They return
// when the network has taken in what they do, not when our client has seen it.
// An error says that the fake itself failed and fails the case.
//
// A harness opens no clients: the suite does, with a Host of its own whose
// values, cursors and chats survive as those of the core do.
type Harness interface {
	// Connector makes the connector under test, configured for the fake: a new
	// one with each call, as after a restart of the program.
	Connector() (network.Connector, error)

	// Login is the account, as a login flow would have returned it.
	Login() network.Login

	// Traits say what the network is like. They are constant.
	Traits() Traits

	// Say makes Traits.Other say a plain text in a chat. It returns the ID by
	// which our account knows the message, empty if there is none or if the
	// network made several messages of the text.
	Say(ctx context.Context, chat network.ChatID, text string) (network.MessageID, error)

	// Said lists the texts that the network holds in a chat from our account,
	// as other people see them: in order, edited ones as edited, without those
	// that were removed, with escapes and formatting undone.
	Said(ctx context.Context, chat network.ChatID) ([]string, error)

	// Cut drops the account's connections without a goodbye. A client may
	// connect again at once. What was said before and not acknowledged is lost
	// unless Traits.Redelivers.
	Cut(ctx context.Context) error

	// Acts are what else the fake can be made to do.
	Acts() Acts
}

// Traits are what a network is like. The zero value of an optional field says
// that the network does not have the thing, and skips the cases about it.
type Traits struct {
	Main   network.ChatKey // where most of it happens: a Group or Channel
	Second network.ChatKey // another chat of the account with Other in it
	Direct network.ChatKey // optional: the direct chat with Other; Login is set
	Other  network.UserID  // the person who speaks, as our account names them

	// Features are what Client.Chat must report for Main.
	Features network.Features

	// Redelivers: what was said while the account was away, and what a client
	// did not acknowledge, comes again when it connects.
	Redelivers bool

	// Held is what becomes of a plain text on this network, in both
	// directions, with "\n" between messages if it makes several. Nil: nothing
	// changes. It may drop or change space and control characters only
	// (IRC: "\r\n" to "\n", no U+0001); the suite checks that.
	Held func(text string) string

	// NoChat, NoUser and NoMessage are well formed and name nothing.
	NoChat    network.ChatID
	NoUser    network.UserID
	NoMessage network.MessageID // empty if there are no IDs

	Joinable string // optional: what Joiner takes to enter a chat the account is not in
	Findable string // optional: a part of a chat's name that Searcher finds
}

// A Refusal is a way in which a network turns down a send.
type Refusal string

// How Acts.Refuse turns down a send.
const (
	RateLimit Refusal = "rate limit" // too fast; try again later
	NotIn     Refusal = "not in"     // the account is out of the chat, or the chat is closed
)

// Acts are functions that make the fake do something. A nil one says that the
// network does not know such a thing or that the fake cannot show it; cases that
// ask for it are skipped. Message IDs are as Harness.Say returns them.
type Acts struct {
	// Things that Traits.Other does.
	Edit     func(ctx context.Context, chat network.ChatID, id network.MessageID, text string) error
	Redact   func(ctx context.Context, chat network.ChatID, id network.MessageID) error
	React    func(ctx context.Context, chat network.ChatID, id network.MessageID, emoji string, remove bool) error
	Type     func(ctx context.Context, chat network.ChatID) error
	SetTopic func(ctx context.Context, chat network.ChatID, topic string) error
	Pin      func(ctx context.Context, chat network.ChatID, id network.MessageID, remove bool) error
	SayMedia func(ctx context.Context, chat network.ChatID, m SentMedia) (network.MessageID, error)

	// SetPurpose describes a chat; SetArchived archives it, or ends that.
	SetPurpose  func(ctx context.Context, chat network.ChatID, purpose string) error
	SetArchived func(ctx context.Context, chat network.ChatID, archived bool) error

	// SetExpiry sets how long new messages of a chat live.
	SetExpiry func(ctx context.Context, chat network.ChatID, life time.Duration) error

	// SayThread makes Traits.Other say a plain text in the thread that began with root;
	// SayBroadcast one that the chat shows too.
	SayThread    func(ctx context.Context, chat network.ChatID, root network.MessageID, text string) (network.MessageID, error)
	SayBroadcast func(ctx context.Context, chat network.ChatID, root network.MessageID, text string) (network.MessageID, error)

	// Rename gives Traits.Other another name, SetModerates says whether they moderate
	// the network, Appear whether they are there, with a status text.
	Rename       func(ctx context.Context, name string) error
	SetModerates func(ctx context.Context, on bool) error
	Appear       func(ctx context.Context, online bool, words string) error

	// Read makes Traits.Other read up to a message, ReadElsewhere our account, with
	// another program.
	Read          func(ctx context.Context, chat network.ChatID, id network.MessageID) error
	ReadElsewhere func(ctx context.Context, chat network.ChatID, id network.MessageID) error

	// Moderate makes a moderator, not our account, remove a message of our account.
	Moderate func(ctx context.Context, chat network.ChatID, id network.MessageID) error

	// MakeChat makes Traits.Other make a chat that anybody may find and join.
	MakeChat func(ctx context.Context, name string) error

	// Keep makes the person of our account mute or tag a chat with another program.
	Keep func(ctx context.Context, chat network.ChatID, k network.Kept) error

	// AddEmoji adds a custom emoji (":party:") to those that our account may use,
	// RemoveEmoji removes it, and SayEmoji makes Traits.Other say a text with it.
	AddEmoji    func(ctx context.Context, name string, picture []byte) error
	RemoveEmoji func(ctx context.Context, name string) error
	SayEmoji    func(ctx context.Context, chat network.ChatID, name string) (network.MessageID, error)

	// Join and Leave make a third person, whom the fake chooses, enter or leave.
	Join  func(ctx context.Context, chat network.ChatID) (network.UserID, error)
	Leave func(ctx context.Context, chat network.ChatID, user network.UserID) error

	// OtherDevice makes our account speak through another program.
	OtherDevice func(ctx context.Context, chat network.ChatID, text string) (network.MessageID, error)

	// What the network holds.
	Topic     func(ctx context.Context, chat network.ChatID) (string, error)
	Purpose   func(ctx context.Context, chat network.ChatID) (string, error)
	Expiry    func(ctx context.Context, chat network.ChatID) (time.Duration, error)                       // of the chat's new messages
	Lifetime  func(ctx context.Context, chat network.ChatID, id network.MessageID) (time.Duration, error) // of a message of ours
	Pinned    func(ctx context.Context, chat network.ChatID) ([]network.MessageID, error)
	ReadUpTo  func(ctx context.Context, chat network.ChatID) (network.MessageID, error) // by our account
	Emoji     func(ctx context.Context, chat network.ChatID) ([]string, error)          // names of custom ones in texts of our account
	Avatar    func(ctx context.Context, chat network.ChatID) ([]byte, error)
	Media     func(ctx context.Context, chat network.ChatID) ([]SentMedia, error)                          // from our account, in order
	Reactions func(ctx context.Context, chat network.ChatID, id network.MessageID) ([]string, error)       // of our account
	Standing  func(ctx context.Context, chat network.ChatID, u network.UserID) (network.Membership, error) // Left if never there

	// Refuse turns down a send of our account, in whichever chat, after n
	// more have been let through, and none thereafter. One message of the
	// network counts as one send.
	Refuse func(ctx context.Context, n int, how Refusal) error

	// Kick puts the account out of a chat.
	Kick func(ctx context.Context, chat network.ChatID) error

	// Down cuts the account off and lets nobody connect until up is called.
	Down func(ctx context.Context) (up func(), err error)

	// Revoke signs the account out from elsewhere, for good.
	Revoke func(ctx context.Context) error

	// Answer is what a person types into a field of the login flow; if wrong,
	// the answer (of some field of the flow) is one that the network must turn
	// down. Flows that ask nothing and only Show call Scan instead.
	Answer func(ctx context.Context, flow string, f network.Field, wrong bool) (string, error)
	// Scan is what a person does about what a flow shows, such as scan a QR code.
	Scan func(ctx context.Context, flow string, d network.Display) error
	// Sessions counts what the network holds of signed-in programs: logins,
	// tokens, connections. Without it, that a cancelled login leaves nothing
	// behind is checked on our side only.
	Sessions func(ctx context.Context) (int, error)
}

// SentMedia is a file as the network holds it.
type SentMedia struct {
	Name string
	MIME string
	Data []byte
}

// A Case is one rule that every connector keeps.
type Case struct {
	Name string // unique, and stable: the proofs that a case can fail are listed by it

	// Needs says why the case does not apply to a network, "" if it does. Nil
	// means that it always applies.
	Needs func(n Needs) string

	// Check returns an error if the rule is broken, or if it cannot tell
	// before ctx is done. It leaves no client running.
	Check func(ctx context.Context, h Harness) error
}

// Needs is what a Case may ask about.
type Needs struct {
	Traits Traits
	Acts   Acts
	Ops    network.Ops // of a client of the connector; only to be compared with nil
	Flows  []network.LoginFlow
}

// Cases are all rules, by group, in a fixed order.
func Cases() []Case {
	var all []Case
	for _, group := range [][]Case{
		lifeCases(), inCases(), outCases(), echoCases(), textCases(),
		mediaCases(), emojiCases(), historyCases(), memberCases(), peopleCases(), roomCases(), channelCases(), expiryCases(), honestyCases(), loginCases(),
	} {
		all = append(all, group...)
	}
	return all
}
