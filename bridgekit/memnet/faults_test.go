package memnet_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/memnet"
	"github.com/causeway-chat/causeway/bridgekit/network"
)

type sendFunc = func(context.Context, network.Outgoing) (network.Sent, error)

// as gives an error another kind.
func as(kind network.Kind, err error) error {
	if err == nil {
		return nil
	}
	return &network.Error{Kind: kind, User: "something else", Err: err}
}

// runs makes a fault in Run.
func runs(f func(ctx context.Context, n int, s network.Sink, run func(context.Context, network.Sink) error) error) func(int, *network.Ops) {
	return func(n int, o *network.Ops) {
		run := o.Run
		o.Run = func(ctx context.Context, s network.Sink) error { return f(ctx, n, s, run) }
	}
}

// mine reports whether a message is the account's own.
func mine(m *network.Message) bool { return m.Sender == "alice" }

// one is options with one event per Deliver.
func one() *memnet.Options { return &memnet.Options{Batch: 1} }

func lifeFaults() []fault {
	type run = func(context.Context, network.Sink) error
	return []fault{
		{of: "RunStopsOnCancel", says: "soon after cancel", ops: runs(func(ctx context.Context, _ int, s network.Sink, run run) error {
			defer time.Sleep(time.Minute)
			return run(ctx, s)
		})},
		{of: "RunStopsOnCancel", says: "wraps context.Canceled", ops: runs(func(ctx context.Context, _ int, s network.Sink, run run) error {
			_ = run(ctx, s)
			return errors.New("stopped")
		})},
		{of: "RunStopsOnCancel", says: "wraps context.Canceled", ops: runs(func(ctx context.Context, _ int, s network.Sink, run run) error {
			_ = run(ctx, s)
			return nil
		})},
		{of: "RunsAgain", says: `run for "two"`, ops: runs(func(ctx context.Context, n int, s network.Sink, run run) error {
			if n > 1 {
				return errors.New("no second time")
			}
			return run(ctx, s)
		})},
		{of: "RunCancelStress", says: "round 3", ops: runs(func(ctx context.Context, n int, s network.Sink, run run) error {
			if n == 4 {
				defer time.Sleep(time.Minute)
			}
			return run(ctx, s)
		})},
		{of: "NoGoroutineLeft", says: "goroutines of the connector are left", ops: runs(func(ctx context.Context, _ int, s network.Sink, run run) error {
			go time.Sleep(time.Hour)
			return run(ctx, s)
		})},
		{of: "StatesReported", says: "the first state", ops: states(func(st network.LoginState) *network.LoginState {
			if st.Status == network.Connecting {
				return nil
			}
			return &st
		})},
		{of: "StatesReported", says: "want none", ops: states(func(st network.LoginState) *network.LoginState {
			st.Words = "all is well"
			return &st
		})},
		{of: "CutIsReported", says: "waited in vain", ops: runs(func(ctx context.Context, _ int, s network.Sink, run run) error {
			_ = run(ctx, mapSink{Sink: s, state: func(st network.LoginState) *network.LoginState {
				if st.Status == network.Offline {
					return nil
				}
				return &st
			}})
			<-ctx.Done()
			return ctx.Err()
		})},
		{of: "CutIsReported", says: "rejected", ops: runs(func(ctx context.Context, _ int, s network.Sink, run run) error {
			return as(network.Rejected, run(ctx, s))
		})},
		{of: "ComesBackAfterDown", says: "after the outage", ops: runs(func(ctx context.Context, n int, s network.Sink, run run) error {
			if n > 1 {
				<-ctx.Done()
				return ctx.Err()
			}
			return run(ctx, s)
		})},
		{of: "RevokedSaysSo", says: "want kind [logged out]", ops: runs(func(ctx context.Context, _ int, s network.Sink, run run) error {
			return as(network.Unknown, run(ctx, s))
		})},
		{of: "SendBeforeRunIsUnavailable", says: "want kind [unavailable]", ops: sends(func(ctx context.Context, m network.Outgoing, send sendFunc) (network.Sent, error) {
			_, _ = send(ctx, m)
			return network.Sent{Parts: [][]network.MessageID{{"m1"}}}, nil
		})},
	}
}

