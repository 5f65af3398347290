package matrix

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

const (
	spoolPrefix  = "spool-"
	defaultSpool = 4 << 30
	// staleSpool is the age from which a file in the spool is a leftover:
	// nothing waits there that long, not even for another process.
	staleSpool = 24 * time.Hour
	// spoolWait is how long to wait when the spool is full.
	spoolWait = 10 * time.Second
)

// A Spool is a folder where files wait whose length or hash is needed before
// they are sent on. All files together stay below a cap. A file has no name
// while it is used, so a killed process leaves nothing behind (where the system
// cannot unlink open files, clean finds it a day later).
type Spool struct {
	dir string
	max int64

	mu   sync.Mutex // guards used
	used int64      // bytes of all open files
}

func newSpool(dir string, limit int64) *Spool {
	if dir == "" {
		dir = filepath.Join(os.TempDir(), "causeway-spool")
	}
	if limit <= 0 {
		limit = defaultSpool
	}
	return &Spool{dir: dir, max: limit}
}

// Used is how many bytes the files in use take.
func (s *Spool) Used() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.used
}

// A Spooled is a file in the spool, at its beginning. Close removes it.
type Spooled struct {
	Size   int64
	SHA256 [sha256.Size]byte

	spool *Spool
	file  *os.File
	once  sync.Once
}

// Read reads the file.
func (f *Spooled) Read(p []byte) (int, error) { return f.file.Read(p) }

// Seek sets where Read reads.
func (f *Spooled) Seek(offset int64, whence int) (int64, error) { return f.file.Seek(offset, whence) }

// Close removes the file and frees its bytes. It may be called again.
func (f *Spooled) Close() error {
	var err error
	f.once.Do(func() {
		err = f.file.Close()
		if rm := os.Remove(f.file.Name()); rm != nil && !errors.Is(rm, os.ErrNotExist) {
			err = errors.Join(err, rm)
		}
		f.spool.free(f.Size)
	})
	return err
}

var _ io.ReadSeekCloser = (*Spooled)(nil)

// Take copies r into the spool. limit is the largest size of interest, 0 for
// none. TooLarge: r is longer than limit or than the whole spool. RateLimited:
// the spool is full of other files. An error of r comes back wrapped, with kind
// Unknown.
func (s *Spool) Take(ctx context.Context, r io.Reader, limit int64) (*Spooled, error) {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return nil, &Error{Op: "spool", Err: err, Remedy: "make the spool folder " + s.dir + " writable"}
	}
	file, err := os.CreateTemp(s.dir, spoolPrefix)
	if err != nil {
		return nil, &Error{Op: "spool", Err: err, Remedy: "make the spool folder " + s.dir + " writable"}
	}
	// Where this fails (Windows), Close removes it.
	_ = os.Remove(file.Name())
	f := &Spooled{spool: s, file: file}
	if err := f.fill(ctx, r, limit); err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

// fill copies r and leaves the file at its beginning.
func (f *Spooled) fill(ctx context.Context, r io.Reader, limit int64) error {
	sum := sha256.New()
	buf := make([]byte, 64<<10)
	for {
		if err := ctx.Err(); err != nil {
			return &Error{Kind: Unsure, Op: "spool", Err: err}
		}
		n, readErr := r.Read(buf)
		if err := f.add(sum, buf[:n], limit); err != nil {
			return err
		}
		if errors.Is(readErr, io.EOF) {
			break
		}
		if readErr != nil {
			return &Error{Op: "spool", Err: fmt.Errorf("read source: %w", readErr)}
		}
	}
	sum.Sum(f.SHA256[:0])
	if _, err := f.file.Seek(0, io.SeekStart); err != nil {
		return &Error{Op: "spool", Err: err}
	}
	return nil
}

func (f *Spooled) add(sum hash.Hash, p []byte, limit int64) error {
	if limit > 0 && f.Size+int64(len(p)) > limit {
		return tooLarge("spool", -1, limit)
	}
	if f.Size+int64(len(p)) > f.spool.max {
		return tooLarge("spool", -1, f.spool.max)
	}
	if !f.spool.grow(int64(len(p))) {
		return &Error{Kind: RateLimited, Op: "spool", Wait: spoolWait, User: "many files are on their way; this one waits",
			Err: fmt.Errorf("spool is full (%d bytes)", f.spool.max)}
	}
	f.Size += int64(len(p))
	if _, err := f.file.Write(p); err != nil {
		return &Error{Op: "spool", Err: err, Remedy: "free space on the disk of " + f.spool.dir}
	}
	_, _ = sum.Write(p) // a hash does not fail
	return nil
}

func (s *Spool) grow(n int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.used+n > s.max {
		return false
	}
	s.used += n
	return true
}

func (s *Spool) free(n int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used -= n
}

// clean removes what an earlier process left.
func (s *Spool) clean(now time.Time) error {
	entries, err := os.ReadDir(s.dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var failed error
	for _, e := range entries {
		if !e.Type().IsRegular() || !strings.HasPrefix(e.Name(), spoolPrefix) {
			continue
		}
		info, err := e.Info()
		if err != nil || now.Sub(info.ModTime()) < staleSpool {
			continue // gone meanwhile, or another process's
		}
		if err := os.Remove(filepath.Join(s.dir, e.Name())); err != nil && !errors.Is(err, os.ErrNotExist) {
			failed = errors.Join(failed, err)
		}
	}
	return failed
}

// tooLarge is the refusal of a file, with both sizes if both are known.
func tooLarge(op string, size, limit int64) *Error {
	user := "this file is larger than " + megabytes(limit) + ", which is the most that is possible here"
	if size >= 0 {
		user = "this file is " + megabytes(size) + ", the homeserver takes " + megabytes(limit)
	}
	return &Error{Kind: TooLarge, Op: op, User: user, Err: fmt.Errorf("size %d, limit %d", size, limit)}
}

// megabytes writes a size for people.
func megabytes(n int64) string {
	switch {
	case n < 1<<20:
		return fmt.Sprintf("%d KB", (n+1023)>>10)
	case n < 10<<20:
		return fmt.Sprintf("%.1f MB", float64(n)/(1<<20))
	}
	return fmt.Sprintf("%d MB", (n+1<<20-1)>>20)
}
