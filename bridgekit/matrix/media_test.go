package matrix

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"maunium.net/go/mautrix/id"

	mt "github.com/causeway-chat/causeway/bridgekit/matrixtest"
)

// noise makes n bytes without holding them.
func noise(n int64) io.Reader { return io.LimitReader(&pattern{}, n) }

// A pattern repeats every 251 bytes, so that shifted blocks differ.
type pattern struct{ at int }

func (p *pattern) Read(b []byte) (int, error) {
	for done := 0; done < len(b); {
		n := copy(b[done:], block[p.at:])
		p.at, done = (p.at+n)%len(block), done+n
	}
	return len(b), nil
}

var block = func() (b [251 * 256]byte) {
	for i := range b {
		b[i] = byte(i % 251)
	}
	return b
}()

func sumOf(r io.Reader) string {
	h := sha256.New()
	if _, err := io.Copy(h, r); err != nil {
		return err.Error()
	}
	return hex.EncodeToString(h.Sum(nil))
}

// peak runs f and returns how far the heap grew meanwhile.
func peak(f func()) uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	before, most := m.HeapAlloc, uint64(0)
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				if m.HeapAlloc > before {
					most = max(most, m.HeapAlloc-before)
				}
			}
		}
	}()
	f()
	close(stop)
	<-done
	return most
}

// 200 MB each way, over a socket, of known and of unknown size.
func TestMediaStreams(t *testing.T) {
	const size, allowed = 200 << 20, 32 << 20
	w := newWorld(t, mt.Options{MaxUpload: 1 << 30})
	server := httptest.NewServer(w.hs.Handler())
	defer server.Close()
	w.opts.URL, w.opts.Transport = server.URL, nil
	w.h = w.restart()
	want := sumOf(noise(size))
	for name, said := range map[string]int64{"known": size, "unknown": -1} {
		grew := peak(func() {
			uri, err := w.h.Upload(t.Context(), w.ghost, Upload{Name: "a.bin", MIME: "x/y", Size: said, Body: noise(size)})
			w.must(err)
			m, ok := w.hs.Media(uri.String())
			if !ok || m.Size != size || m.SHA256 != want || m.ContentType != "x/y" || m.Filename != "a.bin" || m.Uploader != string(w.ghost) {
				t.Errorf("%s: media %+v", name, m)
			}
		})
		if grew > allowed {
			t.Errorf("upload of %s size took %d MB of memory", name, grew>>20)
		}
	}
	if w.h.Spool().Used() != 0 {
		t.Errorf("spool holds %d bytes", w.h.Spool().Used())
	}
	mxc := w.alice.UploadStream("b.bin", "x/z", size, func() io.Reader { return noise(size) })
	grew := peak(func() {
		d, err := w.h.Download(t.Context(), id.MustParseContentURI(mxc))
		w.must(err)
		if d.Size != size || d.MIME != "x/z" || d.Name != "b.bin" {
			t.Errorf("download %+v", d)
		}
		if sumOf(d.Body) != want {
			t.Error("other content")
		}
		w.must(d.Body.Close())
	})
	if grew > allowed {
		t.Errorf("download took %d MB of memory", grew>>20)
	}
}

func TestUploadLimits(t *testing.T) {
	w := newWorld(t, mt.Options{MaxUpload: 3 << 20})
	w.must(w.h.EnsureGhost(t.Context(), w.ghost))
	limit, err := w.h.MaxUpload(t.Context())
	if err != nil || limit != 3<<20 {
		t.Fatalf("limit %d, %v", limit, err)
	}
	w.counts()
	_, err = w.h.Upload(t.Context(), w.ghost, Upload{Size: 62 << 20, Body: noise(1)})
	w.wantKind(err, TooLarge)
	if s := UserText(err); !strings.Contains(s, "62 MB") || !strings.Contains(s, "3.0 MB") {
		t.Errorf("the refusal says %q", s)
	}
	_, err = w.h.Upload(t.Context(), w.ghost, Upload{Size: -1, Body: noise(1 << 40)})
	w.wantKind(err, TooLarge)
	if n := total(w.counts()); n != 0 || w.h.Spool().Used() != 0 {
		t.Errorf("%d requests, %d bytes spooled", n, w.h.Spool().Used())
	}
	for _, size := range []int64{0, 1, 3 << 20} {
		uri, err := w.h.Upload(t.Context(), w.ghost, Upload{Size: size, Body: noise(size)})
		w.must(err)
		if m, ok := w.hs.Media(uri.String()); !ok || m.Size != size {
			t.Errorf("size %d became %+v", size, m)
		}
	}
}

