package irc

import (
	"strings"
	"testing"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/network"
)

func TestConfig(t *testing.T) {
	for _, tt := range []struct{ name, yaml, want string }{ // want: what the error names, empty for none
		{"least", "server: irc.libera.chat\nnick: cw", ""},
		{"no server", "nick: cw", "server:"},
		{"bad server", "server: 'a b'\nnick: cw", "server:"},
		{"no nick", "server: x", "nick:"},
		{"no relay", "server: x\nrelay: false", ""},
		{"bad nick", "server: x\nnick: 'a b'", "nick:"},
		{"nick with line end", "server: x\nnick: \"a\\r\\nQUIT\"", "nick:"},
		{"bad channel", "server: x\nnick: cw\nautojoin: [{name: go}]", "autojoin:"},
		{"channel list", "server: x\nnick: cw\nautojoin: [{name: '#a,#b'}]", "autojoin:"},
		{"bad key", "server: x\nnick: cw\nautojoin: [{name: '#a', key: 'x y'}]", "autojoin: #a:"},
		{"autojoin without relay", "server: x\nrelay: false\nautojoin: [{name: '#a'}]", "autojoin:"},
		{"charset", "server: x\nnick: cw\ncharset: klingon", "charset:"},
		{"raw lines", "server: x\nnick: cw\non_connect: [\"a\\nb\"]", "on_connect:"},
		{"ca without tls", "server: x\nnick: cw\ntls: false\ntls_ca: x.pem", "tls:"},
		{"ca without verification", "server: x\nnick: cw\ntls_verify: false\ntls_ca: x.pem", "tls_verify:"},
		{"sasl without password", "server: x\nnick: cw\nsasl: {login: cw}", "sasl:"},
		{"flood", "server: x\nnick: cw\nflood: {lines: -1}", "flood:"},
		{"unknown key", "server: x\nnick: cw\nport: 1", "port"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := New(network.Options{ID: "irc.test", Decode: decodeYAML(tt.yaml)})
			switch {
			case tt.want == "" && err != nil:
				t.Error(err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("error %v, want one that names %q", err, tt.want)
			}
		})
	}
}

func TestServers(t *testing.T) {
	s, err := check(Config{Server: "a.example", Servers: []string{"b.example:7000", "::1"}, Nick: "cw"})
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(s.addrs, " "); got != "a.example:6697 b.example:7000 [::1]:6697" {
		t.Errorf("servers %s", got)
	}
	if s.Name != "a.example" {
		t.Errorf("name %q", s.Name)
	}
}

func TestCasemap(t *testing.T) {
	for _, tt := range []struct {
		m        casemap
		in, want string
	}{
		{rfc1459, "Nick[A]\\^", "nick{a}|~"}, {"", "[", "{"}, {strictRFC1459, "[^", "{^"}, {ascii, "Nick[A]É", "nick[a]É"}, {"rfc7613", "É", "é"},
	} {
		if got := tt.m.fold(tt.in); got != tt.want {
			t.Errorf("%s: %q became %q, want %q", tt.m, tt.in, got, tt.want)
		}
	}
}

func TestNames(t *testing.T) {
	for _, nick := range []string{"", "a b", "a\r\nQUIT", "a\x00", ":a", "#a", "a,b", "a!b", "a@b", "*", "1a", "-a", "+a", "@a", "a\n", strings.Repeat("a", 200), "a\xff"} {
		if checkNick(nick) == nil {
			t.Errorf("%q passes for a nick", nick)
		}
	}
	for _, nick := range []string{"a", "[x]^_`{|}-1", "zoë", "Ünï"} {
		if err := checkNick(nick); err != nil {
			t.Error(err)
		}
	}
	for _, ch := range []string{"", "#", "go", "#a b", "#a,#b", "#a\r\nQUIT", "#\x07", "# "} {
		if checkChannel(ch, "") == nil {
			t.Errorf("%q passes for a channel", ch)
		}
	}
	for _, ch := range []string{"#go", "##c", "&local", "!x", "#ünï"} {
		if err := checkChannel(ch, ""); err != nil {
			t.Error(err)
		}
	}
}

func TestISupport(t *testing.T) {
	s := newISupport()
	s.take([]string{"PREFIX=(qaohv)~&@%+", "CHANTYPES=#", "STATUSMSG=@+", "CASEMAPPING=ascii", "NETWORK=My\\x20Net", "LINELEN=2048", "TOPICLEN=100", "CHATHISTORY=50", "MSGREFTYPES=msgid,timestamp", "TARGMAX=NAMES:1,JOIN:4,PRIVMSG:", "CHANMODES=eIbq,k,flj,CF", "EXCEPTS", "NICKLEN=x"})
	if s.network != "My Net" || s.casemap != ascii || s.lineLen != 2048 || s.topicLen != 100 || s.history != 50 || !s.msgids || s.maxJoin != 4 || s.listArgs != "eIbqk" || s.setArgs != "flj" {
		t.Errorf("%+v", s)
	}
	for signs, want := range map[string]int{"": 0, "+": 10, "%+": 40, "@+": 50, "&@": 75, "~": 90} {
		if got := s.level(signs); got != want {
			t.Errorf("level of %q is %d, want %d", signs, got, want)
		}
	}
	if s.channel("&x") || !s.channel("#x") || s.channel("") {
		t.Error("CHANTYPES is not kept")
	}
}

