package memnet_test

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/causeway-chat/causeway/bridgekit/markup"
	"github.com/causeway-chat/causeway/bridgekit/network"
)

func outFaults() []fault {
	var kept *network.Outgoing // by the fault of SendKeepsOrder
	count := 0
	return []fault{
		{of: "SendArrives", says: "the network holds", ops: sends(func(context.Context, network.Outgoing, sendFunc) (network.Sent, error) {
			return network.Sent{Parts: [][]network.MessageID{{"m1"}}}, nil
		})},
		{of: "SendToDirectArrives", says: "the network holds", ops: sends(func(ctx context.Context, m network.Outgoing, send sendFunc) (network.Sent, error) {
			m.Chat = "general"
			return send(ctx, m)
		})},
		{of: "SendKeepsOrder", says: "the network holds", ops: sends(func(ctx context.Context, m network.Outgoing, send sendFunc) (network.Sent, error) {
			switch m.Parts[0].Text.String() {
			case "number 3":
				kept = &m
				return network.Sent{Parts: [][]network.MessageID{{"m0"}}}, nil
			case "number 4":
				sent, err := send(ctx, m)
				_, _ = send(ctx, *kept)
				return sent, err
			}
			return send(ctx, m)
		})},
		{of: "SendReturnsIDs", says: "has no ID", ops: sends(func(ctx context.Context, m network.Outgoing, send sendFunc) (network.Sent, error) {
			_, err := send(ctx, m)
			return network.Sent{Parts: [][]network.MessageID{nil}}, err
		})},
		{of: "SendReturnsIDs", says: "two messages have", ops: sends(func(ctx context.Context, m network.Outgoing, send sendFunc) (network.Sent, error) {
			_, err := send(ctx, m)
			return network.Sent{Parts: [][]network.MessageID{{"m0"}}}, err
		})},
		{of: "PartsArriveInOrder", says: "the network holds", ops: sends(func(ctx context.Context, m network.Outgoing, send sendFunc) (network.Sent, error) {
			m.Parts = slices.Clone(m.Parts)
			slices.Reverse(m.Parts)
			return send(ctx, m)
		})},
		{of: "FromResumes", says: "the network holds", ops: sends(func(ctx context.Context, m network.Outgoing, send sendFunc) (network.Sent, error) {
			from := m.From
			m.From = 0
			sent, err := send(ctx, m)
			sent.Parts = sent.Parts[min(from, len(sent.Parts)):]
			return sent, err
		})},
		{of: "PartialSendSaysWhatWasSent", says: "0 parts", ops: sends(func(ctx context.Context, m network.Outgoing, send sendFunc) (network.Sent, error) {
			sent, err := send(ctx, m)
			if err != nil {
				sent.Parts = nil
			}
			return sent, err
		})},
		{of: "SameTxnSendsOnce", says: "one transaction has the IDs", ops: sends(func(ctx context.Context, m network.Outgoing, send sendFunc) (network.Sent, error) {
			count++
			m.Txn += network.TxnID(strconv.Itoa(count))
			return send(ctx, m)
		})},
		{of: "SameTxnSendsOnceAfterRestart", says: "once", ops: func(n int, o *network.Ops) {
			send := o.Send
			o.Send = func(ctx context.Context, m network.Outgoing) (network.Sent, error) {
				m.Txn += network.TxnID(strconv.Itoa(n)) // remembered by this client only
				return send(ctx, m)
			}
		}},
		{of: "FindTells", says: "found []", ops: func(_ int, o *network.Ops) {
			o.Find = func(context.Context, network.Outgoing) (network.Sent, error) { return network.Sent{}, nil }
		}},
		{of: "FindTells", says: "what was not sent", ops: func(_ int, o *network.Ops) {
			o.Find = func(context.Context, network.Outgoing) (network.Sent, error) {
				return network.Sent{Parts: [][]network.MessageID{{"m1"}}}, nil
			}
		}},
		{of: "CancelledSendSaysSo", says: "wraps context.Canceled", ops: sends(func(ctx context.Context, m network.Outgoing, send sendFunc) (network.Sent, error) {
			return send(context.WithoutCancel(ctx), m)
		})},
		{of: "CancelledSendSaysSo", says: "was sent: the network holds", ops: sends(func(ctx context.Context, m network.Outgoing, send sendFunc) (network.Sent, error) {
			if ctx.Err() != nil {
				_, _ = send(context.WithoutCancel(ctx), m)
			}
			return send(ctx, m)
		})},
		{of: "SendWhileDownIsUnavailable", says: "want kind [unavailable]", ops: sends(func(ctx context.Context, m network.Outgoing, send sendFunc) (network.Sent, error) {
			sent, err := send(ctx, m)
			return sent, as(network.Rejected, err)
		})},
		{of: "RateLimitSaysHowLong", says: "how long to wait", ops: sends(func(ctx context.Context, m network.Outgoing, send sendFunc) (network.Sent, error) {
			sent, err := send(ctx, m)
			return sent, as(network.RateLimited, err)
		})},
		{of: "RateLimitSaysHowLong", says: "want kind [rate limited]", ops: sends(func(ctx context.Context, m network.Outgoing, send sendFunc) (network.Sent, error) {
			sent, err := send(ctx, m)
			return sent, as(network.Unavailable, err)
		})},
		{of: "SendWhileNotInIsGone", says: "want kind [gone rejected]", ops: sends(func(ctx context.Context, m network.Outgoing, send sendFunc) (network.Sent, error) {
			sent, err := send(ctx, m)
			return sent, as(network.Unknown, err)
		})},
		{of: "SendToUnknownChat", says: "want kind [gone rejected]", ops: sends(func(ctx context.Context, m network.Outgoing, send sendFunc) (network.Sent, error) {
			sent, _ := send(ctx, m)
			return sent, nil
		})},
	}
}

