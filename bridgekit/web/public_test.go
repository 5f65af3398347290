package web

import (
	"context"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/matrix"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/store"
)

var secret = []byte("0123456789abcdef")

type rig struct {
	*httptest.Server
	pages *pages
	media *media
	log   *buffer
}

func newRig(t *testing.T, downloads int, all ...store.Page) *rig {
	t.Helper()
	r := &rig{pages: &pages{byID: map[string]store.Page{}}, log: &buffer{}}
	r.media = &media{open: func(context.Context, id.ContentURI) (*matrix.Download, error) {
		return file("PNG", 3, "image/png"), nil
	}}
	for _, p := range all {
		if p.Until.IsZero() {
			p.Until = time.Now().Add(time.Minute)
		}
		r.pages.byID[p.ID] = p
	}
	r.Server = httptest.NewServer(Public(PublicOptions{Pages: r.pages, Media: r.media, Log: logTo(r.log), Downloads: downloads}))
	t.Cleanup(r.Close)
	return r
}

// TestVisits: a network's requests come to its connector, without the path before
// them, and nobody else's do.
func TestVisits(t *testing.T) {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.Method, " ", r.URL) })
	s := httptest.NewServer(Public(PublicOptions{Pages: &pages{}, Media: &media{}, Log: logTo(&buffer{}), Visits: map[network.NetworkID]http.Handler{"slack.acme": h}}))
	t.Cleanup(s.Close)
	a := ask(t, s, "POST", "/net/slack.acme/events?x=1")
	if a.StatusCode != 200 || a.body != "POST /events?x=1" {
		t.Errorf("%s %q", a.Status, a.body)
	}
	if a.Header.Get("X-Content-Type-Options") != "nosniff" {
		t.Error("the answer has no guard")
	}
	for _, path := range []string{"/net/slack.other/events", "/net/slack.acmes/events", "/net/"} {
		if a := ask(t, s, "GET", path); a.StatusCode != 404 {
			t.Errorf("%s: %s", path, a.Status)
		}
	}
}

func TestDocument(t *testing.T) {
	pageID := NewID(secret, "a")
	s := newRig(t, 0, store.Page{ID: pageID, Name: "långtext.txt", MIME: "text/plain", Data: []byte("the whole text\n")})
	for _, path := range []string{"/p/" + pageID + "/l%C3%A5ngtext.txt", "/p/" + pageID + "/other", "/p/" + pageID} {
		a := ask(t, s.Server, "GET", path)
		if a.StatusCode != 200 || a.body != "the whole text\n" {
			t.Fatalf("%s: %s %q", path, a.Status, a.body)
		}
	}
	get := ask(t, s.Server, "GET", "/p/"+pageID+"/x")
	head := ask(t, s.Server, "HEAD", "/p/"+pageID+"/x")
	if head.StatusCode != 200 || head.body != "" {
		t.Errorf("HEAD: %s %q", head.Status, head.body)
	}
	for name, want := range map[string]string{
		"Content-Type":                 "text/plain; charset=utf-8",
		"Content-Length":               "15",
		"X-Content-Type-Options":       "nosniff",
		"Referrer-Policy":              "no-referrer",
		"Cross-Origin-Resource-Policy": "cross-origin",
		"X-Robots-Tag":                 "noindex, nofollow, noarchive",
	} {
		for _, a := range []answer{get, head} {
			if got := a.Header.Get(name); got != want {
				t.Errorf("%s %s: got %q, want %q", a.Request.Method, name, got, want)
			}
		}
	}
	csp := get.Header.Get("Content-Security-Policy")
	for _, want := range []string{"sandbox;", "default-src 'none'"} {
		if !strings.Contains(csp, want) {
			t.Errorf("no %q in policy %q", want, csp)
		}
	}
	how, params, err := mime.ParseMediaType(get.Header.Get("Content-Disposition"))
	if err != nil || how != "inline" || params["filename"] != "långtext.txt" {
		t.Error("disposition", how, params, err)
	}
	age, err := strconv.Atoi(strings.TrimPrefix(get.Header.Get("Cache-Control"), "private, no-transform, max-age="))
	if err != nil || age < 1 || age > 60 {
		t.Errorf("cached for %d s, the page expires in 60 (%v)", age, err)
	}
}