func inFaults() []fault {
	var held *network.Message // by the fault of OrderPerChat
	swallow := func(_ int, o *network.Ops) {
		run := o.Run
		o.Run = func(ctx context.Context, s network.Sink) error { return run(ctx, mapSink{Sink: s, swallow: true}) }
	}
	return []fault{
		{of: "MessageIsDescribed", says: "chat {", ops: events(func(_ int, m *network.Message) network.Event {
			m.Chat.Login = "alice"
			return m
		})},
		{of: "MessageIsDescribed", says: "message ID", ops: events(func(_ int, m *network.Message) network.Event {
			m.ID += "x"
			return m
		})},
		{of: "MessageIsDescribed", says: "no key", ops: events(func(_ int, m *network.Message) network.Event {
			m.Key = ""
			return m
		})},
		{of: "DirectMessageArrives", says: "chat {", ops: events(func(_ int, m *network.Message) network.Event {
			m.Chat.Login = ""
			return m
		})},
		{of: "OrderPerChat", says: "number 10", options: one(), ops: events(func(_ int, m *network.Message) network.Event {
			switch {
			case text(m) == "number 10":
				held = m
				return nil
			case text(m) == "number 11" && held != nil:
				m.Parts[0], held.Parts[0] = held.Parts[0], m.Parts[0] // as if 11 came first
			}
			return m
		})},
		{of: "GoesOnAfterCut", says: `"two"`, ops: events(func(n int, m *network.Message) network.Event {
			if n > 1 {
				return nil
			}
			return m
		})},
		{of: "NothingLostAcrossCut", says: "waited in vain", ops: drop(func(m *network.Message) bool { return text(m) == "d" })},
		{of: "NothingLostAcrossRestart", says: "waited in vain", ops: drop(func(m *network.Message) bool { return text(m) == "b" })},
		{of: "NothingAfterRefusal", says: "did not return", options: one(), ops: swallow},
		{of: "NothingAfterRefusal", says: "after it had refused", options: one(), ops: runs(
			func(ctx context.Context, _ int, s network.Sink, run func(context.Context, network.Sink) error) error {
				err := run(ctx, s)
				_ = s.Deliver(ctx, network.Batch{})
				return err
			})},
		{of: "RefusedComesAgain", says: "waited in vain", options: one(), ops: swallow},
		{of: "RedeliveryKeepsKey", says: "delivered first with key", ops: events(func(n int, m *network.Message) network.Event {
			m.Key += strconv.Itoa(n)
			return m
		})},
		{of: "KeysDiffer", says: "waited in vain", ops: events(func(_ int, m *network.Message) network.Event {
			m.Key = "key"
			return m
		})},
		{of: "SlowSinkLosesNothing", says: "waited in vain", ops: drop(func(m *network.Message) bool {
			n, err := strconv.Atoi(strings.TrimPrefix(text(m), "number "))
			return err == nil && n >= 64 // as if a buffer were full
		})},
		{of: "EditArrives", says: "the edit", ops: drop(func(*network.Edit) bool { return true })},
		{of: "RedactionArrives", says: "the redaction", ops: events(func(_ int, e *network.Redaction) network.Event {
			e.Target.ID = "m0"
			return e
		})},
		{of: "ReactionArrives", says: "remove: true", ops: events(func(_ int, e *network.Reaction) network.Event {
			e.Remove = false
			return e
		})},
		{of: "TypingArrives", says: "typing", ops: drop(func(*network.Typing) bool { return true })},
		{of: "KickArrives", says: "the chat's end", ops: drop(func(*network.ChatClosed) bool { return true })},
		{of: "EventsSurviveStorage", says: "no parts", ops: events(func(_ int, e *network.Edit) network.Event {
			e.Parts = nil
			return e
		})},
		{of: "EventsSurviveStorage", says: "cannot be stored", ops: events(func(_ int, e *network.Edit) network.Event {
			return &foreign{e.Head}
		})},
	}
}