// A source that fails is not the homeserver's fault.
func TestUploadSource(t *testing.T) {
	w := newWorld(t, mt.Options{})
	for name, u := range map[string]Upload{
		"breaks":         {Size: 1 << 20, Body: io.MultiReader(noise(1000), errReader{})},
		"breaks spooled": {Size: -1, Body: io.MultiReader(noise(1000), errReader{})},
		"short":          {Size: 1 << 20, Body: noise(1000)},
	} {
		_, err := w.h.Upload(t.Context(), w.ghost, u)
		w.wantKind(err, Unknown)
		if name != "short" && !errors.Is(err, errTest) || name == "short" && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if !w.h.Up() || w.h.Spool().Used() != 0 {
		t.Errorf("up %v, %d bytes spooled", w.h.Up(), w.h.Spool().Used())
	}
}

type errReader struct{}

func (errReader) Read([]byte) (int, error) { return 0, errTest }

// Nothing moves: both directions end after a minute.
func TestMediaStalls(t *testing.T) {
	virtual(t, mt.Options{}, func(w *world) {
		w.must(w.h.EnsureGhost(w.Context(), w.ghost))
		_, err := w.h.MaxUpload(w.Context())
		w.must(err)
		pr, pw := io.Pipe()
		defer func() { _ = pw.Close() }()
		start := time.Now()
		_, err = w.h.Upload(w.Context(), w.ghost, Upload{Size: 5, Body: pr})
		w.wantKind(err, Unsure)
		if d := time.Since(start); d != mediaStall || !errors.Is(err, errStalled) {
			w.Errorf("upload ended after %v: %v", d, err)
		}
		mxc := w.alice.Upload("a", "x/y", []byte("hello"))
		w.failAll(mt.RouteDownload, mt.Fault{Hang: true})
		start = time.Now()
		_, err = w.h.Download(w.Context(), id.MustParseContentURI(mxc))
		if d := time.Since(start); d != mediaStall || !errors.Is(err, errStalled) {
			w.Errorf("download ended after %v: %v", d, err)
		}
		w.hs.Faults.Set(nil)
	})
}

// What moves slowly may be slow: a reader that pauses, a source that drips.
func TestMediaSlow(t *testing.T) {
	virtual(t, mt.Options{}, func(w *world) {
		mxc := w.alice.Upload("a", "x/y", bytes.Repeat([]byte("x"), 200_000))
		d, err := w.h.Download(w.Context(), id.MustParseContentURI(mxc))
		w.must(err)
		n, err := io.ReadFull(d.Body, make([]byte, 10))
		w.must(err)
		time.Sleep(10 * mediaStall)
		rest, err := io.Copy(io.Discard, d.Body)
		if err != nil || int64(n)+rest != 200_000 {
			w.Errorf("read %d and %d, %v", n, rest, err)
		}
		w.must(d.Body.Close())

		uri, err := w.h.Upload(w.Context(), w.ghost, Upload{Size: 3, Body: &dripping{left: 3}})
		w.must(err)
		if m, ok := w.hs.Media(uri.String()); !ok || m.Size != 3 {
			w.Errorf("media %+v", m)
		}
	})
}

// dripping gives a byte every 35 seconds.
type dripping struct{ left int }

func (d *dripping) Read(p []byte) (int, error) {
	if d.left == 0 {
		return 0, io.EOF
	}
	time.Sleep(35 * time.Second)
	d.left--
	return copy(p, "x"), nil
}

func TestDownloadErrors(t *testing.T) {
	w := newWorld(t, mt.Options{})
	mxc := id.MustParseContentURI(w.alice.Upload("a", "x/y", bytes.Repeat([]byte("x"), 100_000)))
	_, err := w.h.Download(t.Context(), id.ContentURI{Homeserver: "test", FileID: "nothing"})
	w.wantKind(err, NotFound)
	w.failOnce(mt.RouteDownload, mt.Fault{CutAfter: 70_000})
	d, err := w.h.Download(t.Context(), mxc)
	w.must(err)
	if n, err := io.Copy(io.Discard, d.Body); err == nil || n != 70_000 || KindOf(err) != Unsure || errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a broken download gave %d bytes and %v", n, err)
	}
	w.must(d.Body.Close())
	ctx, cancel := context.WithCancel(t.Context())
	d, err = w.h.Download(ctx, mxc)
	w.must(err)
	cancel()
	_ = d.Body.Close()
}

