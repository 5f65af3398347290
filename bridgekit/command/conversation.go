package command

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/journal"
	"github.com/causeway-chat/causeway/bridgekit/markup"
	"github.com/causeway-chat/causeway/bridgekit/network"
)

// Why a conversation ended before its flow did.
var (
	errCancelled = errors.New("the person cancelled")
	errSilent    = errors.New("the person did not answer")
)

// A conversation is a login flow and the person who answers it. run is its
// goroutine.
type conversation struct {
	c     *Commander
	place place
	info  network.Info
	flow  network.LoginFlow
	key   []byte      // of the command's entry
	again markup.Node // the command that starts over
	heard chan string // the answer to the question that is asked; room for one

	// c.mu guards what follows.
	cancel  context.CancelCauseFunc // nil until it runs
	over    error                   // why it was ended from outside
	asks    bool                    // the next message is an answer
	secret  bool                    // and a secret
	said    []string                // secrets, to keep them out of logs and replies
	prompts int                     // sent so far
}

var _ network.Prompter = (*conversation)(nil)

// converse starts a conversation; false if there is one in its place already.
func (c *Commander) converse(ctx context.Context, v *conversation) (bool, error) {
	c.mu.Lock()
	if c.talks[v.place] != nil {
		c.mu.Unlock()
		return false, nil
	}
	c.talks[v.place] = v
	c.mu.Unlock()
	if err := c.background(ctx, v.run); err != nil {
		c.forget(v)
		return false, fmt.Errorf("start login: %w", err)
	}
	return true, nil
}

func (c *Commander) forget(v *conversation) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.talks[v.place] == v {
		delete(c.talks, v.place)
	}
}

// talk is the conversation in a place; nil if there is none.
func (c *Commander) talk(at place) *conversation {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.talks[at]
}

// end ends the conversation from outside. Its place is free at once, even if the
// flow takes a while to notice.
func (v *conversation) end(cause error) {
	v.c.forget(v)
	v.c.mu.Lock()
	cancel := v.cancel
	if v.over == nil {
		v.over = cause
	}
	v.c.mu.Unlock()
	if cancel != nil {
		cancel(cause)
	}
}

// run does the flow and tells how it ended.
func (v *conversation) run(parent context.Context) {
	ctx, cancel := context.WithCancelCause(parent)
	defer cancel(nil)
	v.c.mu.Lock()
	v.cancel = cancel
	over := v.over
	v.c.mu.Unlock()
	if over != nil {
		cancel(over)
	}
	l, err := v.do(ctx)
	if err == nil {
		err = v.c.b.AddLogin(ctx, v.place.user, v.info.ID, l)
	}
	v.c.forget(v)
	body := v.ending(ctx, l, err)
	if len(body) == 0 {
		return
	}
	tctx, done := parent, context.CancelFunc(func() {})
	if parent.Err() != nil {
		tctx, done = lastWords(parent)
	}
	defer done()
	if err := v.tell(tctx, body); err != nil {
		v.c.log.Warn("tell the end of a login", "network", v.info.ID, "err", v.scrub(err.Error()))
	}
}

// lastWords is a short time after the end of ctx.
func lastWords(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), lastTime)
}

// do calls the flow; a panic in a connector is an error.
func (v *conversation) do(ctx context.Context) (l network.Login, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("login flow %s panicked: %v", v.flow.ID, r)
		}
	}()
	return v.flow.Do(ctx, v)
}

// ending is what to say at the end; nothing if that was said already.
func (v *conversation) ending(ctx context.Context, l network.Login, err error) markup.Body {
	if err == nil {
		return say("Signed in: ", l.Name, ". Next: ", v.next("search"), ", ", v.next("join"), " or ", v.next("pm"), ".")
	}
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, errCancelled):
		return nil // the cancel command answers
	case errors.Is(cause, errSilent):
		return say("There was no answer for ", minutes(answerTime), ", so I ended the sign-in. Start again with ", v.again, ".")
	case cause != nil:
		return say("I am restarting, which ended the sign-in. Start again in a minute with ", v.again, ".")
	}
	v.c.log.Warn("login failed", "network", v.info.ID, "flow", v.flow.ID, "user", v.place.user,
		"kind", network.KindOf(err).String(), "err", v.scrub(err.Error()))
	return say("Not signed in: ", ended(v.scrub(words(err))), " Try again with ", v.again, ".")
}

