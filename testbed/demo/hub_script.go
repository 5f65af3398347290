package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/markup"
	"github.com/causeway-chat/causeway/bridgekit/memnet"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/testbed/ircuser"
	"github.com/causeway-chat/causeway/testbed/matrixuser"
)

// The sides of a hub, in the order in which they are shown.
const (
	onHarbor = iota
	inMatrix
	onLake
	onPond
	sides
)

// names are what the sides are called.
func names() []string { return []string{"Harbor (IRC)", "Matrix", "Lake (IRC)", "Pond (memnet)"} }

// A crossing is one thing that somebody says or does, and how each side must see
// it.
type crossing struct {
	from int
	do   func(ctx context.Context, c *council) error
	sees [sides]string
}

// A council is a conversation of all sides under way.
type council struct {
	*meeting
	done []crossed         // what was said so far, as all sides have it
	said network.MessageID // what pia said last
}

// A crossed line is what real clients of all sides got.
type crossed struct {
	harbor, lake ircuser.Line
	matrix       matrixuser.Event
}

// hubScript is the conversation.
func hubScript() []crossing {
	return []crossing{{
		from: onHarbor,
		sees: [sides]string{"<mia> Hello! Who is out there?", "mia: Hello! Who is out there?", "<causeway> <mia> Hello! Who is out there?", "mia: Hello! Who is out there?"},
		do:   func(_ context.Context, c *council) error { return c.mia.Say(harbor, "Hello! Who is out there?") },
	}, {
		from: onLake,
		sees: [sides]string{"<causeway> <noa> mia: The lake is.", "noa, in reply to mia: The lake is.", "<noa> The lake is.", "noa, in reply to mia: The lake is."},
		do: func(_ context.Context, c *council) error {
			_, msgid := c.done[0].lake.GetTag("msgid")
			return c.noa.SendTagged(map[string]string{"+draft/reply": msgid}, "PRIVMSG", lake, "The lake is.")
		},
	}, {
		from: inMatrix,
		sees: [sides]string{"<causeway> <you> noa: So is Matrix.", "you, in reply to noa: So is Matrix.", "<causeway> <you> noa: So is Matrix.", "you, in reply to noa: So is Matrix."},
		do: func(ctx context.Context, c *council) error {
			return sent(c.you.Reply(ctx, c.room, c.done[1].matrix.ID, "So is Matrix."))
		},
	}, {
		from: onPond,
		sees: [sides]string{"<causeway> <Pia> Shall we meet at twelve?", "Pia: Shall we meet at twelve?", "<causeway> <Pia> Shall we meet at twelve?", "Pia: Shall we meet at twelve?"},
		do: func(_ context.Context, c *council) (err error) {
			c.said, err = c.pia().Say(pond, "Shall we meet at twelve?")
			return err
		},
	}, {
		from: onPond,
		sees: [sides]string{"<causeway> <Pia> s/twelve?/one?/", "Pia, edited: Shall we meet at one?", "<causeway> <Pia> s/twelve?/one?/", "Pia, edited: Shall we meet at one?"},
		do:   func(_ context.Context, c *council) error { return c.pia().Edit(pond, c.said, "Shall we meet at one?") },
	}, {
		from: onHarbor,
		sees: [sides]string{"mia reacts with 👍", "mia reacts with 👍", "causeway reacts with 👍", "relay reacts with 👍"},
		do: func(_ context.Context, c *council) error {
			_, msgid := c.done[3].harbor.GetTag("msgid")
			return c.mia.SendTagged(map[string]string{"+draft/react": "👍", "+draft/reply": msgid}, "TAGMSG", harbor)
		},
	}}
}

// play plays the script. The error says which line did not arrive, and what came
// instead.
func (m *meeting) play(ctx context.Context, timeout time.Duration, to *screen) error {
	c := &council{meeting: m}
	began := time.Now()
	to.say("One Matrix room and three networks. The operators of Harbor and Lake have agreed to meet (hub_with).\n")
	for i, l := range hubScript() {
		one, err := c.play(ctx, l, timeout)
		if err != nil {
			return fmt.Errorf("line %d did not arrive: %w", i+1, err)
		}
		c.done = append(c.done, one)
		to.spread(names(), l.from, []markup.Body{onIRC(one.harbor, harbor), m.window().onMatrix(one.matrix), onIRC(one.lake, lake), markup.Plain(l.sees[onPond])})
	}
	to.say(fmt.Sprintf("All %d lines arrived on all sides, in %.1f s.", len(c.done), time.Since(began).Seconds()))
	return nil
}

// play plays one line and waits until all sides have seen it; later than timeout is
// not at all.
func (c *council) play(ctx context.Context, l crossing, timeout time.Duration) (one crossed, err error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	mia, noa, you := c.mia.Mark(), c.noa.Mark(), c.you.Mark()
	if err := l.do(ctx, c); err != nil {
		return one, err
	}
	one.harbor, err = c.mia.Wait(ctx, mia, func(m ircuser.Line) bool { return plain(onIRC(m, harbor)) == l.sees[onHarbor] })
	if err != nil {
		return one, fmt.Errorf("the Harbor side never saw %q: %w", l.sees[onHarbor], err)
	}
	one.lake, err = c.noa.Wait(ctx, noa, func(m ircuser.Line) bool { return plain(onIRC(m, lake)) == l.sees[onLake] })
	if err != nil {
		return one, fmt.Errorf("the Lake side never saw %q: %w", l.sees[onLake], err)
	}
	one.matrix, err = c.you.Wait(ctx, you, func(e matrixuser.Event) bool { return plain(c.window().onMatrix(e)) == l.sees[inMatrix] })
	if err != nil {
		return one, fmt.Errorf("the Matrix side never saw %q but %q: %w", l.sees[inMatrix], c.window().shown(you), err)
	}
	// What memnet shows now is all there is to see; no two lines are the same.
	err = c.pond.Wait(ctx, func() bool { return slices.Contains(onMemnet(c.pond.Messages(pond)), l.sees[onPond]) })
	if err != nil {
		return one, fmt.Errorf("the Pond side never saw %q but %q: %w", l.sees[onPond], onMemnet(c.pond.Messages(pond)), err)
	}
	return one, ctx.Err()
}

// onMemnet is what a client of memnet shows of a chat.
func onMemnet(messages []memnet.Message) (lines []string) {
	who := map[network.MessageID]string{}
	for _, m := range messages {
		name := "Pia"
		if m.Content.Persona != nil {
			name = m.Content.Persona.Name
		}
		who[m.ID] = name
		head := name
		switch {
		case m.Edits > 0:
			head += ", edited"
		case m.Content.Reply != nil:
			head += ", in reply to " + who[m.Content.Reply.ID]
		}
		lines = append(lines, head+": "+m.Text)
		for user, emoji := range m.Reactions {
			for _, e := range emoji {
				lines = append(lines, string(user)+" reacts with "+e)
			}
		}
	}
	return lines
}