func TestDispositions(t *testing.T) {
	for kind, want := range map[string]string{
		"text/plain;charset=latin1": "inline text/plain; charset=utf-8",
		"image/png":                 "inline image/png",
		"IMAGE/JPEG":                "inline image/jpeg",
		"video/mp4; codecs=x":       "inline video/mp4",
		"audio/ogg":                 "inline audio/ogg",
		"image/svg+xml":             "attachment application/octet-stream",
		"text/html":                 "attachment application/octet-stream",
		"application/javascript":    "attachment application/octet-stream",
		"application/pdf":           "attachment application/octet-stream",
		"text/plain\r\nX: y":        "attachment application/octet-stream",
		"":                          "attachment application/octet-stream",
	} {
		h := http.Header{}
		describe(h, kind, "a.b")
		how, _, err := mime.ParseMediaType(h.Get("Content-Disposition"))
		if got := how + " " + h.Get("Content-Type"); got != want || err != nil {
			t.Errorf("%q: got %q, want %q (%v)", kind, got, want, err)
		}
	}
}

func TestNotFound(t *testing.T) {
	expired := NewID(secret, "old")
	s := newRig(t, 0, store.Page{ID: expired, MIME: "text/plain", Data: []byte("x"), Until: time.Now().Add(-time.Second)})
	for _, path := range []string{
		"/", "/p", "/p/", "/q", "/metrics", "/p/" + expired + "/x", "/p/" + NewID(secret, "none") + "/x",
		"/p/short/x", "/p/" + strings.ToUpper(expired) + "/x", "/p/" + expired[:31] + "%27/x", "/p/" + expired + "/a/b",
	} {
		a := ask(t, s.Server, "GET", path)
		if a.StatusCode != 404 || !strings.HasPrefix(a.body, "There is nothing here") || a.Header.Get("Content-Type") != "text/plain; charset=utf-8" {
			t.Errorf("%s: %s %q", path, a.Status, a.body)
		}
		if a.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: no safe headers", path)
		}
	}
	if a := ask(t, s.Server, "POST", "/p/"+expired+"/x"); a.StatusCode != 404 && a.StatusCode != 405 {
		t.Error("POST:", a.Status)
	}
	for _, asked := range s.pages.asked {
		if !wellFormed(asked) {
			t.Errorf("the store was asked for %q", asked)
		}
	}
	if a := ask(t, s.Server, "GET", "/robots.txt"); a.body != "User-agent: *\nDisallow: /\n" {
		t.Error("robots.txt:", a.body)
	}
	s.pages.err = errFire
	if a := ask(t, s.Server, "GET", "/p/"+expired+"/x"); a.StatusCode != 503 || strings.Contains(a.body, "fire") {
		t.Error("broken store:", a.Status, a.body)
	}
}

