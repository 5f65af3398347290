package command

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	gocmp "github.com/google/go-cmp/cmp"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/config"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/internal/golden"
)

// TestPermissions asks for each command and kind of person in which rooms they
// may use it: m(anagement), p(ortal), r(oom).
func TestPermissions(t *testing.T) {
	people := []string{"eve", "emod", "alice", "mod", "root", "rootmod"}
	c := New(Options{Backend: newFake(), Bot: bot})
	var out strings.Builder
	fmt.Fprintf(&out, "%-12s", "")
	for _, p := range people {
		fmt.Fprintf(&out, " %-8s", p)
	}
	fmt.Fprintln(&out)
	for i := range c.table {
		cmd := &c.table[i]
		fmt.Fprintf(&out, "%-12s", cmd.name)
		for _, p := range people {
			may := ""
			for _, in := range []Incoming{{Room: "!mgmt", Management: true}, {Room: "!portal", Portal: true}, {Room: "!plain"}} {
				in.Sender = id.UserID("@" + p + ":example.org")
				k := &call{c: c, in: in, cmd: cmd}
				if k.refused(t.Context()) != nil {
					may += "-"
				} else {
					may += map[where]string{management: "m", portal: "p", plain: "r"}[in.place()]
				}
			}
			fmt.Fprintf(&out, " %-8s", may)
		}
		fmt.Fprintln(&out)
	}
	const file = "testdata/permissions.txt"
	if golden.Update() {
		if err := os.WriteFile(file, []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if d := gocmp.Diff(string(want), out.String()); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

// Each command has a help line, a handler, and names that no other one has.
func TestTable(t *testing.T) {
	seen := map[string]bool{}
	for _, cmd := range commands() {
		for _, name := range append([]string{cmd.name}, cmd.aliases...) {
			if seen[name] || name != strings.ToLower(name) {
				t.Errorf("%s: the name %q is used twice or not in lower case", cmd.name, name)
			}
			seen[name] = true
		}
		if cmd.help == "" || cmd.run == nil || cmd.where == 0 || cmd.level == config.LevelBlock {
			t.Errorf("%s: help, handler, place or level is missing", cmd.name)
		}
		if strings.Count(cmd.args, "<") < cmd.least {
			t.Errorf("%s needs %d arguments, help says %q", cmd.name, cmd.least, cmd.args)
		}
	}
}

func TestNeverAnswered(t *testing.T) {
	for name, in := range map[string]Incoming{
		"notice":       {Type: event.MsgNotice},
		"emote":        {Type: event.MsgEmote},
		"image":        {Type: event.MsgImage},
		"the bot":      {Sender: bot},
		"a ghost":      {Sender: "@_cw_irc.libera_bob:example.org"},
		"blocked":      {Sender: "@mallory:example.org"},
		"other room":   {Room: "!portal", Portal: true, Body: "help"},
		"prefix later": {Room: "!portal", Portal: true, Body: "a !cw help"},
		"longer word":  {Room: "!portal", Portal: true, Body: "!cwhelp"},
		"just a name":  {Room: "!portal", Portal: true, Body: "Causeway help"},
		"emoticon":     {Room: "!portal", Portal: true, Body: "causeway:D"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake()
			c := New(Options{Backend: f, Bot: bot, Name: "Causeway", Own: func(u id.UserID) bool { return strings.HasPrefix(string(u), "@_cw_") }})
			base := Incoming{Room: "!mgmt", Event: "$1", Sender: "@alice:example.org", Type: event.MsgText, Body: "!cw help", Management: true, Key: []byte("k")}
			if in.Room != "" {
				base.Room, base.Management, base.Portal, base.Body = in.Room, false, true, in.Body
			}
			if !c.Addressed(base) && in.Room == "" {
				t.Fatal("the message it is made from is not addressed")
			}
			if in.Type != "" {
				base.Type = in.Type
			}
			if in.Sender != "" {
				base.Sender = in.Sender
			}
			if c.Addressed(base) {
				t.Error("is addressed to the bot")
			}
			if err := c.Handle(t.Context(), base); err != nil || len(f.heard()) > 0 {
				t.Error("was answered", err)
			}
		})
	}
}

func TestAddressed(t *testing.T) {
	c := New(Options{Backend: newFake(), Bot: bot, Name: "The Bridge"})
	for body, want := range map[string]string{
		"!cw help":                          "help",
		"!Cw\nhelp":                         "help",
		"!CW":                               "",
		"  !cw   join  libera #go ":         "join  libera #go",
		"@causeway:example.org help":        "help",
		"@causeway:example.org: help":       "help",
		"@Causeway help":                    "help",
		"The Bridge: help":                  "help",
		"the bridge, help":                  "help",
		"causeway: help":                    "help",
		"> <@x:y> a\n> b\n\n!cw help":       "help",
		"> * <@x:y> waves\n\nThe Bridge: h": "h",
	} {
		in := Incoming{Body: body, Type: event.MsgText, Sender: "@alice:example.org", Portal: true}
		if got, ok := c.strip(in); got != want || !ok {
			t.Errorf("%q: got %q, %v; want %q", body, got, ok, want)
		}
	}
	in := Incoming{Body: "The Bridge help", Type: event.MsgText, Sender: "@alice:example.org", Portal: true}
	if c.Addressed(in) {
		t.Error("a sentence that begins with the name is taken for a command")
	}
	if in.Mentioned = true; !c.Addressed(in) {
		t.Error("a mention is not taken for a command")
	}
}

// Nothing of a secret stays anywhere: not where the intake stores, not in the
// log, not in what the bot says.
func TestSecretsStayInMemory(t *testing.T) {
	for _, secret := range []string{"s3cret-wrong", "correct horse"} {
		synctest.Test(t, func(t *testing.T) {
			s := newStage()
			for _, text := range []string{"login libera account", "alice", "-", secret} {
				if err := s.write("!mgmt", "@alice:example.org", text); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
			}
			last := s.last
			// The homeserver repeats its transaction: still not stored, and not answered.
			if err := s.deliver(last); err != nil {
				t.Fatal(err)
			}
			// Even if the journal had it, it is no command.
			if err := s.c.Handle(t.Context(), last); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			if err := s.close(); !errors.Is(err, context.Canceled) {
				t.Error("Run returned", err)
			}
			said := strings.Join(s.f.heard(), "\n")
			for place, text := range map[string]string{"journal": strings.Join(s.stored, "\n"), "log": s.log.String(), "replies": said} {
				if strings.Contains(text, secret) {
					t.Errorf("the %s hold the secret: %s", place, text)
				}
			}
			if n := strings.Count(said, "(redacts "); n != 1 {
				t.Errorf("redacted %d times: %s", n, said)
			}
			if ok := strings.Contains(said, "Signed in"); ok != (secret == "correct horse") {
				t.Errorf("signed in is %v: %s", ok, said)
			}
			if strings.Contains(said, "do not know") {
				t.Errorf("the secret was taken for a command: %s", said)
			}
		})
	}
}

// A password typed before its question was asked has been stored; it is taken
// as the answer and its event redacted all the same.
func TestSecretThroughJournal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage()
		defer s.close()
		for _, text := range []string{"login libera account", "alice", "-"} {
			if err := s.write("!mgmt", "@alice:example.org", text); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		in := s.last
		in.Event, in.Body, in.Key = "$early", "correct horse", []byte("early")
		if err := s.c.Handle(t.Context(), in); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if said := strings.Join(s.f.heard(), "\n"); !strings.Contains(said, "(redacts $early") || !strings.Contains(said, "Signed in") {
			t.Error(said)
		}
	})
}

