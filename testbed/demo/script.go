package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/testbed/ircuser"
	"github.com/causeway-chat/causeway/testbed/matrixuser"
)

// A line is one thing that somebody says or does, and how each side must see it.
// %s at the end of a text stands for an address.
type line struct {
	fromIRC     bool
	do          func(ctx context.Context, p *performance) error
	irc, matrix string
}

// A performance is a conversation under way.
type performance struct {
	*pair
	lines []arrived // what was said so far, as both sides have it
}

// An arrived line is what real clients of both sides got.
type arrived struct {
	irc    ircuser.Line
	matrix matrixuser.Event
}

// event is the Matrix event of line i, counted from 0.
func (p *performance) event(i int) id.EventID { return p.lines[i].matrix.ID }

// notes is the file that is sent.
func notes() matrixuser.File {
	return matrixuser.File{Name: "notes.txt", MIME: "text/plain", Data: []byte("What was said stays with who said it.\n")}
}

// script is the conversation.
func script() []line {
	return []line{{
		fromIRC: true, irc: "<mia> Hello! Does anybody on Matrix read this?", matrix: "mia: Hello! Does anybody on Matrix read this?",
		do: func(_ context.Context, p *performance) error {
			return p.mia.Say(channel, "Hello! Does anybody on Matrix read this?")
		},
	}, {
		irc: "<causeway> <you> Yes, *loud* and /clear/.", matrix: "you: Yes, *loud* and /clear/.",
		do: func(ctx context.Context, p *performance) error {
			return sent(p.you.HTML(ctx, p.room, "Yes, loud and clear.", "Yes, <strong>loud</strong> and <em>clear</em>."))
		},
	}, {
		fromIRC: true, irc: "<joe> *Bold* and red arrive here too.", matrix: "joe: *Bold* and red arrive here too.",
		do: func(_ context.Context, p *performance) error {
			return p.joe.Say(channel, "\x02Bold\x02 and \x0304red\x03 arrive here too.")
		},
	}, {
		fromIRC: true, irc: "* mia waves across the water", matrix: "* mia waves across the water",
		do: func(_ context.Context, p *performance) error { return p.mia.Action(channel, "waves across the water") },
	}, {
		irc: "<causeway> * you waves back", matrix: "* you waves back",
		do: func(ctx context.Context, p *performance) error {
			return sent(p.you.Emote(ctx, p.room, "waves back"))
		},
	}, {
		irc: "<causeway> <you> joe: So they do.", matrix: "you, in reply to joe: So they do.",
		do: func(ctx context.Context, p *performance) error {
			return sent(p.you.Reply(ctx, p.room, p.event(2), "So they do."))
		},
	}, {
		irc: "<causeway> <you> Shall we meet here at twelve?", matrix: "you: Shall we meet here at twelve?",
		do: func(ctx context.Context, p *performance) error {
			return sent(p.you.Text(ctx, p.room, "Shall we meet here at twelve?"))
		},
	}, {
		irc: "<causeway> <you> s/twelve?/one?/", matrix: "you, edited: Shall we meet here at one?",
		do: func(ctx context.Context, p *performance) error {
			return sent(p.you.Edit(ctx, p.room, p.event(6), "Shall we meet here at one?"))
		},
	}, {
		fromIRC: true, irc: "mia reacts with 👍", matrix: "mia reacts with 👍",
		do: func(_ context.Context, p *performance) error {
			_, msgid := p.lines[6].irc.GetTag("msgid")
			return p.mia.SendTagged(map[string]string{"+draft/react": "👍", "+draft/reply": msgid}, "TAGMSG", channel)
		},
	}, {
		irc: "<causeway> <you> sent notes.txt (38 B): %s", matrix: "you: [file] notes.txt",
		do: func(ctx context.Context, p *performance) error {
			return sent(p.you.Media(ctx, p.room, notes()))
		},
	}, {
		fromIRC: true, irc: "mia sets the topic: Where two shores meet", matrix: "the topic is now: Where two shores meet",
		do: func(ctx context.Context, p *performance) error {
			return p.mia.Topic(ctx, channel, "Where two shores meet")
		},
	}}
}

func sent(_ id.EventID, err error) error { return err }

// play plays the script. The error says which line did not arrive, and what came
// instead.
func (s *pair) play(ctx context.Context, timeout time.Duration, to *screen) error {
	p := &performance{pair: s}
	began := time.Now()
	to.head("IRC, as mia sees "+channel, "Matrix, as @"+userName+":"+domain+" sees it")
	for i, l := range script() {
		one, err := p.play(ctx, l, timeout)
		if err != nil {
			to.end()
			return fmt.Errorf("line %d did not arrive: %w", i+1, err)
		}
		p.lines = append(p.lines, one)
		to.row(onIRC(one.irc, channel), l.fromIRC, p.window().onMatrix(one.matrix))
	}
	to.end()
	if err := p.openFile(ctx); err != nil {
		return err
	}
	to.say(fmt.Sprintf("All %d lines arrived on the other side, in %.1f s, and the link leads to the file.", len(p.lines), time.Since(began).Seconds()))
	return nil
}

// play plays one line and waits until both sides have seen it; later than timeout is
// not at all.
func (p *performance) play(ctx context.Context, l line, timeout time.Duration) (one arrived, err error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	fromIRC, fromMatrix := p.mia.Mark(), p.you.Mark()
	if err := l.do(ctx, p); err != nil {
		return one, err
	}
	one.irc, err = p.mia.Wait(ctx, fromIRC, func(m ircuser.Line) bool { return fits(l.irc, plain(onIRC(m, channel))) })
	if err != nil {
		return one, fmt.Errorf("IRC never saw %q: %w", l.irc, err)
	}
	one.matrix, err = p.you.Wait(ctx, fromMatrix, func(e matrixuser.Event) bool { return fits(l.matrix, plain(p.window().onMatrix(e))) })
	if err != nil {
		return one, fmt.Errorf("the Matrix side never saw %q but %q: %w", l.matrix, p.window().shown(fromMatrix), err)
	}
	return one, ctx.Err()
}

// fits reports whether what was seen is what had to be.
func fits(want, have string) bool {
	want, address := strings.CutSuffix(want, "%s")
	if !address {
		return have == want
	}
	url, ok := strings.CutPrefix(have, want)
	return ok && strings.HasPrefix(url, "http://") && !strings.Contains(url, " ")
}

// openFile opens the link that IRC people got, as a browser would.
func (p *performance) openFile(ctx context.Context) error {
	for _, l := range p.lines {
		c := l.matrix.Content.AsMessage()
		if l.matrix.Type != event.EventMessage || c.MsgType != event.MsgFile {
			continue
		}
		text := l.irc.Params[1]
		url := text[strings.Index(text, "http://"):]
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return fmt.Errorf("open the link: %w", err)
		}
		data, err := io.ReadAll(resp.Body)
		if err := errors.Join(err, resp.Body.Close()); err != nil {
			return fmt.Errorf("read the file: %w", err)
		}
		if resp.StatusCode != http.StatusOK || !bytes.Equal(data, notes().Data) {
			return fmt.Errorf("the link %s leads to something else: %s", url, resp.Status)
		}
		return nil
	}
	return errors.New("no file was sent")
}