func TestMedium(t *testing.T) {
	pageID := NewID(secret, "m")
	s := newRig(t, 0, store.Page{ID: pageID, Name: "cat.png", MIME: "image/png", Media: "mxc://example.org/abc"})
	var uri id.ContentURI
	s.media.open = func(_ context.Context, u id.ContentURI) (*matrix.Download, error) {
		uri = u
		return file("PNG", 3, "text/html"), nil
	}
	head := ask(t, s.Server, "HEAD", "/p/"+pageID+"/cat.png")
	if head.StatusCode != 200 || head.Header.Get("Content-Type") != "image/png" || s.media.opened() != 0 {
		t.Errorf("HEAD: %s, %d downloads", head.Status, s.media.opened())
	}
	get := ask(t, s.Server, "GET", "/p/"+pageID+"/cat.png")
	if get.StatusCode != 200 || get.body != "PNG" || get.ContentLength != 3 || get.Header.Get("Content-Type") != "image/png" {
		t.Errorf("GET: %s %q %d %s", get.Status, get.body, get.ContentLength, get.Header.Get("Content-Type"))
	}
	if uri.String() != "mxc://example.org/abc" {
		t.Error("asked for", uri)
	}
	long := strings.Repeat("PNG", 100_000)
	s.media.open = func(context.Context, id.ContentURI) (*matrix.Download, error) { return file(long, -1, ""), nil }
	if a := ask(t, s.Server, "GET", "/p/"+pageID+"/x"); a.body != long || a.ContentLength != -1 || a.err != nil {
		t.Error("unknown length:", len(a.body), a.ContentLength, a.err)
	}
}

