package matrixtest_test

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"github.com/causeway-chat/causeway/bridgekit/matrixtest"
)

// endless is a pattern without end, made while it is read.
type endless struct {
	block [1 << 16]byte
	at    int
}

func newEndless() *endless {
	e := &endless{}
	for i := range e.block {
		e.block[i] = byte(i >> 3)
	}
	return e
}

func (e *endless) Read(p []byte) (int, error) {
	n := copy(p, e.block[e.at:])
	e.at = (e.at + n) % len(e.block)
	return n, nil
}

func content(n int64) io.Reader { return io.LimitReader(newEndless(), n) }

func sumOf(r io.Reader) string {
	h := sha256.New()
	_, _ = io.Copy(h, r)
	return hex.EncodeToString(h.Sum(nil))
}

func (r *rig) media(method, path string, body io.Reader, length int64) (*http.Response, error) {
	req, err := http.NewRequestWithContext(r.t.Context(), method, "http://hs.invalid"+path, body)
	if err != nil {
		r.t.Fatal(err)
	}
	if length != 0 {
		req.ContentLength = length
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "image/png")
	return r.Transport().RoundTrip(req)
}

// TestBigMedia moves 64 MiB each way in little memory.
func TestBigMedia(t *testing.T) {
	const size = 64 << 20
	r := newRig(t, matrixtest.Options{MaxUpload: size})
	resp, err := r.media("POST", as("/_matrix/media/v3/upload", ghost), content(size), -1)
	if err != nil || resp.StatusCode != 200 {
		t.Fatalf("upload: %v %v", resp, err)
	}
	answer, _ := io.ReadAll(resp.Body)
	mxc := strings.Split(string(answer), `"`)[3]
	m, ok := r.Media(mxc)
	if want := sumOf(content(size)); !ok || m.Size != size || m.SHA256 != want || m.Data != nil || m.Uploader != ghost {
		t.Errorf("stored %+v", m)
	}
	if resp, _ := r.media("GET", strings.Replace(mxc, "mxc:/", "/_matrix/client/v1/media/download", 1), nil, 0); resp.StatusCode != 404 {
		t.Errorf("content that was not kept: %d", resp.StatusCode)
	}

	mxc = r.CreateUser("alice", "").UploadStream("film.bin", "video/mp4", size, func() io.Reader { return content(size) })
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	resp, err = r.media("GET", strings.Replace(mxc, "mxc:/", "/_matrix/client/v1/media/download", 1), nil, 0)
	if err != nil || resp.ContentLength != size {
		t.Fatalf("download: %v %v", resp, err)
	}
	defer resp.Body.Close()
	if m, _ := r.Media(mxc); sumOf(resp.Body) != m.SHA256 {
		t.Error("another content came back")
	}
	runtime.ReadMemStats(&after)
	if got := after.TotalAlloc - before.TotalAlloc; got > 8<<20 {
		t.Errorf("a download allocated %d bytes", got)
	}
}

func TestMedia(t *testing.T) {
	r := newRig(t, matrixtest.Options{MaxUpload: 100, KeepMedia: 50})
	alice := r.CreateUser("alice", "")
	mxc := alice.Upload("a b.png", "image/png", []byte("pixels"))
	path := strings.Replace(mxc, "mxc:/", "/_matrix/client/v1/media/download", 1)
	for p, name := range map[string]string{path: `inline; filename="a b.png"`, path + "/other.png": `inline; filename=other.png`} {
		resp, err := r.media("GET", p, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		if string(body) != "pixels" || resp.Header.Get("Content-Type") != "image/png" || resp.Header.Get("Content-Disposition") != name {
			t.Errorf("%q %v", body, resp.Header)
		}
	}
	thumb := strings.Replace(path, "download", "thumbnail", 1)
	if resp, _ := r.media("GET", thumb+"?width=8&height=8", nil, 0); resp.StatusCode != 200 {
		t.Errorf("thumbnail: %d", resp.StatusCode)
	}
	for name, length := range map[string]int64{"told": 101, "not told": -1} {
		resp, err := r.media("POST", "/_matrix/media/v3/upload", content(101), length)
		if err != nil || resp.StatusCode != http.StatusRequestEntityTooLarge {
			t.Errorf("too large, %s: %v %v", name, resp, err)
		}
	}
	if m, _ := r.Media(alice.Upload("", "", []byte(strings.Repeat("x", 60)))); m.Data != nil || m.Size != 60 {
		t.Errorf("more than is kept: %+v", m)
	}
	if n := r.ok(token, "GET", "/_matrix/client/v1/media/config", nil)["m.upload.size"]; n != 100.0 {
		t.Errorf("upload size %v", n)
	}
	// Later uploads.
	mxc = r.ok(token, "POST", as("/_matrix/media/v1/create", ghost), nil)["content_uri"].(string)
	later := strings.Replace(mxc, "mxc:/", "/_matrix/client/v1/media/download", 1)
	if resp, _ := r.media("GET", later, nil, 0); resp.StatusCode != http.StatusGatewayTimeout {
		t.Errorf("not yet uploaded: %d", resp.StatusCode)
	}
	put := strings.Replace(mxc, "mxc:/", "/_matrix/media/v3/upload", 1)
	for i, want := range []int{403, 200, 409} {
		user := []string{bot, ghost, ghost}[i]
		if resp, _ := r.media("PUT", as(put, user), strings.NewReader("x"), 0); resp.StatusCode != want {
			t.Errorf("upload %d: %d, want %d", i, resp.StatusCode, want)
		}
	}
	// A download that breaks.
	r.Faults.Set(func(c matrixtest.Call) matrixtest.Fault {
		return matrixtest.Fault{CutAfter: 3}
	})
	resp, err := r.media("GET", path, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	if body, err := io.ReadAll(resp.Body); string(body) != "pix" || err == nil {
		t.Errorf("cut: %q %v", body, err)
	}
}
