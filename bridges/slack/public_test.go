package slack

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"testing"

	"github.com/causeway-chat/causeway/bridgekit/network"
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
