package store

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"time"
	"unicode/utf8"

	"github.com/klauspost/compress/zstd"
)

// The format of a backup: lines of JSON, compressed with zstd. Objects say what
// follows, arrays are rows.
//
//	{"format":"causeway backup","version":1,"schema":1,"taken":"…","key":"…"}
//	{"table":"cursor","columns":["network","login","name","value"],"kinds":"tttb"}
//	["irc.libera","l1","c","c2VhbGVk"]
//	{"rows":1}
//	…
//	{"end":true,"sum":"…"}
//
// A text that is not UTF-8 is {"b":base64}. What the database keeps sealed stays
// sealed. The key check and the sum of all lines before the last are sealed too,
// so another key, and a file that was changed by anybody without the key, are
// refused.
const (
	formatName    = "causeway backup"
	formatVersion = 1

	window = 1 << 20 // bytes that the compression looks back

	keyContext = "backup.key" // what the sealed values are, see Sealer
	sumContext = "backup.sum"
)

// head is the first line.
type head struct {
	Format  string    `json:"format"`
	Version int       `json:"version"`
	Schema  int64     `json:"schema"` // the last migration
	Taken   time.Time `json:"taken"`
	Key     []byte    `json:"key"` // sealed: opens with the right key only
}

// tail is the last line.
type tail struct {
	End bool   `json:"end"`
	Sum []byte `json:"sum"` // sealed SHA-256 of the lines before
}

// oddText is a text that JSON cannot hold.
type oddText struct {
	Bytes []byte `json:"b"`
}

// A copyWriter writes a backup.
type copyWriter struct {
	zip  *zstd.Encoder
	sum  hash.Hash
	json *json.Encoder
	seal *Sealer
}

func newCopyWriter(w io.Writer, seal *Sealer, schema int64, taken time.Time) (*copyWriter, error) {
	zip, err := zstd.NewWriter(w, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(window), zstd.WithLowerEncoderMem(true))
	if err != nil {
		return nil, err
	}
	c := &copyWriter{zip: zip, sum: sha256.New(), seal: seal}
	c.json = json.NewEncoder(io.MultiWriter(zip, c.sum))
	c.json.SetEscapeHTML(false)
	return c, c.json.Encode(head{formatName, formatVersion, schema, taken.UTC(), seal.Seal([]byte(formatName), keyContext)})
}

// row writes one row; it changes values.
func (c *copyWriter) row(t table, values []any) error {
	for i, v := range values {
		k := kind(t.Kinds[i])
		switch x := v.(type) {
		case nil, int64:
			if v != nil && k != kindInt {
				return fmt.Errorf("column %s holds a number", t.Columns[i])
			}
		case string:
			if k == kindBytes {
				values[i] = []byte(x)
			} else if !utf8.ValidString(x) {
				values[i] = oddText{[]byte(x)}
			}
		case []byte:
			if x == nil {
				values[i] = []byte{} // SQLite's driver has no other word for an empty value
			}
			if k == kindText {
				values[i] = string(x)
				if !utf8.Valid(x) {
					values[i] = oddText{x}
				}
			}
		default:
			return fmt.Errorf("column %s holds a %T", t.Columns[i], v)
		}
	}
	return c.json.Encode(values)
}

func (c *copyWriter) close() error {
	sealed := c.seal.Seal(c.sum.Sum(nil), sumContext)
	return errors.Join(c.json.Encode(tail{true, sealed}), c.zip.Close())
}

// ErrDamaged is wrapped by what Restore returns for a file that is no whole
// backup.
var ErrDamaged = errors.New("this is not a whole backup of Causeway")

// A copyReader reads a backup. The sum is checked by end only: nothing that was
// read counts before.
type copyReader struct {
	zip  *zstd.Decoder
	in   *bufio.Reader
	sum  hash.Hash
	seal *Sealer
	head head
}

