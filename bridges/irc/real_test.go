package irc

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/network"
)

// realServer starts a real IRC server on loopback and returns its address.
func realServer(t *testing.T, program string, config func(dir, port string) (text string, args []string)) string {
	t.Helper()
	if _, err := os.Stat(program); err != nil {
		t.Skipf("%s is not installed: apt-get install %s", program, filepath.Base(program))
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(addr)
	dir := t.TempDir()
	file := filepath.Join(dir, "server.conf")
	text, args := config(file, port)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, args...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // SIGTERM makes inspircd 3 dump core
		_ = cmd.Wait()
	})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for {
		if c, err := net.Dial("tcp", addr); err == nil {
			_ = c.Close()
			return addr
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			t.Fatalf("%s does not listen", program)
		}
	}
}

func inspircd(file, port string) (string, []string) {
	mods := ""
	for _, m := range strings.Fields("cap ircv3 ircv3_accounttag ircv3_batch ircv3_capnotify ircv3_chghost ircv3_ctctags ircv3_echomessage ircv3_invitenotify ircv3_labeledresponse ircv3_msgid ircv3_servertime services_account") {
		mods += `<module name="` + m + `">` + "\n"
	}
	return `<server name="insp.test" description="t" network="Test"><admin name="a" nick="a" email="a@test">
<bind address="127.0.0.1" port="` + port + `" type="clients">
` + mods + `<connect name="all" allow="*" timeout="30" pingfreq="120" commandrate="100000" fakelag="no" threshold="1000" localmax="5000" globalmax="5000" resolvehostnames="no" useident="no">
<dns server="127.0.0.1" timeout="1"><options casemapping="ascii" defaultmodes="not"><files motd="/dev/null">`,
		[]string{"--config=" + file, "--nofork", "--runasroot", "--nopid", "--nolog"}
}

func ngircd(file, port string) (string, []string) {
	return "[Global]\nName = ng.test\nInfo = t\nListen = 127.0.0.1\nPorts = " + port + "\nAdminInfo1 = a\nServerUID = irc\nServerGID = irc\n" +
		"[Limits]\nMaxConnectionsIP = 0\nMaxJoins = 100\nMaxNickLength = 30\nMaxPenaltyTime = 0\n" +
		"[Options]\nDNS = no\nIdent = no\nPAM = no\n", []string{"-n", "-f", file}
}

// TestRealServers plays a conversation of two people through real servers.
func TestRealServers(t *testing.T) {
	t.Run("inspircd", func(t *testing.T) { conversation(t, realServer(t, "/usr/sbin/inspircd", inspircd), true) })
	t.Run("ngircd", func(t *testing.T) { conversation(t, realServer(t, "/usr/sbin/ngircd", ngircd), false) })
}

// realPerson is a client of a real server with a nick of its own.
func realPerson(t *testing.T, addr, nick string) *core {
	t.Helper()
	conn, err := New(network.Options{ID: "irc.test", Decode: decodeYAML(fmt.Sprintf(
		"server: %s\ntls: false\nnick: %s\nflood: {lines: 100000, burst: 1000}\nmax_lines: 20", addr, nick))})
	if err != nil {
		t.Fatal(err)
	}
	c := &core{t: t, conn: conn.(*Connector), changed: make(chan struct{}), values: map[string][]byte{}, cursors: map[string][]byte{}, pages: map[string]network.Page{}}
	c.conn.now = quick()
	c.login = *conn.Info().Relay
	return c
}