// next names a command on the conversation's network.
func (v *conversation) next(name string) markup.Node {
	return code(name + " " + string(v.info.ID) + " …")
}

// Ask implements network.Prompter.
func (v *conversation) Ask(ctx context.Context, f network.Field) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", fmt.Errorf("ask %s: %w", f.Name, err)
	}
	select {
	case <-v.heard: // an answer to a question that was given up
	default:
	}
	v.wait(true, f.Secret)
	defer v.wait(false, false)
	if err := v.tell(ctx, v.question(f)); err != nil {
		return "", fmt.Errorf("ask %s: %w", f.Name, err)
	}
	silence := time.NewTimer(answerTime)
	defer silence.Stop()
	select {
	case text := <-v.heard:
		if f.Optional && strings.TrimSpace(text) == "-" {
			return "", nil
		}
		if !f.Secret {
			text = strings.TrimSpace(text)
		}
		return text, nil
	case <-silence.C:
		v.end(errSilent)
		return "", fmt.Errorf("ask %s: %w", f.Name, errSilent)
	case <-ctx.Done():
		return "", fmt.Errorf("ask %s: %w", f.Name, ctx.Err())
	}
}

// wait sets whether the next message is an answer, and what kind. It is set
// before the question is sent: people answer faster than requests return.
func (v *conversation) wait(asks, secret bool) {
	v.c.mu.Lock()
	defer v.c.mu.Unlock()
	v.asks, v.secret = asks, secret
}

func (v *conversation) question(f network.Field) markup.Body {
	parts := []any{f.Name}
	if f.Hint != "" {
		parts = append(parts, ": ", f.Hint)
	}
	parts = append(parts, "?")
	if f.Optional {
		parts = append(parts, " Write ", code("-"), " for none.")
	}
	if f.Secret {
		parts = append(parts, " I remove your message once I have read it.")
	}
	if v.first() {
		parts = append(parts, " To stop, write ", code("cancel"), ".")
	}
	return say(parts...)
}

func (v *conversation) first() bool {
	v.c.mu.Lock()
	defer v.c.mu.Unlock()
	return v.prompts == 0
}

// Show implements network.Prompter. What a QR code would hold is written out:
// a link, or a block of text for a program that draws codes.
func (v *conversation) Show(ctx context.Context, d network.Display) error {
	body := say(d.Text)
	if strings.HasPrefix(d.QR, "https://") || strings.HasPrefix(d.QR, "http://") {
		body = append(body, markup.Node{Kind: markup.Text, Text: "\n"},
			markup.Node{Kind: markup.Link, URL: d.QR, Children: markup.Plain(d.QR)})
	} else if d.QR != "" {
		body = append(body, markup.Node{Kind: markup.CodeBlock, Text: d.QR})
	}
	return v.tell(ctx, body)
}

// tell sends a notice under the conversation's next key. A homeserver that does
// not answer gets some more chances.
func (v *conversation) tell(ctx context.Context, body markup.Body) error {
	v.c.mu.Lock()
	key := journal.Key("login", string(v.key), strconv.Itoa(v.prompts))
	v.prompts++
	v.c.mu.Unlock()
	return insist(ctx, func() error { return v.c.b.Reply(ctx, v.place.room, "", body, key) })
}

// insist tries do again with growing pauses, for about an hour, unless it can
// never work.
func insist(ctx context.Context, do func() error) error {
	pause := time.Second
	for try := 1; ; try++ {
		err := do()
		if err == nil || try == insistTries || hopeless(err) {
			return err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return errors.Join(err, ctx.Err())
		}
		pause = min(2*pause, longestPause)
	}
}

// scrub takes the secrets of the conversation out of a text.
func (v *conversation) scrub(text string) string {
	v.c.mu.Lock()
	defer v.c.mu.Unlock()
	for _, s := range v.said {
		text = strings.ReplaceAll(text, s, "[secret]")
	}
	return text
}

