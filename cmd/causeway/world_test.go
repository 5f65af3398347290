package main

import (
	"bufio"
	"io"
	"net"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/causeway-chat/causeway/bridgekit/matrixtest"
	"github.com/causeway-chat/causeway/bridges/irc/ircfake"
	"github.com/causeway-chat/causeway/registration"
)

// A world is what a script's Causeway meets: a homeserver and an IRC network in
// the test's process.
type world struct {
	hs   *matrixtest.Server
	busy net.Listener
}

type worldKey struct{}

// worldCmds are the commands of scripts that make one.
func worldCmds() map[string]func(ts *testscript.TestScript, neg bool, args []string) {
	return map[string]func(ts *testscript.TestScript, neg bool, args []string){
		"homeserver": cmdHomeserver,
		"install":    cmdInstall,
		"irc":        cmdIRC,
		"port":       cmdPort,
		"busy":       cmdBusy,
		"unbusy":     cmdUnbusy,
		"expand":     cmdExpand,
		"line":       cmdLine,
		"only":       cmdOnly,
		"running":    cmdRunning,
	}
}

// setWorld gives each script a world that homeserver fills.
func setWorld(env *testscript.Env) error {
	env.Values[worldKey{}] = &world{}
	return nil
}

// cmdHomeserver starts a homeserver with the user alice and sets HS to its URL and HSPORT to
// its port:
// homeserver [dendrite] [silent]
func cmdHomeserver(ts *testscript.TestScript, _ bool, args []string) {
	w := ts.Value(worldKey{}).(*world)
	o := matrixtest.Options{Domain: "example.org", Fail: ts.Fatalf}
	for _, arg := range args {
		switch arg {
		case "dendrite":
			o.Flavor = matrixtest.Dendrite
		case "silent": // does not tell which names are taken
			o.Without = []string{"GET /_matrix/client/v3/register/available"}
		}
	}
	w.hs = matrixtest.New(o)
	w.hs.CreateUser("alice", "secret")
	web := httptest.NewServer(w.hs)
	ts.Defer(func() { web.Close(); w.hs.Close() })
	ts.Setenv("HS", web.URL)
	ts.Setenv("HSPORT", web.URL[strings.LastIndexByte(web.URL, ':')+1:])
}

// cmdInstall installs registration files: install FILE...
func cmdInstall(ts *testscript.TestScript, _ bool, args []string) {
	w := ts.Value(worldKey{}).(*world)
	for _, name := range args {
		r, err := registration.Read(ts.MkAbs(name))
		ts.Check(err)
		ts.Check(w.hs.Register(matrixtest.Registration{
			ID: r.ID, URL: string(r.URL), ASToken: r.ASToken, HSToken: r.HSToken, SenderLocalpart: r.SenderLocalpart,
			Users: namespaces(r.Namespaces.Users), Aliases: namespaces(r.Namespaces.Aliases), Ephemeral: r.ReceiveEphemeral,
		}))
	}
}

func namespaces(list []registration.Namespace) []matrixtest.Namespace {
	var out []matrixtest.Namespace
	for _, n := range list {
		out = append(out, matrixtest.Namespace{Exclusive: n.Exclusive, Regex: n.Regex})
	}
	return out
}

// cmdIRC starts an IRC server and sets IRC to its address.
func cmdIRC(ts *testscript.TestScript, _ bool, _ []string) {
	s, err := ircfake.Start(ircfake.Modern())
	ts.Check(err)
	ts.Defer(s.Close)
	ts.Setenv("IRC", s.Addr())
}

// cmdPort sets each variable to a port that is free: port NAME...
func cmdPort(ts *testscript.TestScript, _ bool, names []string) {
	for _, name := range names {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		ts.Check(err)
		defer l.Close() // all are open at once, so they differ
		_, port, err := net.SplitHostPort(l.Addr().String())
		ts.Check(err)
		ts.Setenv(name, port)
	}
}

// cmdBusy lets somebody else listen on a port: busy PORT
func cmdBusy(ts *testscript.TestScript, _ bool, args []string) {
	l, err := net.Listen("tcp", "127.0.0.1:"+args[0])
	ts.Check(err)
	ts.Value(worldKey{}).(*world).busy = l
	ts.Defer(func() { _ = l.Close() })
}

// cmdUnbusy ends that.
func cmdUnbusy(ts *testscript.TestScript, _ bool, _ []string) {
	ts.Check(ts.Value(worldKey{}).(*world).busy.Close())
}

// cmdExpand replaces variables in a file: expand FROM TO
func cmdExpand(ts *testscript.TestScript, _ bool, args []string) {
	text := os.Expand(ts.ReadFile(args[0]), ts.Getenv)
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(text), 0o600))
}

// cmdOnly checks that the working directory has only the given files: only FILE...
func cmdOnly(ts *testscript.TestScript, _ bool, names []string) {
	list, err := os.ReadDir(ts.MkAbs("."))
	ts.Check(err)
	var extra []string
	for _, entry := range list {
		if !strings.Contains(" "+strings.Join(names, " ")+" ", " "+entry.Name()+" ") {
			extra = append(extra, entry.Name())
		}
	}
	if len(extra) > 0 {
		ts.Fatalf("also there: %v", extra)
	}
}

// cmdLine waits for the first line of a named pipe and compares it: line PIPE REGEX
func cmdLine(ts *testscript.TestScript, _ bool, args []string) {
	type result struct {
		line string
		err  error
	}
	got := make(chan result, 1)
	go func() {
		f, err := os.Open(ts.MkAbs(args[0])) // waits for the writer
		if err != nil {
			got <- result{err: err}
			return
		}
		defer f.Close()
		r := bufio.NewReader(f)
		line, err := r.ReadString('\n')
		got <- result{strings.TrimSpace(line), err}
		_, _ = io.Copy(io.Discard, r) // until the writer ends
	}()
	select {
	case r := <-got:
		ts.Check(r.err)
		if !regexp.MustCompile(args[1]).MatchString(r.line) {
			ts.Fatalf("%q does not match %q", r.line, args[1])
		}
	case <-time.After(2 * time.Minute):
		ts.Fatalf("nothing came from %s", args[0])
	}
}
