package store

import (
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"

	"golang.org/x/crypto/chacha20poly1305"
)

// KeySize is the length in bytes of the key that seals.
const KeySize = chacha20poly1305.KeySize

// A Sealer encrypts values at rest with XChaCha20-Poly1305. Its methods may be
// called concurrently.
type Sealer struct{ aead cipher.AEAD }

// NewSealer makes a sealer; the key must have KeySize bytes.
func NewSealer(key []byte) (*Sealer, error) {
	aead, err := chacha20poly1305.NewX(key)
	if err != nil {
		return nil, fmt.Errorf("key: %d bytes, must be %d: %w", len(key), KeySize, err)
	}
	return &Sealer{aead}, nil
}

// Seal encrypts plain. The context names what the value is ("login.data"): a
// value cannot be opened as something else. Nil stays nil.
func (s *Sealer) Seal(plain []byte, context string) []byte {
	if plain == nil {
		return nil
	}
	nonce := make([]byte, s.aead.NonceSize(), s.aead.NonceSize()+len(plain)+s.aead.Overhead())
	rand.Read(nonce) // never fails since Go 1.24
	return s.aead.Seal(nonce, nonce, plain, []byte(context))
}

// Open decrypts what Seal made. Nil stays nil.
func (s *Sealer) Open(sealed []byte, context string) ([]byte, error) {
	if sealed == nil {
		return nil, nil
	}
	n := s.aead.NonceSize()
	if len(sealed) < n {
		return nil, errors.New("open sealed value: too short")
	}
	plain, err := s.aead.Open(nil, sealed[:n], sealed[n:], []byte(context))
	if err != nil {
		return nil, fmt.Errorf("open sealed value: the key in the configuration is not the one it was sealed with: %w", err)
	}
	if plain == nil {
		plain = []byte{}
	}
	return plain, nil
}
