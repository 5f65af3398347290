package wire

import "io"

// NewFile is a file of size bytes that is made while it is read.
func NewFile(size int64) io.Reader { return io.LimitReader(filler{}, size) }

// A filler never ends.
type filler struct{}

func (filler) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(i)
	}
	return len(p), nil
}