// foreign is an event that package network does not know.
type foreign struct{ network.Head }

func mediaFaults() []fault {
	legacy, opened := legacy(), 0
	return []fault{
		{of: "MediaArrives", says: "became", ops: events(func(_ int, m *network.Message) network.Event {
			m.Parts[0].Media.Name = "file"
			return m
		})},
		{of: "MediaArrives", says: "open media", ops: func(_ int, o *network.Ops) {
			open := o.OpenMedia
			o.OpenMedia = func(ctx context.Context, m network.Media) (io.ReadCloser, error) {
				if opened++; opened > 1 {
					return nil, errors.New("already read")
				}
				return open(ctx, m)
			}
		}},
		{of: "MediaIsSent", says: "application/octet-stream", ops: sends(func(ctx context.Context, m network.Outgoing, send sendFunc) (network.Sent, error) {
			m.Parts[0].Media.MIME = "application/octet-stream"
			return send(ctx, m)
		})},
		{of: "TooLargeFileIsRejected", says: "was read before", ops: sends(func(ctx context.Context, m network.Outgoing, send sendFunc) (network.Sent, error) {
			if r, err := m.Parts[0].Media.Source.Open(ctx); err == nil {
				_ = r.Close()
			}
			return send(ctx, m)
		})},
		{of: "TooLargeFileIsRejected", says: "want kind [rejected]", ops: sends(func(ctx context.Context, m network.Outgoing, send sendFunc) (network.Sent, error) {
			m.Parts[0].Media.Size = 1
			return send(ctx, m)
		})},
		{of: "FileWithoutFilesIsLinked", says: "without its link", options: &legacy, ops: sends(func(ctx context.Context, m network.Outgoing, send sendFunc) (network.Sent, error) {
			if m.Parts[0].Media != nil {
				m.Content = network.Text("[a file]")
			}
			return send(ctx, m)
		})},
		{of: "UnknownMediaIsRejected", says: "does not exist", ops: func(_ int, o *network.Ops) {
			o.OpenMedia = func(context.Context, network.Media) (io.ReadCloser, error) {
				return io.NopCloser(bytes.NewReader(nil)), nil
			}
		}},
	}
}

func historyFaults() []fault {
	return []fault{
		{of: "HistoryCoversOnce", says: "the history has", ops: func(_ int, o *network.Ops) {
			history := o.History
			o.History = func(ctx context.Context, chat network.ChatID, cursor string, limit int) ([]network.Event, string, error) {
				page, next, err := history(ctx, chat, cursor, limit)
				return page[min(1, len(page)):], next, err
			}
		}},
		{of: "HistoryCoversOnce", says: "the limit was", ops: func(_ int, o *network.Ops) {
			history := o.History
			o.History = func(ctx context.Context, chat network.ChatID, cursor string, limit int) ([]network.Event, string, error) {
				return history(ctx, chat, cursor, 2*limit)
			}
		}},
		{of: "HistoryWhileArriving", says: "the history has", ops: func(_ int, o *network.Ops) {
			history := o.History // pages are counted from the newest message
			o.History = func(ctx context.Context, chat network.ChatID, cursor string, limit int) ([]network.Event, string, error) {
				offset, _ := strconv.Atoi(cursor)
				all, more, err := history(ctx, chat, "", offset+limit)
				if more != "" {
					more = strconv.Itoa(offset + limit)
				}
				return all[:max(0, len(all)-offset)], more, err
			}
		}},
		{of: "HistoryIsTheSameAsLive", says: "live with key", ops: events(func(_ int, m *network.Message) network.Event {
			m.Key = "live-" + m.Key
			return m
		})},
	}
}

