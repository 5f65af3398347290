package irc

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/markup"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridges/irc/convert"
)

// service tells a text of the network itself: in a chat, or with a zero key in
// the management room.
func (s *session) service(chat network.ChatKey, text string) {
	text = strings.TrimSpace(convert.Strip(text))
	if text == "" {
		return
	}
	ev := &network.ServiceNotice{Head: network.Head{Chat: chat, At: time.Now()}}
	ev.Parts = []network.Part{{Style: network.Notice, Text: markup.Plain(text)}}
	s.emit(ev, nil)
}

// greet shows the message of the day, if it is another one than last time.
func (s *session) greet(ctx context.Context) {
	text := strings.TrimSpace(strings.Join(s.motd, "\n"))
	sum := sha256.Sum256([]byte(text))
	hash := hex.EncodeToString(sum[:8])
	if text == "" || hash == s.past.motd {
		return
	}
	for i, line := range s.motd {
		s.motd[i] = convert.Strip(line)
	}
	ev := &network.ServiceNotice{Head: network.Head{At: time.Now(), Key: "motd/" + hash}}
	ev.Parts = []network.Part{{Style: network.Notice, Text: markup.Body{{Kind: markup.CodeBlock, Text: strings.Join(s.motd, "\n")}}}}
	s.emit(ev, nil)
	if err := s.c.host.KV.Set(ctx, "motd", []byte(hash)); err != nil {
		s.c.host.Log.Warn("cannot store which message of the day was shown", "error", err)
	}
}

// numeric takes the numerics that are no answer to a request, and anything unknown.
func (s *session) numeric(ctx context.Context, in *incoming) {
	p := in.p
	switch in.Command {
	case "005":
		if len(p) > 2 {
			s.net.take(p[1 : len(p)-1])
		}
	case "301":
		s.away(in)
	case "332":
		s.topic(in, s.net.casemap.chat(p.at(1)), p.at(2))
	case "353":
		s.names(in)
	case "366":
		s.namesEnd(in)
	case "396":
		s.mask = withHost(s.mask, p.at(1))
	case "900":
		if !s.joinAt.IsZero() {
			s.joinAt = time.Now()
			s.joinWhenReady(s.joinAt)
		}
	case "432", "433", "436", "437", "438":
		if in.Command != "437" || !s.net.channel(p.at(1)) {
			return // the wanted nick is still not free
		}
		s.refuse(in)
	default:
		if len(in.Command) == 3 && in.Command[0] >= '4' && in.Command[0] <= '9' {
			s.refuse(in)
		}
	}
}

// refuse takes a numeric that turns something down: a join, a message on its
// way, or, when it comes late, something that is worth a word.
func (s *session) refuse(in *incoming) {
	target, text := in.p.at(1), in.p.last()
	id := s.net.casemap.chat(target)
	ch := s.chans[id]
	err := refusal(in.Command, text, ch != nil && ch.in)
	if err == nil && in.Command >= "500" {
		if in.Command >= "670" { // many answers are above it, and nobody asked
			return
		}
	}
	if err == nil {
		err = network.Errorf(network.Rejected, text, "%s %s", in.Command, text)
	}
	if ch != nil && ch.joining && !ch.in {
		s.joinFailed(ch, err)
		return
	}
	if s.out.refused(in.label, s.net.casemap.fold(target), err) {
		return
	}
	switch {
	case in.Command == "421", in.Command == "451":
		s.service(network.ChatKey{}, target+": "+err.User)
	case ch != nil && ch.in:
		s.service(network.ChatKey{ID: id}, "not delivered: "+err.User)
	case s.direct[id]:
		s.service(s.chatKey(target), "not delivered: "+err.User)
	default:
		s.service(network.ChatKey{}, strings.TrimSpace(target+" "+err.User))
	}
}

// away is RPL_AWAY: somebody to whom we wrote is not there.
func (s *session) away(in *incoming) {
	key := s.chatKey(in.p.at(1))
	if s.direct[key.ID] {
		s.service(key, in.p.at(1)+" is away: "+in.p.last())
	}
}