// A file that does not come whole must not look whole.
func TestMediumBreaks(t *testing.T) {
	pageID := NewID(secret, "m")
	for _, size := range []int64{-1, 100} {
		s := newRig(t, 0, store.Page{ID: pageID, MIME: "image/png", Media: "mxc://example.org/abc"})
		s.media.open = func(context.Context, id.ContentURI) (*matrix.Download, error) {
			body := io.MultiReader(strings.NewReader("PNG"), failing{})
			return &matrix.Download{Body: io.NopCloser(body), Size: size}, nil
		}
		if a := ask(t, s.Server, "GET", "/p/"+pageID+"/x"); a.err == nil {
			t.Errorf("size %d: the reader saw a whole file of %d bytes", size, len(a.body))
		}
		if log := s.log.String(); strings.Contains(log, pageID) || strings.Contains(log, "abc") {
			t.Error("the log names the page:", log)
		}
	}
	s := newRig(t, 0, store.Page{ID: pageID, MIME: "image/png", Media: "mxc://example.org/abc"})
	s.media.open = func(context.Context, id.ContentURI) (*matrix.Download, error) { return file("PNG", 4, ""), nil }
	if a := ask(t, s.Server, "GET", "/p/"+pageID+"/x"); a.err == nil {
		t.Error("a short file looks whole")
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errFire }

func TestMediumFails(t *testing.T) {
	pageID := NewID(secret, "m")
	for kind, want := range map[matrix.Kind]int{
		matrix.NotFound: 404, matrix.Down: 503, matrix.Unsure: 503, matrix.RateLimited: 503, matrix.Server: 502, matrix.Auth: 502,
	} {
		s := newRig(t, 0, store.Page{ID: pageID, Name: "cat.png", MIME: "image/png", Media: "mxc://example.org/abc"})
		s.media.open = func(context.Context, id.ContentURI) (*matrix.Download, error) {
			return nil, &matrix.Error{Kind: kind, Op: "download with as_token hunter2"}
		}
		a := ask(t, s.Server, "GET", "/p/"+pageID+"/x")
		if a.StatusCode != want || strings.Contains(fmt.Sprint(a.body, a.Header), "hunter2") || a.Header.Get("Content-Disposition") != "" {
			t.Errorf("%s: %s %q %v", kind, a.Status, a.body, a.Header)
		}
	}
	s := newRig(t, 0, store.Page{ID: pageID, Media: "https://not.mxc"})
	if a := ask(t, s.Server, "GET", "/p/"+pageID+"/x"); a.StatusCode != 404 || s.media.opened() != 0 {
		t.Error("bad URI:", a.Status)
	}
}

func TestDownloadsAreBounded(t *testing.T) {
	pageID := NewID(secret, "m")
	s := newRig(t, 2, store.Page{ID: pageID, MIME: "image/png", Media: "mxc://example.org/abc"})
	started, release := make(chan struct{}), make(chan struct{})
	s.media.open = func(context.Context, id.ContentURI) (*matrix.Download, error) {
		started <- struct{}{}
		<-release
		return file("PNG", 3, ""), nil
	}
	done := make(chan answer)
	for range 2 {
		go func() { done <- ask(t, s.Server, "GET", "/p/"+pageID+"/x") }()
		<-started
	}
	if a := ask(t, s.Server, "GET", "/p/"+pageID+"/x"); a.StatusCode != 503 || a.Header.Get("Retry-After") == "" {
		t.Error("a third download:", a.Status)
	}
	if a := ask(t, s.Server, "HEAD", "/p/"+pageID+"/x"); a.StatusCode != 200 {
		t.Error("HEAD needs no slot:", a.Status)
	}
	close(release)
	for range 2 {
		if a := <-done; a.body != "PNG" {
			t.Error(a.Status, a.body)
		}
	}
	go func() { done <- ask(t, s.Server, "GET", "/p/"+pageID+"/x") }()
	<-started
	if a := <-done; a.body != "PNG" {
		t.Error("after the others have ended:", a.Status)
	}
}

// A reader that takes nothing, or almost nothing, does not keep its slot.
func TestSlowReadersAreCutOff(t *testing.T) {
	w := &slow{ResponseRecorder: httptest.NewRecorder()}
	began := time.Now()
	if err := stream(w, file(strings.Repeat("x", 300_000), 300_000, "")); err != nil {
		t.Fatal(err)
	}
	if len(w.by) < 2 {
		t.Fatal("no deadline for each piece:", w.by)
	}
	latest := began.Add(2*writeStall + 300_000/slowestReader*time.Second + 10*time.Second)
	for _, by := range w.by {
		if by.Before(began) || by.After(latest) {
			t.Error("deadline", by.Sub(began))
		}
	}
}

type slow struct {
	*httptest.ResponseRecorder
	by []time.Time
}

func (s *slow) SetWriteDeadline(t time.Time) error {
	s.by = append(s.by, t)
	return nil
}

func TestNewID(t *testing.T) {
	a := NewID(secret, "a")
	if a != NewID(secret, "a") || !wellFormed(a) {
		t.Error("not the same, or not an ID:", a)
	}
	for _, other := range []string{NewID(secret, "b"), NewID([]byte("another"), "a"), NewID(secret, "")} {
		if other == a {
			t.Error("two keys or secrets give one ID")
		}
	}
}

func TestLink(t *testing.T) {
	for name, want := range map[string]string{
		"cat.png":                         "cat.png",
		"my cat.png":                      "my%20cat.png",
		"../../etc/passwd":                "passwd",
		`C:\temp\a.txt`:                   "a.txt",
		"..":                              "file",
		"":                                "file",
		"a\r\nX: y":                       "aX_%20y",
		"evil\u202egnp.exe":               "evilgnp.exe",
		"<script>?.html#x":                "_script__.html_x",
		"naïve.txt":                       "na%C3%AFve.txt",
		"\xff.txt":                        "txt",
		strings.Repeat("a", 300):          strings.Repeat("a", 100),
		strings.Repeat("é", 300) + ".png": strings.Repeat("%C3%A9", 48) + ".png",
	} {
		if got, want := Link("https://cw.example/", "ID", name), "https://cw.example/p/ID/"+want; got != want {
			t.Errorf("%q: got %s, want %s", name, got, want)
		}
	}
}

func FuzzSafeName(f *testing.F) {
	for _, s := range []string{"a.txt", "../x", "\u202e", "é.é", strings.Repeat("é", 60) + "." + strings.Repeat("x", 11)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n := safeName(s)
		if n == "" || len(n) > longestName || !utf8.ValidString(n) || strings.ContainsAny(n, "/\\\r\n\x00\"") || strings.HasPrefix(n, ".") {
			t.Errorf("%q gives %q", s, n)
		}
		if again := safeName(n); again != n {
			t.Errorf("%q gives %q, and that %q", s, n, again)
		}
	})
}