// A secret that comes when nobody waits for it any more is removed all the same.
func TestLateSecret(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage()
		defer s.close()
		if s.c.WantsSecret("!mgmt", "@alice:example.org", "$x") {
			t.Fatal("wants a secret of somebody it does not talk to")
		}
		// The intake saw that a secret was wanted, and then the time was over.
		if err := s.c.Secret(t.Context(), "!mgmt", "@alice:example.org", "$x", "hunter2"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		said := strings.Join(s.f.heard(), "\n")
		if !strings.Contains(said, "(redacts $x") || !strings.Contains(said, "had ended") || strings.Contains(said, "hunter2") {
			t.Error(said)
		}
	})
}

// Many people sign in at once; everybody gets their own account.
func TestManyAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage()
		const people = 20
		user := func(i int) id.UserID { return id.UserID(fmt.Sprintf("@p%d:example.org", i)) }
		for step, text := range []string{"login libera nick", "nick"} {
			var wg sync.WaitGroup
			for i := range people {
				wg.Go(func() {
					in := Incoming{Room: id.RoomID(fmt.Sprintf("!mgmt-%d", i)), Sender: user(i), Body: text, Type: event.MsgText,
						Management: true, Event: id.EventID(fmt.Sprintf("$%d-%d", i, step)), Key: fmt.Appendf(nil, "%d %d", i, step)}
					if step == 1 {
						in.Body += fmt.Sprint(i)
					}
					if err := s.c.Handle(t.Context(), in); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			synctest.Wait()
		}
		if err := s.close(); !errors.Is(err, context.Canceled) {
			t.Error("Run returned", err)
		}
		for i := range people {
			if l := s.f.Logins(user(i)); len(l) != 1 || l[0].ID != network.LoginID(fmt.Sprintf("~nick%d", i)) {
				t.Errorf("%s has %v", user(i), l)
			}
		}
	})
}

