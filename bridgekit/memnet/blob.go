package memnet

import (
	"encoding/binary"

	"github.com/causeway-chat/causeway/bridgekit/network"
)

// chunk is how many bytes of a file one request carries at most.
const chunk = 256 << 10

// A blob is the bytes of a file. Server.mu guards it.
type blob struct {
	data      []byte
	generated bool // the bytes are those of Generate
	size      int64
}

// Generate fills data with the bytes that a generated file has from offset on:
// they depend on the offset alone. Offset is a multiple of eight.
func Generate(data []byte, offset int64) {
	var word [8]byte
	for i := 0; i < len(data); i += 8 {
		x := uint64(offset+int64(i)) + 0x9e3779b97f4a7c15 // splitmix64
		x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
		x = (x ^ x>>27) * 0x94d049bb133111eb
		binary.LittleEndian.PutUint64(word[:], x^x>>31)
		copy(data[i:], word[:])
	}
}

// read returns at most n bytes from offset on.
func (b *blob) read(offset int64, n int) []byte {
	n = int(min(int64(n), max(b.size-offset, 0)))
	if !b.generated {
		return b.data[offset : offset+int64(n)]
	}
	data := make([]byte, n)
	Generate(data, offset)
	return data
}

// File returns the bytes of a file that the network holds, from a message's
// Media.Ref, nil if there is none.
func (s *Server) File(ref []byte) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	if b := s.blobs[string(ref)]; b != nil {
		return b.read(0, int(b.size))
	}
	return nil
}

// handleUpload appends r.Data to a new file or the file r.Blob.
func (s *Server) handleUpload(_ *account, _ *chat, r *request) (*response, error) {
	name := r.Blob
	if name == "" {
		name = "blob" + s.count()
		s.blobs[name] = &blob{}
	}
	b := s.blobs[name]
	if b == nil || b.generated {
		return nil, errNoFile()
	}
	b.data = append(b.data, r.Data...)
	b.size = int64(len(b.data))
	return &response{Text: name}, nil
}

// handleMedia reads at most r.Limit bytes of a file from r.Offset on.
func (s *Server) handleMedia(_ *account, _ *chat, r *request) (*response, error) {
	b := s.blobs[r.Blob]
	if b == nil || r.Offset < 0 || r.Offset > b.size || r.Limit < 0 {
		return nil, errNoFile()
	}
	return &response{Data: b.read(r.Offset, min(r.Limit, chunk))}, nil
}

func errNoFile() error {
	return network.Errorf(network.Rejected, "that file does not exist on the network", "memnet: no such file")
}
