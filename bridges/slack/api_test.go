package slack

import (
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
)

// TestPagesThatNeverEnd: an answer that names itself as the next page is an error, and
// does not keep us asking for ever.
func TestPagesThatNeverEnd(t *testing.T) {
	var asked atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		_, _ = w.Write([]byte(`{"ok":true,"channels":[],"messages":[],"response_metadata":{"next_cursor":"again"}}`))
	}))
	defer s.Close()
	a := connectorAt(t, s.URL+"/api/", "").newAPI(credentials{Kind: kindApp, Token: "xoxb-1"})
	defer a.close()
	if err := a.conversations(t.Context(), func(conversation) bool { return true }); err == nil {
		t.Error("the channels came to an end")
	}
	if _, err := a.replies(t.Context(), "C0000000001", "1700000000.000001", ""); err == nil {
		t.Error("the thread came to an end")
	}
	if n := asked.Load(); n != 4 {
		t.Errorf("%d requests, want 2 for each", n)
	}
}

// TestNamesAreUnescaped, as Slack writes them for its own texts.
func TestNamesAreUnescaped(t *testing.T) {
	u := userJSON{ID: "U0000000001"}
	u.Profile.DisplayName = "R&amp;D &lt;bot&gt;"
	if got := u.person().Name; got != "R&D <bot>" {
		t.Errorf("the name is %q", got)
	}
}