func TestRecentForgets(t *testing.T) {
	var r recent
	for i := range keptEvents + 10 {
		if !r.add(id.EventID(fmt.Sprint(i))) {
			t.Fatal(i, "is not new")
		}
	}
	if r.has("9") || !r.has("10") || r.add("10") || len(r.set) > keptEvents {
		t.Error("holds the wrong ones:", len(r.set))
	}
}

func TestNearest(t *testing.T) {
	names := []string{"help", "login", "logout", "join", "unbridge"}
	for s, want := range map[string]string{
		"hlep": "help", "lgoin": "login", "logiin": "login", "unbrige": "unbridge", "jon": "join",
		"banana": "", "x": "", "": "", strings.Repeat("join", 1000): "",
	} {
		if got := nearest(s, names); got != want {
			t.Errorf("%q: got %q, want %q", s, got, want)
		}
	}
}

// Whatever people write, the answer is one of words, without a panic.
func FuzzHandle(f *testing.F) {
	for _, s := range []string{"", "help", "!cw", "login x", "queue show -1", "queue retry 99999999999999999999", "join  #x", "> <@a:b>\n", "@causeway:example.org:", "unbridge confirm delete x", "\xff\xfe", "cancel"} {
		f.Add(s, true)
		f.Add(s, false)
	}
	f.Fuzz(func(t *testing.T, body string, direct bool) {
		s := &stage{f: newFake(), log: &buffer{}}
		s.c = New(Options{Backend: s.f, Bot: bot, Name: "Causeway", Log: slog.New(slog.NewTextHandler(s.log, nil))})
		close(s.c.ended) // logins say that they cannot start
		in := Incoming{Room: "!portal", Event: "$1", Sender: "@rootmod:example.org", Body: body, Type: event.MsgText, Management: direct, Portal: !direct, Key: []byte("k")}
		if strings.Contains(body, "#panic") || strings.Contains(body, "slow") {
			return // the fake panics or waits by itself
		}
		if err := s.c.Handle(t.Context(), in); err != nil {
			t.Fatal(err)
		}
		if log := s.log.String(); strings.Contains(log, "panicked") {
			t.Fatal(log)
		}
		if said := s.f.heard(); len(said) == 0 && s.c.Addressed(in) && strings.TrimSpace(withoutQuote(body)) != "" && !strings.Contains(strings.ToLower(body), "delete") {
			t.Fatalf("no answer to %q", body)
		}
	})
}
