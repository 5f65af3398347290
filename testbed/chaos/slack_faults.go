package main

import (
	"context"
	"fmt"

	"github.com/causeway-chat/causeway/bridges/slack/slackfake"
)

// many is how many calls a fault hits that lasts until it is healed.
const many = 1 << 20

// play plays a fault of the network.
func (n *slackNet) play(ctx context.Context, w *world, r round) error {
	s := n.server
	switch r.Fault {
	case faultCut:
		n.cut(ctx, r)
	case faultNetDown:
		s.Down()
		pause(ctx, 2*r.Lasts)
		return s.Up()
	case faultNetSlow:
		s.Break(slackfake.Fault{Times: many, Delay: r.Lasts / 2})
		pause(ctx, 3*r.Lasts)
	case faultLimited: // and what else Slack says instead of doing anything
		s.Break(slackfake.Fault{Method: "chat.postMessage", Times: 2, Status: 429, RetryAfter: 1})
		s.Break(slackfake.Fault{Skip: int(r.Pick % 5), Times: 3, Error: "ratelimited"})
		s.Break(slackfake.Fault{Skip: int(r.Pick % 7), Times: 4, Status: 503})
		s.Break(slackfake.Fault{Skip: int(r.Pick % 3), Times: 3, Error: "internal_error"})
		pause(ctx, 3*r.Lasts)
	case faultNoAnswer:
		for _, method := range []string{"chat.postMessage", "chat.update", "chat.delete", "reactions.add", "reactions.remove", "files.completeUploadExternal", "upload"} {
			s.Break(slackfake.Fault{Method: method, Skip: int(r.Pick % 2), Times: 2, Lost: true})
		}
		pause(ctx, 3*r.Lasts)
	case faultChatHangs: // until it restarts
		s.Break(slackfake.Fault{Method: "chat.postMessage", Times: 2, Hang: true})
		pause(ctx, 4*r.Lasts)
		s.Heal()
		return s.Restart()
	case faultSignedOut:
		return n.signedOut(ctx, w, r)
	default:
		return fmt.Errorf("nobody plays %q", r.Fault)
	}
	s.Heal()
	return nil
}

// cut ends sockets in Slack's ways, and has it not hear what is acknowledged.
func (n *slackNet) cut(ctx context.Context, r round) {
	s := n.server
	for range 3 {
		switch r.Pick % 4 {
		case 0:
			s.Cut()
		case 1:
			s.Warn(n.app)
			pause(ctx, r.Lasts)
			s.Cut()
		case 2:
			s.Refresh(n.app)
		default:
			s.Swallow(n.app, 5)
		}
		pause(ctx, r.Lasts)
	}
}

// signedOut has Slack end the session of somebody's browser, and them sign in again
// through the bot.
func (n *slackNet) signedOut(ctx context.Context, w *world, r round) error {
	who := "bob"
	if r.Pick%2 == 0 && n.browsing("alice") {
		who = "alice"
	}
	n.mu.Lock()
	old := n.sessions[who]
	n.mu.Unlock()
	n.server.Revoke(old)
	pause(ctx, 2*r.Lasts)
	token, cookie := n.session(who)
	return w.talk(ctx, mxid(who), []answered{
		{"", "Hello", false}, {"login " + string(n.id()) + " browser", "Token", false}, {token, "Cookie", false}, {cookie, "Signed in", false},
	})
}