func newCopyReader(r io.Reader, seal *Sealer) (*copyReader, error) {
	zip, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(8*window))
	if err != nil {
		return nil, err
	}
	c := &copyReader{zip: zip, in: bufio.NewReaderSize(zip, 64<<10), sum: sha256.New(), seal: seal}
	line, err := c.line()
	if err == nil {
		err = json.Unmarshal(line, &c.head)
	}
	switch {
	case err != nil || c.head.Format != formatName:
		err = fmt.Errorf("%w: it does not begin like one", ErrDamaged)
	case c.head.Version != formatVersion:
		err = fmt.Errorf("this backup is of format %d, this program knows only %d: restore it with the newer Causeway that made it", c.head.Version, formatVersion)
	default:
		if _, kerr := seal.Open(c.head.Key, keyContext); kerr != nil {
			err = errors.New("this backup was made with another key: restore it with the key file of the configuration that it was made with")
		}
	}
	if err != nil {
		zip.Close()
		return nil, err
	}
	return c, nil
}

// line is the next line. It is valid until the next call.
func (c *copyReader) line() ([]byte, error) {
	line, err := c.in.ReadBytes('\n')
	if err != nil {
		return nil, fmt.Errorf("%w: it ends too early or is damaged: %v", ErrDamaged, err)
	}
	if !bytes.HasPrefix(line, []byte(`{"end":`)) {
		c.sum.Write(line)
	}
	return line, nil
}

// table is the next table; false at the end of a whole file.
func (c *copyReader) table() (t table, ok bool, err error) {
	line, err := c.line()
	if err != nil {
		return t, false, err
	}
	if bytes.HasPrefix(line, []byte(`{"end":`)) {
		return t, false, c.end(line)
	}
	if err := json.Unmarshal(line, &t); err != nil || t.Name == "" || len(t.Columns) != len(t.Kinds) {
		return t, false, fmt.Errorf("%w: a table was expected", ErrDamaged)
	}
	return t, true, nil
}

func (c *copyReader) end(line []byte) error {
	var e tail
	if err := json.Unmarshal(line, &e); err != nil {
		return fmt.Errorf("%w: its end cannot be read", ErrDamaged)
	}
	sum, err := c.seal.Open(e.Sum, sumContext)
	if err != nil || !bytes.Equal(sum, c.sum.Sum(nil)) {
		return fmt.Errorf("%w: it was changed after it was made", ErrDamaged)
	}
	if _, err := c.in.ReadByte(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: there is something behind its end", ErrDamaged)
	}
	return nil
}

// row is the next row of t into values; false at the end of the table, whose
// count it compares with n.
func (c *copyReader) row(t table, values []any, n int64) (bool, error) {
	line, err := c.line()
	if err != nil {
		return false, err
	}
	if line[0] != '[' {
		var count struct {
			Rows *int64 `json:"rows"`
		}
		if json.Unmarshal(line, &count) != nil || count.Rows == nil || *count.Rows != n {
			return false, fmt.Errorf("%w: table %s does not have its rows", ErrDamaged, t.Name)
		}
		return false, nil
	}
	var raw []json.RawMessage
	if err := json.Unmarshal(line, &raw); err != nil || len(raw) != len(values) {
		return false, fmt.Errorf("%w: a row of table %s cannot be read", ErrDamaged, t.Name)
	}
	for i, r := range raw {
		if values[i], err = value(kind(t.Kinds[i]), r); err != nil {
			return false, fmt.Errorf("%w: a row of table %s cannot be read: %v", ErrDamaged, t.Name, err)
		}
	}
	return true, nil
}

// value reads one value of a kind.
func value(k kind, raw json.RawMessage) (any, error) {
	if string(raw) == "null" {
		return nil, nil
	}
	switch k {
	case kindInt:
		var n int64
		err := json.Unmarshal(raw, &n)
		return n, err
	case kindBytes:
		b := []byte{}
		err := json.Unmarshal(raw, &b)
		return b, err
	}
	if raw[0] == '{' {
		var odd oddText
		err := json.Unmarshal(raw, &odd)
		return string(odd.Bytes), err
	}
	var s string
	err := json.Unmarshal(raw, &s)
	return s, err
}

func (c *copyReader) close() { c.zip.Close() }