func memberFaults() []fault {
	return []fault{
		{of: "MembersListedOnce", says: "listed twice", ops: func(_ int, o *network.Ops) {
			members := o.Members
			o.Members = func(ctx context.Context, chat network.ChatID, cursor string) ([]network.Member, string, error) {
				page, next, err := members(ctx, chat, "")
				if cursor == "" {
					next = "again"
				}
				return page, next, err
			}
		}},
		{of: "MembersListedOnce", says: "is not listed", ops: func(_ int, o *network.Ops) {
			members := o.Members
			o.Members = func(ctx context.Context, chat network.ChatID, cursor string) ([]network.Member, string, error) {
				page, next, err := members(ctx, chat, cursor)
				return page[:1], next, err
			}
		}},
		{of: "JoinAndLeaveArrive", says: "membership leave", ops: drop(func(e *network.MemberChange) bool {
			return e.Members[0].Membership == network.Left
		})},
		{of: "KickIsDone", says: "still in the chat", ops: func(_ int, o *network.Ops) {
			o.SetMember = func(context.Context, network.ChatID, network.Member) error { return nil }
		}},
		{of: "TopicArrives", says: "the topic", ops: events(func(_ int, e *network.ChatChange) network.Event {
			topic := strings.ReplaceAll(*e.Topic, "&amp;", "&")
			e.Topic = &topic
			return e
		})},
		{of: "TopicIsSet", says: "the topic is", ops: func(_ int, o *network.Ops) {
			o.EditChat = func(context.Context, network.ChatID, network.OutgoingChat) error { return nil }
		}},
	}
}

func honestyFaults() []fault {
	unsupported := errors.New("unsupported")
	return append(opFaults(), []fault{
		{of: "InfoIsConstant", says: "is now", connector: func(n int, c network.Connector) network.Connector {
			return renamed{c, fmt.Sprint("network ", n)}
		}},
		{of: "InfoIsConstant", says: "is missing", connector: func(_ int, c network.Connector) network.Connector { return renamed{c, ""} }},
		{of: "ProbeAnswers", says: "network that is down", connector: func(_ int, c network.Connector) network.Connector { return optimist{c} }},
		{of: "OpsAreConstant", says: "a running one", connector: func(n int, c network.Connector) network.Connector {
			if n > 1 {
				return lesser{c}
			}
			return c
		}},
		{of: "OpsBeforeRunAreUnavailable", says: "type before Run", ops: func(_ int, o *network.Ops) {
			o.Type = func(context.Context, network.ChatID, time.Duration) error { return nil }
		}},
		{of: "UnknownTargetsAreRejected", says: "react of an unknown message", ops: func(_ int, o *network.Ops) {
			react := o.React
			o.React = func(ctx context.Context, r network.OutgoingReaction) error {
				if err := react(ctx, r); network.KindOf(err) != network.Rejected {
					return err
				}
				return nil
			}
		}},
		{of: "UnknownTargetsAreRejected", says: "history in an unknown chat", ops: func(_ int, o *network.Ops) {
			o.History = func(context.Context, network.ChatID, string, int) ([]network.Event, string, error) {
				return nil, "", unsupported
			}
		}},
		{of: "ChatIsDescribed", says: "the features are", ops: func(_ int, o *network.Ops) {
			chat := o.Chat
			o.Chat = func(ctx context.Context, id network.ChatID) (network.Chat, error) {
				c, err := chat(ctx, id)
				c.Features.MaxText = 1
				return c, err
			}
		}},
		{of: "ChatIsDescribed", says: "of kind", ops: func(_ int, o *network.Ops) {
			chat := o.Chat
			o.Chat = func(ctx context.Context, id network.ChatID) (network.Chat, error) {
				c, err := chat(ctx, id)
				c.Kind = network.Group
				return c, err
			}
		}},
		{of: "UserIsDescribed", says: "is described as", ops: func(_ int, o *network.Ops) {
			user := o.User
			o.User = func(ctx context.Context, id network.UserID) (network.User, error) {
				u, err := user(ctx, id)
				u.Name = ""
				return u, err
			}
		}},
	}...)
}