func echoFaults() []fault {
	return []fault{
		{of: "EchoIsMatched", says: "not what Send returned", ops: events(func(_ int, m *network.Message) network.Event {
			if mine(m) {
				m.Txn, m.ID = "", m.ID+"x"
			}
			return m
		})},
		{of: "EchoIsMatched", says: "and we are", ops: events(func(_ int, m *network.Message) network.Event {
			if mine(m) {
				m.Sender = "alice2"
			}
			return m
		})},
		{of: "EchoIsMatched", says: "transaction ID of", ops: events(func(_ int, m *network.Message) network.Event {
			if mine(m) {
				m.Txn = "somebody's"
			}
			return m
		})},
		{of: "OtherDeviceIsOurs", says: "other device", ops: events(func(_ int, m *network.Message) network.Event {
			m.Sender += "~"
			return m
		})},
		{of: "OtherDeviceIsOurs", says: "our transaction ID", ops: events(func(_ int, m *network.Message) network.Event {
			m.Txn = "guess"
			return m
		})},
	}
}

func textFaults() []fault {
	return []fault{
		{of: "WeirdTextArrives", says: "became", ops: events(func(_ int, m *network.Message) network.Event {
			m.Content = network.Text(strings.TrimSpace(text(m)))
			return m
		})},
		{of: "WeirdTextIsSent", says: "became", ops: textSent(func(s string) string { return strings.ReplaceAll(s, "<", "&lt;") })},
		{of: "WeirdTextIsSent", says: "became", ops: textSent(func(s string) string { return strings.TrimPrefix(s, "/") })},
		{of: "TextInjectsNothing", says: "became", ops: textSent(func(s string) string { return strings.ReplaceAll(s, "\r", "\n") })},
		{of: "FormattingKeepsText", says: `"hotel" is missing`, ops: sends(func(ctx context.Context, m network.Outgoing, send sendFunc) (network.Sent, error) {
			body := slices.DeleteFunc(slices.Clone(m.Parts[0].Text), func(n markup.Node) bool { return n.Kind == markup.CodeBlock })
			m.Content = network.Rich(body)
			return send(ctx, m)
		})},
		{of: "LongTextIsNotCut", says: "nobody was told", ops: textSent(func(s string) string { return s[:min(len(s), 4000)] })},
		{of: "LongTextIsNotCut", says: "the limit is 4000", ops: func(_ int, o *network.Ops) {
			send, edit := o.Send, o.Edit // memnet does not split edits
			o.Send = func(ctx context.Context, m network.Outgoing) (network.Sent, error) {
				all := m.Content
				m.Content = network.Text("x")
				sent, err := send(ctx, m)
				if err != nil {
					return sent, err
				}
				return edit(ctx, network.OutgoingEdit{
					Txn: m.Txn + "e", Chat: m.Chat, Target: network.Whole(sent.Parts[0][0]), Content: all,
				})
			}
		}},
		{of: "SplitKeepsRunesWhole", says: "broken character | changes in storage", ops: sends(func(ctx context.Context, m network.Outgoing, send sendFunc) (network.Sent, error) {
			all := m.Parts[0].Text.String()
			txn, sent := m.Txn, network.Sent{}
			for i := 0; i < len(all); i += 399 {
				m.Txn, m.Content = txn+network.TxnID(strconv.Itoa(i)), network.Text(all[i:min(i+399, len(all))])
				one, err := send(ctx, m)
				if err != nil {
					return sent, err
				}
				sent.Parts = one.Parts
			}
			return sent, nil
		})},
		{of: "LinksLeadBack", says: "want nowhere", ops: func(_ int, o *network.Ops) {
			read := o.ReadLink
			o.ReadLink = func(address string) (network.Link, bool) {
				l, _ := read(address)
				return l, true
			}
		}},
		{of: "LinksLeadBack", says: "leads to", ops: func(_ int, o *network.Ops) {
			link := o.LinkTo
			o.LinkTo = func(ctx context.Context, l network.Link) (string, error) {
				l.Message = ""
				return link(ctx, l)
			}
		}},
	}
}
