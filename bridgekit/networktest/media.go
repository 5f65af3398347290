package networktest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"time"

	"github.com/causeway-chat/causeway/bridgekit/network"
)

// mediaCases are the rules about files.
func mediaCases() []Case {
	return []Case{
		{"MediaArrives", needsMediaIn, with(mediaArrives)},
		{"MediaIsSent", needsMediaOut, with(mediaIsSent)},
		{"TooLargeFileIsRejected", needsMaxFile, with(tooLargeFile)},
		{"FileWithoutFilesIsLinked", needsNoFiles, with(fileWithoutFiles)},
		{"UnknownMediaIsRejected", needsOpenMedia, with(unknownMedia)},
	}
}

func needsMediaIn(n Needs) string {
	if n.Acts.SayMedia == nil {
		return "no files from others"
	}
	return ""
}

func needsMediaOut(n Needs) string {
	if n.Acts.Media == nil {
		return "no files to others"
	}
	return ""
}

func needsMaxFile(n Needs) string {
	if n.Traits.Features.MaxFile <= 0 {
		return "no limit for files"
	}
	return ""
}

func needsNoFiles(n Needs) string {
	if n.Traits.Features.MaxFile != -1 {
		return "the network has files"
	}
	return ""
}

func needsOpenMedia(n Needs) string {
	if n.Ops.OpenMedia == nil {
		return "no media to open"
	}
	return ""
}

// content makes bytes of a length that do not repeat in short.
func content(n int) []byte {
	data := make([]byte, n)
	x := uint32(1)
	for i := range data {
		x = x*1664525 + 1013904223
		data[i] = byte(x >> 24)
	}
	return data
}

func mediaArrives(ctx context.Context, s *session) error {
	chat, want := s.traits.Main.ID, SentMedia{Name: "Grüße aus Köln.png", MIME: "image/png", Data: content(70_001)}
	if s.ops().OpenMedia == nil {
		return errors.New("others send files and the client has no OpenMedia")
	}
	id, err := s.acts.SayMedia(ctx, chat, want)
	if err != nil {
		return fmt.Errorf("harness: say media: %w", err)
	}
	var got *network.Media
	err = s.sink.wait(ctx, "the file", func(k *sink) bool {
		_, ok := find(k, func(m *network.Message) bool {
			got = m.Parts[0].Media
			return got != nil && m.ID == id
		})
		return ok
	})
	if err != nil {
		return err
	}
	if got.Name != want.Name || got.MIME != want.MIME {
		return fmt.Errorf("%q of type %q became %q of type %q", want.Name, want.MIME, got.Name, got.MIME)
	}
	if got.Size != 0 && got.Size != int64(len(want.Data)) {
		return fmt.Errorf("the size of %d bytes became %d", len(want.Data), got.Size)
	}
	for range 2 { // a failed upload starts over
		if err := s.reads(ctx, *got, want.Data); err != nil {
			return err
		}
	}
	return nil
}

// reads opens a medium and compares its bytes.
func (s *session) reads(ctx context.Context, m network.Media, want []byte) error {
	r, err := s.ops().OpenMedia(ctx, m)
	if err != nil {
		return fmt.Errorf("open media: %w", err)
	}
	data, err := io.ReadAll(r)
	if err := errors.Join(err, r.Close()); err != nil {
		return fmt.Errorf("read media: %w", err)
	}
	if !bytes.Equal(data, want) {
		return fmt.Errorf("%d bytes of media became %d other bytes", len(want), len(data))
	}
	return nil
}

// source is a network.Source of some bytes that counts how often it is used.
type source struct {
	data []byte
	used atomic.Int32
}

const sourceLink = "https://media.example/s3cret/file.png"

var _ network.Source = (*source)(nil)

// Open implements network.Source.
func (s *source) Open(context.Context) (io.ReadCloser, error) {
	s.used.Add(1)
	return io.NopCloser(bytes.NewReader(s.data)), nil
}

// Link implements network.Source.
func (s *source) Link(ctx context.Context) (string, time.Time, error) {
	return sourceLink, time.Now().Add(time.Hour), ctx.Err()
}

// file is an outgoing message of one file.
func (c *core) file(m network.Media) network.Outgoing {
	out := c.plain("")
	out.Parts = []network.Part{{Media: &m}}
	return out
}

func mediaIsSent(ctx context.Context, s *session) error {
	want := SentMedia{Name: "Grüße aus Köln.png", MIME: "image/png", Data: content(70_001)}
	src := &source{data: want.Data}
	sent, err := s.ops().Send(ctx, s.file(network.Media{
		Kind: network.Image, Name: want.Name, MIME: want.MIME, Size: int64(len(want.Data)), Source: src,
	}))
	if err != nil {
		return fmt.Errorf("send a file: %w", err)
	}
	if err := complete(sent, 1, s.traits.Features); err != nil {
		return err
	}
	var all []SentMedia
	err = poll(ctx, func() (bool, error) {
		var err error
		all, err = s.acts.Media(ctx, s.traits.Main.ID)
		return len(all) > 0, err
	})
	if err != nil {
		return fmt.Errorf("no file arrived: %w", err)
	}
	got := all[0]
	if len(all) != 1 || got.Name != want.Name || got.MIME != want.MIME || !bytes.Equal(got.Data, want.Data) {
		return fmt.Errorf("sent %q, %s, %d bytes; the network holds %d files, first %q, %s, %d bytes",
			want.Name, want.MIME, len(want.Data), len(all), got.Name, got.MIME, len(got.Data))
	}
	return nil
}

func tooLargeFile(ctx context.Context, s *session) error {
	src := &source{data: content(10)}
	_, err := s.ops().Send(ctx, s.file(network.Media{
		Kind: network.File, Name: "huge.bin", MIME: "application/octet-stream", Size: s.traits.Features.MaxFile + 1, Source: src,
	}))
	if err := explained("send a file that is too large", err, network.Rejected); err != nil {
		return err
	}
	if src.used.Load() > 0 {
		return errors.New("the file was read before it was rejected")
	}
	return nil
}

// fileWithoutFiles: a network without files shows a link or says no.
func fileWithoutFiles(ctx context.Context, s *session) error {
	src := &source{data: content(10)}
	_, err := s.ops().Send(ctx, s.file(network.Media{
		Kind: network.Image, Name: "cat.png", MIME: "image/png", Size: 10, Source: src,
	}))
	if err != nil {
		return explained("send a file", err, network.Rejected)
	}
	all, err := s.settled(ctx)
	if err != nil {
		return err
	}
	if text := strings.Join(all, "\n"); !strings.Contains(text, sourceLink) {
		return fmt.Errorf("a file was sent without an error, and the network holds %q without its link", text)
	}
	return nil
}

func unknownMedia(ctx context.Context, s *session) error {
	r, err := s.ops().OpenMedia(ctx, network.Media{Kind: network.File, Name: "x", Ref: []byte("no such file")})
	if err == nil {
		_, err = io.ReadAll(r)
		err = errors.Join(err, r.Close())
	}
	return kind("open a medium that does not exist", err, network.Rejected, network.Gone)
}
