package crypt

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"maunium.net/go/mautrix/crypto/attachment"
)

// A FileEncrypter encrypts a file while it is read (Client-Server API, "Sending
// encrypted attachments"). What comes out is as long as what goes in, so it can
// be uploaded as a stream; the homeserver is told application/octet-stream and no
// name. Read it to its end, once; then Info describes the file.
type FileEncrypter struct {
	file *attachment.EncryptedFile
	r    io.ReadCloser
	done bool
}

// EncryptFile begins to encrypt what r holds, with a key of its own.
func EncryptFile(r io.Reader) *FileEncrypter {
	f := attachment.NewEncryptedFile()
	return &FileEncrypter{file: f, r: f.EncryptStream(io.NopCloser(r))}
}

// Read reads on in the encrypted file. At its end it may be asked again, as an HTTP
// client does that looks whether a body is longer than it was said to be.
func (f *FileEncrypter) Read(p []byte) (int, error) {
	if f.done {
		return 0, io.EOF
	}
	n, err := f.r.Read(p)
	if errors.Is(err, io.EOF) {
		f.done = true
		if cerr := f.r.Close(); cerr != nil {
			return n, fmt.Errorf("encrypt file: %w", cerr)
		}
	}
	return n, err
}

// Info is the "file" of a message's content, once everything has been read: url is
// where the encrypted file was put.
func (f *FileEncrypter) Info(url string) (json.RawMessage, error) {
	if !f.done { // who knows the length reads no further
		if n, err := f.Read(make([]byte, 1)); n > 0 || !errors.Is(err, io.EOF) {
			return nil, errors.Join(errors.New("encrypt file: it was not read to its end"), err)
		}
	}
	return json.Marshal(struct {
		*attachment.EncryptedFile
		URL string `json:"url"`
	}{f.file, url})
}

// FileURL is where an encrypted file is, by the "file" of a message's content; ""
// if it does not say.
func FileURL(info json.RawMessage) string {
	var f struct {
		URL string `json:"url"`
	}
	if json.Unmarshal(info, &f) != nil {
		return ""
	}
	return f.URL
}

// DecryptFile decrypts a file while it is read. info is the "file" of a message's
// content. Whether it is the file that was meant is certain only at its end: where
// it is not, reading ends with an [*Unreadable] in place of io.EOF, and what was
// read must not be used. Closing it closes r.
func DecryptFile(info json.RawMessage, r io.ReadCloser) (io.ReadCloser, error) {
	var f attachment.EncryptedFile
	if err := json.Unmarshal(info, &f); err != nil {
		return nil, &Unreadable{fmt.Errorf("file: %w", err)}
	}
	if err := f.PrepareForDecryption(); err != nil {
		return nil, &Unreadable{fmt.Errorf("file: %w", err)}
	}
	// The stream closes what it reads when it is asked for the sum, which is before
	// its caller closes it.
	return &fileDecrypter{stream: f.DecryptStream(io.NopCloser(r)), r: r}, nil
}

type fileDecrypter struct {
	stream io.ReadCloser
	r      io.Closer
	end    error // what reading ended with
}

// Read reads on in the decrypted file.
func (d *fileDecrypter) Read(p []byte) (int, error) {
	if d.end != nil {
		return 0, d.end
	}
	n, err := d.stream.Read(p)
	if errors.Is(err, io.EOF) {
		if sum := d.stream.Close(); sum != nil {
			err = &Unreadable{fmt.Errorf("file: %w", sum)}
		}
	}
	d.end = err
	return n, err
}

// Close closes the encrypted file.
func (d *fileDecrypter) Close() error { return d.r.Close() }
