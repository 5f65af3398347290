package matrix

import (
	"net/http"
	"testing"

	mt "github.com/causeway-chat/causeway/bridgekit/matrixtest"
)

// noting keeps the headers of requests for the server's versions.
type noting struct {
	http.RoundTripper
	seen []http.Header
}

func (n *noting) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Path == "/_matrix/client/versions" {
		n.seen = append(n.seen, r.Header.Clone())
	}
	return n.RoundTripper.RoundTrip(r)
}

// Synapse refuses a request with an Authorization header that holds no token, also
// where it needs none.
func TestNoEmptyToken(t *testing.T) {
	w := newWorld(t, mt.Options{})
	n := &noting{RoundTripper: w.hs.Transport()}
	w.opts.Transport = n
	if _, err := w.restart().Probe(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(n.seen) == 0 {
		t.Fatal("nobody asked for versions")
	}
	for _, h := range n.seen {
		if a, ok := h["Authorization"]; ok {
			t.Errorf("Authorization: %q", a)
		}
	}
}
