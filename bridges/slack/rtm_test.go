package slack

import (
	"testing"

	"github.com/causeway-chat/causeway/bridges/slack/slackfake"
)

// TestBrowsersSocket: where Slack has no rtm.connect any more, a person's session has its
// events from where browsers have them.
func TestBrowsersSocket(t *testing.T) {
	w := newWorld(t, slackfake.Config{NoRTM: true})
	c := newCore(t, w.connector(""), w.personLogin())
	c.run()
	w.Say(w.main, w.bob, "hello")
	c.wait("bob's words", func() bool { return len(c.texts(w.main)) == 1 })
	w.SetPresence(w.bob, false)
	c.appears(w.bob, false, "")
	if w.Calls("rtm.connect") != 1 || w.Sessions(w.carol) != 1 || len(w.Unknown()) > 0 {
		t.Errorf("%d calls of rtm.connect, %d sockets, unknown %v", w.Calls("rtm.connect"), w.Sessions(w.carol), w.Unknown())
	}
}

func TestGateway(t *testing.T) {
	for base, want := range map[string]string{
		defaultAPI:                   "wss://wss-primary.slack.com/?batch_presence_aware=1&gateway_server=T1-1&slack_client=desktop&token=xoxc-1",
		"https://slack-gov.com/api/": "wss://wss-primary.slack-gov.com/?batch_presence_aware=1&gateway_server=T1-1&slack_client=desktop&token=xoxc-1",
		"http://127.0.0.1:1/api/":    "ws://127.0.0.1:1/?batch_presence_aware=1&gateway_server=T1-1&slack_client=desktop&token=xoxc-1",
	} {
		acc := &account{api: &api{base: base, cred: credentials{Token: "xoxc-1"}}, identity: identity{TeamID: "T1"}}
		if got, err := acc.gateway(); err != nil || got != want {
			t.Errorf("%s gives %s, %v", base, got, err)
		}
	}
}
