package slack

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"testing"

	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridges/slack/slackfake"
)

func TestIsPublic(t *testing.T) {
	for ip, want := range map[string]bool{
		"8.8.8.8": true, "2a00:1450::1": true, "127.0.0.1": false, "10.0.0.1": false, "192.168.1.1": false, "172.16.0.1": false,
		"169.254.169.254": false, "100.64.0.1": false, "0.0.0.0": false, "224.0.0.1": false, "::1": false, "fe80::1": false, "fd00::1": false,
		"64:ff9b::7f00:1": false, "255.255.255.255": false,
	} {
		if got := isPublic(netip.MustParseAddr(ip)); got != want {
			t.Errorf("%s is public: %v, want %v", ip, got, want)
		}
	}
}

// TestPublicStaysOutside asks for a picture on a server of our own net.
func TestPublicStaysOutside(t *testing.T) {
	asked := false
	inside := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked = true }))
	defer inside.Close()
	u, err := url.Parse(inside.URL)
	if err != nil {
		t.Fatal(err)
	}
	_, err = (&Connector{}).fetchPublic(t.Context(), &account{api: &api{base: defaultAPI}}, u)
	if network.KindOf(err) != network.Rejected || asked {
		t.Errorf("a server inside was asked: %v, with the outcome %v", asked, err)
	}
}

func TestIsSlack(t *testing.T) {
	for address, want := range map[string]bool{
		"https://files.slack.com/x": true, "https://slack.com/x": true, "https://emoji.slack-edge.com/x": true, "https://api.test/y": true,
		"http://files.slack.com/x": false, "https://slack.com.evil.example/x": false, "https://evilslack.com/x": false, "http://api.test/y": false,
	} {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		if got := isSlack("https://api.test/api/", u); got != want {
			t.Errorf("%s is Slack: %v, want %v", address, got, want)
		}
	}
}

// TestRedirectsStayOnSlack: neither a file nor a picture of Slack's leads our requests,
// and what is secret in them, to another place.
func TestRedirectsStayOnSlack(t *testing.T) {
	asked := false
	inside := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked = true }))
	defer inside.Close()
	slack := httptest.NewServer(http.RedirectHandler(inside.URL, http.StatusFound))
	defer slack.Close()
	conn, err := New(network.Options{ID: "slack.test", Decode: decodeYAML("api: " + slack.URL + "/api/")})
	if err != nil {
		t.Fatal(err)
	}
	c := conn.(*Connector)
	a := c.newAPI(credentials{Kind: kindPerson, Token: "xoxc-secret", Cookie: "xoxd-secret"})
	defer a.close()
	u, err := url.Parse(slack.URL + "/files-pri/T0-F0/cat.png")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.download(t.Context(), u, "image/png"); network.KindOf(err) != network.Rejected {
		t.Errorf("a file elsewhere: %v", err)
	}
	if _, err := c.fetchPublic(t.Context(), &account{api: a}, u); network.KindOf(err) != network.Rejected {
		t.Errorf("a picture elsewhere: %v", err)
	}
	if asked {
		t.Error("a server that is not Slack's was asked")
	}
}

// TestFileOfADeadLogin: that a login was ended does not mean that there is no file.
func TestFileOfADeadLogin(t *testing.T) {
	w := newWorld(t, slackfake.Config{})
	ts := w.Upload(w.main, w.bob, "", slackfake.File{Name: "a.bin", Mime: "application/octet-stream", Content: []byte("bytes")})
	files, _ := w.Message(w.main, ts)["files"].([]any)
	file, _ := files[0].(slackfake.JSON)
	address, _ := file["url_private"].(string)
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	var cred credentials
	if err := json.Unmarshal(w.personLogin().Data, &cred); err != nil {
		t.Fatal(err)
	}
	a := w.connector("").newAPI(cred)
	defer a.close()
	body, err := a.download(t.Context(), u, "application/octet-stream")
	if err != nil {
		t.Fatal(err)
	}
	_ = body.Close()
	w.Revoke(cred.Token)
	if _, err := a.download(t.Context(), u, "application/octet-stream"); network.KindOf(err) != network.LoggedOut {
		t.Errorf("the file of a login that was ended: %v", err)
	}
}
