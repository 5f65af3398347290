package ircuser

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/ergochat/irc-go/ircmsg"
)

func line(command string, params ...string) Line {
	return ircmsg.MakeMessage(nil, "", command, params...)
}

// Send sends a line of any kind.
func (u *User) Send(command string, params ...string) error {
	return u.sendAll([]Line{line(command, params...)})
}

// SendTagged sends a line with tags, which the server passes on if the
// message-tags capability was granted.
func (u *User) SendTagged(tags map[string]string, command string, params ...string) error {
	return u.sendAll([]Line{ircmsg.MakeMessage(tags, "", command, params...)})
}

// sendAll writes lines with nothing between them.
func (u *User) sendAll(lines []Line) error {
	var all []byte
	for _, m := range lines {
		b, err := m.LineBytesStrict(true, 512)
		if err != nil {
			return fmt.Errorf("%s line: %w", m.Command, err)
		}
		all = append(all, b...)
	}
	u.write.Lock()
	defer u.write.Unlock()
	if err := u.conn.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return err
	}
	_, err := u.conn.Write(all)
	return err
}

// answer waits for a line from mark on that ok accepts, or for the server's
// refusal: an error reply to this user (RFC 2812, section 5.2) or ERROR.
func (u *User) answer(ctx context.Context, mark int, ok func(Line) bool) (Line, error) {
	m, err := u.Wait(ctx, mark, func(m Line) bool { return ok(m) || refused(m) })
	if err == nil && !ok(m) {
		l, _ := m.Line()
		err = fmt.Errorf("the server answers %q", strings.TrimSpace(l))
	}
	return m, err
}

// refused reports whether m is an error reply. 422 says only that there is no
// message of the day.
func refused(m Line) bool {
	return m.Command == "ERROR" || len(m.Command) == 3 && m.Command >= "400" && m.Command < "600" && m.Command != "422"
}

// by returns a match for a command of the user's own, with these first
// parameters, compared without case.
func (u *User) by(nick, command string, params ...string) func(Line) bool {
	return func(m Line) bool {
		if m.Command != command || m.Nick() != nick || len(m.Params) < len(params) {
			return false
		}
		for i, p := range params {
			if !strings.EqualFold(m.Params[i], p) {
				return false
			}
		}
		return true
	}
}

// ask sends a line and waits until the server shows it to the user himself.
func (u *User) ask(ctx context.Context, command string, params ...string) error {
	mark := u.Mark()
	if err := u.Send(command, params...); err != nil {
		return err
	}
	_, err := u.answer(ctx, mark, u.by(u.Nick(), command, params...))
	return err
}

// Join joins a channel and returns when its list of members is there.
func (u *User) Join(ctx context.Context, channel string) error {
	mark := u.Mark()
	if err := u.Send("JOIN", channel); err != nil {
		return err
	}
	_, err := u.answer(ctx, mark, func(m Line) bool {
		return m.Command == "366" && len(m.Params) > 1 && strings.EqualFold(m.Params[1], channel)
	})
	return err
}

// Part leaves a channel.
func (u *User) Part(ctx context.Context, channel string) error {
	return u.ask(ctx, "PART", channel)
}

// Say sends text to a channel or a nick.
func (u *User) Say(target, text string) error { return u.Send("PRIVMSG", target, text) }

// Notice sends a notice, as bots do.
func (u *User) Notice(target, text string) error { return u.Send("NOTICE", target, text) }

// Action sends what the user does, "/me" in most clients (CTCP ACTION).
func (u *User) Action(target, text string) error {
	return u.Send("PRIVMSG", target, "\x01ACTION "+text+"\x01")
}

// Topic sets a channel's topic.
func (u *User) Topic(ctx context.Context, channel, topic string) error {
	return u.ask(ctx, "TOPIC", channel, topic)
}

// Kick throws nick out of a channel.
func (u *User) Kick(ctx context.Context, channel, nick, reason string) error {
	return u.ask(ctx, "KICK", channel, nick, reason)
}

// Mode changes modes of a channel, such as "+o", "bob".
func (u *User) Mode(ctx context.Context, channel string, change ...string) error {
	return u.ask(ctx, "MODE", append([]string{channel}, change...)...)
}

// SetNick takes another nick.
func (u *User) SetNick(ctx context.Context, nick string) error {
	if err := u.ask(ctx, "NICK", nick); err != nil {
		return err
	}
	u.setNick(nick)
	return nil
}

// Quit says goodbye and waits until the server has closed the connection.
func (u *User) Quit(ctx context.Context, reason string) error {
	if err := u.Send("QUIT", reason); err != nil {
		return err
	}
	select {
	case <-u.ended:
		return u.conn.Close()
	case <-ctx.Done():
		u.Close()
		return fmt.Errorf("quit: %w", ctx.Err())
	}
}

// Said returns a match for text that nick sent to target, by PRIVMSG.
func Said(nick, target, text string) func(Line) bool {
	return func(m Line) bool {
		return m.Command == "PRIVMSG" && m.Nick() == nick && len(m.Params) == 2 &&
			strings.EqualFold(m.Params[0], target) && m.Params[1] == text
	}
}
