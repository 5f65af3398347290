package command

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/matrix"
	"github.com/causeway-chat/causeway/internal/golden"
)

// A stage is a Commander, its fake backend and an intake like the real one.
type stage struct {
	c      *Commander
	f      *fake
	log    *buffer
	stop   context.CancelFunc
	ended  chan error
	events int
	stored []string // bodies that the intake stored
	last   Incoming
}

func newStage() *stage {
	s := &stage{f: newFake(), log: &buffer{}, ended: make(chan error, 1)}
	s.c = New(Options{
		Backend: s.f, Bot: bot, Name: "Causeway",
		Log: slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Own: func(u id.UserID) bool { return strings.HasPrefix(string(u), "@_cw_") },
	})
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	go func() { s.ended <- s.c.Run(ctx) }()
	return s
}

// close ends Run and waits for it.
func (s *stage) close() error {
	s.stop()
	return <-s.ended
}

// write is a message that comes in. Rooms named "!mgmt…" are management rooms;
// "!plain" is not bridged.
func (s *stage) write(room id.RoomID, user id.UserID, body string) error {
	s.events++
	in := Incoming{
		Room: room, Sender: user, Body: body, Type: event.MsgText,
		Event: id.EventID(fmt.Sprint("$", s.events)), Key: fmt.Append(nil, "entry ", s.events),
		Management: strings.HasPrefix(string(room), "!mgmt"),
	}
	in.Portal = !in.Management && room != "!plain"
	return s.deliver(in)
}

func (s *stage) deliver(in Incoming) error {
	s.last = in
	if s.c.WantsSecret(in.Room, in.Sender, in.Event) {
		return s.c.Secret(context.Background(), in.Room, in.Sender, in.Event, in.Body)
	}
	s.stored = append(s.stored, in.Body)
	return s.c.Handle(context.Background(), in)
}

// buffer is a log that may be read while it is written.
type buffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// TestConversations plays each file of testdata/talk. A line "alice> login" is
// what @alice:example.org writes to the bot directly, "alice !hub> …" what she
// writes in a room; "\n" in it is a line break. "* wait 3m", "* stop", "* again",
// "* no reply 2" and "* no redaction" are stage directions. Lines with four
// spaces are what comes of it.
func TestConversations(t *testing.T) {
	files, err := filepath.Glob("testdata/talk/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no conversations", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var got string
			synctest.Test(t, func(t *testing.T) { got = play(t, string(want)) })
			if golden.Update() {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if d := gocmp.Diff(string(want), got); d != "" {
				t.Errorf("-want +got:\n%s", d)
			}
		})
	}
}

// play performs a script and returns it with what came of it.
func play(t *testing.T, script string) string {
	s := newStage()
	defer s.close()
	var out strings.Builder
	lines := bufio.NewScanner(strings.NewReader(script))
	for lines.Scan() {
		line := lines.Text()
		if strings.HasPrefix(line, "    ") {
			continue
		}
		fmt.Fprintln(&out, line)
		var err error
		if who, text, ok := strings.Cut(line, "> "); ok && !strings.HasPrefix(line, "#") {
			name, room, there := strings.Cut(who, " ")
			if !there {
				room = "!mgmt-" + name
			}
			err = s.write(id.RoomID(room), id.UserID("@"+name+":example.org"), strings.ReplaceAll(text, `\n`, "\n"))
		} else if what, ok := strings.CutPrefix(line, "* "); ok {
			err = s.direct(t, what)
		}
		synctest.Wait()
		if err != nil {
			fmt.Fprintf(&out, "    error: %v\n", err)
		}
		heard := s.f.heard()
		// Redactions run beside the conversation: their place in between is chance.
		slices.SortStableFunc(heard, func(a, b string) int { return cmp.Compare(aside(a), aside(b)) })
		for _, said := range heard {
			fmt.Fprintf(&out, "    %s\n", strings.ReplaceAll(said, "\n", "\n    "))
		}
	}
	return out.String()
}

// aside is 1 for what happens beside the conversation, else 0.
func aside(said string) int {
	if strings.HasPrefix(said, "(redacts ") || strings.Contains(said, "I could not remove") {
		return 1
	}
	return 0
}

// direct follows a stage direction.
func (s *stage) direct(t *testing.T, what string) error {
	verb, arg, _ := strings.Cut(what, " ")
	switch verb {
	case "wait":
		d, err := time.ParseDuration(arg)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(d)
	case "stop":
		_ = s.close()
		s.ended <- nil
	case "again":
		return s.deliver(s.last)
	case "no":
		var n int
		s.f.mu.Lock()
		defer s.f.mu.Unlock()
		if _, err := fmt.Sscanf(arg, "reply %d", &n); err == nil {
			s.f.failReply = n
		} else {
			s.f.failRedact = &matrix.Error{Kind: matrix.NotAllowed, Op: "redact"}
		}
	default:
		t.Fatalf("no such direction: %s", what)
	}
	return nil
}