func TestBucket(t *testing.T) {
	now := time.Unix(1000, 0)
	b := newBucket(Flood{Lines: 2, Burst: 3}, now)
	for i := range 3 {
		if wait := b.take(now, 1); wait != 0 {
			t.Fatalf("line %d of the burst waits %v", i, wait)
		}
	}
	wait := b.take(now, 1)
	if wait < 400*time.Millisecond || wait > 600*time.Millisecond {
		t.Fatalf("the line after the burst waits %v, want about 500ms", wait)
	}
	if now = now.Add(wait); b.take(now, 1) != 0 {
		t.Fatal("after the wait it still waits")
	}
	now = now.Add(time.Hour)
	if b.take(now, 10) != 0 {
		t.Fatal("a batch larger than the bucket must pass when it is full")
	}
	if wait := b.take(now, 1); wait < 3*time.Second {
		t.Fatalf("a large batch is paid back, and the next line waits only %v", wait)
	}
}

func TestJoinLines(t *testing.T) {
	var todo []*channel
	for i := range 60 {
		ch := &channel{name: "#channel-with-a-long-name-" + strings.Repeat("x", i%10)}
		if i%7 == 0 {
			ch.key = "key"
		}
		todo = append(todo, ch)
	}
	seen := 0
	for _, line := range joinLines(todo, 0) {
		data, err := encodeLine(nil, "JOIN", line...)
		if err != nil || len(data) > 512 {
			t.Errorf("%v, %d bytes: %s", err, len(data), data)
		}
		names := strings.Split(line[0], ",")
		seen += len(names)
		if len(line) == 2 && len(strings.Split(line[1], ",")) > len(names) {
			t.Errorf("more keys than channels: %q", line)
		}
	}
	if seen != 60 {
		t.Errorf("%d channels in the lines, want 60", seen)
	}
	if got := len(joinLines(todo[:10], 4)); got != 3 {
		t.Errorf("10 channels, 4 in a line: %d lines, want 3", got)
	}
}

func TestNetsplit(t *testing.T) {
	for reason, want := range map[string]bool{
		"irc.a.net irc.b.net": true, "*.net *.split": true, "Quit: a.b c.d": false, "bye bye": false, "see http://a.b c.d": false, "a.b": false, "Ok. Bye.": false,
	} {
		if got := netsplit(reason); got != want {
			t.Errorf("netsplit(%q) = %v", reason, got)
		}
	}
}

func TestSubstitution(t *testing.T) {
	for _, tt := range []struct{ old, now, want string }{
		{"I like teh cat", "I like the cat", "s/teh/the/"},
		{"one two three four five", "one 2 3 four five", "s/two three/2 3/"},
		{"a b a", "a b c", ""}, // which a?
		{"hello", "hullo", ""}, // the text itself is shorter
		{"path /x here it is", "path /y here it is", ""},
		{"one", "one two", ""},
		{"a completely other text", "nothing of it is left", ""},
	} {
		if got := substitution(tt.old, tt.now); got != tt.want {
			t.Errorf("%q → %q: %q, want %q", tt.old, tt.now, got, tt.want)
		}
	}
}

func TestErrorLine(t *testing.T) {
	for text, want := range map[string]network.Kind{
		"Closing Link: x (Throttled: Reconnecting too fast)":   network.RateLimited,
		"Closing Link: x (K-Lined: spam)":                      network.LoggedOut,
		"Closing Link: x (Too many connections from your IP)":  network.RateLimited,
		"Closing Link: x (Killed (oper (go away)))":            network.RateLimited,
		"Closing Link: x (Excess Flood)":                       network.RateLimited,
		"Closing Link: x (Bad Password)":                       network.LoggedOut,
		"Closing Link: x (Ping timeout: 120 seconds)":          network.Unavailable,
		"Closing Link: x (You are banned from this server: x)": network.LoggedOut,
	} {
		err := errorLine(text)
		if network.KindOf(err) != want {
			t.Errorf("%q: kind %s, want %s", text, network.KindOf(err), want)
		}
		if want == network.RateLimited && network.WaitOf(err) == 0 {
			t.Errorf("%q: no time to wait", text)
		}
	}
}

// FuzzLine: whatever a server sends is a message or nothing, and whatever we
// make of it is one line.
func FuzzLine(f *testing.F) {
	for _, line := range []string{
		":bob!u@h PRIVMSG #a :hi", "@time=2020-01-01T00:00:00.000Z;msgid=x :bob!u@h PRIVMSG #a :\x01ACTION x\x01", "PING :x", "",
		":srv 005 me PREFIX=(ov)@+ CHANTYPES=# :are supported", ":srv 353 me = #a :@a +b c!u@h", "@batch=1 :a!b@c PRIVMSG #a x",
		":bob!u@h MODE #a +okl-v bob key 5 x", "BATCH +1 draft/multiline #a", "BATCH -1", ":me!u@h JOIN #a * :x", ":x KICK", ":x!y@z NICK", "FAIL CHATHISTORY",
		":\xff\xfe!x@y PRIVMSG #a :caf\xe9", "@+typing=active :bob!u@h TAGMSG #a", ":s 433 * a :in use", ":s CAP * LS * :a=b c",
	} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		s := fuzzSession(t)
		m, ok := s.wire.parse(line)
		if !ok {
			return
		}
		_ = s.handle(t.Context(), &m) // it must not panic
		for {
			data, _, _ := s.out.next(time.Unix(1<<40, 0))
			if data == nil {
				break
			}
			if n := strings.Count(string(data), "\n"); n != 1 || !strings.HasSuffix(string(data), "\r\n") || strings.Contains(string(data), "\x00") {
				t.Fatalf("%q makes us send %q", line, data)
			}
		}
		if data, err := encodeLine(nil, "PRIVMSG", m.Params...); err == nil && strings.Count(string(data), "\n") != 1 {
			t.Fatalf("%q is sent as %q", m.Params, data)
		}
	})
}
