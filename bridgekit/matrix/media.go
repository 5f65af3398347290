package matrix

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"sync/atomic"
	"time"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/id"
)

const (
	// mediaStall ends a transfer in which nothing moves for so long.
	mediaStall = time.Minute
	// mediaSlowest is the slowest average in bytes per second.
	mediaSlowest = 32 << 10
)

var errStalled = errors.New("nothing moved for a minute")

// An Upload is a file for the homeserver.
type Upload struct {
	Name string
	MIME string // default application/octet-stream
	Size int64  // exact, in bytes; below 0: unknown, so it is spooled first
	// Body is read once and not closed. After an error it may still be read
	// until it is closed; nothing else may use it then.
	Body io.Reader
}

// Upload streams a file to the homeserver as the bot or a ghost (POST
// /_matrix/media/v3/upload). The size is checked before anything is sent:
// TooLarge names both sizes. An error of Body comes back wrapped in one of kind
// Unknown. Whatever fails may be repeated with a new Body: at worst the server
// keeps a file that nobody links to.
func (h *Homeserver) Upload(ctx context.Context, as id.UserID, u Upload) (id.ContentURI, error) {
	if h.IsGhost(as) {
		if err := h.EnsureGhost(ctx, as); err != nil {
			return id.ContentURI{}, err
		}
	}
	limit, err := h.MaxUpload(ctx)
	if err != nil {
		return id.ContentURI{}, err
	}
	if limit > 0 && u.Size > limit {
		return id.ContentURI{}, tooLarge("upload", u.Size, limit)
	}
	if u.Size >= 0 {
		return h.upload(ctx, as, u, limit)
	}
	f, err := h.spool.Take(ctx, u.Body, limit)
	if err != nil {
		return id.ContentURI{}, err
	}
	defer func() { _ = f.Close() }()
	u.Body, u.Size = f, f.Size
	return h.upload(ctx, as, u, limit)
}

// upload sends a file of known size.
func (h *Homeserver) upload(ctx context.Context, as id.UserID, u Upload, limit int64) (id.ContentURI, error) {
	if u.MIME == "" {
		u.MIME = "application/octet-stream"
	}
	query := map[string]string{}
	if u.Name != "" {
		query["filename"] = u.Name
	}
	moving, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	src := &source{r: u.Body, left: u.Size, stall: time.AfterFunc(mediaStall, func() { stop(errStalled) })}
	defer src.end()
	var into mautrix.RespMediaUpload
	err := h.doFor(moving, mediaTimeout(u.Size), as, "upload", func(ctx context.Context, c *mautrix.Client) error {
		req := mautrix.FullRequest{
			Method: http.MethodPost, URL: c.BuildURLWithQuery(mautrix.MediaURLPath{"v3", "upload"}, query),
			Headers:      http.Header{"Content-Type": {u.MIME}},
			ResponseJSON: &into, RequestBody: src, RequestLength: u.Size,
		}
		if u.Size == 0 {
			req.RequestBody, req.RequestBytes = nil, []byte{}
		}
		_, err := c.MakeFullRequest(ctx, req)
		return err
	})
	if srcErr := src.failed(); err != nil && srcErr != nil {
		return id.ContentURI{}, &Error{Op: "upload", Err: fmt.Errorf("read source: %w", srcErr)}
	}
	if KindOf(err) == TooLarge && limit > 0 {
		return id.ContentURI{}, tooLarge("upload", u.Size, limit)
	}
	if err == nil && into.ContentURI.IsEmpty() {
		err = &Error{Kind: Unsure, Op: "upload", Err: errors.New("the answer holds no content URI")}
	}
	return into.ContentURI, err
}

// mediaTimeout is how long a file of a size may take altogether.
func mediaTimeout(size int64) time.Duration {
	return 2*mediaStall + time.Duration(max(size, 0)/mediaSlowest)*time.Second
}

// A source is the body of an upload. It is not closed with the request, never
// read once the upload is over, and knows whether the fault was its own.
type source struct {
	r     io.Reader
	left  int64 // bytes still to come; used by the one reader only
	stall *time.Timer
	ended atomic.Bool
	err   atomic.Pointer[error]
}

// Read reads on. Each call moves the time by which the transfer counts as
// stalled: the server takes data, or the source gives some.
func (s *source) Read(p []byte) (int, error) {
	if s.ended.Load() {
		return 0, http.ErrBodyReadAfterClose
	}
	if s.left == 0 {
		return 0, io.EOF
	}
	s.stall.Reset(mediaStall)
	n, err := s.r.Read(p[:min(int64(len(p)), s.left)])
	if s.ended.Load() {
		return 0, http.ErrBodyReadAfterClose
	}
	s.stall.Reset(mediaStall)
	s.left -= int64(n)
	switch {
	case errors.Is(err, io.EOF) && s.left > 0:
		err = fmt.Errorf("%w: %d bytes are missing", io.ErrUnexpectedEOF, s.left)
		s.err.Store(&err)
	case err != nil && !errors.Is(err, io.EOF):
		s.err.Store(&err)
	}
	return n, err
}

