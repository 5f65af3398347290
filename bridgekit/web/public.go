package web

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"maunium.net/go/mautrix/id"

	"github.com/causeway-chat/causeway/bridgekit/matrix"
	"github.com/causeway-chat/causeway/bridgekit/matrix/crypt"
	"github.com/causeway-chat/causeway/bridgekit/network"
	"github.com/causeway-chat/causeway/bridgekit/store"
)

const (
	defaultDownloads = 16
	idLength         = 32               // hexadecimal digits
	longestName      = 100              // bytes
	writeStall       = 30 * time.Second // a reader that takes nothing for so long is cut off
	slowestReader    = 16 << 10         // bytes per second, on average; slower ones are cut off
	longestCache     = time.Hour
)

// Pages finds published pages; [store.DB] does.
type Pages interface {
	// Page finds a page that has not expired; false if there is none.
	Page(ctx context.Context, id string) (store.Page, bool, error)
}

// Media opens media of the homeserver; [matrix.Homeserver] does.
type Media interface {
	// Download streams a medium. Its errors are of matrix's kinds.
	Download(ctx context.Context, uri id.ContentURI) (*matrix.Download, error)
}

var (
	_ Pages = (*store.DB)(nil)
	_ Media = (*matrix.Homeserver)(nil)
)

// PublicOptions configure Public. Pages, Media and Log are required.
type PublicOptions struct {
	Pages Pages
	Media Media
	Log   *slog.Logger
	// Visits are the networks' own, see network.Visitable.
	Visits map[network.NetworkID]http.Handler
	// Downloads is how many media may stream at a time; default 16.
	Downloads int
}

// NewID is the public ID of what key names: 32 hexadecimal digits that nobody
// can guess without the secret, and always the same for the same key
// (HMAC-SHA256, RFC 2104, cut to 128 bits).
func NewID(secret []byte, key string) string {
	h := hmac.New(sha256.New, secret)
	h.Write([]byte("page\x00" + key))
	return hex.EncodeToString(h.Sum(nil)[:idLength/2])
}

// Link is the address of a page below the public base URL. The name is for
// people and made safe; it may be empty.
func Link(baseURL, id, name string) string {
	return strings.TrimSuffix(baseURL, "/") + "/p/" + id + "/" + url.PathEscape(safeName(name))
}

// safeName makes a file name of any text: one part of a path, printable, without
// characters that reorder the text around them, at most 100 bytes.
func safeName(s string) string {
	s = path.Base(strings.ReplaceAll(strings.ToValidUTF8(s, ""), `\`, "/"))
	s = strings.Map(func(r rune) rune {
		switch {
		case strings.ContainsRune(`/:*?"<>|;%#&`, r):
			return '_'
		case !unicode.IsPrint(r): // also drops line breaks and the marks of bidirectional text
			return -1
		}
		return r
	}, s)
	s = strings.Trim(s, " .")
	if len(s) > longestName {
		ext := path.Ext(s)
		if len(ext) > 12 {
			ext = ""
		}
		cut := s[:longestName-len(ext)]
		for !utf8.ValidString(cut) {
			cut = cut[:len(cut)-1]
		}
		s = strings.TrimRight(cut, " .") + ext
	}
	if s == "" {
		return "file"
	}
	return s
}

// public serves links.
type public struct {
	opts  PublicOptions
	slots chan struct{} // one for each running download
}

// Public serves GET and HEAD of /p/{id}/{name}: published documents, and media
// streamed from the homeserver with our token, which nobody sees; and below
// /net/{network} what networks and their sign-ins call. Everything else is not found. Nothing it serves can run scripts in our origin.
func Public(o PublicOptions) http.Handler {
	if o.Downloads <= 0 {
		o.Downloads = defaultDownloads
	}
	p := &public{opts: o, slots: make(chan struct{}, o.Downloads)}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /p/{id}", p.page)
	mux.HandleFunc("GET /p/{id}/{name}", p.page)
	for n, h := range o.Visits {
		at := network.VisitsPath(n)
		mux.Handle(at+"/", http.StripPrefix(at, h))
	}
	mux.HandleFunc("GET /robots.txt", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "User-agent: *\nDisallow: /\n") // the reader has gone
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		plain(w, r, http.StatusNotFound, "There is nothing here.")
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		guard(w.Header())
		mux.ServeHTTP(w, r)
	})
}

// guard sets what every answer has: no sniffing of types, no scripts, no frames,
// no referrers, no search engines (Content Security Policy 3; the policy is that
// of the Matrix spec for media, 10.9, without plug-ins).
func guard(h http.Header) {
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'; frame-ancestors 'none'")
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Robots-Tag", "noindex, nofollow, noarchive")
}

// plain answers in words.
func plain(w http.ResponseWriter, r *http.Request, status int, words string) {
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Del("Content-Disposition")
	h.Set("Content-Length", strconv.Itoa(len(words)+1))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = io.WriteString(w, words+"\n") // the reader has gone
	}
}

const gone = "There is nothing here, or the link has expired."

func (p *public) page(w http.ResponseWriter, r *http.Request) {
	pageID := r.PathValue("id")
	if !wellFormed(pageID) {
		plain(w, r, http.StatusNotFound, gone)
		return
	}
	page, ok, err := p.opts.Pages.Page(r.Context(), pageID)
	if err != nil {
		p.opts.Log.Error("find page", "err", err)
		plain(w, r, http.StatusServiceUnavailable, "This does not work right now. Try again later.")
		return
	}
	left := time.Until(page.Until)
	if !ok || left <= 0 {
		plain(w, r, http.StatusNotFound, gone)
		return
	}
	w.Header().Set("Cache-Control", fmt.Sprintf("private, no-transform, max-age=%d", int(min(left, longestCache).Seconds())))
	if page.Media != "" {
		p.medium(w, r, page)
		return
	}
	describe(w.Header(), page.MIME, page.Name)
	w.Header().Set("Content-Length", strconv.Itoa(len(page.Data)))
	if r.Method == http.MethodHead {
		return
	}
	if err := deadline(w, int64(len(page.Data))); err != nil {
		p.opts.Log.Debug("set deadline", "err", err)
	}
	_, _ = w.Write(page.Data) // the reader has gone
}

