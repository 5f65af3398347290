package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"maunium.net/go/mautrix/event"

	"github.com/causeway-chat/causeway/bridges/slack/slackfake"
	"github.com/causeway-chat/causeway/testbed/matrixuser"
)

// A turn is one thing that somebody says or does, and how each side must see it. No
// two look the same on Slack.
type turn struct {
	fromSlack     bool
	do            func(ctx context.Context, t *talk) error
	slack, matrix string
}

// A talk is a conversation under way.
type talk struct {
	*workspace
	done []taken // what was said so far, as both sides have it
}

// A taken turn is what both sides got.
type taken struct {
	slack  post
	matrix matrixuser.Event
}

// plan is the file that mia sends.
func plan() slackfake.File {
	return slackfake.File{Name: "plan.txt", Content: []byte("One o'clock, where two shores meet.\n")}
}

// slackScript is the conversation.
func slackScript() []turn {
	return []turn{{
		fromSlack: true, slack: "mia: Hello *Matrix*, who reads this?", matrix: "mia: Hello *Matrix*, who reads this?",
		do: func(_ context.Context, t *talk) error {
			t.slack.Say(t.chat, t.mia, "Hello *Matrix*, who reads this?")
			return nil
		},
	}, {
		slack: "you [app], in the thread of mia: I do.", matrix: "you, in the thread of mia: I do.",
		do: func(ctx context.Context, t *talk) error {
			return sent(t.you.Thread(ctx, t.room, t.done[0].matrix.ID, "I do."))
		},
	}, {
		fromSlack: true, slack: "mia, in the thread of mia: In one thread!", matrix: "mia, in the thread of mia: In one thread!",
		do: func(_ context.Context, t *talk) error {
			t.slack.Reply(t.chat, t.mia, t.done[0].slack.ts, "In one thread!", false)
			return nil
		},
	}, {
		slack: "you [app]: Shall we meet at twelve?", matrix: "you: Shall we meet at twelve?",
		do: func(ctx context.Context, t *talk) error {
			return sent(t.you.Text(ctx, t.room, "Shall we meet at twelve?"))
		},
	}, {
		slack: "you [app], edited: Shall we meet at one?", matrix: "you, edited: Shall we meet at one?",
		do: func(ctx context.Context, t *talk) error {
			return sent(t.you.Edit(ctx, t.room, t.done[3].matrix.ID, "Shall we meet at one?"))
		},
	}, {
		fromSlack: true, slack: "mia reacts with 👍", matrix: "mia reacts with 👍",
		do: func(_ context.Context, t *talk) error {
			t.slack.React(t.chat, t.done[3].slack.ts, t.mia, "+1")
			return nil
		},
	}, {
		slack: "you [app]: [file] notes.txt", matrix: "you: [file] notes.txt",
		do: func(ctx context.Context, t *talk) error { return sent(t.you.Media(ctx, t.room, notes())) },
	}, {
		fromSlack: true, slack: "mia: [file] plan.txt", matrix: "mia: [file] plan.txt",
		do: func(_ context.Context, t *talk) error {
			t.slack.Upload(t.chat, t.mia, "", plan())
			return nil
		},
	}}
}

// play plays the script. The error says which line did not arrive, and what came
// instead.
func (w *workspace) play(ctx context.Context, timeout time.Duration, to *screen) error {
	t := &talk{workspace: w}
	began := time.Now()
	to.say("This Slack is a stand-in on loopback, not slack.com: it answers Causeway as Slack does.\n")
	to.head("Slack (stand-in), as mia sees #"+town, "Matrix, as @"+userName+":"+domain+" sees it")
	for i, l := range slackScript() {
		one, err := t.take(ctx, l, timeout)
		if err != nil {
			to.end()
			return fmt.Errorf("with Slack, line %d did not arrive: %w", i+1, err)
		}
		t.done = append(t.done, one)
		to.row(one.slack.text, l.fromSlack, w.window().onMatrix(one.matrix))
	}
	to.end()
	if err := t.openFiles(ctx); err != nil {
		return err
	}
	to.say(fmt.Sprintf("All %d lines arrived on the other side, in %.1f s, and both files are whole.", len(t.done), time.Since(began).Seconds()))
	return nil
}

// take plays one turn and waits until both sides have seen it; later than timeout
// is not at all.
func (t *talk) take(ctx context.Context, l turn, timeout time.Duration) (one taken, err error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	mark := t.you.Mark()
	if err := l.do(ctx, t); err != nil {
		return one, err
	}
	if one.slack, err = t.posted(ctx, l.slack); err != nil {
		return one, err
	}
	one.matrix, err = t.you.Wait(ctx, mark, func(e matrixuser.Event) bool { return plain(t.window().onMatrix(e)) == l.matrix })
	if err != nil {
		return one, fmt.Errorf("the Matrix side never saw %q but %q: %w", l.matrix, t.window().shown(mark), err)
	}
	return one, ctx.Err()
}

// posted waits until the channel on Slack shows something.
func (t *talk) posted(ctx context.Context, want string) (found post, err error) {
	var seen []string
	var broken error
	err = t.slack.Wait(ctx, func() bool {
		var all []post
		if all, broken = t.onSlack(); broken != nil {
			return true
		}
		seen = nil
		for _, p := range all {
			if plain(p.text) == want {
				found = p
				return true
			}
			seen = append(seen, plain(p.text))
		}
		return false
	})
	if err != nil {
		return found, fmt.Errorf("the Slack side never saw %q but %q: %w", want, seen, err)
	}
	return found, broken
}

// openFiles compares the files that arrived with those that were sent.
func (t *talk) openFiles(ctx context.Context) error {
	files := 0
	for _, one := range t.done {
		if one.slack.file == "" {
			continue
		}
		files++
		want := notes().Data
		if one.matrix.Sender != t.you.ID() {
			want = plan().Content
		}
		onSlack, _, _ := t.slack.Content(one.slack.file)
		onMatrix, err := t.you.Download(ctx, one.matrix)
		if err != nil {
			return fmt.Errorf("open the file: %w", err)
		}
		if !bytes.Equal(onSlack, want) || !bytes.Equal(onMatrix, want) || one.matrix.Content.AsMessage().MsgType != event.MsgFile {
			return fmt.Errorf("a file of %d bytes has %d on Slack and %d on Matrix", len(want), len(onSlack), len(onMatrix))
		}
	}
	if files != 2 {
		return errors.New("not both files were sent")
	}
	return nil
}