func (s *source) end() {
	s.ended.Store(true)
	s.stall.Stop()
}

func (s *source) failed() error {
	if p := s.err.Load(); p != nil {
		return *p
	}
	return nil
}

// A Download is a file on its way. Close it.
type Download struct {
	Body io.ReadCloser
	Size int64 // -1 if unknown
	MIME string
	Name string // as the uploader called it, "" if the server does not say
}

// Download opens a file as the bot (Client-Server API, authenticated media,
// v1.11). Only a server whose versions lack v1.11 is asked on the old path.
// Reading ends with an error if nothing comes for a minute. NotFound: the server
// does not have it, or not any more.
func (h *Homeserver) Download(ctx context.Context, uri id.ContentURI) (*Download, error) {
	about, err := h.about(ctx)
	if err != nil {
		return nil, err
	}
	if !h.Up() {
		return nil, h.downError("download", nil)
	}
	// The context of the request is that of the body too, so it lives on.
	reading, stop := context.WithCancelCause(ctx)
	stall := time.AfterFunc(mediaStall, func() { stop(errStalled) })
	var resp *http.Response
	err = h.attempt(reading, mediaTimeout(-1), "download", func(context.Context) error {
		c := h.client(h.BotID(), h.opts.ASToken)
		var err error
		_, resp, err = c.MakeFullRequestWithResp(reading, mautrix.FullRequest{
			Method: http.MethodGet, URL: c.BuildURL(downloadPath(about.AuthMedia, uri)), DontReadResponse: true,
		})
		return err
	})
	if err != nil {
		stall.Stop()
		stop(nil)
		return nil, err
	}
	stall.Stop()
	d := &Download{
		Body: &body{rc: resp.Body, stall: stall, stop: stop, ctx: func() error { return context.Cause(reading) }},
		Size: resp.ContentLength, MIME: resp.Header.Get("Content-Type"),
	}
	if _, params, err := mime.ParseMediaType(resp.Header.Get("Content-Disposition")); err == nil {
		d.Name = params["filename"]
	}
	return d, nil
}

func downloadPath(authenticated bool, uri id.ContentURI) mautrix.PrefixableURLPath {
	if authenticated {
		return path("v1", "media", "download", uri.Homeserver, uri.FileID)
	}
	return mautrix.MediaURLPath{"v3", "download", uri.Homeserver, uri.FileID}
}

// A body is a download's content. The stall timer runs only while somebody
// waits for data: a slow reader is not the server's fault.
type body struct {
	rc    io.ReadCloser
	stall *time.Timer
	stop  context.CancelCauseFunc
	ctx   func() error // why the request was cancelled
}

// errBrokenOff is for a file whose end did not come.
var errBrokenOff = errors.New("the connection broke in the middle of the file")

// Read reads on.
func (b *body) Read(p []byte) (int, error) {
	b.stall.Reset(mediaStall)
	n, err := b.rc.Read(p)
	b.stall.Stop()
	if err != nil && !errors.Is(err, io.EOF) {
		if errors.Is(err, io.ErrUnexpectedEOF) {
			err = errBrokenOff // io.ReadFull and others take that for an end
		}
		if cause := b.ctx(); cause != nil {
			err = errors.Join(err, cause)
		}
		return n, &Error{Kind: Unsure, Op: "download", Err: err}
	}
	return n, err
}

// Close ends the request.
func (b *body) Close() error {
	b.stall.Stop()
	err := b.rc.Close()
	b.stop(nil)
	return err
}

// MaxUpload is the largest file in bytes that the server takes, 0 if it sets
// no limit. It is asked once an hour.
func (h *Homeserver) MaxUpload(ctx context.Context) (int64, error) {
	about, err := h.about(ctx)
	if err != nil {
		return 0, err
	}
	return about.MaxUpload, nil
}

// mediaConfig reads the limit from the server.
func (h *Homeserver) mediaConfig(ctx context.Context, authenticated bool) (int64, error) {
	var into struct {
		Size int64 `json:"m.upload.size"`
	}
	var at mautrix.PrefixableURLPath = path("v1", "media", "config")
	if !authenticated {
		at = mautrix.MediaURLPath{"v3", "config"}
	}
	err := h.attempt(ctx, requestTimeout, "read media limits", func(ctx context.Context) error {
		return request(ctx, h.client(h.BotID(), h.opts.ASToken), http.MethodGet, at, nil, nil, &into)
	})
	if KindOf(err) == NotFound {
		return 0, nil
	}
	return into.Size, err
}