// wellFormed reports whether s can be an ID of NewID.
func wellFormed(s string) bool {
	return len(s) == idLength && strings.Trim(s, "0123456789abcdef") == ""
}

// medium streams a medium. HEAD asks the homeserver nothing: a length is not
// known then (RFC 9110, 9.3.2).
func (p *public) medium(w http.ResponseWriter, r *http.Request, page store.Page) {
	if r.Method == http.MethodHead {
		describe(w.Header(), page.MIME, page.Name)
		return
	}
	uri, err := id.ParseContentURI(page.Media)
	if err != nil || uri.IsEmpty() {
		p.opts.Log.Error("page with a bad media URI", "err", err)
		plain(w, r, http.StatusNotFound, gone)
		return
	}
	select {
	case p.slots <- struct{}{}:
		defer func() { <-p.slots }()
	default:
		w.Header().Set("Retry-After", "10")
		plain(w, r, http.StatusServiceUnavailable, "Too many files are being fetched at once. Try again in a moment.")
		return
	}
	d, err := p.opts.Media.Download(r.Context(), uri)
	if err != nil {
		p.unavailable(w, r, err)
		return
	}
	defer func() { _ = d.Body.Close() }() // it was read or is given up
	kind := page.MIME
	if kind == "" {
		kind = d.MIME
	}
	describe(w.Header(), kind, page.Name)
	if d.Size >= 0 {
		w.Header().Set("Content-Length", strconv.FormatInt(d.Size, 10))
	}
	if len(page.Data) > 0 { // it is as long in clear
		clear, err := crypt.DecryptFile(page.Data, d.Body)
		if err != nil {
			p.opts.Log.Error("page with a bad key", "err", err)
			plain(w, r, http.StatusNotFound, gone)
			return
		}
		d.Body = clear
	}
	if err := stream(w, d); err != nil {
		p.opts.Log.Info("a download ended early", "err", err)
		// The status is sent; only a broken connection tells the reader that
		// the file is not whole.
		panic(http.ErrAbortHandler)
	}
}

// unavailable says why a medium does not come.
func (p *public) unavailable(w http.ResponseWriter, r *http.Request, err error) {
	status, words := http.StatusBadGateway, "The file cannot be fetched right now. Try again later."
	switch matrix.KindOf(err) {
	case matrix.NotFound:
		plain(w, r, http.StatusNotFound, gone)
		return
	case matrix.Down, matrix.RateLimited, matrix.Unsure:
		status = http.StatusServiceUnavailable
		w.Header().Set("Retry-After", "60")
	}
	if !errors.Is(err, context.Canceled) {
		p.opts.Log.Warn("open medium for a link", "err", err)
	}
	plain(w, r, status, words)
}

// stream copies a download to the reader, who has to keep taking it.
func stream(w http.ResponseWriter, d *matrix.Download) error {
	c := http.NewResponseController(w)
	end := time.Time{}
	if d.Size >= 0 {
		end = time.Now().Add(2*writeStall + time.Duration(d.Size/slowestReader)*time.Second)
	}
	var sent int64
	buf := make([]byte, 64<<10)
	for {
		n, err := d.Body.Read(buf)
		if n > 0 {
			by := time.Now().Add(writeStall)
			if !end.IsZero() && end.Before(by) {
				by = end
			}
			if err := c.SetWriteDeadline(by); err != nil && !errors.Is(err, http.ErrNotSupported) {
				return fmt.Errorf("set deadline: %w", err)
			}
			if _, err := w.Write(buf[:n]); err != nil {
				return fmt.Errorf("write: %w", err)
			}
			sent += int64(n)
		}
		switch {
		case errors.Is(err, io.EOF) && d.Size >= 0 && sent < d.Size:
			return fmt.Errorf("read: %w after %d of %d bytes", io.ErrUnexpectedEOF, sent, d.Size)
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("read: %w", err)
		}
	}
}

// deadline gives a reader the time that size bytes take at the slowest.
func deadline(w http.ResponseWriter, size int64) error {
	err := http.NewResponseController(w).SetWriteDeadline(time.Now().Add(writeStall + time.Duration(size/slowestReader)*time.Second))
	if errors.Is(err, http.ErrNotSupported) {
		return nil
	}
	return err
}

// describe sets type and disposition. Only what a browser shows without running
// anything is inline; all else is a file of unknown type.
func describe(h http.Header, kind, name string) {
	kind, _, err := mime.ParseMediaType(kind)
	how := "attachment"
	switch {
	case err != nil || !shown(kind):
		kind = "application/octet-stream"
	case kind == "text/plain":
		how, kind = "inline", "text/plain; charset=utf-8"
	default:
		how = "inline"
	}
	h.Set("Content-Type", kind)
	h.Set("Content-Disposition", mime.FormatMediaType(how, map[string]string{"filename": safeName(name)}))
}

// shown reports whether browsers show a type safely.
func shown(kind string) bool {
	switch kind {
	case "text/plain",
		"image/png", "image/jpeg", "image/gif", "image/webp", "image/avif", "image/apng",
		"audio/mpeg", "audio/ogg", "audio/mp4", "audio/aac", "audio/webm", "audio/wav", "audio/x-wav", "audio/flac",
		"video/mp4", "video/webm", "video/ogg", "video/quicktime":
		return true
	}
	return false
}
