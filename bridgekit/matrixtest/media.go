package matrixtest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// Media is one upload. It is immutable once uploaded.
type Media struct {
	MXC         string // mxc:// URI
	Uploader    string // user ID
	ContentType string
	Filename    string
	Size        int64
	SHA256      string // in hex
	// Data is the content, nil if it was longer than Options.KeepMedia.
	Data []byte

	open    func() io.Reader // makes the content, for User.UploadStream
	pending bool             // created, not yet uploaded
}

// Media returns an upload by its mxc:// URI.
func (hs *Server) Media(mxc string) (Media, bool) {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	m := hs.media[mxc]
	if m == nil || m.pending {
		return Media{}, false
	}
	return *m, true
}

// MediaCount returns how many uploads there were.
func (hs *Server) MediaCount() int {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	return len(hs.media)
}

func (hs *Server) mxc(id string) string { return "mxc://" + hs.opts.Domain + "/" + id }

func (c *call) upload() (any, *Error) {
	c.hs.mu.Lock()
	mxc := c.hs.mxc(c.hs.newToken(""))
	c.hs.mu.Unlock()
	return c.receive(mxc)
}

// createMedia gives out a URI to upload to later.
func (c *call) createMedia() (any, *Error) {
	hs := c.hs
	hs.mu.Lock()
	defer hs.mu.Unlock()
	mxc := hs.mxc(hs.newToken(""))
	hs.media[mxc] = &Media{MXC: mxc, Uploader: c.auth.user.id, pending: true}
	return map[string]any{"content_uri": mxc, "unused_expires_at": hs.nowMS() + 24*3600*1000}, nil
}

func (c *call) uploadTo() (any, *Error) {
	mxc := "mxc://" + c.param("serverName") + "/" + c.param("mediaId")
	c.hs.mu.Lock()
	m := c.hs.media[mxc]
	c.hs.mu.Unlock()
	switch {
	case m == nil:
		return nil, notFound("Unknown media ID")
	case m.Uploader != c.auth.user.id:
		return nil, forbidden("Only the creator of the media ID can upload to it")
	case !m.pending:
		return nil, fail(http.StatusConflict, "M_CANNOT_OVERWRITE_MEDIA", "Media ID already has content")
	}
	return c.receive(mxc)
}

// receive reads a body of any length in little memory.
func (c *call) receive(mxc string) (any, *Error) {
	limit := c.hs.opts.MaxUpload
	tooLarge := fail(http.StatusRequestEntityTooLarge, codeTooLarge, "Upload request body is too large")
	if c.r.ContentLength > limit {
		return nil, tooLarge
	}
	keep := &keeper{hash: sha256.New(), limit: c.hs.opts.KeepMedia}
	n, err := io.Copy(keep, io.LimitReader(c.r.Body, limit+1))
	switch {
	case err != nil:
		return nil, badRequest(codeUnknown, "Request body broke off: %v", err)
	case n > limit:
		return nil, tooLarge
	}
	m := &Media{
		MXC: mxc, Uploader: c.auth.user.id, ContentType: c.r.Header.Get("Content-Type"), Filename: c.query.Get("filename"),
		Size: n, SHA256: hex.EncodeToString(keep.hash.Sum(nil)), Data: keep.kept(),
	}
	setDefault(&m.ContentType, "application/octet-stream")
	c.hs.mu.Lock()
	defer c.hs.mu.Unlock()
	c.hs.media[mxc] = m
	c.hs.changed()
	return map[string]string{"content_uri": mxc}, nil
}

// A keeper hashes everything and keeps what is short.
type keeper struct {
	hash  hash.Hash
	buf   bytes.Buffer
	limit int64
	over  bool
}

func (k *keeper) Write(p []byte) (int, error) {
	if !k.over && int64(k.buf.Len()+len(p)) <= k.limit {
		k.buf.Write(p)
	} else {
		k.over, k.buf = true, bytes.Buffer{}
	}
	return k.hash.Write(p)
}

