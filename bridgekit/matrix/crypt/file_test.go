package crypt

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// TestFile: what is encrypted on its way up is decrypted on its way down, whatever
// pieces it comes in; what was changed is not taken.
func TestFile(t *testing.T) {
	for _, size := range []int{0, 1, 15, 16, 17, 100_000} {
		plain := make([]byte, size)
		rand.Read(plain)
		f := EncryptFile(iotest.HalfReader(bytes.NewReader(plain)))
		early := EncryptFile(bytes.NewReader(plain))
		if _, err := early.Info("mxc://test/x"); (err == nil) != (size == 0) {
			t.Errorf("described before it was read: %v", err)
		}
		secret := make([]byte, size) // not to its end, as who knows its length
		_, err := io.ReadFull(f, secret)
		if err != nil || len(secret) != size || size > 15 && bytes.Equal(secret, plain) {
			t.Fatalf("encrypted %d bytes to %d, %v", size, len(secret), err)
		}
		info, err := f.Info("mxc://test/x")
		if err != nil || FileURL(info) != "mxc://test/x" || strings.Contains(string(info), `"sha256":""`) {
			t.Fatalf("info: %s, %v", info, err)
		}
		closed := false
		r, err := DecryptFile(info, closer{iotest.DataErrReader(bytes.NewReader(secret)), &closed})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(iotest.OneByteReader(r)); err != nil || !bytes.Equal(got, plain) {
			t.Errorf("decrypted to %d bytes, %v", len(got), err)
		}
		if err := r.Close(); err != nil || !closed {
			t.Errorf("close: %v, closed %v", err, closed)
		}
		for _, bad := range [][]byte{append([]byte{1}, secret...), secret[:size/2]} {
			r, err := DecryptFile(info, io.NopCloser(bytes.NewReader(bad)))
			if err != nil {
				t.Fatal(err)
			}
			var u *Unreadable
			if _, err := io.ReadAll(r); !errors.As(err, &u) && !bytes.Equal(bad, secret) {
				t.Errorf("a changed file is taken: %v", err)
			}
			if _, err := r.Read(make([]byte, 1)); errors.Is(err, io.EOF) && !bytes.Equal(bad, secret) {
				t.Error("it is taken the second time")
			}
		}
	}
	broken := errors.New("broken")
	if _, err := io.ReadAll(EncryptFile(iotest.ErrReader(broken))); !errors.Is(err, broken) {
		t.Errorf("a source that fails: %v", err)
	}
	for _, bad := range []string{`{}`, `[]`, `{"v":"v1"}`, `{"v":"v2","key":{"alg":"A256CTR","k":"short"},"iv":"x","hashes":{}}`} {
		var u *Unreadable
		if _, err := DecryptFile(json.RawMessage(bad), io.NopCloser(strings.NewReader(""))); !errors.As(err, &u) {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

type closer struct {
	io.Reader
	closed *bool
}

func (c closer) Close() error { *c.closed = true; return nil }

// TestEncryptFileEnds: who asks again at the end is told again that it is the end.
func TestEncryptFileEnds(t *testing.T) {
	f := EncryptFile(strings.NewReader("a file"))
	if _, err := io.ReadAll(f); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if n, err := f.Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.EOF) {
			t.Errorf("after the end: %d bytes, %v", n, err)
		}
	}
	if _, err := f.Info("mxc://test/file"); err != nil {
		t.Error(err)
	}
}