// answer gives a message to the conversation that waits for it; false if none
// does. A secret that came this way was stored before the question was asked; it
// is redacted like the others.
func (c *Commander) answer(ctx context.Context, in Incoming, text string) bool {
	if isCancel(text) {
		return false // a command in every conversation
	}
	heard, secret := c.hear(place{in.Room, in.Sender}, text)
	if secret {
		c.redact(ctx, in.Room, in.Event)
	}
	return heard
}

// hear hands a text to whoever waits for it.
func (c *Commander) hear(at place, text string) (heard, secret bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	v := c.talks[at]
	if v == nil || !v.asks {
		return false, false
	}
	if secret = v.secret; secret && strings.TrimSpace(text) != "" {
		v.said = append(v.said, text)
	}
	v.asks, v.secret = false, false
	select {
	case v.heard <- text:
	default: // a flow that asks two things at once; it gets the first answer
	}
	return true, secret
}

// WantsSecret reports whether an event that sender sent to room is the answer to
// a question for a secret, or was one. The intake calls it before it stores the
// event; if it is true, the event's content goes to Secret and is not stored.
func (c *Commander) WantsSecret(room id.RoomID, sender id.UserID, ev id.EventID) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	v := c.talks[place{room, sender}]
	return v != nil && v.asks && v.secret || c.taken.has(ev)
}

// Secret takes an answer that must not be stored: it is handed to the waiting
// flow in memory, and the event is redacted in the background. An event that
// comes again, because the homeserver repeats its transaction, is ignored.
func (c *Commander) Secret(ctx context.Context, room id.RoomID, sender id.UserID, ev id.EventID, body string) error {
	c.mu.Lock()
	fresh := c.taken.add(ev)
	c.mu.Unlock()
	if !fresh {
		return nil
	}
	at := place{room, sender}
	text := strings.TrimRight(withoutQuote(body), "\r\n")
	if order, _ := c.strip(Incoming{Body: body, Management: true}); isCancel(order) {
		return c.stopTalk(ctx, at, ev)
	}
	heard, _ := c.hear(at, text)
	c.redact(ctx, room, ev)
	if heard {
		return nil
	}
	late := say("The sign-in had ended already; I removed your message. Start again with ", code("login"), ".")
	return c.say(ctx, at, late, journal.Key("late", string(ev)))
}

// stopTalk ends a conversation in whose secret question somebody wrote cancel.
func (c *Commander) stopTalk(ctx context.Context, at place, ev id.EventID) error {
	body := say("There is nothing to cancel.")
	if v := c.talk(at); v != nil {
		v.end(errCancelled)
		body = say("Sign-in cancelled.")
	}
	return c.say(ctx, at, body, journal.Key("cancel", string(ev)))
}

// say sends a notice from the background, so that the intake does not wait.
func (c *Commander) say(ctx context.Context, at place, body markup.Body, key []byte) error {
	return c.background(ctx, func(ctx context.Context) {
		if err := insist(ctx, func() error { return c.b.Reply(ctx, at.room, "", body, key) }); err != nil {
			c.log.Warn("send notice", "room", at.room, "err", err)
		}
	})
}

// redact removes an event with a secret. If that is not possible the person is asked to.
func (c *Commander) redact(ctx context.Context, room id.RoomID, ev id.EventID) {
	job := func(ctx context.Context) {
		err := insist(ctx, func() error { return c.b.RedactEvent(ctx, room, ev, "it holds a secret") })
		if err == nil {
			return
		}
		c.log.Warn("redact a secret", "room", room, "event", ev, "err", err)
		ask := say("I could not remove your message with the secret: please remove it yourself.")
		if err := c.b.Reply(ctx, room, "", ask, journal.Key("unredacted", string(ev))); err != nil {
			c.log.Warn("ask to remove a secret", "room", room, "event", ev, "err", err)
		}
	}
	if err := c.background(ctx, job); err != nil { // now or never
		ctx, done := lastWords(ctx)
		defer done()
		job(ctx)
	}
}
