package irc

import (
	"testing"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/network"
	"golang.org/x/text/encoding/charmap"
)

// fuzzSession is a session without a connection, in #a with bob.
func fuzzSession(t *testing.T) *session {
	t.Helper()
	set, err := check(Config{Server: "x", Nick: "me"})
	if err != nil {
		t.Fatal(err)
	}
	c := &core{t: t, values: map[string][]byte{}, cursors: map[string][]byte{}, changed: make(chan struct{})}
	client := &Client{set: set, tune: quick(), login: network.Login{ID: relayID}, id: identity{nick: "me"}, host: c.host(), memory: &memory{}}
	g := &greeting{nick: "me", caps: newCaps(), support: newISupport()}
	for _, name := range []string{capTags, capBatch, capEcho, capLabels, capHistory, capMultiline, "server-time"} {
		g.caps.on[name] = true
	}
	s := newSession(client, &wire{charset: charmap.Windows1252}, g, c, past{seen: map[network.ChatID]seen{}, since: map[network.ChatID]time.Time{}})
	s.chans["#a"] = &channel{name: "#a", in: true, members: map[network.UserID]string{"me": "", "bob": "@"}}
	s.batches["1"] = &batch{kind: "draft/multiline"}
	return s
}