// Only servers from before v1.11 are asked on the old path.
func TestDownloadLegacy(t *testing.T) {
	for _, c := range []struct {
		versions []string
		without  []string
		legacy   bool
	}{
		{[]string{"v1.2"}, nil, true},
		{[]string{"v1.10", "r0.6.1"}, []string{mt.RouteDownload}, true},
		{[]string{"v1.11"}, []string{mt.RouteDownload}, false},
	} {
		w := newWorld(t, mt.Options{Versions: c.versions, Without: c.without})
		var legacy atomic.Int32
		w.opts.Transport = roundTripper(func(r *http.Request) (*http.Response, error) {
			if strings.HasPrefix(r.URL.Path, "/_matrix/media/v3/download/") {
				legacy.Add(1)
				return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader("hello")), Request: r}, nil
			}
			return w.hs.Transport().RoundTrip(r)
		})
		w.h = w.restart()
		d, err := w.h.Download(t.Context(), id.MustParseContentURI(w.alice.Upload("a", "x/y", []byte("hello"))))
		if (legacy.Load() > 0) != c.legacy {
			t.Errorf("%v: legacy %d", c.versions, legacy.Load())
		}
		if err == nil {
			_ = d.Body.Close()
		} else if c.legacy {
			t.Errorf("%v: %v", c.versions, err)
		}
	}
}

func TestSpool(t *testing.T) {
	s := newSpool(filepath.Join(t.TempDir(), "new"), 1000)
	a, err := s.Take(t.Context(), strings.NewReader("hello"), 0)
	if err != nil {
		t.Fatal(err)
	}
	if a.Size != 5 || hex.EncodeToString(a.SHA256[:]) != sumOf(strings.NewReader("hello")) || s.Used() != 5 {
		t.Errorf("spooled %d bytes, %x, used %d", a.Size, a.SHA256, s.Used())
	}
	if names, _ := os.ReadDir(s.dir); len(names) != 0 {
		t.Errorf("the file has a name: %v", names)
	}
	for range 2 {
		if b, err := io.ReadAll(a); err != nil || string(b) != "hello" {
			t.Errorf("read %q, %v", b, err)
		}
		if _, err := a.Seek(0, io.SeekStart); err != nil {
			t.Fatal(err)
		}
	}
	_, err = s.Take(t.Context(), noise(998), 0)
	if KindOf(err) != RateLimited || WaitOf(err) == 0 {
		t.Errorf("full spool: %v", err)
	}
	_, err = s.Take(t.Context(), noise(1001), 0)
	if KindOf(err) != TooLarge {
		t.Errorf("larger than the spool: %v", err)
	}
	_, err = s.Take(t.Context(), noise(11), 10)
	if KindOf(err) != TooLarge {
		t.Errorf("larger than wanted: %v", err)
	}
	for range 2 {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	}
	if s.Used() != 0 {
		t.Errorf("used %d", s.Used())
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Take(ctx, noise(1), 0); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestSpoolClean(t *testing.T) {
	s := newSpool(t.TempDir(), 0)
	now := time.Now()
	for name, age := range map[string]time.Duration{"spool-old": 2 * staleSpool, "spool-new": 0, "other": 2 * staleSpool} {
		p := filepath.Join(s.dir, name)
		if err := os.WriteFile(p, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(p, now.Add(-age), now.Add(-age)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.clean(now); err != nil {
		t.Fatal(err)
	}
	left, _ := filepath.Glob(filepath.Join(s.dir, "*"))
	if len(left) != 2 || strings.Contains(strings.Join(left, " "), "spool-old") {
		t.Errorf("left: %v", left)
	}
	if err := newSpool(filepath.Join(s.dir, "missing"), 0).clean(now); err != nil {
		t.Errorf("no folder: %v", err)
	}
}

func TestMegabytes(t *testing.T) {
	for n, want := range map[int64]string{1: "1 KB", 2048: "2 KB", 1536 << 10: "1.5 MB", 62 << 20: "62 MB", 62<<20 + 1: "63 MB"} {
		if got := megabytes(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}