func opFaults() []fault {
	unsupported := errors.New("unsupported")
	return []fault{
		{of: "EditWorks", says: "the network holds", ops: func(_ int, o *network.Ops) {
			o.Edit = func(context.Context, network.OutgoingEdit) (network.Sent, error) { return network.Sent{}, nil }
		}},
		{of: "EditAfterRestart", says: "forgotten", ops: func(_ int, o *network.Ops) {
			send, edit, known := o.Send, o.Edit, false
			o.Send = func(ctx context.Context, m network.Outgoing) (network.Sent, error) {
				known = true
				return send(ctx, m)
			}
			o.Edit = func(ctx context.Context, e network.OutgoingEdit) (network.Sent, error) {
				if !known {
					return network.Sent{}, errors.New("forgotten")
				}
				return edit(ctx, e)
			}
		}},
		{of: "RedactWorks", says: "the network holds", ops: func(_ int, o *network.Ops) {
			o.Redact = func(context.Context, network.OutgoingRedaction) error { return nil }
		}},
		{of: "ReactWorks", says: "reactions", ops: func(_ int, o *network.Ops) {
			o.React = func(context.Context, network.OutgoingReaction) error { return nil }
		}},
		{of: "TypeWorks", says: "unsupported", ops: func(_ int, o *network.Ops) {
			o.Type = func(context.Context, network.ChatID, time.Duration) error { return unsupported }
		}},
		{of: "ReadWorks", says: "unsupported", ops: func(_ int, o *network.Ops) {
			o.MarkRead = func(context.Context, network.ChatID, network.Ref) error { return unsupported }
		}},
		{of: "SearchWorks", says: "found []", ops: func(_ int, o *network.Ops) {
			o.Search = func(context.Context, string, int) ([]network.Found, error) { return nil, nil }
		}},
		{of: "SearchWorks", says: "in vain", ops: func(_ int, o *network.Ops) {
			o.Search = func(context.Context, string, int) ([]network.Found, error) {
				return []network.Found{{Name: "lobby"}}, nil
			}
		}},
		{of: "JoinWorks", says: "send to it", ops: func(_ int, o *network.Ops) {
			o.Join = func(_ context.Context, name string) (network.Chat, error) {
				return network.Chat{Key: network.ChatKey{ID: network.ChatID(name)}, Kind: network.Channel}, nil
			}
		}},
		{of: "StartWorks", says: "is described as", ops: func(_ int, o *network.Ops) {
			start := o.Start
			o.Start = func(ctx context.Context, user string) (network.Chat, error) {
				c, err := start(ctx, user)
				c.Key.Login = ""
				return c, err
			}
		}},
		{of: "LeaveWorks", says: "was left", ops: func(_ int, o *network.Ops) {
			o.Leave = func(context.Context, network.ChatID, string) error { return nil }
		}},
		{of: "PingWorks", says: "unsupported", ops: func(_ int, o *network.Ops) {
			o.Ping = func(context.Context) error { return unsupported }
		}},
		{of: "PingWorks", says: "returned nil", ops: func(_ int, o *network.Ops) {
			o.Ping = func(context.Context) error { return nil }
		}},
	}
}

func allFaults() []fault {
	return slices.Concat(lifeFaults(), inFaults(), outFaults(), echoFaults(), textFaults(), mediaFaults(), emojiFaults(),
		historyFaults(), peopleFaults(), roomFaults(), channelFaults(), memberFaults(), expiryFaults(), honestyFaults(), loginFaults())
}
