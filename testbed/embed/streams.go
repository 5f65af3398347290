package embed

import (
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/matrix-org/dendrite/setup/config"
	"github.com/matrix-org/dendrite/setup/jetstream"
)

// ackWait is how long a message that a component took and did not acknowledge is
// held back before it is handed out again. Dendrite's 30 seconds matter after a
// restart: what was on its way when the server ended, to an appservice or into
// /sync, comes after that time, behind newer events. It still comes late and out
// of order, as tests need it to, but sooner. A component that takes longer is not
// overtaken: it fetches the next message when it is done with the last.
const ackWait = 2 * time.Second

// drainTime is how long Stop waits for components to finish what they have.
const drainTime = time.Second

// reader is a durable place in a stream of the embedded NATS server, whose
// messages live until each reader has acknowledged them.
type reader struct {
	stream, name string
	from         nats.DeliverPolicy
}

// readers returns those on the way of an event from the room server to /sync and
// to appservices. Their names and policies are Dendrite's.
func readers(cfg *config.Dendrite) []reader {
	js := &cfg.Global.JetStream
	events, pushed := js.Prefixed(jetstream.OutputRoomEvent), js.Prefixed(jetstream.OutputAppserviceEvent)
	list := []reader{
		{events, js.Durable("SyncAPIRoomServerConsumer") + "Pull", nats.DeliverAllPolicy},
		{events, js.Durable(redactionReader) + "Pull", nats.DeliverAllPolicy},
	}
	for _, as := range cfg.Derived.ApplicationServices {
		name := js.Durable("Appservice_"+jetstream.Tokenise(as.ID)) + "Pull"
		list = append(list, reader{pushed, name, nats.DeliverNewPolicy})
	}
	return list
}

// prepareStreams puts the streams in order before any component reads them.
func prepareStreams(js nats.JetStreamContext, cfg *config.Dendrite) error {
	// Requests for new events that were still queued when the server ended:
	// nobody was told that they had succeeded, so clients send them again.
	// Dendrite would take the old ones up after five minutes, as duplicates.
	if err := js.PurgeStream(cfg.Global.JetStream.Prefixed(jetstream.InputRoomEvent)); err != nil {
		return fmt.Errorf("empty the queue of requests: %w", err)
	}
	for _, r := range readers(cfg) {
		if err := r.prepare(js); err != nil {
			return fmt.Errorf("reader %s: %w", r.name, err)
		}
	}
	return nil
}

// prepare makes the reader if it is not there. Dendrite would make it too, but
// what the client library makes for a subscription it deletes with it, so that
// the first clean stop would lose what was not acknowledged.
func (r reader) prepare(js nats.JetStreamContext) error {
	info, err := js.ConsumerInfo(r.stream, r.name)
	if errors.Is(err, nats.ErrConsumerNotFound) {
		_, err = js.AddConsumer(r.stream, &nats.ConsumerConfig{
			Durable:       r.name,
			FilterSubject: r.stream,
			DeliverPolicy: r.from,
			AckPolicy:     nats.AckExplicitPolicy,
			AckWait:       ackWait,
		})
		return err
	}
	if err != nil {
		return err
	}
	return r.catchUp(js, info.Delivered.Stream)
}

// catchUp makes the stream as long as the reader thinks it is. After a kill NATS
// 2.10 may take an empty stream for one that never held anything and number new
// messages from one (seen in one of 25 kills); a reader that has already had
// that many would not be given them. Components pass over the fillers, whose type
// they do not know.
func (r reader) catchUp(js nats.JetStreamContext, delivered uint64) error {
	info, err := js.StreamInfo(r.stream)
	if err != nil {
		return err
	}
	for last := info.State.LastSeq; last < delivered; {
		filler := nats.NewMsg(r.stream)
		filler.Header.Set(jetstream.RoomEventType, "filler")
		filler.Data = []byte(`{"type":"filler"}`)
		ack, err := js.PublishMsg(filler)
		if err != nil {
			return fmt.Errorf("fill stream: %w", err)
		}
		last = ack.Sequence
	}
	return nil
}

// drain waits until no reader has anything left to do, for drainTime at most: an
// appservice may be down. What is left is delivered after the next start.
func drain(js nats.JetStreamContext, cfg *config.Dendrite) {
	late := time.NewTimer(drainTime)
	defer late.Stop()
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	for _, r := range readers(cfg) {
		for {
			info, err := js.ConsumerInfo(r.stream, r.name)
			if err != nil || info.NumPending == 0 && info.NumAckPending == 0 {
				break
			}
			select {
			case <-again.C:
			case <-late.C:
				return
			}
		}
	}
}