func (k *keeper) kept() []byte {
	if k.over || k.limit < 0 {
		return nil
	}
	return append([]byte{}, k.buf.Bytes()...)
}

func (c *call) download() (any, *Error) {
	m, err := c.stored()
	if err != nil {
		return nil, err
	}
	name := c.param("fileName")
	setDefault(&name, m.Filename)
	return m.serve(name), nil
}

// thumbnail serves images as they are.
func (c *call) thumbnail() (any, *Error) {
	for _, key := range []string{"width", "height"} {
		if n, err := strconv.Atoi(c.query.Get(key)); err != nil || n <= 0 {
			return nil, badRequest(codeMissingParam, "Missing integer query parameter '%s'", key)
		}
	}
	m, err := c.stored()
	if err != nil {
		return nil, err
	}
	if !strings.HasPrefix(m.ContentType, "image/") {
		return nil, badRequest(codeUnknown, "Cannot find any thumbnails for the requested media")
	}
	return m.serve(""), nil
}

// stored finds the media of a path whose content is there.
func (c *call) stored() (*Media, *Error) {
	c.hs.mu.Lock()
	m := c.hs.media["mxc://"+c.param("serverName")+"/"+c.param("mediaId")]
	c.hs.mu.Unlock()
	switch {
	case m == nil:
		return nil, notFound("Media not found")
	case m.pending:
		return nil, fail(http.StatusGatewayTimeout, "M_NOT_YET_UPLOADED", "Media has not been uploaded yet")
	case m.Data == nil && m.open == nil:
		return nil, notFound("Media not found: its content was not kept")
	}
	return m, nil
}

// serve streams the content.
func (m *Media) serve(name string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		h := w.Header()
		h.Set("Content-Type", m.ContentType)
		h.Set("Content-Length", strconv.FormatInt(m.Size, 10))
		disposition := "attachment"
		if strings.HasPrefix(m.ContentType, "image/") {
			disposition = "inline"
		}
		params := map[string]string{}
		if name != "" {
			params["filename"] = name
		}
		h.Set("Content-Disposition", mime.FormatMediaType(disposition, params))
		w.WriteHeader(http.StatusOK)
		var src io.Reader = bytes.NewReader(m.Data)
		if m.open != nil {
			src = io.LimitReader(m.open(), m.Size)
		}
		_, _ = io.Copy(w, src) // the client went away: nothing to tell it
	}
}

// legacyDownload serves without a token where there is no other way: on a server
// from before authenticated media.
func (c *call) legacyDownload() (any, *Error) {
	if !slices.Contains(c.hs.opts.Versions, "v1.11") {
		return c.download()
	}
	return c.legacyMedia()
}

// legacyMedia refuses downloads without a token, as servers have done since
// authenticated media is frozen in (Matrix v1.11).
func (c *call) legacyMedia() (any, *Error) {
	return nil, notFound("Media is only served by authenticated endpoints")
}

func (c *call) mediaConfig() (any, *Error) {
	return map[string]int64{"m.upload.size": c.hs.opts.MaxUpload}, nil
}

// addStream stores media whose content is made when it is downloaded.
func (hs *Server) addStream(uploader, filename, contentType string, size int64, open func() io.Reader) (string, error) {
	sum := sha256.New()
	n, err := io.Copy(sum, io.LimitReader(open(), size))
	if err != nil {
		return "", fmt.Errorf("read content: %w", err)
	}
	if n != size {
		return "", errors.New("content is shorter than its size")
	}
	hs.mu.Lock()
	defer hs.mu.Unlock()
	m := &Media{
		MXC: hs.mxc(hs.newToken("")), Uploader: uploader, ContentType: contentType, Filename: filename,
		Size: size, SHA256: hex.EncodeToString(sum.Sum(nil)), open: open,
	}
	hs.media[m.MXC] = m
	return m.MXC, nil
}