func conversation(t *testing.T, addr string, ids bool) {
	words, err := realPerson(t, addr, "probe").conn.Probe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Log(words)
	bob := realPerson(t, addr, "bob").online("#real")
	alice := realPerson(t, addr, "alice")
	alice.chats = []network.ChatKey{{ID: "#real"}}
	r := alice.online()
	bob.member("#real", "alice", network.Joined)
	sent := r.must("#real", network.Text("hello from alice, żółć"))
	if m := bob.message("hello from alice, żółć"); m.Sender != "alice" || ids && (len(sent.Parts[0]) != 1 || sent.Parts[0][0] != m.ID) {
		t.Errorf("sent %+v, arrived %+v", sent, m)
	}
	emote := network.Text("waves")
	emote.Parts[0].Style = network.Emote
	r.must("#real", emote)
	if m := bob.message("waves"); m.Parts[0].Style != network.Emote {
		t.Errorf("an emote arrives as %+v", m)
	}
	r.must("bob", network.Text("psst"))
	if m := bob.message("psst"); m.Chat.ID != "alice" {
		t.Errorf("a direct message arrives in %v", m.Chat)
	}
	long := strings.Repeat("é", 1000)
	r.must("#real", network.Text(long))
	bob.until("the long text", func() bool {
		var got strings.Builder
		for _, ev := range bob.events {
			if m, ok := ev.(*network.Message); ok && m.Sender == "alice" && strings.HasPrefix(m.Parts[0].Text.String(), "é") {
				got.WriteString(m.Parts[0].Text.String())
			}
		}
		return got.String() == long
	})
	conversationOps(t, bob, r)
	_, err = r.send("nobody", network.Text("hi"))
	wantKind(t, err, network.Rejected, "nobody here has this nick")
	_, err = r.send("#real", network.Text("still here"))
	if err != nil {
		t.Error(err)
	}
	bob.forget()
	r.stop()
	if m := bob.member("#real", "alice", network.Left); !strings.Contains(m.Reason, "Leaving") {
		t.Errorf("alice leaves with %+v", m)
	}
	bob.stop()
}

func conversationOps(t *testing.T, bob, r *running) {
	topic := "a new topic: żółć"
	if err := bob.ops.EditChat(t.Context(), "#real", network.OutgoingChat{Topic: &topic}); err != nil {
		t.Error(err)
	}
	event(r.core, "the topic", func(e *network.ChatChange) bool { return *e.Topic == topic })
	members, _, err := r.ops.Members(t.Context(), "#real", "")
	if err != nil || len(members) != 2 {
		t.Errorf("members %+v, error %v", members, err)
	}
	found, err := r.ops.Search(t.Context(), "real", 5)
	if err != nil || !slices.ContainsFunc(found, func(f network.Found) bool { return f.Name == "#real" && f.Members == 2 }) {
		t.Errorf("found %+v, error %v", found, err)
	}
	if u, err := r.ops.User(t.Context(), "bob"); err != nil || u.Name != "bob" {
		t.Errorf("user %+v, error %v", u, err)
	}
	if _, err := r.ops.User(t.Context(), "nobody"); network.KindOf(err) != network.Rejected {
		t.Errorf("an unknown user: %v", err)
	}
	if err := bob.ops.SetMember(t.Context(), "#real", network.Member{User: "alice", Membership: network.Left, Reason: "out"}); err != nil {
		t.Error(err)
	}
	event(r.core, "the kick", func(e *network.ChatClosed) bool { return strings.Contains(e.Reason, "out") })
	if _, err := r.ops.Join(t.Context(), "#real"); err != nil {
		t.Error(err)
	}
	r.forget()
	if err := bob.ops.SetMember(t.Context(), "#real", network.Member{User: "alice", Membership: network.Banned, Reason: "out"}); err != nil {
		t.Error(err)
	}
	event(r.core, "the ban", func(e *network.ChatClosed) bool { return e.Chat.ID == "#real" })
	_, err = r.ops.Join(t.Context(), "#real")
	wantKind(t, err, network.Rejected, "banned")
	if err := bob.ops.Leave(t.Context(), "#real", "moving"); err != nil {
		t.Error(err)
	}
	if _, err := r.ops.Join(t.Context(), "#real key"); err != nil {
		t.Error(err)
	}
	if _, err := bob.ops.Join(t.Context(), "#real"); err != nil {
		t.Error(err)
	}
}
