package slackfake

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// upload takes a file's bytes, as the body or as the file of a form.
func (s *Server) upload(w http.ResponseWriter, r *http.Request) {
	f, fault := s.transfer(w, r, "upload", r.PathValue("id"))
	if f == nil {
		return
	}
	defer s.wg.Done()
	body := io.Reader(r.Body)
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind == "multipart/form-data" {
		parts, err := r.MultipartReader()
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		part, err := parts.NextPart()
		for err == nil && part.FileName() == "" {
			part, err = parts.NextPart()
		}
		if err != nil {
			http.Error(w, "no file", http.StatusBadRequest)
			return
		}
		body = part
	}
	var kept bytes.Buffer
	sum := sha256.New()
	n, err := io.Copy(sum, io.TeeReader(body, &capped{&kept, s.cfg.Keep}))
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil || n != f.want {
		http.Error(w, fmt.Sprintf("%d bytes came, not %d", n, f.want), http.StatusBadRequest)
		return
	}
	f.here, f.Size = true, n
	sum.Sum(f.sum[:0])
	f.Content = nil
	if n <= s.cfg.Keep {
		f.Content = kept.Bytes()
	}
	s.happened()
	if fault != nil && fault.Lost {
		lose(w)
		return
	}
	_, _ = fmt.Fprintf(w, "OK - %d", n) // the client may be gone
}

// capped keeps the first bytes only.
type capped struct {
	to   *bytes.Buffer
	left int64
}

func (c *capped) Write(p []byte) (int, error) {
	n := min(int64(len(p)), c.left)
	c.to.Write(p[:n])
	c.left -= n
	return len(p), nil
}

// transfer finds the file of a transfer, and does what a fault does before. Unless
// it is nil, Done has to be called on wg.
func (s *Server) transfer(w http.ResponseWriter, r *http.Request, what, id string) (*file, *Fault) {
	if !s.enter() {
		http.Error(w, "down", http.StatusServiceUnavailable)
		return nil, nil
	}
	s.mu.Lock()
	s.calls[what]++
	fault := s.fault(what)
	f := s.files[id]
	s.happened()
	s.mu.Unlock()
	if s.before(w, r, fault) {
		s.wg.Done()
		return nil, nil
	}
	if f == nil {
		http.Error(w, "no such file", http.StatusNotFound)
		s.wg.Done()
		return nil, nil
	}
	return f, fault
}

// download gives a file's bytes to who may see it; to others it shows the page for
// signing in, as Slack does, with status 200.
func (s *Server) download(w http.ResponseWriter, r *http.Request) {
	_, id, _ := strings.Cut(r.PathValue("id"), "-")
	f, fault := s.transfer(w, r, "download", id)
	if f == nil {
		return
	}
	defer s.wg.Done()
	s.mu.Lock()
	t, err := s.authorise(r, "")
	ok := err == nil && !f.gone && t.has("files:read") && s.maySee(t, f)
	content, size, kind, name := f.Content, f.Size, f.Mime, f.Name
	s.mu.Unlock()
	if f.Mode == "quip" { // a canvas
		kind = "text/html; charset=utf-8"
	}
	if !ok {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, "<!DOCTYPE html><html><head><title>Slack</title></head><body>Sign in to your workspace</body></html>") // the client may be gone
		return
	}
	w.Header().Set("Content-Type", kind)
	if fault != nil && fault.Lost { // half of it
		w.Header().Set("Content-Length", strconv.FormatInt(size, 10))
		_, _ = io.CopyN(w, source(content, size), size/2)
		panic(http.ErrAbortHandler)
	}
	if content != nil {
		http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(content))
		return
	}
	w.Header().Set("Content-Length", strconv.FormatInt(size, 10))
	_, _ = io.Copy(w, source(nil, size)) // the client may be gone
}

// source are the bytes of a file; those of a made-up one are all the same.
func source(content []byte, size int64) io.Reader {
	if content != nil {
		return bytes.NewReader(content)
	}
	return io.LimitReader(same{}, size)
}

type same struct{}

func (same) Read(p []byte) (int, error) {
	const some = 4096
	block := strings.Repeat("x", some)
	for n := 0; n < len(p); n += some {
		copy(p[n:], block)
	}
	return len(p), nil
}

// Picture serves something to everybody, as avatars and emoji are, and returns its
// URL.
func (s *Server) Picture(kind string, content []byte) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := s.id("P")
	s.pictures[id] = picture{kind, content}
	return s.URL() + "/pictures/" + id
}

type picture struct {
	kind    string
	content []byte
}

func (s *Server) picture(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	p, ok := s.pictures[r.PathValue("id")]
	s.mu.Unlock()
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", p.kind)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(p.content))
}
